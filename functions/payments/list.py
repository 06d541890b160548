"""GET /api/payments/payments/: the caller's payments, newest first."""

from shared import payments
from shared.http import Answer, Endpoint, Request, paginate

endpoint = Endpoint(route=("GET", "/api/payments/payments"), paged=True, answers={200: payments.ANSWER})


@endpoint
def handler(request: Request) -> Answer:
    count, rows = payments.listed(request.customer)
    return Answer(200, paginate(request, count, rows))
