"""POST /api/mobile/upload-image/: start a photo; 201 with its status and a presigned upload straight to S3."""

from shared.errors import ServiceUnavailable, Throttled
from shared.http.endpoint import Endpoint, Request, Response
from shared.images import uploads
from shared.images.serializers import UploadBody, serialize_upload
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/mobile/upload-image"),
    body=uploads.UPLOAD_FIELDS,
    query=uploads.UPLOAD_QUERY,
    responses={201: UploadBody},
    errors=(Throttled, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    upload = uploads.create_upload(request.customer, request.body, request.query.get("method", uploads.POST))
    log.count("UploadCreated")
    return Response(201, serialize_upload(upload))
