"""POST /api/staff/wallets/{id}/block/ and …/unblock/: block a wallet for what its customer starts, or unblock it."""

from shared.desk.actions import block_wallet
from shared.desk.serializers import REASON_FIELDS, StaffWalletBody, serialize_owned
from shared.errors import NotFound, ServiceUnavailable
from shared.http.endpoint import Endpoint, Request, Response
from shared.staff.groups import ALLOWED
from shared.telemetry import log

endpoint = Endpoint(
    route=("POST", "/api/staff/wallets/{id}/block", "/api/staff/wallets/{id}/unblock"),
    staff=ALLOWED["block"],
    actions=True,
    body=REASON_FIELDS,
    responses={200: StaffWalletBody},
    errors=(NotFound, ServiceUnavailable),
)


@endpoint
def handler(request: Request) -> Response:
    wallet = block_wallet(request.staff.id, request.path["id"], request.verb, request.body["reason"])
    log.count("WalletBlockRequested")
    return Response(200, serialize_owned(wallet))
