"""The wallet that staff work on, whose it is."""

from dataclasses import dataclass

from shared.errors import NotFound
from shared.wallets.models import Entry, find_customer, get_head


@dataclass(frozen=True, slots=True)
class OwnedWallet:
    """A customer's wallet, by its newest entry."""

    customer: str
    head: Entry


def get_owned_wallet(wallet: str) -> OwnedWallet:
    """NotFound if no wallet was opened under this id."""
    customer = find_customer(wallet)
    head = get_head(wallet) if customer else None
    if customer is None or head is None:
        raise NotFound("Wallet")
    return OwnedWallet(customer, head)
