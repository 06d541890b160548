"""POST /api/payments/payments/{id}/sync/: ask Razorpay how a payment stands; 202 while it is pending."""

from shared.errors import Conflict, NotFound, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.payments.serializers import PaymentWithWalletBody, serialize_payment_with_wallet
from shared.payments.verify import SYNC_PAUSE_S, sync
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/payments/payments/{id}/sync"),
    polled=True,
    responses={200: PaymentWithWalletBody, 202: PaymentWithWalletBody},
    errors=(NotFound, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    result = sync(request.customer, request.path["id"])
    log.count_each(result.counts)
    body = serialize_payment_with_wallet(result.payment, result.entry)
    # The app should wait if the payment is pending, or if Razorpay was asked a moment ago.
    retry_after_s = SYNC_PAUSE_S if result.is_pending or result.asked_recently else None
    return Response(202 if result.is_pending else 200, body, retry_after_s=retry_after_s)
