"""GET /api/payments/wallets/: the caller's wallet, as a list of one."""

from shared import wallet
from shared.http import Answer, Endpoint, Request, paginate

endpoint = Endpoint(route=("GET", "/api/payments/wallets"), paged=True, answers={200: wallet.WALLET})


@endpoint
def handler(request: Request) -> Answer:
    rows = wallet.wallets(request.customer)
    return Answer(200, paginate(request, len(rows), lambda offset, limit: rows[offset : offset + limit]))
