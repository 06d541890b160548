"""GET /api/payments/payment-methods/: the saved methods, the default one first, then the newest."""

from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.payment_methods import methods
from shared.payment_methods.serializers import FILTERS, PaymentMethodBody, serialize_method

endpoint = Endpoint(
    route=("GET", "/api/payments/payment-methods", "/api/payments/saved-methods"),
    query=FILTERS,
    paginated=True,
    responses={200: PaymentMethodBody},
)


@endpoint
def handler(request: Request) -> Response:
    found, default_id = methods.list_methods(request.customer, request.query.get("type"))

    def rows(offset: int, limit: int) -> list[PaymentMethodBody]:
        return [serialize_method(method, default_id) for method in found[offset : offset + limit]]

    return Response(200, paginate(request, len(found), rows))
