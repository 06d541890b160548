"""POST /api/staff/webhooks/{id}/replay/: apply a stored webhook that could not be used when it came."""

from shared.desk.serializers import REASON_FIELDS
from shared.desk.webhook_serializers import ReplayedBody
from shared.desk.webhooks import replay_webhook
from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/staff/webhooks/{id}/replay"),
    staff=ALLOWED["replay"],
    text_ids=True,
    body=REASON_FIELDS,
    responses={200: ReplayedBody},
    errors=(NotFound, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    webhook_id = request.path["id"]
    result = replay_webhook(request.staff.id, webhook_id, request.body["reason"])
    log.count("WebhookReplayed")
    return Response(200, {"id": webhook_id, "outcome": result.outcome})
