"""POST /api/payments/webhooks/razorpay/: a signed event from Razorpay; 200 unless it should be sent again."""

from shared.errors import NotAuthenticated, ParseError, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.payments.serializers import WebhookBody
from shared.payments.webhook import handle_webhook, prepare
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/payments/webhooks/razorpay"),
    public=True,
    raw_body=True,
    responses={200: WebhookBody},
    errors=(ParseError, NotAuthenticated, ServiceUnavailable),
)
prepare()


@endpoint
def handler(request: Request) -> Response:
    signature = request.headers.get("x-razorpay-signature", "")
    event_id = request.headers.get("x-razorpay-event-id", "")
    result = handle_webhook(request.raw_body, signature, event_id)
    log.count(f"Webhook{result.outcome.title()}")
    if result.applied:
        log.count_each(result.applied.counts)
    payment_id = result.applied.payment.id if result.applied else ""
    return Response(200, {"status": result.outcome}, log_id=payment_id)
