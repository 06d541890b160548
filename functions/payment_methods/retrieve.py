"""GET /api/payments/payment-methods/{id}/: one saved method."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.payment_methods import methods
from shared.payment_methods.serializers import PaymentMethodBody, serialize_method

endpoint = Endpoint(
    route=("GET", "/api/payments/payment-methods/{id}", "/api/payments/saved-methods/{id}"),
    responses={200: PaymentMethodBody},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Response:
    method, default_id = methods.retrieve(request.customer, request.path["id"])
    return Response(200, serialize_method(method, default_id))
