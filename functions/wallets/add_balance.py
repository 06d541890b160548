"""POST /api/payments/wallets/{id}/add_balance/: start a top-up; 201 with the payment and its checkout."""

from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.payments.create import add_balance
from shared.payments.serializers import TOP_UP_FIELDS, PaymentWithWalletBody, serialize_payment_with_wallet
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/payments/wallets/{id}/add_balance", "/api/payments/wallets/add-money"),
    body=TOP_UP_FIELDS,
    idempotent=True,
    responses={201: PaymentWithWalletBody},
    errors=(NotFound, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    created = add_balance(request.customer, request.path.get("id"), request.body, request.idempotency_key)
    log.count("PaymentReplayed" if created.replayed else "PaymentCreated")
    body = serialize_payment_with_wallet(created.payment, created.entry)
    return Response(201, body, replayed=created.replayed)
