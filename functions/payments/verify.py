"""POST /api/payments/payments/{id}/verify/: apply what checkout returned; 202 while the payment is pending."""

from shared.errors import Conflict, NotFound, ServiceUnavailable, SignatureInvalid
from shared.http.endpoint import Endpoint, Request, Response
from shared.payments.serializers import VERIFY_FIELDS, PaymentWithWalletBody, serialize_payment_with_wallet
from shared.payments.verify import verify
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/payments/payments/{id}/verify"),
    body=VERIFY_FIELDS,
    responses={200: PaymentWithWalletBody, 202: PaymentWithWalletBody},
    errors=(SignatureInvalid, NotFound, Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    result = verify(request.customer, request.path["id"], request.body)
    log.count_each(result.counts)
    return Response(202 if result.is_pending else 200, serialize_payment_with_wallet(result.payment, result.entry))
