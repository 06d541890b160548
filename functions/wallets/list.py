"""GET /api/payments/wallets/: the customer's wallet, as a list of one."""

from shared.http.endpoint import Endpoint, Request, Response
from shared.http.pagination import paginate
from shared.wallets.serializers import WalletBody, serialize_wallet
from shared.wallets.wallet import get_wallet

endpoint = Endpoint(route=("GET", "/api/payments/wallets"), paginated=True, responses={200: WalletBody})


@endpoint
def handler(request: Request) -> Response:
    wallets = [serialize_wallet(get_wallet(request.customer))]
    return Response(200, paginate(request, len(wallets), lambda offset, limit: wallets[offset : offset + limit]))
