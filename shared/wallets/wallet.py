"""A customer's one wallet: its id, its owner and its newest entry."""

import uuid

from shared.aws.dynamodb import retrying
from shared.errors import NotFound, WalletBlocked
from shared.wallets import ledger
from shared.wallets.models import Entry, append_opening, get_head

WALLETS = uuid.UUID("6a1b5c1e-0d5f-5d0c-9d3e-4b7a2f1c8e90")


def wallet_id(customer: str) -> str:
    """A customer has one wallet, whose id is derived from the customer's."""
    return str(uuid.uuid5(WALLETS, customer))


def get_wallet(customer: str) -> Entry:
    """The newest entry of the customer's wallet. One that was never opened is empty, and looking does not open it."""
    wallet = wallet_id(customer)
    return get_head(wallet) or ledger.opening_entry(wallet)


def open_wallet(customer: str) -> Entry:
    """The newest entry of the customer's wallet, which is opened with entry 0 if it never was."""
    wallet = wallet_id(customer)

    def try_open() -> Entry | None:
        if head := get_head(wallet):
            return head
        opening = ledger.opening_entry(wallet)
        return None if append_opening(opening, customer) else opening

    return retrying(try_open)


def retrieve(customer: str, wallet: str) -> Entry:
    """The newest entry of the wallet with this id; NotFound unless it is the customer's."""
    check_owner(customer, wallet)
    return get_wallet(customer)


def check_not_blocked(head: Entry) -> None:
    """WalletBlocked for what a customer starts. What staff or Razorpay do passes a blocked wallet."""
    if head.is_blocked:
        raise WalletBlocked


def check_owner(customer: str, wallet: str | None) -> None:
    """NotFound unless the wallet is the customer's. None, from routes without an id, is the customer's own."""
    if wallet is not None and wallet != wallet_id(customer):
        raise NotFound("Wallet")
