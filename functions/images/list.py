"""GET /api/mobile/images/: the caller's photos with status and links, newest first."""

from shared import images
from shared.http import Answer, Endpoint, Request, paginate

endpoint = Endpoint(route=("GET", "/api/mobile/images"), paged=True, answers={200: images.ANSWER})


@endpoint
def handler(request: Request) -> Answer:
    count, rows = images.listed(request.customer)
    return Answer(200, paginate(request, count, rows))
