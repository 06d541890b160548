"""DELETE /api/payments/payment-methods/{id}/: forget a saved method, here and at the gateway; 204, then 404."""

from shared import payment_methods
from shared.errors import NotFound
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(
    route=("DELETE", "/api/payments/payment-methods/{id}", "/api/payments/saved-methods/{id}"),
    answers={204: None},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Answer:
    payment_methods.delete(request.customer, request.path["id"])
    return Answer(204)
