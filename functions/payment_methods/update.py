"""PATCH /api/payments/payment-methods/{id}/: change what is given of a saved method."""

from shared import payment_methods
from shared.errors import NotFound
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(
    route=("PATCH", "/api/payments/payment-methods/{id}", "/api/payments/saved-methods/{id}"),
    body=payment_methods.FIELDS,
    partial=True,
    answers={200: payment_methods.ANSWER},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Answer:
    return Answer(200, payment_methods.update(request.customer, request.path["id"], request.body))
