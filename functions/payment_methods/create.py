"""POST /api/payments/payment-methods/: save a method; 201 with it."""

from shared.errors import Conflict, LimitReached
from shared.http.endpoint import Endpoint, Request, Response
from shared.payment_methods import methods
from shared.payment_methods.serializers import FIELDS, PaymentMethodBody, serialize_method

endpoint = Endpoint(
    route=("POST", "/api/payments/payment-methods", "/api/payments/saved-methods"),
    body=FIELDS,
    responses={201: PaymentMethodBody},
    errors=(Conflict, LimitReached),
)


@endpoint
def handler(request: Request) -> Response:
    method, default_id = methods.create(request.customer, request.body)
    return Response(201, serialize_method(method, default_id))
