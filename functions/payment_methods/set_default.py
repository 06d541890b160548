"""POST /api/payments/payment-methods/{id}/set_default/: make it the one default."""

from shared import payment_methods
from shared.errors import NotFound
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(
    route=(
        "POST",
        "/api/payments/payment-methods/{id}/set_default",
        "/api/payments/saved-methods/{id}/set_default",
    ),
    answers={200: payment_methods.ANSWER},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Answer:
    return Answer(200, payment_methods.set_default(request.customer, request.path["id"]))
