"""POST /api/staff/reviews/{id}/resolve/: end a review by one of its actions, or assign it; or propose to."""

from shared.desk.proposal_serializers import ProposalBody, serialize_proposal
from shared.desk.proposals import Proposed
from shared.desk.resolve import resolve
from shared.desk.review_serializers import RESOLVE_FIELDS, ReviewBody, serialize_review
from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/staff/reviews/{id}/resolve"),
    staff=ALLOWED["resolve"],
    body=RESOLVE_FIELDS,
    responses={200: ReviewBody, 202: ProposalBody},
    errors=(NotFound, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    item = resolve(request.staff.id, request.path["id"], request.body)
    if isinstance(item, Proposed):
        log.count("ProposalReplayed" if item.replayed else "ProposalCreated")
        return Response(202, serialize_proposal(item.proposal), replayed=item.replayed)
    log.count("ReviewResolved" if not item.is_open else "ReviewAssigned")
    return Response(200, serialize_review(item))
