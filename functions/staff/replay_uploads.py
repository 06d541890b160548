"""POST /api/staff/uploads/replay/: process uploads again that failed three times and wait in the queue."""

from shared.desk.serializers import REASON_FIELDS
from shared.errors import ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.staff.upload_serializers import ReplayedUploadsBody, serialize_uploads
from shared.staff.uploads import replay_uploads
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/staff/uploads/replay"),
    staff=ALLOWED["replay"],
    body=REASON_FIELDS,
    dry_run=True,
    responses={200: ReplayedUploadsBody},
    errors=(ServiceUnavailable,),
)


@endpoint
def handler(request: Request) -> Response:
    uploads = replay_uploads(request.staff.id, request.body["reason"], request.dry_run)
    if not request.dry_run:
        log.count("UploadReplayed", sum(upload.outcome == "sent" for upload in uploads))
    return Response(200, serialize_uploads(uploads))
