"""Saved cards over HTTP: from the ticked box in checkout to the method, its payments, its states and its end."""

import itertools
from typing import Any

import pytest

from tests.app import App
from tests.conftest import Bundle

FEATURE_ABSENT = "absent"
numbers = itertools.count(9_000_000_000)


def a_contact() -> str:
    return f"+91{next(numbers)}"


def wanted(**values: Any) -> dict[str, Any]:
    return {"amount": "250.00", "source": "gateway"} | values


def start(app: App, contact: str | None = None, key: str | None = None) -> dict[str, Any]:
    """A payment that asks for its card to be saved."""
    return dict(app.post("/payments/", wanted(save_method=True, contact=contact or a_contact()), key))


def pay_by_card(app: App, payment: dict[str, Any], outcome: str = "success", **choice: Any) -> dict[str, str]:
    return app.pay(payment, outcome, "card", **({"save": True} | choice))


def saved(app: App, **choice: Any) -> dict[str, Any]:
    """A card saved by paying with it: the method, as the app sees it."""
    payment = start(app)
    answer = app.verify(payment, pay_by_card(app, payment, **choice))
    assert answer.status_code == 200, answer.text
    assert answer.json()["save_method"]["status"] == "saved"
    return dict(app.get(f"/payment-methods/{answer.json()['save_method']['payment_method']}/"))


def methods(app: App) -> list[dict[str, Any]]:
    return list(app.get("/payment-methods/")["results"])


def test_a_card_that_is_paid_with_becomes_a_method_as_the_gateway_tells_it(app: App, bundle: Bundle) -> None:
    method = saved(app)
    assert (method["type"], method["card_brand"], method["last4"], method["provider"]) == ("card", "Visa", "1007", "HDFC")
    assert method["status"] == "active" and methods(app) == [method]
