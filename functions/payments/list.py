"""GET /api/payments/payments/: the customer's payments, newest first, filtered and in pages."""

from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.payments.queries import list_payments
from shared.payments.serializers import FILTERS, PaymentBody, serialize_payment

endpoint = Endpoint(
    route=("GET", "/api/payments/payments"), query=FILTERS, paginated=True, responses={200: PaymentBody}
)


@endpoint
def handler(request: Request) -> Response:
    count, read_page = list_payments(request.customer, request.query)

    def rows(offset: int, limit: int) -> list[PaymentBody]:
        return [serialize_payment(payment) for payment in read_page(offset, limit)]

    return Response(200, paginate(request, count, rows))
