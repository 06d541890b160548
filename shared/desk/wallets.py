"""The wallet that staff work on, whose it is."""

from typing import NamedTuple

from shared.errors import NotFound
from shared.wallets.models import Entry, find_customer, get_head


class CustomerWallet(NamedTuple):
    """A customer's wallet, by its newest entry."""

    customer: str
    head: Entry


def find_customer_wallet(wallet: str) -> CustomerWallet | None:
    """The wallet that was opened under this id."""
    customer = find_customer(wallet)
    head = get_head(wallet) if customer else None
    return CustomerWallet(customer, head) if customer and head else None


def get_customer_wallet(wallet: str) -> CustomerWallet:
    """NotFound if no wallet was opened under this id."""
    found = find_customer_wallet(wallet)
    if found is None:
        raise NotFound("Wallet")
    return found
