"""POST /api/payments/payments/: start a payment through Razorpay, or take it from the wallet at once."""

from shared.errors import Conflict, InsufficientFunds, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.payments.create import create_payment
from shared.payments.serializers import PAYMENT_FIELDS, PaymentWithWalletBody, serialize_payment_with_wallet
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/payments/payments"),
    body=PAYMENT_FIELDS,
    idempotent=True,
    responses={201: PaymentWithWalletBody},
    errors=(InsufficientFunds, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    created = create_payment(request.customer, request.body, request.idempotency_key)
    log.count("PaymentReplayed" if created.replayed else "PaymentCreated")
    body = serialize_payment_with_wallet(created.payment, created.entry)
    return Response(201, body, replayed=created.replayed)
