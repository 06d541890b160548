"""GET /api/mobile/images/: the customer's photos with their status and links, newest first."""

from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.images.queries import list_images
from shared.images.serializers import ImageBody, serialize_image

endpoint = Endpoint(route=("GET", "/api/mobile/images"), paginated=True, responses={200: ImageBody})


@endpoint
def handler(request: Request) -> Response:
    count, read_page = list_images(request.customer)
    return Response(
        200, paginate(request, count, lambda *page: [serialize_image(image) for image in read_page(*page)])
    )
