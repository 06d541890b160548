"""The rows of a wallet's list: its entries, joined with the records that justify them.

An entry holds no text and no status, since it can never change. The payment has the description; the refund or the
dispute says what has become of a hold. Each kind of record is read once a page, in one batch.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared.aws.dynamodb import Row as TableRow
from shared.aws.dynamodb import get_by_key
from shared.disputes.models import Dispute
from shared.payments.models import Payment
from shared.refunds.models import Refund
from shared.wallets import ledger
from shared.wallets.history import get_history
from shared.wallets.models import Entry

COMPLETED, PENDING, FAILED, REVERSED = STATUSES = ("completed", "pending", "failed", "reversed")
# The status of a refund or a dispute -> of the row that holds its money. Before it ends, the row is pending.
HOLD_STATUSES: Mapping[str, str] = {
    "processed": COMPLETED,
    "returned": COMPLETED,
    "failed": REVERSED,
    "cancelled": REVERSED,
    "lost": COMPLETED,
    "won": REVERSED,
    "closed": REVERSED,
}


class Row(NamedTuple):
    """An entry with its payment, the payment's description, and one of STATUSES."""

    entry: Entry
    payment: str | None
    description: str
    status: str


class Transactions:
    """The customer's transactions that match the filters: `count` of them, and `page` for some of them."""

    def __init__(self, customer: str, wallet: str | None, filters: Mapping[str, Any]) -> None:
        """NotFound if `wallet` names another customer's."""
        self._customer = customer
        self._history = get_history(customer, wallet, filters)
        self.count = self._history.count

    def page(self, offset: int, limit: int) -> list[Row]:
        return join(self._customer, self._history.page(offset, limit))


def join(customer: str, entries: Sequence[Entry]) -> list[Row]:
    """The entries with their records, in the same order."""
    by_entry = {entry.seq: ledger.record_of(entry) for entry in entries}
    payments = _rows(Payment, [(customer, payment) for _, payment, _ in by_entry.values() if payment])
    holds = [by_entry[entry.seq] for entry in entries if entry.kind == ledger.HOLD]
    records: dict[tuple[str, str], Refund | Dispute] = {
        **_rows(Refund, [(payment, refund) for letter, payment, refund in holds if letter == "r"]),
        **_rows(Dispute, [(payment, dispute) for letter, payment, dispute in holds if letter == "d"]),
    }

    def row(entry: Entry) -> Row:
        _, payment, record = by_entry[entry.seq]
        found, status = payments.get((customer, payment)), COMPLETED
        if entry.kind == ledger.HOLD:
            held_for = records.get((payment, record))
            status = _hold_status(held_for) if held_for else PENDING
        return Row(entry, payment or None, found.description if found else "", status)

    return [row(entry) for entry in entries]


def _hold_status(record: Refund | Dispute) -> str:
    """A hold of which nothing was taken, since others took all that the payment had, is reversed as well."""
    status = HOLD_STATUSES.get(record.status, PENDING)
    return REVERSED if status == COMPLETED and record.counted_paise == 0 else status


def _rows(model: type[TableRow], keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], TableRow]:
    """The rows by key. A read that may be stale costs half, and only what it lacks is read again."""
    wanted = list(dict.fromkeys(keys))
    found = get_by_key(model, wanted, consistent=False)
    return found | get_by_key(model, [key for key in wanted if key not in found])
