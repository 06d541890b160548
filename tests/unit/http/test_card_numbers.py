"""Card numbers are found however they are written, and other numbers are not taken for one."""

import time

import pytest

from shared.http.card_numbers import card_number_in

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
