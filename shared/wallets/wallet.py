"""A customer's one wallet: its id, its owner and its newest entry."""

import uuid

from shared.aws.dynamodb import retrying
from shared.errors import NotFound
from shared.wallets import ledger
from shared.wallets.models import Entry, append, get_head

WALLETS = uuid.UUID("6a1b5c1e-0d5f-5d0c-9d3e-4b7a2f1c8e90")


def wallet_id(customer: str) -> str:
    """A customer has one wallet, whose id is derived from the customer's."""
    return str(uuid.uuid5(WALLETS, customer))


def get_or_open(customer: str) -> Entry:
    """The newest entry of the customer's wallet. The first call for a customer opens it with entry 0."""
    wallet = wallet_id(customer)

    def try_open() -> Entry | None:
        if head := get_head(wallet):
            return head
        opening = ledger.opening_entry(wallet)
        return None if append(opening) else opening

    return retrying(try_open)


def retrieve(customer: str, wallet: str) -> Entry:
    """The newest entry of the wallet with this id; NotFound unless it is the customer's."""
    check_owner(customer, wallet)
    return get_or_open(customer)


def check_owner(customer: str, wallet: str | None) -> None:
    """NotFound unless the wallet is the customer's. None, from routes without an id, is the customer's own."""
    if wallet is not None and wallet != wallet_id(customer):
        raise NotFound("Wallet")
