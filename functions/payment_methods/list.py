"""GET /api/payments/payment-methods/: the saved methods, the default one first, then the newest."""

from shared import payment_methods
from shared.http import Answer, Endpoint, Request, paginate

endpoint = Endpoint(
    route=("GET", "/api/payments/payment-methods", "/api/payments/saved-methods"),
    query=payment_methods.FILTERS,
    paged=True,
    answers={200: payment_methods.ANSWER},
)


@endpoint
def handler(request: Request) -> Answer:
    rows = payment_methods.listed(request.customer, request.query)
    return Answer(200, paginate(request, len(rows), lambda offset, limit: rows[offset : offset + limit]))
