"""GET /api/payments/payments/{id}/: one payment, with its checkout while there is something to pay."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.payments.models import get_or_404
from shared.payments.serializers import PaymentBody, serialize_payment

endpoint = Endpoint(route=("GET", "/api/payments/payments/{id}"), responses={200: PaymentBody}, errors=(NotFound,))


@endpoint
def handler(request: Request) -> Response:
    return Response(200, serialize_payment(get_or_404(request.customer, request.path["id"])))
