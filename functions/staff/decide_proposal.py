"""POST /api/staff/proposals/{id}/approve/ and …/reject/: decide about a proposal of somebody else."""

from shared.desk.decisions import decide
from shared.desk.proposal_serializers import DECISION_FIELDS, ProposalBody, serialize_proposal
from shared.errors import Conflict, NotFound, PermissionDenied, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/staff/proposals/{id}/approve", "/api/staff/proposals/{id}/reject"),
    staff=ALLOWED["decide"],
    actions=True,
    body=DECISION_FIELDS,
    responses={200: ProposalBody},
    errors=(NotFound, PermissionDenied, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    proposal = decide(request.staff.id, request.path["id"], request.verb, request.body["reason"])
    log.count("ProposalDecided")
    return Response(200, serialize_proposal(proposal))
