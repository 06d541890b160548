"""POST /api/mobile/upload-image/: start a photo; 201 with a presigned upload straight to S3, or send it as a form."""

from shared.errors import Conflict, LimitReached, PayloadTooLarge, ServiceUnavailable, Throttled
from shared.http.endpoint import Endpoint, Request, Response
from shared.images import uploads
from shared.images.serializers import ImageBody, UploadBody, serialize_image, serialize_upload
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/mobile/upload-image"),
    body=uploads.UPLOAD_FIELDS,
    file=uploads.PHOTO,
    query=uploads.UPLOAD_QUERY,
    responses={201: UploadBody},
    errors=(Conflict, PayloadTooLarge, LimitReached, Throttled, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    if request.file is not None:
        body: ImageBody | UploadBody = serialize_image(uploads.receive_photo(request.customer, request.file))
    else:
        method = request.query.get("method", uploads.POST)
        body = serialize_upload(uploads.create_upload(request.customer, request.body, method))
    log.count("UploadCreated")
    return Response(201, body)
