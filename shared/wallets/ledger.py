"""The ledger's arithmetic: the next entry, the hash chain, and what makes a chain sound.

Each entry carries the whole state after it and the hash of the entry before. Cumulative counts per type and category
make a filtered count the difference of two entries.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shared import clock
from shared.wallets.models import Entry

VERSION = 2  # of the bytes that are hashed
CREDIT, DEBIT = "credit", "debit"
TYPES = (CREDIT, DEBIT)
CATEGORIES = ("top_up", "payment", "refund", "cashback", "reward", "adjustment")
OPENING = "opening"  # the category of entry 0, which is not listed

HASHED_FIELDS = (
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

OPENING_VALUES: Mapping[str, Any] = {
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
    "previous_hash": "",
}


def opening_entry(wallet: str) -> Entry:
    """Entry 0, which opens a wallet and moves nothing."""
    return _seal(Entry(wallet=wallet, seq=0, **OPENING_VALUES), CREDIT, OPENING)


def next_entry(
    head: Entry,
    type: str,
    category: str,
    amount_paise: int,
    *,
    payment: str = "",
    reference: str = "",
    description: str = "",
) -> Entry:
    """The entry after `head`. `amount_paise` is positive; `type` is CREDIT or DEBIT."""
    balance_paise = head.balance_paise + (amount_paise if type == CREDIT else -amount_paise)
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
        counts=_add(totals(head.counts), key, 1),
        sums_paise=_add(totals(head.sums_paise), key, amount_paise),
        payment=payment,
        reference=reference,
        description=description,
        previous_hash=head.hash,
        created_at_us=head.created_at_us,
        opened_at_us=head.opened_at_us,
    )
    return _seal(entry, type, category)


def entry_hash(entry: Entry) -> str:
    """SHA-256 over the entry's integers and texts in a fixed order, then its sorted totals."""
    values = [getattr(entry, name) for name in HASHED_FIELDS]
    sorted_totals = [sorted(totals(entry.counts).items()), sorted(totals(entry.sums_paise).items())]
    return hashlib.sha256(json.dumps([values, sorted_totals], separators=(",", ":")).encode()).hexdigest()


def verify_chain(entries: list[Entry]) -> list[str]:
    """What is wrong with a whole ledger, oldest entry first; empty for a sound one."""
    previous: list[Entry | None] = [None, *entries]
    return [fault for pair in zip(previous, entries, strict=False) for fault in verify_link(*pair)]


def verify_link(previous: Entry | None, entry: Entry) -> list[str]:
    """Why an entry does not follow from the one before it; an opening entry follows None.

    A ledger whose links are all sound, and whose entries never changed, is sound as a whole.
    """
    faults = []
    if entry.seq != (previous.seq + 1 if previous else 0):
        faults.append(f"entry {entry.seq}: the entry before it is missing")
    moved_paise = entry.amount_paise if entry.type == CREDIT else -entry.amount_paise
    balance_paise = (previous.balance_paise if previous else 0) + moved_paise
    if entry.balance_paise != balance_paise or balance_paise < 0:
        faults.append(f"entry {entry.seq}: the balance is not the sum")
    if entry.previous_hash != (previous.hash if previous else "") or entry.hash != entry_hash(entry):
        faults.append(f"entry {entry.seq}: the chain is broken")
    return faults


def totals(attribute: Any) -> dict[str, int]:
    """An entry's counts or sums as a plain dict."""
    return dict(attribute.as_dict()) if hasattr(attribute, "as_dict") else dict(attribute)


def _seal(entry: Entry, type: str, category: str) -> Entry:
    """Complete the entry: a time that is never before the previous one, and the hash over everything."""
    entry.version, entry.type, entry.category = VERSION, type, category
    entry.created_at_us = max(clock.now_us(), entry.created_at_us)
    entry.opened_at_us = entry.opened_at_us or entry.created_at_us
    entry.hash = entry_hash(entry)
    return entry


def _add(sums: dict[str, int], key: str, amount: int) -> dict[str, int]:
    return sums | {key: sums.get(key, 0) + amount}
