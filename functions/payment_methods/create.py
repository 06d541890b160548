"""POST /api/payments/payment-methods/: save a method; 201 with it."""

from shared import payment_methods
from shared.errors import Conflict
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(
    route=("POST", "/api/payments/payment-methods", "/api/payments/saved-methods"),
    body=payment_methods.FIELDS,
    answers={201: payment_methods.ANSWER},
    errors=(Conflict,),
)


@endpoint
def handler(request: Request) -> Answer:
    return Answer(201, payment_methods.create(request.customer, request.body))
