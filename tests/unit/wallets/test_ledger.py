"""The ledger's arithmetic, and a hash chain that reveals every change to it."""

import pytest

from shared.wallets import ledger
from shared.wallets.models import Entry
from shared.wallets.wallet import wallet_id


def a_ledger(amounts: list[int]) -> list[Entry]:
    """A wallet's entries after its opening: credits above zero, debits below."""
    entries = [ledger.opening_entry(wallet_id("asha"))]
    for amount in amounts:
        kind, category = (ledger.CREDIT, "top_up") if amount > 0 else (ledger.DEBIT, "payment")
        entries.append(ledger.next_entry(entries[-1], kind, category, abs(amount), ledger.by_payment("p")))
    return entries


def test_sound_ledger_has_no_faults() -> None:
    """Its times never run backwards."""
    entries = a_ledger([500, -200, 100, -400])
    assert ledger.verify_chain(entries) == [] and entries[-1].cash_paise == 0
    times = [entry.at_us for entry in entries]
    assert times == sorted(times)


@pytest.mark.parametrize("amount", [0, -5, 501])
def test_entry_moves_positive_amount_and_never_below_zero(amount: int) -> None:
    with pytest.raises(ValueError, match="below zero|positive amount"):
        ledger.next_entry(a_ledger([500])[-1], ledger.DEBIT, "payment", amount, "")


@pytest.mark.parametrize(
    ("name", "value"),
    [("amount_paise", 501), ("cash_paise", 501), ("totals", ""), ("at_us", 1), ("by", "x")],
)
def test_changed_value_breaks_chain(name: str, value: object) -> None:
    entries = a_ledger([500, -200])
    setattr(entries[1], name, value)
    assert ledger.verify_chain(entries)


def test_missing_entry_is_detected() -> None:
    entries = a_ledger([500, -200, 100])
    assert ledger.verify_chain(entries[:2] + entries[3:])


def test_later_entry_with_earlier_clock_takes_previous_time(monkeypatch: pytest.MonkeyPatch) -> None:
    (opening,) = a_ledger([])
    monkeypatch.setattr("shared.clock.now_us", lambda: opening.at_us - 1_000_000)
    entry = ledger.next_entry(opening, ledger.CREDIT, "top_up", 500, "")
    assert entry.at_us == entry.opened_at_us == opening.at_us
