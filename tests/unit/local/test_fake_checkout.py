"""What the checkout page asks the fake Razorpay, and what its customer chooses besides a card."""

import time

import pytest
import requests

from local.razorpay.failures import FAILURES
from local.razorpay.fake import FakeRazorpay
from local.razorpay.responses import Rejected
from local.razorpay.server import Server
from tests.support.fake_account import a_customer, an_order, call, event_names


def test_checkout_offers_the_order_and_the_customers_cards(razorpay: FakeRazorpay) -> None:
    customer = a_customer(razorpay)
    other = call(razorpay, "POST", "/v1/customers", {"contact": "+919876543211"})[1]["id"]
    razorpay.pay(an_order(razorpay), "card", "success", customer_id=customer, save=True)
    order = an_order(razorpay)
    offer = razorpay.control("checkout", {"order_id": order, "customer_id": customer})
    assert offer["order"]["id"] == order and set(offer["failures"]) == set(FAILURES)
    assert [token["customer_id"] for token in offer["tokens"]] == [customer]
    for nobody in ({}, {"customer_id": other}):
        assert razorpay.control("checkout", {"order_id": order, **nobody})["tokens"] == []


@pytest.mark.parametrize("reason", FAILURES)
def test_payment_fails_for_the_chosen_reason(razorpay: FakeRazorpay, reason: str) -> None:
    order = an_order(razorpay)
    paid = razorpay.control("pay", {"order_id": order, "outcome": "fail", "reason": reason})
    payment = razorpay.payments[paid["razorpay_payment_id"]]
    assert (payment["error_reason"], payment["error_description"]) == (reason, FAILURES[reason].description)


def test_unknown_reason_makes_no_payment(razorpay: FakeRazorpay) -> None:
    with pytest.raises(Rejected, match="known reasons: payment_failed"):
        razorpay.control("pay", {"order_id": an_order(razorpay), "outcome": "fail", "reason": "bad_weather"})
    assert not razorpay.payments


@pytest.mark.parametrize(
    "method, field, value",
    [("upi", "vpa", "asha@okhdfcbank"), ("netbanking", "bank", "SBIN"), ("wallet", "wallet", "mobikwik")],
)
def test_payment_has_the_instrument_of_its_method(
    razorpay: FakeRazorpay, method: str, field: str, value: str
) -> None:
    paid = razorpay.control("pay", {"order_id": an_order(razorpay), "method": method, field: value})
    payment = razorpay.payments[paid["razorpay_payment_id"]]
    assert payment[field] == value
    assert [payment[other] for other in ("vpa", "bank", "wallet") if other != field] == [None, None]


def test_bank_approves_a_late_payment_by_itself(razorpay: FakeRazorpay) -> None:
    paid = razorpay.control("pay", {"order_id": an_order(razorpay), "outcome": "late", "late_s": 0.05})
    assert "razorpay_signature" not in paid and event_names(razorpay) == ["payment.failed"]
    deadline = time.monotonic() + 5
    while razorpay.payments[paid["razorpay_payment_id"]]["status"] != "captured" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert event_names(razorpay)[1:] == ["payment.authorized", "payment.captured", "order.paid"]


def test_drop_in_script_is_served_at_razorpays_path(server: Server) -> None:
    script = requests.get(f"{server.url}/v1/checkout.js", timeout=5)
    assert script.status_code == 200 and script.headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["../web.py", "%2e%2e/web.py", "missing.css", ""])
def test_only_files_of_the_pages_are_served(server: Server, path: str) -> None:
    request = requests.Request("GET", f"{server.url}/pages/x").prepare()
    request.url = f"{server.url}/pages/{path}"
    assert requests.Session().send(request, timeout=5).status_code != 200
