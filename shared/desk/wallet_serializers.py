"""A wallet that staff block or check."""

from collections.abc import Mapping

from typing_extensions import TypedDict

from shared.desk.check import Check
from shared.desk.serializers import REASON_FIELDS
from shared.desk.wallets import CustomerWallet
from shared.http import fields
from shared.http.formats import Uuid
from shared.wallets.serializers import WalletBody, serialize_wallet

BLOCK_FIELDS: Mapping[str, fields.Field] = {
    **REASON_FIELDS,
    "customer": fields.Text(length_max=255, description="Whose wallet it is, to block one that was never opened."),
}


class StaffWalletBody(WalletBody):
    customer: str


class WalletCheckBody(TypedDict):
    """The check of a wallet. `checked` of its entries, from the oldest on, were compared with their records in time;
    each of the `faults` names an entry. A wallet is sound if all were compared and nothing was found."""

    wallet: Uuid
    customer: str
    is_sound: bool
    entries: int
    checked: int
    faults: list[str]
    state: WalletBody


def serialize_customer_wallet(wallet: CustomerWallet) -> StaffWalletBody:
    return {**serialize_wallet(wallet.head), "customer": wallet.customer}


def serialize_check(check: Check) -> WalletCheckBody:
    return {
        "wallet": check.wallet.head.wallet,
        "customer": check.wallet.customer,
        "is_sound": check.is_sound,
        "entries": check.entries,
        "checked": check.checked,
        "faults": check.faults,
        "state": serialize_wallet(check.wallet.head),
    }
