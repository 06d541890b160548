"""GET /api/payments/payment-methods/{id}/: one saved method."""

from shared import payment_methods
from shared.errors import NotFound
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(
    route=("GET", "/api/payments/payment-methods/{id}", "/api/payments/saved-methods/{id}"),
    answers={200: payment_methods.ANSWER},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Answer:
    return Answer(200, payment_methods.retrieve(request.customer, request.path["id"]))
