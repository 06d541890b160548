"""POST /api/payments/webhooks/razorpay/: a signed event from the gateway; 200 unless it should be sent again."""

from shared import payments, telemetry
from shared.errors import Malformed, NotAuthenticated, Unavailable
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(
    route=("POST", "/api/payments/webhooks/razorpay"),
    customer=False,
    raw=True,
    answers={200: payments.ACKNOWLEDGED},
    errors=(Malformed, NotAuthenticated, Unavailable),
)


@endpoint
def handler(request: Request) -> Answer:
    received = payments.receive(
        request.raw,
        request.headers.get("x-razorpay-signature", ""),
        request.headers.get("x-razorpay-event-id", ""),
        request.deadline_us,
    )
    telemetry.count(f"Webhook{received.outcome.title()}")
    if received.settled:
        telemetry.count_each(received.settled.counts)
    return Answer(200, {"status": received.outcome}, about=received.settled.payment.id if received.settled else "")
