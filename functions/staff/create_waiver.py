"""POST /api/staff/wallets/{id}/waivers/: propose to give up an amount that a wallet owes."""

from shared.desk.proposal_serializers import (
    WAIVER_FIELDS,
    ProposalBody,
    ProposalPreviewBody,
    serialize_proposal,
    serialize_proposal_preview,
)
from shared.desk.proposals import propose_waiver
from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/staff/wallets/{id}/waivers"),
    staff=ALLOWED["propose"],
    body=WAIVER_FIELDS,
    idempotent=True,
    dry_run=True,
    responses={200: ProposalPreviewBody, 202: ProposalBody},
    errors=(NotFound, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    key = request.idempotency_key
    made = propose_waiver(request.staff.id, request.path["id"], request.body, key, request.dry_run)
    if request.dry_run:
        return Response(200, serialize_proposal_preview(made.proposal), replayed=made.replayed)
    log.count("ProposalReplayed" if made.replayed else "ProposalCreated")
    return Response(202, serialize_proposal(made.proposal), replayed=made.replayed)
