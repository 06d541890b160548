"""Card numbers are found in every shape in which cards are written, and other numbers are not taken for one."""

import random
import time
from collections.abc import Callable

import pytest

from shared.http.card_numbers import candidates, card_number_in, is_card_key

VISA = "4111111111111111"


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        f"my card {VISA} thanks",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111 - 1111 - 1111 - 1111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "\u0664\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661",
        "4111\u200b1111\u200b1111\u200b1111",
        "4111 1111 1111 1111 12/27 123",
        "378282246310005",
        "6527658900001005",
        "5555555555554444",
    ],
)
def test_card_number_is_found(text: str) -> None:
    assert card_number_in(text)


@pytest.mark.parametrize(
    "text", ["9876543210", "+91 98765 43210", "4242", "4111111111111112", "2026-11-24 16:08:12", "0" * 16, "asha@ybl"]
)
def test_other_number_is_no_card_number(text: str) -> None:
    assert not card_number_in(text)


def test_card_number_search_of_a_full_body_is_quick() -> None:
    started = time.process_time()
    for text in ("1 " * 32_000, "7" * 64_000, "12345678 " * 7_000):
        card_number_in(text)
    assert time.process_time() - started < 2


# --- the shapes, separators and issuers of cards

# The first digits and lengths of numbers, as the schemes publish them.
PREFIXES = (
    ("Visa", "4", 13), ("Visa", "4", 16), ("Visa", "4", 19),
    ("Mastercard", "51", 16), ("Mastercard", "55", 16), ("Mastercard", "2221", 16), ("Mastercard", "2720", 16),
    ("American Express", "34", 15), ("American Express", "37", 15),
    ("Diners Club", "300", 14), ("Diners Club", "305", 14), ("Diners Club", "36", 14), ("Diners Club", "38", 14),
    ("Discover", "6011", 16), ("Discover", "644", 16), ("Discover", "65", 19),
    ("JCB", "3528", 16), ("JCB", "3589", 16), ("former JCB", "2131", 15), ("former JCB", "1800", 15),
    ("Mir", "2200", 16),
    ("RuPay", "508", 16), ("RuPay", "6070", 16), ("RuPay", "6522", 16), ("RuPay", "817", 16), ("RuPay", "353", 16),
    ("UnionPay", "62", 16), ("UnionPay", "62", 17), ("UnionPay", "62", 18), ("UnionPay", "62", 19),
    ("Maestro", "5018", 13), ("Maestro", "5044", 19), ("Maestro", "56", 16), ("Maestro", "6304", 18),
    ("Maestro", "6759", 16), ("Maestro", "6763", 19),
)  # fmt: skip
SHAPES = {13: [], 14: [(4, 6, 4)], 15: [(4, 6, 5)], 16: [(4,) * 4], 17: [], 18: [], 19: [(4, 4, 4, 4, 3)]}
ONLY_IN_ONE_RUN = ("former JCB",)  # 4-6-5 is American Express alone
SEPARATORS = (" ", "-", ".", "/", "_", " - ", "  ", "\u00a0", "\u2009", "\u2013", "\u2011", "\u2212", "\t", "\u00b7")
AROUND = ("{}", "my card {} thanks", "Card:{}, exp 12/27", "{} 12/27 123", "call 98765 43210 {}", "\u202a{}\u202c")


def with_check_digit(digits: str) -> str:
    """The digits with Luhn's check digit behind them."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value // 10 + value % 10
    return digits + str(-total % 10)


def random_card(chance: random.Random) -> str:
    """A number that an issuer could have given out, in a shape and a text in which people write it."""
    scheme, prefix, length = chance.choice(PREFIXES)
    number = with_check_digit(prefix + "".join(chance.choices("0123456789", k=length - len(prefix) - 1)))
    shape = chance.choice([None, *(SHAPES[length] if scheme not in ONLY_IN_ONE_RUN else [])])
    if shape:
        groups = [number[sum(shape[:place]) :][:size] for place, size in enumerate(shape)]
        number = chance.choice(SEPARATORS).join(groups)
    return chance.choice(AROUND).format(number)


def test_all_of_5000_card_numbers_are_found() -> None:
    chance = random.Random(15)
    cards = [random_card(chance) for _ in range(5_000)]
    assert [text for text in cards if not card_number_in(text)] == []


@pytest.mark.parametrize("first", ["0", "1", "2", "7", "9"])
def test_number_of_no_issuer_is_no_card(first: str) -> None:
    chance = random.Random(first)
    for length in range(13, 20):
        digits = first + "0" + "".join(chance.choices("0123456789", k=length - 3))
        assert not card_number_in(with_check_digit(digits))


@pytest.mark.parametrize(
    "text",
    [
        "%B4111111111111111^SHARMA/ASHA^27121010000000000?",
        ";4111111111111111=27121010000000000?",
        "4111111111111111|12|27|123",
        "Visa4111111111111111",
        "4821 4111 1111 1111 1111",
        "4111 1111 1111 1111 5555 5555 5555 4444",
        "4\ufe0f\u20e31\ufe0f\u20e311111111111111",
        "\uff14\uff11\uff11\uff11 1111 1111 1111",
        "4\u20601\u200d1\ufeff1\u00ad1\u200e11111111111",
        "4111\u3164" + "1111\u3164" * 2 + "1111",
        "4111 1111 1111 1111 123",
        "3782 822463 10005 98765 43210",
        "3782 822463 10005 560034",
    ],
)
def test_card_number_is_found_in_its_surroundings(text: str) -> None:
    assert card_number_in(text)


@pytest.mark.parametrize(
    "name", ["cvv", "CVV2", "card-cvc", "Security Code", "track_1", "Track2", "PAN", "card_number"]
)
def test_card_key_is_recognized_however_it_is_written(name: str) -> None:
    assert is_card_key(name) and not is_card_key(f"{name} of the shop")


# --- numbers that people write


def digits(chance: random.Random, count: int, first: str = "0123456789") -> str:
    return chance.choice(first) + "".join(chance.choices("0123456789", k=count - 1))


PHONES: tuple[Callable[[str], str], ...] = (
    lambda p: p,
    lambda p: f"{p[:5]} {p[5:]}",
    lambda p: f"{p[:5]}-{p[5:]}",
    lambda p: f"+91 {p[:5]} {p[5:]}",
    lambda p: f"+91-{p}",
    lambda p: f"0{p}",
    lambda p: f"{p[:3]} {p[3:6]} {p[6:]}",
    lambda p: f"{p[:4]} {p[4:7]} {p[7:]}",
    lambda p: f"({p[:5]}) {p[5:]}",
    lambda p: f"0091.{p[:5]}.{p[5:]}",
)
AADHAARS: tuple[Callable[[str], str], ...] = (
    lambda a: a,
    lambda a: f"{a[:4]} {a[4:8]} {a[8:]}",
    lambda a: f"{a[:4]}-{a[4:8]}-{a[8:]}",
    lambda a: f"{a[:4]}.{a[4:8]}.{a[8:]}",
    lambda a: f"{a[:4]}/{a[4:8]}/{a[8:]}",
    lambda a: f"{a[:4]} - {a[4:8]} - {a[8:]}",
    lambda a: f"{a[:4]}\u00a0{a[4:8]}\u00a0{a[8:]}",
    lambda a: f"{a[:6]} {a[6:]}",
    lambda a: f"XXXX XXXX {a[8:]}",
    lambda a: " ".join(a),
)
PINS: tuple[Callable[[str], str], ...] = (lambda p: p, lambda p: f"{p[:3]} {p[3:]}", lambda p: f"PIN-{p}")
DATES = (
    "{d:02}-{m:02}-{y}",
    "{y}-{m:02}-{d:02}",
    "{d}/{m}/{y}",
    "{d:02}.{m:02}.{y}",
    "{y}{m:02}{d:02}",
    "{d} {m} {y}",
)
ORDERS: tuple[Callable[[random.Random], str], ...] = (
    lambda chance: f"#{digits(chance, 5)}",
    lambda chance: digits(chance, 8),
    lambda chance: f"ORD-{digits(chance, 4)}-{digits(chance, 6)}",
    lambda chance: f"{digits(chance, 3)}-{digits(chance, 7)}-{digits(chance, 7)}",
    lambda chance: f"GC {digits(chance, 6)}",
)
JOINTS = (" ", ", ", " / ", " - ", "\n", "; ", " or ", ". ", " (", " & ")


def ordinary_text(chance: random.Random, writing: int) -> str:
    """One to four numbers side by side; phones and Aadhaar numbers in one of ten writings, one Aadhaar at most."""
    date = {"d": chance.randint(1, 28), "m": chance.randint(1, 12), "y": chance.randint(2024, 2028)}
    numbers = [
        PHONES[writing](digits(chance, 10, "6789")),
        chance.choice(PHONES)(digits(chance, 10, "6789")),
        chance.choice(PINS)(digits(chance, 6, "12345678")),
        chance.choice(DATES).format(**date),
        chance.choice(ORDERS)(chance),
        AADHAARS[writing](digits(chance, 12, "23456789")),
    ]
    return chance.choice(JOINTS).join(chance.sample(numbers, chance.randint(1, 4)))


def test_fewer_than_one_in_1000_ordinary_texts_is_refused() -> None:
    """2,000 texts in each of ten writings. What is left is an Aadhaar number behind four digits of a phone number."""
    refused = {}
    for writing in range(10):
        chance = random.Random(writing)
        texts = [ordinary_text(chance, writing) for _ in range(2_000)]
        refused[writing] = [text for text in texts if card_number_in(text)]
    assert sum(map(len, refused.values())) < 20, refused
    assert max(map(len, refused.values())) <= 2, refused


@pytest.mark.parametrize(
    "text",
    [
        "Ring the bell, +91 98450 12345 / 99000 54321",
        "Collect on 14-08-2026 98450 12344",
        "Three shirts, 63661 23450 560034",
        "Gate 5412 751234 98765 43210",
        "2345 6789 0123 2026-03-22",
        "080 4123 4567 / 080 4123 4568",
        "3782 822463 10005 43210",
        "2345/6789/4111 1111 1111 1111",
        "4111 1111 1111 1111-2345-6789",
        "4567 8901 2341 2026-03-22",
        "402-1234567-1234567",
        "5010 0123 4567 89, 50100123456789",
    ],
)
def test_numbers_side_by_side_are_no_card_number(text: str) -> None:
    assert not card_number_in(text)


@pytest.mark.parametrize("unit", ["1 ", "1-", "4111 ", "4821-", "1   ", "7", "12345678 ", "\u0664 ", "2026-03-22 "])
def test_search_looks_at_few_candidates_in_a_full_body(unit: str) -> None:
    """The work is bounded by the candidates: at most three checks for each group of digits, five characters long."""
    text = unit * (64 * 1024 // len(unit.encode()))
    assert len(list(candidates(text))) <= 3 * len(text) / 5
