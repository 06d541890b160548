"""POST /api/payments/payments/{id}/refunds/: ask for a refund of a payment, or of a part of it."""

from shared.errors import Conflict, NotFound, PermissionDenied, ServiceUnavailable, WalletBlocked
from shared.http.endpoint import Endpoint, Request, Response
from shared.refunds.request import request_customer_refund
from shared.refunds.serializers import (
    REFUND_FIELDS,
    RefundBody,
    RefundPreviewBody,
    serialize_preview,
    serialize_refund,
)
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/payments/payments/{id}/refunds"),
    body=REFUND_FIELDS,
    idempotent=True,
    dry_run=True,
    responses={200: RefundPreviewBody, 201: RefundBody},
    errors=(NotFound, PermissionDenied, WalletBlocked, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    key = request.idempotency_key
    requested = request_customer_refund(request.customer, request.path["id"], request.body, key, request.dry_run)
    if request.dry_run:
        return Response(200, serialize_preview(requested.refund), replayed=requested.replayed)
    log.count("RefundReplayed" if requested.replayed else "RefundRequested")
    return Response(201, serialize_refund(requested.refund), replayed=requested.replayed)
