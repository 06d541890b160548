"""GET /api/mobile/images/{id}/: a photo's progress, when to ask again, and links to its variants once ready."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.images.queries import get_or_404
from shared.images.serializers import ImageBody, retry_after_s, serialize_image

endpoint = Endpoint(
    route=("GET", "/api/mobile/images/{id}"), polled=True, responses={200: ImageBody}, errors=(NotFound,)
)


@endpoint
def handler(request: Request) -> Response:
    body = serialize_image(get_or_404(request.customer, request.path["id"]))
    return Response(200, body, retry_after_s=retry_after_s(body))
