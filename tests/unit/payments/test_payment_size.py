"""A payment's row fits a kilobyte where the texts in it are as long as usual, so that settling costs four units."""

import pytest

from shared.payments.apply import apply_attempt
from shared.payments.create import add_balance, create_payment
from shared.payments.models import Payment, get_or_404
from tests.unit.conftest import an_attempt
from tools.cost.meter import item_bytes

pytestmark = pytest.mark.usefixtures("tables", "razorpay")

KILOBYTE = 1_024
CUSTOMER = "9c1d4f0e-3d52-4a86-b4a7-2f8d1c7f3c55"  # a `sub` of Cognito
TOP_UP = {"amount": 50_000, "description": "Wallet top-up"}
ORDER = {
    "amount": 50_000,
    "source": "gateway",
    "payment_method": None,
    "reference": "garment-order-1042",
    "description": "Dry cleaning, 3 pieces",
    "contact": "+919876543210",
}


def captured(payment: Payment) -> Payment:
    attempt = an_attempt(payment.gateway_order, 50_000)
    apply_attempt(payment, attempt, "payment.captured", "evt_RB58MiP5SPFYyM")
    return get_or_404(payment.customer, payment.id)


def row_bytes(payment: Payment) -> int:
    return item_bytes(payment.serialize())


def test_usual_row_fits_a_kilobyte_with_room_for_longer_texts() -> None:
    assert row_bytes(captured(add_balance(CUSTOMER, None, TOP_UP, "key").payment)) <= KILOBYTE - 350
    assert row_bytes(captured(create_payment(CUSTOMER, ORDER, "key").payment)) <= KILOBYTE - 250


def test_top_up_with_the_longest_latin_description_fits_a_kilobyte() -> None:
    body = TOP_UP | {"description": "W" * 255, "contact": "+919876543210"}
    assert row_bytes(captured(add_balance(CUSTOMER, None, body, "key").payment)) <= KILOBYTE


def test_longest_row_takes_two_kilobytes() -> None:
    """Devanagari takes three bytes a character, and a customer's id may have 255 characters."""
    body = ORDER | {"description": "\u0915" * 255, "reference": "\u0915" * 64}
    payment = captured(create_payment("c" * 255, body, "key").payment)
    assert KILOBYTE < row_bytes(payment) <= 2 * KILOBYTE
