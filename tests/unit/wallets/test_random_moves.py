"""Random moves against a second, simpler account of a wallet; and no changed byte of an entry goes unseen."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from shared import settings
from shared.wallets import ledger, packed
from shared.wallets.models import Entry
from shared.wallets.wallet import wallet_id
from tests.unit.conftest import ENVIRONMENT

SEEDS, MOVES = 60, 80
AMOUNTS = (1, 7, 99, 100, 1_234, 50_000)
CREDITS = ("top_up", "refund", "dispute", "adjustment")
DEBITS = ("payment", "refund", "dispute", "adjustment")
HELD_FOR = ("refund", "dispute", "payment")
MAKES = ("credit", "credit", "spend", "force", "hold", "hold", "release", "capture", "block")


class Purse:
    """What a customer has: cash, amounts set aside, and a debt. It knows nothing of entries.

    A move returns what to ask of the ledger, None if the purse cannot make it.
    """

    def __init__(self, chance: random.Random, recovers: bool) -> None:
        self.chance, self.recovers = chance, recovers
        self.cash = self.debt = self.came_in = self.went_out = 0
        self.set_aside: list[int] = []
        self.is_blocked = False

    def credit(self, paise: int) -> dict[str, Any]:
        category = self.chance.choice(CREDITS)
        self.came_in += paise
        pays_debt = self.recovers and category in ("top_up", "adjustment")
        for_debt = sorted((0, self.debt, paise))[1] if pays_debt else 0
        self.debt -= for_debt
        self.cash += paise - for_debt
        return {"kind": "credit", "category": category, "amount_paise": paise}

    def spend(self, paise: int) -> dict[str, Any] | None:
        if self.cash < paise:
            return None
        self.cash -= paise
        self.went_out += paise
        return {"kind": "debit", "category": self.chance.choice(DEBITS), "amount_paise": paise}

    def force(self, paise: int) -> dict[str, Any]:
        """What Razorpay has taken is gone, whether the cash is there or not."""
        self.went_out += paise
        self.cash -= paise
        if self.cash < 0:
            self.debt, self.cash = self.debt - self.cash, 0
        return {"kind": "debit", "category": self.chance.choice(DEBITS), "amount_paise": paise, "forced": True}

    def hold(self, paise: int) -> dict[str, Any] | None:
        if self.cash < paise:
            return None
        self.cash -= paise
        self.set_aside.append(paise)
        return {"kind": "hold", "category": self.chance.choice(HELD_FOR), "amount_paise": paise}

    def release(self, paise: int) -> dict[str, Any] | None:
        if not self.set_aside:
            return None
        paise = self.set_aside.pop(self.chance.randrange(len(self.set_aside)))
        self.cash += paise
        return {"kind": "release", "category": self.chance.choice(HELD_FOR), "amount_paise": paise}

    def capture(self, paise: int) -> dict[str, Any] | None:
        if not self.set_aside:
            return None
        whole = self.set_aside.pop(self.chance.randrange(len(self.set_aside)))
        taken = self.chance.choice((whole, self.chance.randint(1, whole)))
        self.cash += whole - taken
        self.went_out += taken
        category = self.chance.choice(HELD_FOR)
        return {"kind": "capture", "category": category, "amount_paise": taken, "hold_paise": whole}

    def block(self, paise: int) -> dict[str, Any]:
        self.is_blocked = not self.is_blocked
        return {"kind": "block" if self.is_blocked else "unblock", "category": "", "amount_paise": 0}


def moves(seed: int, recovers: bool) -> Iterator[tuple[Purse, Entry, Entry]]:
    """The purse, the entry before and the entry after each of some random moves."""
    chance = random.Random(seed)
    purse, head = Purse(chance, recovers), ledger.opening_entry(wallet_id("asha"))
    for _ in range(MOVES):
        asked = getattr(purse, chance.choice(MAKES))(chance.choice(AMOUNTS))
        if asked is not None:
            before, head = head, ledger.next_entry(head, by=ledger.by_staff("1"), **asked)
            yield purse, before, head


@pytest.fixture(params=["all", "never"])
def recovers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    for name, value in {**ENVIRONMENT, "RECOVER_OWED": request.param}.items():
        monkeypatch.setenv(name, value)
    settings.settings.cache_clear()
    yield request.param == "all"
    settings.settings.cache_clear()


def test_ledger_and_purse_agree_after_every_move(recovers: bool) -> None:
    owed = 0
    for seed in range(SEEDS):
        for purse, before, entry in moves(seed, recovers):
            assert ledger.verify_link(before, entry) == []
            assert (entry.cash_paise, entry.owed_paise) == (purse.cash, purse.debt)
            assert (entry.held_paise, entry.is_blocked) == (sum(purse.set_aside), purse.is_blocked)
            total = entry.cash_paise + entry.held_paise - entry.owed_paise
            assert total == purse.came_in - purse.went_out
            owed += bool(entry.owed_paise)
    assert owed  # some of these wallets owe


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("recovers", ["all"], indirect=True)
def test_totals_count_rows_and_link_to_the_last(seed: int, recovers: bool) -> None:
    counts: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    last: dict[str, int] = {}
    for _, _, entry in moves(seed, recovers):
        code = ledger.code_of(entry)
        if code:
            counts[code] += 1
            sums[code] += entry.amount_paise
        expected = {name: packed.Total(counts[name], sums[name], last.get(name, 0)) for name in counts}
        assert packed.totals(entry.totals) == expected
        if code:
            last[code] = entry.seq


@pytest.mark.parametrize("asked", ["debit", "hold", "release", "capture"])
def test_move_beyond_what_is_there_is_refused(asked: str) -> None:
    head = ledger.next_entry(ledger.opening_entry(wallet_id("asha")), "credit", "top_up", 500, "")
    head = ledger.next_entry(head, "hold", "refund", 200, "")
    more = {"debit": 301, "hold": 301, "release": 201, "capture": 201}[asked]
    with pytest.raises(ValueError, match="below zero"):
        ledger.next_entry(head, asked, "refund", more, "", hold_paise=more)
    assert ledger.next_entry(head, asked, "refund", more - 1, "", hold_paise=more - 1).seq == 3


def test_capture_of_more_than_its_hold_is_refused() -> None:
    head = ledger.next_entry(ledger.opening_entry(wallet_id("asha")), "credit", "top_up", 500, "")
    head = ledger.next_entry(head, "hold", "refund", 300, "")
    with pytest.raises(ValueError, match="what is held"):
        ledger.next_entry(head, "capture", "refund", 201, "", hold_paise=200)


@pytest.mark.parametrize(("kind", "category"), [("credit", "payment"), ("hold", "top_up"), ("block", "refund")])
def test_kind_and_category_that_do_not_exist_are_refused(kind: str, category: str) -> None:
    with pytest.raises(ValueError, match="no entry"):
        ledger.next_entry(ledger.opening_entry(wallet_id("asha")), kind, category, 1, "")


# --- changed bytes


def changes(item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The item with each single character, digit, byte or flag changed."""
    for name, value in item.items():
        ((kind, content),) = value.items()
        if kind == "BOOL":
            yield name, item | {name: {kind: not content}}
            continue
        for place in range(len(content)):
            if kind == "B":
                changed: Any = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            else:
                changed = content[:place] + ("1" if content[place] != "1" else "2") + content[place + 1 :]
            yield name, item | {name: {kind: changed}}


@pytest.mark.parametrize("recovers", ["all"], indirect=True)
def test_any_changed_byte_is_found(recovers: bool) -> None:
    for _, before, entry in list(moves(1, recovers))[-12:]:
        item = entry.serialize()
        for name, changed in changes(item):
            assert ledger.verify_link(before, Entry.from_raw_data(changed)), (entry.kind, name, changed[name])


@pytest.mark.parametrize("recovers", ["all"], indirect=True)
def test_state_that_the_kind_cannot_make_is_found_with_right_hashes(recovers: bool) -> None:
    """Somebody who can write entries can also hash them. The rules still say what may follow."""
    for _, before, entry in list(moves(2, recovers))[-20:]:
        for name in ("cash_paise", "held_paise", "owed_paise", "amount_paise", "seq", "opened_at_us"):
            forged = Entry.from_raw_data(entry.serialize())
            setattr(forged, name, getattr(entry, name) + 1)
            forged.hash = ledger.entry_hash(forged)
            assert ledger.verify_link(before, forged), (entry.kind, name)
        for name, value in (("is_blocked", not entry.is_blocked), ("totals", "A1.1.0"), ("promo", "2712c1")):
            forged = Entry.from_raw_data(entry.serialize())
            setattr(forged, name, value)
            forged.hash = ledger.entry_hash(forged)
            assert ledger.verify_link(before, forged), (entry.kind, name)


@pytest.mark.parametrize("recovers", ["all"], indirect=True)
def test_money_that_changes_heaps_is_found(recovers: bool) -> None:
    """The sum is right all the same. Only a capture of a part may return any rest, and only debits make debts."""
    seen = set()
    for _, before, entry in list(moves(3, recovers)) + list(moves(4, recovers)):
        for heap, kinds_that_may in (("held_paise", ("capture",)), ("owed_paise", ("credit", "debit"))):
            if entry.kind in kinds_that_may:
                continue
            forged = Entry.from_raw_data(entry.serialize())
            forged.cash_paise += 1 if heap == "owed_paise" else -1
            setattr(forged, heap, getattr(forged, heap) + 1)
            forged.hash = ledger.entry_hash(forged)
            assert f"entry {entry.seq}: the balance is not the sum" in ledger.verify_link(before, forged)
            seen.add(entry.kind)
    assert seen == {"credit", "debit", "hold", "release", "capture", "block", "unblock"}
