"""POST /api/payments/payments/{id}/verify/: apply what checkout returned; 202 while the payment is pending."""

from shared.errors import Conflict, NotFound, ServiceUnavailable, SignatureInvalid
from shared.http.endpoint import Endpoint, Request, Response
from shared.payments.serializers import VERIFY_FIELDS, PaymentWithWalletBody, serialize_payment_with_wallet
from shared.payments.verify import SYNC_PAUSE_S, verify
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/payments/payments/{id}/verify"),
    body=VERIFY_FIELDS,
    polled=True,
    responses={200: PaymentWithWalletBody, 202: PaymentWithWalletBody},
    errors=(SignatureInvalid, NotFound, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    result = verify(request.customer, request.path["id"], request.body)
    log.count_each(result.counts)
    body = serialize_payment_with_wallet(result.payment, result.entry)
    if result.is_pending:
        return Response(202, body, retry_after_s=SYNC_PAUSE_S)
    return Response(200, body)
