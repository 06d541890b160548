"""A wallet's entries, filtered and in pages, with few reads however long the ledger is.

An exact filtered count is the difference of two entries' cumulative counts. A page's first row is found by a binary
search over entry numbers.
"""

from collections.abc import Callable, Mapping
from typing import Any

from shared.wallets import ledger
from shared.wallets.models import Entry, get_entry, list_entries
from shared.wallets.wallet import check_owner, get_or_open


class History:
    """The entries up to `head` that match the filters: `count` of them, and `page` for some of them.

    Filters: type, category, from and to (microseconds; from <= created < to).
    """

    def __init__(self, head: Entry, filters: Mapping[str, Any]) -> None:
        self._head = head
        self._entries = {head.seq: head}
        self._keys = [
            f"{type}:{category}"
            for type in ledger.TYPES
            for category in ledger.CATEGORIES
            if filters.get("type") in (None, type) and filters.get("category") in (None, category)
        ]
        oldest, newest = self._range(filters.get("from"), filters.get("to"))
        self._before = self._matching(oldest - 1) if oldest <= newest else 0
        self.count = self._matching(newest) - self._before if oldest <= newest else 0

    def page(self, offset: int, limit: int) -> list[Entry]:
        """Matching entries `offset` to `offset + limit`, newest first."""
        newest = self._before + self.count - offset
        oldest = self._before + max(self.count - offset - limit, 0) + 1
        if newest < oldest:
            return []
        seq_from = self._first(lambda seq: self._matching(seq) >= oldest)
        seq_to = self._first(lambda seq: self._matching(seq) >= newest)
        entries = list_entries(self._head.wallet, seq_from, seq_to)
        return [entry for entry in entries if f"{entry.type}:{entry.category}" in self._keys]

    def _range(self, start_us: int | None, end_us: int | None) -> tuple[int, int]:
        """The numbers of the oldest and newest entry in the time range; entry 0 is never listed."""
        oldest, newest = 1, self._head.seq
        if start_us is not None:
            oldest = max(self._first(lambda seq: self._entry(seq).created_at_us >= start_us), 1)
        if end_us is not None:
            newest = self._first(lambda seq: self._entry(seq).created_at_us >= end_us) - 1
        return oldest, newest

    def _matching(self, seq: int) -> int:
        """How many entries match up to this number. Without a filter every entry after the opening does."""
        if len(self._keys) == len(ledger.TYPES) * len(ledger.CATEGORIES):
            return seq
        counts = ledger.totals(self._entry(seq).counts)
        return sum(counts.get(key, 0) for key in self._keys)

    def _first(self, holds: Callable[[int], bool]) -> int:
        """The lowest number for which `holds` is true, given that it stays true from there on."""
        low, high = 0, self._head.seq + 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if holds(middle) else (middle + 1, high)
        return low

    def _entry(self, seq: int) -> Entry:
        if seq not in self._entries:
            entry = get_entry(self._head.wallet, seq)
            if not entry:
                raise RuntimeError("a wallet lacks an entry below its newest")
            self._entries[seq] = entry
        return self._entries[seq]


def list_transactions(customer: str, wallet: str | None, filters: Mapping[str, Any]) -> History:
    """The history of the customer's wallet; NotFound if `wallet` names another's."""
    check_owner(customer, wallet)
    return History(get_or_open(customer), filters)
