"""GET /api/payments/payments/{id}/: one payment, with its checkout while there is something to pay."""

from shared import payments
from shared.errors import NotFound
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(route=("GET", "/api/payments/payments/{id}"), answers={200: payments.ANSWER}, errors=(NotFound,))


@endpoint
def handler(request: Request) -> Answer:
    return Answer(200, payments.retrieve(request.customer, request.path["id"]))
