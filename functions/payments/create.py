"""POST /api/payments/payments/: start a payment through Razorpay, or take it from the wallet at once."""

from shared.errors import Conflict, InsufficientFunds, LimitReached, ServiceUnavailable, WalletBlocked
from shared.http.endpoint import Endpoint, Request, Response
from shared.payments.create import create_payment
from shared.payments.serializers import (
    PAYMENT_FIELDS,
    PaymentPreviewBody,
    PaymentWithWalletBody,
    serialize_payment_with_wallet,
    serialize_preview,
)
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/payments/payments"),
    body=PAYMENT_FIELDS,
    idempotent=True,
    dry_run=True,
    responses={200: PaymentPreviewBody, 201: PaymentWithWalletBody},
    errors=(InsufficientFunds, WalletBlocked, Conflict, LimitReached, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    key = request.idempotency_key
    created = create_payment(request.customer, request.body, key, request.dry_run, request.phone)
    if request.dry_run:
        return Response(200, serialize_preview(created.payment, created.entry), replayed=created.replayed)
    log.count("PaymentReplayed" if created.replayed else "PaymentCreated")
    body = serialize_payment_with_wallet(created.payment, created.entry)
    return Response(201, body, replayed=created.replayed)
