"""POST /api/payments/payments/: start a payment through the gateway, or make it at once from the wallet."""

from shared import payments, telemetry
from shared.errors import Conflict, InsufficientFunds, Unavailable
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(
    route=("POST", "/api/payments/payments"),
    body=payments.PAYMENT_FIELDS,
    idempotent=True,
    answers={201: payments.MOVED},
    errors=(InsufficientFunds, Conflict, Unavailable),
)


@endpoint
def handler(request: Request) -> Answer:
    started = payments.create(request.customer, request.body, request.idempotency_key)
    telemetry.count("PaymentReplayed" if started.replayed else "PaymentCreated")
    return Answer(201, started.payment, replayed=started.replayed)
