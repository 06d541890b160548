"""POST /api/staff/reviews/{id}/resolve/: end a review by one of its actions, or assign it to somebody."""

from shared.desk.resolve import resolve
from shared.desk.serializers import RESOLVE_FIELDS, ReviewBody, serialize_review
from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/staff/reviews/{id}/resolve"),
    staff=ALLOWED["resolve"],
    body=RESOLVE_FIELDS,
    responses={200: ReviewBody},
    errors=(NotFound, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    item = resolve(request.staff.id, request.path["id"], request.body)
    log.count("ReviewResolved" if not item.is_open else "ReviewAssigned")
    return Response(200, serialize_review(item))
