"""GET /api/staff/webhooks/: signed webhooks that could not be used and were not replayed, the oldest first."""

from shared.desk.webhook_serializers import StoredWebhookBody, serialize_webhook
from shared.desk.webhooks import list_webhooks
from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.staff.groups import ALLOWED

endpoint = Endpoint(
    route=("GET", "/api/staff/webhooks"),
    staff=ALLOWED["read"],
    paginated=True,
    responses={200: StoredWebhookBody},
)


@endpoint
def handler(request: Request) -> Response:
    rows = [serialize_webhook(webhook) for webhook in list_webhooks()]
    return Response(200, paginate(request, len(rows), lambda offset, limit: rows[offset : offset + limit]))
