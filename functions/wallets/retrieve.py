"""GET /api/payments/wallets/{id}/: the customer's own wallet; 404 for any other id."""

from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.wallets.serializers import WalletBody, serialize_wallet
from shared.wallets.wallet import retrieve

endpoint = Endpoint(route=("GET", "/api/payments/wallets/{id}"), responses={200: WalletBody}, errors=(NotFound,))


@endpoint
def handler(request: Request) -> Response:
    return Response(200, serialize_wallet(retrieve(request.customer, request.path["id"])))
