"""POST /api/staff/payments/{id}/refunds/: refund a payment of any customer, or a part of it; a reason is required."""

from shared.errors import Conflict, NotFound, PermissionDenied, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.staff.refunds import refund
from shared.staff.serializers import (
    STAFF_REFUND_FIELDS,
    StaffRefundBody,
    StaffRefundPreviewBody,
    serialize_staff_preview,
    serialize_staff_refund,
)
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/staff/payments/{id}/refunds"),
    staff=ALLOWED["request_refund"],
    body=STAFF_REFUND_FIELDS,
    idempotent=True,
    dry_run=True,
    responses={200: StaffRefundPreviewBody, 201: StaffRefundBody},
    errors=(NotFound, PermissionDenied, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    key = request.idempotency_key
    requested = refund(request.staff.id, request.path["id"], request.body, key, request.dry_run)
    if request.dry_run:
        return Response(200, serialize_staff_preview(requested.refund), replayed=requested.replayed)
    log.count("RefundReplayed" if requested.replayed else "RefundRequested")
    return Response(201, serialize_staff_refund(requested.refund), replayed=requested.replayed)
