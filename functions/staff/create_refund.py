"""POST /api/staff/payments/{id}/refunds/: refund any customer's payment; a large refund is proposed."""

from shared.desk.proposal_serializers import ProposalBody, serialize_proposal, serialize_proposal_preview
from shared.desk.proposals import Proposed
from shared.errors import Conflict, NotFound, PermissionDenied, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.staff.refund_serializers import (
    STAFF_REFUND_FIELDS,
    RefundOrProposalBody,
    StaffRefundBody,
    serialize_staff_preview,
    serialize_staff_refund,
)
from shared.staff.refunds import refund
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/staff/payments/{id}/refunds"),
    staff=ALLOWED["request_refund"],
    body=STAFF_REFUND_FIELDS,
    idempotent=True,
    dry_run=True,
    responses={200: RefundOrProposalBody, 201: StaffRefundBody, 202: ProposalBody},
    errors=(NotFound, PermissionDenied, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    asked = refund(request.staff.id, request.path["id"], request.body, request.idempotency_key, request.dry_run)
    if isinstance(asked, Proposed) and request.dry_run:
        return Response(200, serialize_proposal_preview(asked.proposal), replayed=asked.replayed)
    if isinstance(asked, Proposed):
        log.count("ProposalReplayed" if asked.replayed else "ProposalCreated")
        return Response(202, serialize_proposal(asked.proposal), replayed=asked.replayed)
    if request.dry_run:
        return Response(200, serialize_staff_preview(asked.refund), replayed=asked.replayed)
    log.count("RefundReplayed" if asked.replayed else "RefundRequested")
    return Response(201, serialize_staff_refund(asked.refund), replayed=asked.replayed)
