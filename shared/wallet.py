"""The wallet: a list of entries that only grows, whose newest entry is the balance.

Each entry carries the whole state after it and the hash of the one before. Cumulative counts per (type, category)
make any filtered count a difference of two entries and any page's start a binary search.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from shared import clock, fields, store
from shared.errors import NotFound, Unavailable
from shared.money import rupees
from shared.store import Contended, Entry

VERSION = 2  # of the bytes that are hashed
WALLETS = uuid.UUID("6a1b5c1e-0d5f-5d0c-9d3e-4b7a2f1c8e90")
CREDIT, DEBIT = "credit", "debit"
TYPES = (CREDIT, DEBIT)
CATEGORIES = ("top_up", "payment", "refund", "cashback", "reward", "adjustment")
OPENING = "opening"  # the category of entry 0, which is not listed

HASHED = (
    "version",
    "wallet",
    "seq",
    "type",
    "category",
    "amount_paise",
    "balance_paise",
    "held_paise",
    "cashback_paise",
    "rewards_paise",
    "payment",
    "reference",
    "description",
    "created_at_us",
    "opened_at_us",
    "previous_hash",
)


def wallet_id(customer: str) -> str:
    """A customer has one wallet, whose id follows from theirs."""
    return str(uuid.uuid5(WALLETS, customer))


def newest(customer: str) -> Entry:
    """The newest entry; the first touch of a wallet puts entry 0."""
    wallet = wallet_id(customer)
    for _ in store.retries():
        if head := store.head(wallet):
            return head
        opening = _sealed(Entry(wallet=wallet, seq=0, previous_hash="", **_NOTHING), CREDIT, OPENING, 0)
        try:
            if not store.append(opening):
                return opening
        except Contended:
            continue
    raise Unavailable


def following(
    head: Entry,
    type: str,
    category: str,
    amount_paise: int,
    *,
    payment: str = "",
    reference: str = "",
    description: str = "",
) -> Entry:
    """The entry after `head` that moves `amount_paise`, always positive, in or out."""
    moved = amount_paise if type == CREDIT else -amount_paise
    balance_paise = head.balance_paise + moved
    if amount_paise <= 0 or balance_paise < 0:
        raise ValueError("an entry moves a positive amount and never below zero")
    key = f"{type}:{category}"
    entry = Entry(
        wallet=head.wallet,
        seq=head.seq + 1,
        amount_paise=amount_paise,
        balance_paise=balance_paise,
        held_paise=head.held_paise,
        cashback_paise=head.cashback_paise,
        rewards_paise=head.rewards_paise,
        counts=_added(_plain(head.counts), key, 1),
        sums_paise=_added(_plain(head.sums_paise), key, amount_paise),
        payment=payment,
        reference=reference,
        description=description,
        previous_hash=head.hash,
        created_at_us=head.created_at_us,
        opened_at_us=head.opened_at_us,
    )
    return _sealed(entry, type, category, amount_paise)


def entry_hash(entry: Entry) -> str:
    """SHA-256 over the entry's integers and texts in a fixed order, then its sorted totals."""
    values = [getattr(entry, name) for name in HASHED]
    totals = [sorted(_plain(entry.counts).items()), sorted(_plain(entry.sums_paise).items())]
    return hashlib.sha256(json.dumps([values, totals], separators=(",", ":")).encode()).hexdigest()


def faults(entries: list[Entry]) -> list[str]:
    """What is wrong with a wallet's whole ledger, oldest entry first; nothing for a sound one."""
    before: list[Entry | None] = [None, *entries]
    return [fault for pair in zip(before, entries, strict=False) for fault in link_faults(*pair)]


def link_faults(before: Entry | None, entry: Entry) -> list[str]:
    """What keeps an entry from following the one before it; an opening entry follows none.

    A ledger whose every link is sound, and none of whose entries ever changed, is sound as a whole.
    """
    found = []
    if entry.seq != (before.seq + 1 if before else 0):
        found.append(f"entry {entry.seq}: the one before it is missing")
    moved_paise = entry.amount_paise if entry.type == CREDIT else -entry.amount_paise
    balance_paise = (before.balance_paise if before else 0) + moved_paise
    if entry.balance_paise != balance_paise or balance_paise < 0:
        found.append(f"entry {entry.seq}: the balance is not the sum")
    if entry.previous_hash != (before.hash if before else "") or entry.hash != entry_hash(entry):
        found.append(f"entry {entry.seq}: the chain is broken")
    return found


# --- what the app sees

FILTERS: Mapping[str, fields.Field] = {
    "type": fields.Choice(options=TYPES),
    "category": fields.Choice(options=CATEGORIES),
    "from": fields.Moment(description="From this time on; a bare date is a day in India."),
    "to": fields.Moment(description="Before this time; a bare date is a day in India."),
}

WALLET: Mapping[str, Any] = {
    "id": "7f5d1a52-6a0c-5d5f-9a51-0f3a0c5b8a11",
    "balance": "500.00",
    "currency": "INR",
    "cashback": 0.0,
    "rewards": 0.0,
    "is_active": True,
    "created_at": "2026-01-09T12:00:00.123456Z",
    "updated_at": "2026-01-09T12:04:10Z",
}
TRANSACTION: Mapping[str, Any] = {
    "id": "0b0f9a3e-11e6-5a0a-8c39-53b1a5d8e7aa",
    "type": CREDIT,
    "category": "top_up",
    "amount": "500.00",
    "balance_after": "500.00",
    "description": "Wallet top-up",
    "status": "completed",
    "payment": "5e7a9f51-7a0e-5b43-8f0e-2a4c5d6e7f81",
    "created_at": "2026-01-09T12:04:10Z",
}


def wallets(customer: str) -> list[dict[str, Any]]:
    return [shown(newest(customer))]


def retrieve(customer: str, wallet: str) -> dict[str, Any]:
    check_owner(customer, wallet)
    return shown(newest(customer))


def check_owner(customer: str, wallet: str | None) -> None:
    """The alias routes name no wallet and mean the caller's."""
    if wallet is not None and wallet != wallet_id(customer):
        raise NotFound("Wallet")


def transactions(
    customer: str, wallet: str | None, filters: Mapping[str, Any]
) -> tuple[int, Callable[[int, int], list[dict[str, Any]]]]:
    """How many entries match, and how to get rows `offset` to `offset + limit` of them, newest first.

    Filters: type, category, from and to (microseconds; from <= created < to).
    """
    check_owner(customer, wallet)
    head = newest(customer)
    keys = [
        f"{type}:{category}"
        for type in TYPES
        for category in CATEGORIES
        if filters.get("type") in (None, type) and filters.get("category") in (None, category)
    ]

    known = {head.seq: head}

    def at(seq: int) -> Entry:
        if seq not in known:
            found = store.entry(head.wallet, seq)
            if not found:
                raise RuntimeError("a wallet lacks an entry below its newest")
            known[seq] = found
        return known[seq]

    def matching(seq: int) -> int:
        """How many entries match up to this one; without a filter each does, from the first after the opening."""
        if len(keys) == len(TYPES) * len(CATEGORIES):
            return seq
        counts = _plain(at(seq).counts)
        return sum(counts.get(key, 0) for key in keys)

    def first(holds: Callable[[int], bool]) -> int:
        """The lowest number that holds, where once held it holds for all that follow."""
        low, high = 0, head.seq + 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if holds(middle) else (middle + 1, high)
        return low

    start_us, end_us = filters.get("from"), filters.get("to")
    oldest = 1 if start_us is None else max(first(lambda seq: at(seq).created_at_us >= start_us), 1)
    latest = head.seq if end_us is None else first(lambda seq: at(seq).created_at_us >= end_us) - 1
    if latest < oldest:
        return 0, lambda offset, limit: []
    before = matching(oldest - 1)
    count = matching(latest) - before

    def rows(offset: int, limit: int) -> list[dict[str, Any]]:
        top, bottom = before + count - offset, before + max(count - offset - limit, 0) + 1
        if top < bottom:
            return []
        seq_from = first(lambda seq: matching(seq) >= bottom)
        seq_to = first(lambda seq: matching(seq) >= top)
        listed = store.entries(head.wallet, seq_from, seq_to)
        return [_row(entry) for entry in listed if f"{entry.type}:{entry.category}" in keys]

    return count, rows


def shown(head: Entry) -> dict[str, Any]:
    """The wallet as the app sees it, by its newest entry."""
    return {
        "id": head.wallet,
        "balance": rupees(head.balance_paise),
        "currency": "INR",
        "cashback": head.cashback_paise / 100,  # the JSON numbers that the app was given from the start
        "rewards": head.rewards_paise / 100,
        "is_active": True,
        "created_at": clock.iso(head.opened_at_us),
        "updated_at": clock.iso(head.created_at_us),
    }


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(uuid.UUID(entry.wallet), str(entry.seq))),
        "type": entry.type,
        "category": entry.category,
        "amount": rupees(entry.amount_paise),
        "balance_after": rupees(entry.balance_paise),
        "description": entry.description,
        "status": "completed",
        "payment": entry.payment or None,
        "created_at": clock.iso(entry.created_at_us),
    }


_NOTHING: Mapping[str, Any] = {
    "amount_paise": 0,
    "balance_paise": 0,
    "held_paise": 0,
    "cashback_paise": 0,
    "rewards_paise": 0,
    "counts": {},
    "sums_paise": {},
    "payment": "",
    "reference": "",
    "description": "",
    "created_at_us": 0,
    "opened_at_us": 0,
}


def _sealed(entry: Entry, type: str, category: str, amount_paise: int) -> Entry:
    """The finished entry: its time never before the last one's, its hash over everything."""
    entry.version, entry.type, entry.category, entry.amount_paise = VERSION, type, category, amount_paise
    entry.created_at_us = max(clock.now_us(), entry.created_at_us)
    entry.opened_at_us = entry.opened_at_us or entry.created_at_us
    entry.hash = entry_hash(entry)
    return entry


def _added(totals: dict[str, int], key: str, amount: int) -> dict[str, int]:
    return totals | {key: totals.get(key, 0) + amount}


def _plain(totals: Any) -> dict[str, int]:
    return dict(totals.as_dict()) if hasattr(totals, "as_dict") else dict(totals)
