"""GET /api/payments/payments/{id}/refunds/: the refunds of a payment, newest first, in pages."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.refunds.queries import list_refunds
from shared.refunds.serializers import RefundBody, serialize_refund

endpoint = Endpoint(
    route=("GET", "/api/payments/payments/{id}/refunds"),
    paginated=True,
    responses={200: RefundBody},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Response:
    refunds = list_refunds(request.customer, request.path["id"])

    def rows(offset: int, limit: int) -> list[RefundBody]:
        return [serialize_refund(refund) for refund in refunds[offset : offset + limit]]

    return Response(200, paginate(request, len(refunds), rows))
