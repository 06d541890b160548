"""The entries that a refund's change of status makes in the wallet."""

from functools import partial
from typing import Any, NamedTuple

from shared.aws.dynamodb_errors import TransactionConflict
from shared.payments.lifecycle import TOP_UP
from shared.payments.models import Payment
from shared.refunds.lifecycle import NEW, WALLET
from shared.refunds.models import Refund
from shared.wallets import ledger
from shared.wallets.models import Entry
from shared.wallets.wallet import open_wallet


class Moves(NamedTuple):
    """The entries, and what of the refund the wallet holds and owes after them."""

    entries: list[Entry]
    held_paise: int
    owed_paise: int


def moves_for(
    payment: Payment, refund: Refund, status: str, counted_paise: int, head: Entry | None = None
) -> Moves | None:
    """The moves that turn the refund into this status; `head` is the wallet's newest entry, if it was read already.

    A refund of a top-up is taken from the wallet. Any other one moves it only if it goes there. None if the wallet is
    newer than the refund, whose hold has ended meanwhile.
    """
    if payment.purpose != TOP_UP and refund.destination != WALLET:
        return Moves([], refund.held_paise, refund.owed_paise)
    head = head or head_over(payment.customer, refund.held_paise)
    if head.held_paise < refund.held_paise:
        return None
    entries = _entries(head, payment, refund, status, counted_paise)
    return moved(head, entries, refund.held_paise, refund.owed_paise)


def moved(head: Entry, entries: list[Entry], held_paise: int, owed_paise: int) -> Moves:
    """The moves of a record that held and owed this much before them."""
    last = entries[-1] if entries else head
    owed_paise += last.owed_paise - head.owed_paise
    return Moves(entries, held_paise + last.held_paise - head.held_paise, max(0, owed_paise))


def _entries(head: Entry, payment: Payment, refund: Refund, status: str, counted_paise: int) -> list[Entry]:
    by, held_paise = ledger.by_refund(payment.id, refund.id), refund.held_paise
    entries: list[Entry] = []

    def add(kind: str, amount_paise: int, **rule: Any) -> None:
        if amount_paise:
            last = entries[-1] if entries else head
            entries.append(ledger.next_entry(last, kind, "refund", amount_paise, by, **rule))

    match status:
        case _ if refund.destination == WALLET:
            add(ledger.CREDIT, counted_paise)
        case "requested" if refund.status == NEW:
            add(ledger.HOLD, counted_paise)
        case "pending" if refund.status == NEW:
            add(ledger.HOLD, min(counted_paise, head.cash_paise))  # the rest is taken when it is processed
        case "processed":
            return take(head, "refund", by, counted_paise, held_paise, left_of(payment))
        case "failed" | "cancelled":
            return take(head, "refund", by, 0, held_paise, left_of(payment))
        case "returned":
            add(ledger.CREDIT, counted_paise, recovers_paise=min(refund.owed_paise, head.owed_paise))
    return entries


def head_over(customer: str, held_paise: int) -> Entry:
    """The newest entry of the wallet that holds this much for a record.

    TransactionConflict if it holds less: the record that says so has ended since it was read.
    """
    head = open_wallet(customer)
    if head.held_paise < held_paise:
        raise TransactionConflict
    return head


def left_of(payment: Payment) -> int:
    """What of a payment neither refunds nor lost disputes have taken."""
    return (payment.paid_paise or 0) - payment.refunded_paise - (payment.lost_paise or 0)


def take(head: Entry, category: str, by: str, amount_paise: int, held_paise: int, left_paise: int) -> list[Entry]:
    """The entries that end a hold: money leaves the wallet for good, out of the hold first, then out of cash.

    The rest is owed. What was held beyond the amount is free again. `left_paise` is what was left of the payment
    before: of the hold, no more than is left now goes to cash. Other refunds or disputes took the rest, so the
    customer has it already, and it pays what the wallet owes.
    """
    entries: list[Entry] = []
    captured_paise = min(held_paise, amount_paise)
    freed_paise = held_paise - captured_paise
    taken_paise = max(0, freed_paise - max(0, left_paise - amount_paise))
    recovers_paise = min(head.owed_paise, taken_paise)
    if held_paise:
        kind, paise = (ledger.CAPTURE, captured_paise) if captured_paise else (ledger.RELEASE, held_paise)
        end = partial(ledger.next_entry, head, kind, category, paise, by)
        entries.append(end(hold_paise=held_paise, recovers_paise=recovers_paise))
    if rest_paise := amount_paise - captured_paise:
        last = entries[-1] if entries else head
        entries.append(ledger.next_entry(last, ledger.DEBIT, category, rest_paise, by, forced=True))
    return entries
