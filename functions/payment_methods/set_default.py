"""POST /api/payments/payment-methods/{id}/set_default/: make a saved method the default one."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.payment_methods import methods
from shared.payment_methods.serializers import PaymentMethodBody, serialize_method

endpoint = Endpoint(
    route=(
        "POST",
        "/api/payments/payment-methods/{id}/set_default",
        "/api/payments/saved-methods/{id}/set_default",
    ),
    responses={200: PaymentMethodBody},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Response:
    method, default_id = methods.set_default(request.customer, request.path["id"])
    return Response(200, serialize_method(method, default_id))
