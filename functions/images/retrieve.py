"""GET /api/mobile/images/{id}/: one photo: how far it is, when to ask again, and links to its variants when ready."""

from shared import images
from shared.errors import NotFound
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(route=("GET", "/api/mobile/images/{id}"), answers={200: images.ANSWER}, errors=(NotFound,))


@endpoint
def handler(request: Request) -> Answer:
    shown = images.retrieve(request.customer, request.path["id"])
    return Answer(200, shown, retry_after_s=images.retry_after_s(shown))
