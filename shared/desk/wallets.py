"""The wallet that staff work on, whose it is."""

from dataclasses import dataclass

from shared.errors import NotFound
from shared.wallets.models import Entry, find_customer, get_head


@dataclass(frozen=True, slots=True)
class OwnedWallet:
    """A customer's wallet, by its newest entry."""

    customer: str
    head: Entry


def find_owned_wallet(wallet: str) -> OwnedWallet | None:
    """The wallet that was opened under this id."""
    customer = find_customer(wallet)
    head = get_head(wallet) if customer else None
    return OwnedWallet(customer, head) if customer and head else None


def get_owned_wallet(wallet: str) -> OwnedWallet:
    """NotFound if no wallet was opened under this id."""
    owned = find_owned_wallet(wallet)
    if owned is None:
        raise NotFound("Wallet")
    return owned
