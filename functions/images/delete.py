"""DELETE /api/mobile/images/{id}/: delete a photo, its upload and all variants; 204, and 404 from then on."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.images import removal
from shared.telemetry import log

endpoint = Endpoint(route=("DELETE", "/api/mobile/images/{id}"), responses={204: None}, errors=(NotFound,))


@endpoint
def handler(request: Request) -> Response:
    removal.delete(request.customer, request.path["id"])
    log.count("ImageDeleted")
    return Response(204)
