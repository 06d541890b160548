"""POST /api/mobile/upload-image/: a ticket to upload one photo straight to S3; 201 with it and the photo's status."""

from shared import images, telemetry
from shared.errors import Throttled, Unavailable
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(
    route=("POST", "/api/mobile/upload-image"),
    body=images.UPLOAD_FIELDS,
    query=images.UPLOAD_QUERY,
    answers={201: images.TICKET},
    errors=(Throttled, Unavailable),
)


@endpoint
def handler(request: Request) -> Answer:
    given = images.ticket(request.customer, request.body, request.query.get("method", images.POST))
    telemetry.count("UploadTicketGiven")
    return Answer(201, given)
