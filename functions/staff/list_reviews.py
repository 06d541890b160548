"""GET /api/staff/reviews/: what waits for a person, the oldest first, with the actions that end it."""

from shared.desk.review_serializers import REVIEW_FILTERS, ReviewBody, serialize_review
from shared.desk.reviews import list_reviews
from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.staff.groups import ALLOWED

endpoint = Endpoint(
    route=("GET", "/api/staff/reviews"),
    staff=ALLOWED["read"],
    query=REVIEW_FILTERS,
    paginated=True,
    responses={200: ReviewBody},
)


@endpoint
def handler(request: Request) -> Response:
    rows = [serialize_review(item) for item in list_reviews(request.query)]
    return Response(200, paginate(request, len(rows), lambda offset, limit: rows[offset : offset + limit]))
