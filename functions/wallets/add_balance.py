"""POST /api/payments/wallets/{id}/add_balance/: start a top-up; 201 with the payment and its checkout."""

from shared import payments, telemetry
from shared.errors import Conflict, NotFound, Unavailable
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(
    route=("POST", "/api/payments/wallets/{id}/add_balance", "/api/payments/wallets/add-money"),
    body=payments.TOP_UP_FIELDS,
    idempotent=True,
    answers={201: payments.MOVED},
    errors=(NotFound, Conflict, Unavailable),
)


@endpoint
def handler(request: Request) -> Answer:
    started = payments.add_balance(request.customer, request.path.get("id"), request.body, request.idempotency_key)
    telemetry.count("PaymentReplayed" if started.replayed else "PaymentCreated")
    return Answer(201, started.payment, replayed=started.replayed)
