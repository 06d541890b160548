"""PATCH /api/payments/payment-methods/{id}/: change the given fields of a saved method."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.payment_methods import methods
from shared.payment_methods.serializers import FIELDS, PaymentMethodBody, serialize_method

endpoint = Endpoint(
    route=("PATCH", "/api/payments/payment-methods/{id}", "/api/payments/saved-methods/{id}"),
    body=FIELDS,
    partial=True,
    responses={200: PaymentMethodBody},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Response:
    method, default_id = methods.update(request.customer, request.path["id"], request.body)
    return Response(200, serialize_method(method, default_id))
