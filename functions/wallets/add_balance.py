"""POST /api/payments/wallets/{id}/add_balance/: start a top-up; 201 with the payment and its checkout."""

from shared.errors import Conflict, LimitReached, NotFound, ServiceUnavailable, WalletBlocked
from shared.http.endpoint import Endpoint, Request, Response
from shared.payments.create import add_balance
from shared.payments.serializers import (
    TOP_UP_FIELDS,
    PaymentPreviewBody,
    PaymentWithWalletBody,
    serialize_payment_with_wallet,
    serialize_preview,
)
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/payments/wallets/{id}/add_balance", "/api/payments/wallets/add-money"),
    body=TOP_UP_FIELDS,
    idempotent=True,
    dry_run=True,
    responses={200: PaymentPreviewBody, 201: PaymentWithWalletBody},
    errors=(WalletBlocked, NotFound, Conflict, LimitReached, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    key = request.idempotency_key
    wallet = request.path.get("id")
    created = add_balance(request.customer, wallet, request.body, key, request.dry_run, request.phone)
    if request.dry_run:
        return Response(200, serialize_preview(created.payment, created.entry), replayed=created.replayed)
    log.count("PaymentReplayed" if created.replayed else "PaymentCreated")
    body = serialize_payment_with_wallet(created.payment, created.entry)
    return Response(201, body, replayed=created.replayed)
