"""DELETE /api/mobile/images/{id}/: remove a photo, its upload and all its variants; 204, and 404 from then on."""

from shared import images, telemetry
from shared.errors import NotFound
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(route=("DELETE", "/api/mobile/images/{id}"), answers={204: None}, errors=(NotFound,))


@endpoint
def handler(request: Request) -> Answer:
    images.delete(request.customer, request.path["id"])
    telemetry.count("ImageDeleted")
    return Answer(204)
