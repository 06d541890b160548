"""Payments at the fake Razorpay whose amount is not the order's: offers, fees and other amounts."""

from typing import Any

import pytest

from local.razorpay.fake import FakeRazorpay
from local.razorpay.responses import Rejected
from tests.support.fake_account import an_order, ask, call, event_names, last_event


def pay(razorpay: FakeRazorpay, outcome: str = "success", **amounts: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The payment and its order after the shopper has paid 500.00 with these amounts."""
    order_id = an_order(razorpay)
    paid = razorpay.control("pay", {"order_id": order_id, "outcome": outcome, **amounts})
    return razorpay.payments[paid["razorpay_payment_id"]], razorpay.orders[order_id]


def paid(order: dict[str, Any]) -> tuple[str, int, int]:
    return order["status"], order["amount_paid"], order["amount_due"]


def test_offer_pays_the_order_with_less(razorpay: FakeRazorpay) -> None:
    payment, order = pay(razorpay, offer_paise=5_000)
    assert (payment["amount"], payment["status"]) == (45_000, "captured")
    assert paid(order) == ("paid", 45_000, 0) and order["amount"] == 50_000
    assert last_event(razorpay)["event"] == "order.paid"
    assert last_event(razorpay)["payload"]["payment"]["entity"]["offer_id"] == payment["offer_id"]


def test_offers_are_listed_when_expanded(razorpay: FakeRazorpay) -> None:
    with_offer, _ = pay(razorpay, offer_paise=5_000)
    without, _ = pay(razorpay)
    offers = {"entity": "collection", "count": 1, "items": [{"id": with_offer["offer_id"]}]}
    query = {"expand[]": "offers"}
    assert ask(razorpay, f"/v1/payments/{with_offer['id']}", **query)[1]["offers"] == offers
    assert "offers" not in ask(razorpay, f"/v1/payments/{with_offer['id']}")[1]
    assert ask(razorpay, f"/v1/payments/{without['id']}", **query)[1] == without


def test_customers_fee_comes_on_top_of_the_order(razorpay: FakeRazorpay) -> None:
    payment, order = pay(razorpay, fee_paise=1_180)
    assert payment["amount"] - payment["fee"] == order["amount"]
    assert (payment["fee"], payment["tax"], payment["fee_bearer"]) == (1_180, 180, "customer")
    assert paid(order) == ("paid", 50_000, 0)


def test_offer_and_fee_add_up(razorpay: FakeRazorpay) -> None:
    payment, order = pay(razorpay, offer_paise=5_000, fee_paise=1_180)
    assert payment["amount"] == 46_180 and paid(order) == ("paid", 45_000, 0)


def test_merchants_fee_is_taken_out_of_the_amount(razorpay: FakeRazorpay) -> None:
    payment, order = pay(razorpay)
    assert (payment["amount"], payment["fee"], payment["tax"]) == (50_000, 1_180, 180)
    assert "fee_bearer" not in payment and paid(order) == ("paid", 50_000, 0)


def test_smaller_amount_leaves_the_order_unpaid(razorpay: FakeRazorpay) -> None:
    payment, order = pay(razorpay, amount_paise=49_999)
    assert (payment["amount"], payment["status"]) == (49_999, "captured")
    assert paid(order) == ("attempted", 49_999, 1)
    assert not {"offer_id", "fee_bearer"} & set(payment)
    assert event_names(razorpay) == ["payment.authorized", "payment.captured"]
    razorpay.control("pay", {"order_id": order["id"]})
    assert paid(order) == ("paid", 50_000, 0)


def test_larger_amount_pays_the_order(razorpay: FakeRazorpay) -> None:
    payment, order = pay(razorpay, amount_paise=50_001)
    assert payment["amount"] == 50_001 and paid(order) == ("paid", 50_000, 0)


@pytest.mark.parametrize(
    ("amounts", "authorized"),
    [({"offer_paise": 5_000}, 45_000), ({"fee_paise": 1_180}, 51_180), ({"amount_paise": 30_000}, 30_000)],
)
def test_authorized_amount_is_what_must_be_captured(
    amounts: dict[str, int], authorized: int, razorpay: FakeRazorpay
) -> None:
    payment, order = pay(razorpay, "authorize", **amounts)
    assert (payment["amount"], payment["captured"], order["status"]) == (authorized, False, "attempted")
    path = f"/v1/payments/{payment['id']}/capture"
    for other in {50_000, authorized - 1, authorized + 1} - {authorized}:
        assert call(razorpay, "POST", path, {"amount": other, "currency": "INR"})[0] == 400
    status, captured = call(razorpay, "POST", path, {"amount": authorized, "currency": "INR"})
    assert status == 200 and captured["status"] == "captured"
    assert order["status"] == ("attempted" if "amount_paise" in amounts else "paid")


def test_late_approval_keeps_the_offer(razorpay: FakeRazorpay) -> None:
    payment, order = pay(razorpay, "late", offer_paise=5_000)
    razorpay.control("late", {"payment_id": payment["id"]})
    assert (payment["amount"], payment["status"]) == (45_000, "captured") and paid(order) == ("paid", 45_000, 0)


@pytest.mark.parametrize(
    "amounts",
    [
        {"offer_paise": 0},
        {"offer_paise": 50_000},
        {"fee_paise": -1},
        {"amount_paise": "300"},
        {"fee_paise": True},
        {"amount_paise": 30_000, "fee_paise": 100},
    ],
)
def test_impossible_amounts_are_rejected(amounts: dict[str, Any], razorpay: FakeRazorpay) -> None:
    with pytest.raises(Rejected, match="|".join(amounts)):
        pay(razorpay, **amounts)
    assert razorpay.payments == {}
