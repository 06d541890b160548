"""GET /api/payments/payments/: the customer's payments, newest first, in pages."""

from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.payments.models import get_payments, list_payment_ids
from shared.payments.serializers import PaymentBody, serialize_payment

endpoint = Endpoint(route=("GET", "/api/payments/payments"), paginated=True, responses={200: PaymentBody})


@endpoint
def handler(request: Request) -> Response:
    ids = list_payment_ids(request.customer)

    def rows(offset: int, limit: int) -> list[PaymentBody]:
        return [
            serialize_payment(payment) for payment in get_payments(request.customer, ids[offset : offset + limit])
        ]

    return Response(200, paginate(request, len(ids), rows))
