"""GET /api/staff/disputes/: disputes that have not ended, those whose answer is due soonest first."""

from shared.disputes.models import list_open
from shared.disputes.serializers import DISPUTE_FILTERS, OpenDisputeBody, serialize_open_dispute
from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.staff.groups import ALLOWED

endpoint = Endpoint(
    route=("GET", "/api/staff/disputes"),
    staff=ALLOWED["read"],
    query=DISPUTE_FILTERS,
    paginated=True,
    responses={200: OpenDisputeBody},
)


@endpoint
def handler(request: Request) -> Response:
    answer_due = request.query.get("answer_due")
    disputes = [dispute for dispute in list_open() if answer_due in (None, dispute.awaits_answer is not None)]
    rows = [serialize_open_dispute(dispute) for dispute in disputes]
    return Response(200, paginate(request, len(rows), lambda offset, limit: rows[offset : offset + limit]))
