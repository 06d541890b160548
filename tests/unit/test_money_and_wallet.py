"""Exact money, and a ledger that shows every change made to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import wallet
from shared.money import paise_from_text, rupees
from shared.store import Entry


@pytest.mark.parametrize(
    ("text", "paise"),
    [
        ("19.99", 1_999),
        ("1e2", 10_000),
        (" 7 ", 700),
        ("0.05", 5),
        ("\u0967\u0966", 1_000),
        ("-1", -100),
        ("00500.10", 50_010),
    ],
)
def test_rupees_are_read_as_django_reads_them(text: str, paise: int) -> None:
    assert paise_from_text(text) == paise


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "NaN",
        "Infinity",
        "1,000",
        "0x10",
        "10.505",
        "1E1000000",
        "1E999999999",  # a number that no machine has room for
        "1E-1000000",
        "9" * 5_000,
        "123456789012",
    ],
)
def test_what_is_no_amount_is_refused_before_any_arithmetic(text: str) -> None:
    with pytest.raises(ValueError, match="[Aa]|String"):
        paise_from_text(text)


@given(st.integers(min_value=-(10**10) + 1, max_value=10**10 - 1))
def test_paise_survive_being_written_and_read(paise: int) -> None:
    assert paise_from_text(rupees(paise)) == paise


def ledger(amounts: list[int]) -> list[Entry]:
    """A wallet's entries: credits above zero, debits below."""
    opening = Entry(wallet=wallet.wallet_id("asha"), seq=0, previous_hash="", **wallet._NOTHING)
    entries = [wallet._sealed(opening, wallet.CREDIT, wallet.OPENING, 0)]
    for amount in amounts:
        kind, category = (wallet.CREDIT, "top_up") if amount > 0 else (wallet.DEBIT, "payment")
        entries.append(wallet.following(entries[-1], kind, category, abs(amount)))
    return entries


def test_a_ledger_adds_up_and_its_times_never_run_backwards() -> None:
    entries = ledger([500, -200, 100, -400])
    assert wallet.faults(entries) == [] and entries[-1].balance_paise == 0
    times = [entry.created_at_us for entry in entries]
    assert times == sorted(times)


@pytest.mark.parametrize("amount", [0, -5, 501])
def test_an_entry_moves_a_positive_amount_and_never_below_zero(amount: int) -> None:
    with pytest.raises(ValueError, match="never below zero"):
        wallet.following(ledger([500])[-1], wallet.DEBIT, "payment", amount)


@pytest.mark.parametrize(
    ("name", "value"),
    [("amount_paise", 501), ("balance_paise", 501), ("description", "x"), ("created_at_us", 1), ("payment", "x")],
)
def test_one_changed_value_breaks_the_chain(name: str, value: object) -> None:
    entries = ledger([500, -200])
    setattr(entries[1], name, value)
    assert wallet.faults(entries)


def test_a_missing_entry_is_noticed() -> None:
    entries = ledger([500, -200, 100])
    assert wallet.faults(entries[:2] + entries[3:])
