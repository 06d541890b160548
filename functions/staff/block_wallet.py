"""POST /api/staff/wallets/{id}/block/ and …/unblock/: block a wallet for what its customer starts, or unblock it."""

from shared.desk.actions import block_wallet
from shared.desk.wallet_serializers import BLOCK_FIELDS, StaffWalletBody, serialize_customer_wallet
from shared.errors import Conflict, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/staff/wallets/{id}/block", "/api/staff/wallets/{id}/unblock"),
    staff=ALLOWED["block"],
    actions=True,
    body=BLOCK_FIELDS,
    responses={200: StaffWalletBody},
    errors=(Conflict, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    reason, customer = request.body["reason"], request.body["customer"]
    wallet = block_wallet(request.staff.id, request.path["id"], request.verb, reason, customer)
    log.count("WalletBlockRequested")
    return Response(200, serialize_customer_wallet(wallet))
