"""GET /api/payments/wallets/{id}/: one wallet, the caller's own."""

from shared import wallet
from shared.errors import NotFound
from shared.http import Answer, Endpoint, Request

endpoint = Endpoint(route=("GET", "/api/payments/wallets/{id}"), answers={200: wallet.WALLET}, errors=(NotFound,))


@endpoint
def handler(request: Request) -> Answer:
    return Answer(200, wallet.retrieve(request.customer, request.path["id"]))
