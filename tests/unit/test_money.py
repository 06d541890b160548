"""Exact money: rupees as text to paise and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import paise_from_text, rupees


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
def test_rupees_parse_as_in_django(text: str, paise: int) -> None:
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
def test_malformed_amount_is_refused_before_arithmetic(text: str) -> None:
    with pytest.raises(ValueError, match="[Aa]|String"):
        paise_from_text(text)


@given(st.integers(min_value=-(10**10) + 1, max_value=10**10 - 1))
def test_paise_survive_a_round_trip(paise: int) -> None:
    assert paise_from_text(rupees(paise)) == paise
