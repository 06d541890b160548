"""GET /api/staff/proposals/: the proposals that wait for a decision, the oldest first, or those of `?status=`."""

from shared.desk.proposal_serializers import PROPOSAL_FILTERS, ProposalBody, serialize_proposal
from shared.desk.proposals import PROPOSED, list_proposals
from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.staff.groups import ALLOWED

endpoint = Endpoint(
    route=("GET", "/api/staff/proposals"),
    staff=ALLOWED["read"],
    query=PROPOSAL_FILTERS,
    paginated=True,
    responses={200: ProposalBody},
)


@endpoint
def handler(request: Request) -> Response:
    found = list_proposals(request.query.get("status") or PROPOSED, request.query.get("kind"))
    rows = [serialize_proposal(row) for row in found]
    return Response(200, paginate(request, len(rows), lambda offset, limit: rows[offset : offset + limit]))
