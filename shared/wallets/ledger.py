"""The ledger's arithmetic: the next entry, the hash chain, and what makes a chain sound.

Each entry carries the whole state after it and the hash of the entry before. Its totals count the entries of each
kind and category: a filtered count is the difference of two entries' totals, and a filtered list follows the links
from one entry to the last of a kind and category before it.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from shared import clock
from shared.settings import settings
from shared.wallets import packed
from shared.wallets.models import Entry
from shared.wallets.packed import Total

VERSION = 3  # of the bytes that are hashed
OPENING, CREDIT, DEBIT, BLOCK, UNBLOCK = "opening", "credit", "debit", "block", "unblock"
HOLD, RELEASE, CAPTURE = "hold", "release", "capture"
CATEGORIES = ("top_up", "payment", "refund", "cashback", "reward", "expiry", "dispute", "adjustment")
NEW_MONEY = ("top_up", "adjustment")  # credits from which RecoverOwed takes what the customer owes
RECOVER_ALL = "all"

# The kinds and categories that are rows of a list -> their code in `totals`. A code is never used for another pair.
# The widest entry fits a kilobyte with these 18 and not with more.
PAIRS: Mapping[tuple[str, str], str] = {
    (CREDIT, "top_up"): "A",
    (CREDIT, "refund"): "B",
    (CREDIT, "cashback"): "C",
    (CREDIT, "reward"): "D",
    (CREDIT, "dispute"): "E",
    (CREDIT, "adjustment"): "F",
    (DEBIT, "payment"): "G",
    (DEBIT, "refund"): "H",
    (DEBIT, "cashback"): "I",
    (DEBIT, "expiry"): "J",
    (DEBIT, "dispute"): "K",
    (DEBIT, "adjustment"): "L",
    (HOLD, "payment"): "M",
    (HOLD, "refund"): "N",
    (HOLD, "dispute"): "O",
    (RELEASE, "payment"): "P",
    (RELEASE, "refund"): "Q",
    (RELEASE, "dispute"): "R",
}
# The pairs that no list shows and no total counts.
UNLISTED = (
    (OPENING, ""),
    (BLOCK, ""),
    (UNBLOCK, ""),
    (CAPTURE, "payment"),
    (CAPTURE, "refund"),
    (CAPTURE, "dispute"),
)
TYPES: Mapping[str, str] = {CREDIT: "credit", RELEASE: "credit", DEBIT: "debit", HOLD: "debit"}  # of rows, by kind

HASHED_FIELDS = (
    "version",
    "wallet",
    "seq",
    "kind",
    "category",
    "amount_paise",
    "by",
    "cash_paise",
    "held_paise",
    "owed_paise",
    "promo",
    "is_blocked",
    "totals",
    "at_us",
    "opened_at_us",
)


class State(NamedTuple):
    """What of a wallet's state an entry of this edition may change. Promo money has no rules yet."""

    cash_paise: int
    held_paise: int
    owed_paise: int
    is_blocked: bool


# --- which record justifies an entry


def by_payment(payment: str) -> str:
    return f"p:{payment}"


def by_refund(payment: str, refund: str) -> str:
    return f"r:{payment}/{refund}"


def by_dispute(payment: str, dispute: str) -> str:
    return f"d:{payment}/{dispute}"


def by_staff(record: str) -> str:
    return f"s:{record}"


def record_of(entry: Entry) -> tuple[str, str, str]:
    """The letter, the payment and the id of the record that justifies the entry: `("r", payment, refund)`.

    The payment of a staff record is empty, so is the id of a payment's own entry; all are for an opening.
    """
    letter, _, name = entry.by.partition(":")
    payment, _, record = name.partition("/")
    return ("s", "", payment) if letter == "s" else (letter, payment, record)


# --- the next entry


def opening_entry(wallet: str) -> Entry:
    """Entry 0, which opens a wallet and moves nothing."""
    return _seal(None, State(0, 0, 0, False), wallet=wallet, kind=OPENING, category="", amount_paise=0, by="")


def next_entry(
    head: Entry,
    kind: str,
    category: str,
    amount_paise: int,
    by: str,
    *,
    hold_paise: int = 0,
    forced: bool = False,
    recovers_paise: int | None = None,
) -> Entry:
    """The entry after `head`. `amount_paise` is positive, and 0 for BLOCK and UNBLOCK.

    A DEBIT that is `forced` takes what cash there is, and the rest is owed. A CAPTURE takes its amount out of a hold
    of `hold_paise` and returns the rest to cash. `recovers_paise` of what a CREDIT, RELEASE or CAPTURE adds to cash
    reduce what is owed instead; for a CREDIT without it the setting RecoverOwed decides. ValueError if anything would
    fall below zero.
    """
    if (kind, category) not in PAIRS and (kind, category) not in UNLISTED:
        raise ValueError(f"no entry is a {kind} of {category!r}")
    is_move = kind not in (BLOCK, UNBLOCK)
    if (amount_paise > 0) != is_move:
        raise ValueError("a move has a positive amount, and a block has none")
    if kind == CREDIT and recovers_paise is None:
        recovers_paise = _recovered_paise(head, category, amount_paise)
    if kind == CAPTURE and hold_paise < amount_paise:
        raise ValueError("a capture takes at most what is held")
    recovers_paise = recovers_paise or 0
    state = _state_after(head, kind, amount_paise, hold_paise, forced)
    added_paise = state.cash_paise - head.cash_paise
    state = state._replace(cash_paise=state.cash_paise - recovers_paise, owed_paise=state.owed_paise - recovers_paise)
    if min(state) < 0 or not 0 <= recovers_paise <= max(added_paise, 0):
        raise ValueError("no part of a wallet falls below zero")
    return _seal(head, state, wallet=head.wallet, kind=kind, category=category, amount_paise=amount_paise, by=by)


def _recovered_paise(head: Entry, category: str, amount_paise: int) -> int:
    """What RecoverOwed takes from a credit."""
    is_recovered = head.owed_paise and category in NEW_MONEY and settings().recover_owed == RECOVER_ALL
    return min(head.owed_paise, amount_paise) if is_recovered else 0


def _state_after(head: Entry, kind: str, amount_paise: int, hold_paise: int, forced: bool) -> State:
    cash, held, owed = head.cash_paise, head.held_paise, head.owed_paise
    if kind == CREDIT:
        cash += amount_paise
    elif kind == DEBIT:
        taken = min(cash, amount_paise) if forced else amount_paise
        cash, owed = cash - taken, owed + amount_paise - taken
    elif kind == HOLD:
        cash, held = cash - amount_paise, held + amount_paise
    elif kind == RELEASE:
        cash, held = cash + amount_paise, held - amount_paise
    elif kind == CAPTURE:
        cash, held = cash + hold_paise - amount_paise, held - hold_paise
    return State(cash, held, owed, kind == BLOCK or (head.is_blocked and kind != UNBLOCK))


def _seal(head: Entry | None, state: State, **move: Any) -> Entry:
    """The complete entry: a time that is never before the previous one, and the hash over everything."""
    at_us = max(clock.now_us(), head.at_us if head else 0)
    entry = Entry(
        **move,
        **state._asdict(),
        version=VERSION,
        seq=head.seq + 1 if head else 0,
        promo=head.promo if head else "",
        totals=packed.pack_totals(_totals_after(head, move["kind"], move["category"], move["amount_paise"])),
        at_us=at_us,
        opened_at_us=head.opened_at_us if head else at_us,
        previous_hash=head.hash if head else b"",
    )
    entry.hash = entry_hash(entry)
    return entry


def _totals_after(head: Entry | None, kind: str, category: str, amount_paise: int) -> dict[str, Total]:
    totals = packed.totals(head.totals) if head else {}
    if head and (code := code_of(head)):
        totals[code] = totals[code]._replace(last_seq=head.seq)
    if code := PAIRS.get((kind, category), ""):
        before = totals.get(code, Total())
        totals[code] = Total(before.entries + 1, before.sum_paise + amount_paise, before.last_seq)
    return totals


# --- totals


def code_of(entry: Entry) -> str:
    """The code of the entry's kind and category; empty for one that no list shows."""
    return PAIRS.get((entry.kind, entry.category), "")


def count_until(entry: Entry, codes: Collection[str]) -> int:
    """How many entries have these codes, from the first one to this one."""
    totals = packed.totals(entry.totals)
    return sum(totals[code].entries for code in codes if code in totals)


def last_before(entry: Entry, codes: Collection[str]) -> int:
    """The number of the last entry with one of these codes before this one; 0 for none."""
    totals = packed.totals(entry.totals)
    return max((totals[code].last_seq for code in codes if code in totals), default=0)


# --- checks


def entry_hash(entry: Entry) -> bytes:
    """SHA-256 over a JSON list of the entry's values in a fixed order, the previous hash in hexadecimal last."""
    values = [*(getattr(entry, name) for name in HASHED_FIELDS), entry.previous_hash.hex()]
    return hashlib.sha256(json.dumps(values, separators=(",", ":")).encode()).digest()


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
        faults.append("the entry before it is missing")
    try:
        is_sum = _total_paise(entry) - (_total_paise(previous) if previous else 0) == _change_paise(entry)
        is_sum = is_sum and _parts_follow(previous, entry)
        expected = _totals_after(previous, entry.kind, entry.category, entry.amount_paise)
        is_counted = entry.totals == packed.pack_totals(expected)
    except (ValueError, KeyError):  # a packed text that nobody wrote so
        is_sum = is_counted = False
    if not is_sum:
        faults.append("the balance is not the sum")
    if not is_counted:
        faults.append("the totals do not follow")
    if entry.version != VERSION or not _is_same_wallet(previous, entry):
        faults.append("it is of another wallet, version or time")
    if entry.previous_hash != (previous.hash if previous else b"") or entry.hash != entry_hash(entry):
        faults.append("the chain is broken")
    return [f"entry {entry.seq}: {fault}" for fault in faults]


def _total_paise(entry: Entry) -> int:
    """The sum that a credit raises and a debit lowers."""
    return entry.cash_paise + packed.promo_paise(entry.promo) + entry.held_paise - entry.owed_paise


def _change_paise(entry: Entry) -> int:
    """By how much the entry changes the total."""
    return {CREDIT: entry.amount_paise, DEBIT: -entry.amount_paise, CAPTURE: -entry.amount_paise}.get(entry.kind, 0)


def _parts_follow(previous: Entry | None, entry: Entry) -> bool:
    """Whether the kind of entry may change each part as it did, and nothing is below zero."""
    parts = (entry.cash_paise, entry.held_paise, entry.owed_paise, *packed.promo(entry.promo).values())
    pair, amount = (entry.kind, entry.category), entry.amount_paise
    if min(parts) < 0 or (pair not in PAIRS and pair not in UNLISTED):
        return False
    if previous is None or entry.kind == OPENING:
        return previous is None and entry.kind == OPENING and not any((*parts, amount, entry.is_blocked))
    cash = entry.cash_paise - previous.cash_paise
    held = entry.held_paise - previous.held_paise
    owed = entry.owed_paise - previous.owed_paise
    promo = packed.promo_paise(entry.promo) - packed.promo_paise(previous.promo)
    blocked = entry.is_blocked
    is_allowed = {
        CREDIT: amount > 0 and held == 0 and min(cash, promo, -owed) >= 0,
        DEBIT: amount > 0 and held == 0 and max(cash, promo, -owed) <= 0,
        HOLD: amount > 0 and held == amount and max(cash, promo) <= 0 and owed == 0,
        RELEASE: amount > 0 and held == -amount and min(cash, promo, -owed) >= 0,
        CAPTURE: amount > 0 and held <= -amount and min(cash, promo, -owed) >= 0,
        BLOCK: amount == cash == held == owed == 0 and entry.promo == previous.promo and blocked,
        UNBLOCK: amount == cash == held == owed == 0 and entry.promo == previous.promo and not blocked,
    }[entry.kind]
    return is_allowed and (entry.kind in (BLOCK, UNBLOCK) or blocked == previous.is_blocked)


def _is_same_wallet(previous: Entry | None, entry: Entry) -> bool:
    """Whether the entry is of the same wallet, and not earlier."""
    if previous is None:
        return entry.opened_at_us == entry.at_us
    same = (entry.wallet, entry.opened_at_us) == (previous.wallet, previous.opened_at_us)
    return same and entry.at_us >= previous.at_us
