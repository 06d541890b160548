"""GET /api/staff/search/: find a customer or a payment by any id, `?q=`; nothing found is an empty page."""

from shared.errors import ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.staff.groups import ALLOWED
from shared.staff.search import search
from shared.staff.search_serializers import SEARCH_QUERY, FoundBody, serialize_found

endpoint = Endpoint(
    route=("GET", "/api/staff/search"),
    staff=ALLOWED["read"],
    query=SEARCH_QUERY,
    paginated=True,
    responses={200: FoundBody},
    errors=(ServiceUnavailable,),
)


@endpoint
def handler(request: Request) -> Response:
    found = search(request.query.get("q", ""))
    rows = [serialize_found(row) for row in found]
    return Response(200, paginate(request, len(rows), lambda offset, limit: rows[offset : offset + limit]))
