"""A wallet's entries, filtered and in pages, with few reads however long the ledger is.

An exact filtered count is the difference of two entries' totals. A page's first row is found by a search over entry
numbers, and each further row by the link of the one before. A search ends where no row lies between two entries.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from shared.wallets import ledger
from shared.wallets.models import Entry, get_entry, list_entries, newest_entries
from shared.wallets.wallet import check_owner, get_wallet

ENTRIES_PER_READ = 4  # entries of at most a kilobyte: four cost what one costs


class History:
    """The entries up to `head` that match the filters: `count` of them, and `page` for some of them.

    Filters: type, category, from and to (microseconds; from <= at < to). Openings, captures and blocks are no rows.
    """

    def __init__(self, head: Entry, filters: Mapping[str, Any]) -> None:
        self._head = head
        self._entries = {head.seq: head}
        self._codes = [
            code
            for (kind, category), code in ledger.PAIRS.items()
            if filters.get("type") in (None, ledger.TYPES[kind]) and filters.get("category") in (None, category)
        ]
        start_us, end_us = filters.get("from"), filters.get("to")
        self._before = self._rows_before(start_us) if start_us is not None else 0
        until = self._rows_before(end_us) if end_us is not None else self._matching(head.seq)
        self.count = max(until - self._before, 0)

    def page(self, offset: int, limit: int) -> list[Entry]:
        """Matching entries `offset` to `offset + limit`, newest first."""
        wanted = min(limit, self.count - offset)
        if wanted <= 0:
            return []
        rows: list[Entry] = []
        seq = self._row_number(self._before + self.count - offset)
        while len(rows) < wanted:
            width = ENTRIES_PER_READ if len(self._codes) < len(ledger.PAIRS) else wanted - len(rows)
            entries = list_entries(self._head.wallet, max(seq - width + 1, 1), seq)
            rows += [entry for entry in entries if ledger.code_of(entry) in self._codes]
            seq = ledger.last_before(entries[-1], self._codes)
        return rows[:wanted]

    def _row_number(self, rank: int) -> int:
        """The number of the row that is `rank` from the oldest; the oldest row of all is 1."""
        _, seq = self._narrow(self._matching, rank, lambda low, high: self._matching(high) == rank)
        entry = self._entry(seq)
        return seq if ledger.code_of(entry) in self._codes else ledger.last_before(entry, self._codes)

    def _rows_before(self, at_us: int) -> int:
        """How many entries match and are earlier than this time."""
        if self._head.opened_at_us >= at_us:
            return 0
        if self._head.at_us < at_us:
            return self._matching(self._head.seq)
        low, _ = self._narrow(self._at_us, at_us, lambda low, high: self._matching(low) == self._matching(high))
        return self._matching(low)

    def _matching(self, seq: int) -> int:
        """How many entries match up to this number."""
        return ledger.count_until(self._entry(seq), self._codes) if seq else 0

    def _at_us(self, seq: int) -> int:
        return self._entry(seq).at_us if seq else self._head.opened_at_us

    def _narrow(
        self, value: Callable[[int], int], target: int, is_done: Callable[[int, int], bool]
    ) -> tuple[int, int]:
        """Two numbers, the first with a value below `target`, the second not: neighbours, or what `is_done` accepts.

        Values never fall. It guesses as if they rose evenly, which takes a third of the reads of a binary search, and
        halves the range after each guess that did not. What is read already is not read again.
        """
        low = max(seq for seq in (0, *self._entries) if value(seq) < target)
        high = min(seq for seq in self._entries if value(seq) >= target)
        halve = False
        while (size := high - low) > 1 and not is_done(low, high):
            share = (target - value(low)) * size // (value(high) - value(low))
            middle = low + (size // 2 if halve else min(max(share, 1), size - 1))
            low, high = (low, middle) if value(middle) >= target else (middle, high)
            halve = not halve and (high - low) * 2 > size
        return low, high

    def _entry(self, seq: int) -> Entry:
        if seq not in self._entries:
            entry = get_entry(self._head.wallet, seq)
            if not entry:
                raise RuntimeError("a wallet lacks an entry below its newest")
            self._entries[seq] = entry
        return self._entries[seq]


def walk_back(wallet: str, seq: int, codes: Collection[str], since_us: int) -> Iterator[Entry]:
    """The entries with these codes from number `seq` back to a time, newest first. Others are mostly not read."""
    while seq > 0:
        entries = list_entries(wallet, max(seq - ENTRIES_PER_READ + 1, 1), seq)
        for entry in entries:
            if entry.at_us < since_us:
                return
            if ledger.code_of(entry) in codes:
                yield entry
        seq = ledger.last_before(entries[-1], codes)


def list_entries_of(wallet: str, payment: str, since_us: int) -> list[Entry]:
    """The entries of a payment, its refunds and its disputes, oldest first, of all that were written since then."""
    found: list[Entry] = []
    for entry in newest_entries(wallet):
        if entry.at_us < since_us:
            break
        if ledger.record_of(entry)[1] == payment:
            found.append(entry)
    return found[::-1]


def get_history(customer: str, wallet: str | None, filters: Mapping[str, Any]) -> History:
    """The history of the customer's wallet; NotFound if `wallet` names another's."""
    check_owner(customer, wallet)
    return History(get_wallet(customer), filters)
