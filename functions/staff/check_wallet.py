"""GET /api/staff/wallets/{id}/check/: check all entries of a wallet against each other and against their records."""

from shared.desk.check import check_wallet
from shared.desk.wallet_serializers import WalletCheckBody, serialize_check
from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED

endpoint = Endpoint(
    route=("GET", "/api/staff/wallets/{id}/check"),
    staff=ALLOWED["read"],
    responses={200: WalletCheckBody},
    errors=(NotFound,),
)


@endpoint
def handler(request: Request) -> Response:
    return Response(200, serialize_check(check_wallet(request.path["id"])))
