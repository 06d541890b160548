"""Offers and fees borne by the customer, over HTTP: whatever way the payment arrives, it is credited once."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.api_client import App
from tests.support.local_stack import LocalStack
from tests.support.reconciler import drop_webhooks, reconcile

pytestmark = pytest.mark.usefixtures("held")

OFFER: dict[str, Any] = {"offer_paise": 5_000}
FEE: dict[str, Any] = {"fee_paise": 1_180}
# What checkout does to 500.00, and what `paid`, `discount` and `fee` say then.
AMOUNTS: dict[str, tuple[dict[str, Any], tuple[str, str, str]]] = {
    "offer": (OFFER, ("450.00", "50.00", "0.00")),
    "fee": (FEE, ("500.00", "0.00", "11.80")),
    "both": (OFFER | FEE, ("450.00", "50.00", "11.80")),
}
every_amount = pytest.mark.parametrize("name", AMOUNTS)

Way = Callable[[App, LocalStack, dict[str, Any], dict[str, str]], Any]


def by_verify(app: App, local_stack: LocalStack, payment: dict[str, Any], paid: dict[str, str]) -> None:
    assert app.verify(payment, paid).status_code == 200


def by_webhook(app: App, local_stack: LocalStack, payment: dict[str, Any], paid: dict[str, str]) -> None:
    outcomes = local_stack.control("deliver", {"times": 2, "order": "reverse"})
    assert outcomes and all(outcome["status"] == 200 for outcome in outcomes)


def by_sync(app: App, local_stack: LocalStack, payment: dict[str, Any], paid: dict[str, str]) -> None:
    drop_webhooks(local_stack)
    app.post(f"/payments/{payment['id']}/sync/", status=200)


def by_reconciler(app: App, local_stack: LocalStack, payment: dict[str, Any], paid: dict[str, str]) -> None:
    drop_webhooks(local_stack)
    reconcile(local_stack)


WAYS: dict[str, Way] = {"verify": by_verify, "webhook": by_webhook, "sync": by_sync, "reconciler": by_reconciler}


def amounts(app: App, payment: dict[str, Any]) -> tuple[Any, ...]:
    stored = app.get(f"/payments/{payment['id']}/")
    assert stored["amount"] == "500.00" and not stored["in_review"]
    return stored["paid"], stored["discount"], stored["fee"]


@every_amount
@pytest.mark.parametrize("way", WAYS)
def test_amount_that_differs_is_credited_in_every_way(way: str, name: str, app: App, local_stack: LocalStack) -> None:
    choice, expected = AMOUNTS[name]
    payment = app.add_money()
    assert amounts(app, payment) == (None, None, None)
    paid = app.pay(payment, **choice)
    WAYS[way](app, local_stack, payment, paid)
    assert amounts(app, payment) == expected and app.balance == expected[0]
    assert all(outcome["status"] == 200 for outcome in local_stack.control("deliver", {"times": 2}))
    assert app.verify(payment, paid).status_code == 200
    assert app.balance == expected[0] and len(app.transactions) == 1


@every_amount
@pytest.mark.parametrize("way", ["verify", "sync", "reconciler"])
def test_authorized_attempt_is_captured_with_its_own_amount(
    way: str, name: str, app: App, local_stack: LocalStack
) -> None:
    choice, expected = AMOUNTS[name]
    payment = app.add_money()
    paid = app.pay(payment, "authorize", **choice)
    WAYS[way](app, local_stack, payment, paid)
    assert app.status(payment) == "captured"
    assert amounts(app, payment) == expected and app.balance == expected[0]


def test_amount_without_offer_or_fee_is_reviewed(app: App, local_stack: LocalStack) -> None:
    payment = app.add_money()
    paid = app.pay(payment, amount_paise=45_000)
    verified = app.verify(payment, paid)
    assert (verified.status_code, verified.headers["Retry-After"]) == (202, "3")
    stored = app.get(f"/payments/{payment['id']}/")
    assert stored["in_review"] and stored["paid"] is None and app.balance == "0.00"


def test_reported_event_of_fee_on_customer_is_credited(app: App, local_stack: LocalStack) -> None:
    payment = app.add_money()
    attempt = {
        "id": f"pay_{payment['id'].replace('-', '')[:14]}",
        "entity": "payment",
        "amount": 51_180,
        "currency": "INR",
        "status": "captured",
        "order_id": payment["gateway_order_id"],
        "method": "card",
        "captured": True,
        "fee": 1_180,
        "tax": 180,
        "fee_bearer": "customer",
        "notes": [],
    }
    event = {"entity": "event", "event": "payment.captured", "payload": {"payment": {"entity": attempt}}}
    local_stack.control("event", {"body": event})
    local_stack.control("deliver", {})
    assert amounts(app, payment) == ("500.00", "0.00", "11.80") and app.balance == "500.00"


def test_payments_are_filtered(app: App, local_stack: LocalStack) -> None:
    app.top_up()
    body = {"amount": "10.00", "source": "wallet", "reference": "garment-order-7"}
    spent = app.post("/payments/", body, "key")
    for query in ("reference=garment-order-7", "source=wallet&status=captured", "purpose=payment&from=2026-01-01"):
        page = app.get(f"/payments/?{query}")
        assert (page["count"], [row["id"] for row in page["results"]]) == (1, [spent["id"]])
    assert app.get("/payments/?to=2026-01-01")["count"] == 0 and app.get("/payments/")["count"] == 2
