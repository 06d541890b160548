"""GET /api/payments/wallets/{id}/transactions/: the wallet's entries, newest first, filtered and in pages."""

from shared import wallet
from shared.errors import NotFound
from shared.http import Answer, Endpoint, Request, paginate

endpoint = Endpoint(
    route=("GET", "/api/payments/wallets/{id}/transactions", "/api/payments/wallets/transactions"),
    query=wallet.FILTERS,
    paged=True,
    answers={200: wallet.TRANSACTION},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Answer:
    count, rows = wallet.transactions(request.customer, request.path.get("id"), request.query)
    return Answer(200, paginate(request, count, rows))
