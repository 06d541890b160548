"""Webhooks that never arrive, over HTTP: in the end the wallet knows every refund and every capture."""

from typing import Any

import pytest

from tests.support.api_client import App
from tests.support.local_stack import LocalStack

MINUTE_S, DAY_S = 61, 86_400


def drop_webhooks(local_stack: LocalStack) -> None:
    """What has happened so far is reported by no webhook, as after a day of failures."""
    local_stack.control("deliver", {"drop": True})


def reconcile(local_stack: LocalStack, after_s: int = MINUTE_S) -> dict[str, Any]:
    local_stack.clock(after_s)
    return dict(local_stack.invoke("ReconcilePayments"))


def refund(app: App, local_stack: LocalStack, payment: dict[str, Any], **sent: Any) -> None:
    attempt_id = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    local_stack.control("refund", {"payment_id": attempt_id, **sent})
    drop_webhooks(local_stack)


def spend_is_declined(app: App, amount: str) -> bool:
    return app.spend(amount, f"spend-{amount}").status_code == 400


@pytest.mark.usefixtures("held")
def test_partial_refund_without_webhook_is_learnt(app: App, local_stack: LocalStack) -> None:
    payment = app.top_up()
    refund(app, local_stack, payment, amount=20_000)
    reconcile(local_stack)
    stored = app.get(f"/payments/{payment['id']}/")
    assert (app.balance, stored["status"], stored["amount_refunded"]) == ("300.00", "partially_refunded", "200.00")
    assert not stored["in_review"] and spend_is_declined(app, "301.00")
    reconcile(local_stack, DAY_S)
    assert app.balance == "300.00"


@pytest.mark.usefixtures("held")
def test_full_refund_without_webhook_is_learnt_by_sync(app: App, local_stack: LocalStack) -> None:
    payment = app.top_up()
    refund(app, local_stack, payment)
    synced = app.post(f"/payments/{payment['id']}/sync/", status=200)
    assert (synced["status"], synced["wallet"]["balance"]) == ("refunded", "0.00")
    reconcile(local_stack)
    assert app.balance == "0.00" and spend_is_declined(app, "500.00")


@pytest.mark.usefixtures("held")
def test_second_capture_without_webhook_is_reviewed(app: App, local_stack: LocalStack) -> None:
    payment = app.top_up()
    local_stack.control("double_pay", {"order_id": payment["gateway_order_id"]})
    drop_webhooks(local_stack)
    reconcile(local_stack)
    assert app.get(f"/payments/{payment['id']}/")["in_review"] and app.balance == "500.00"


@pytest.mark.usefixtures("held")
def test_refund_inside_an_outage_is_learnt_after_it(app: App, local_stack: LocalStack) -> None:
    """Neither the capture nor the refund is reported, and for some time Razorpay answers nothing at all."""
    payment = app.add_money()
    paid = app.pay(payment)
    local_stack.control("refund", {"payment_id": paid["razorpay_payment_id"], "amount": 20_000})
    drop_webhooks(local_stack)
    local_stack.control("faults", [{"method": "GET", "path": "/v1/", "fault": "500", "times": 1_000}])
    for _ in range(3):
        counts = reconcile(local_stack)
        assert counts["ReconcileFailed"] > 0 and app.balance == "0.00"
    local_stack.control("faults", [])
    reconcile(local_stack)
    assert (app.balance, app.get(f"/payments/{payment['id']}/")["status"]) == ("300.00", "partially_refunded")
    assert len(app.transactions) == 2


@pytest.mark.usefixtures("held")
def test_sync_answers_from_memory_for_three_seconds(app: App, local_stack: LocalStack) -> None:
    payment = app.add_money()
    first = app.call("POST", f"/payments/{payment['id']}/sync/")
    app.pay(payment)
    second = app.call("POST", f"/payments/{payment['id']}/sync/")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.headers["Retry-After"] == second.headers["Retry-After"] == "3"
    local_stack.clock(3)
    third = app.call("POST", f"/payments/{payment['id']}/sync/")
    assert third.status_code == 200 and "Retry-After" not in third.headers and app.balance == "500.00"


@pytest.mark.usefixtures("held")
def test_order_with_hundreds_of_failed_attempts_is_credited(app: App, local_stack: LocalStack) -> None:
    payment = app.add_money()
    for _ in range(430):
        app.pay(payment, "fail")
    app.pay(payment)
    drop_webhooks(local_stack)
    assert app.post(f"/payments/{payment['id']}/sync/", status=200)["wallet"]["balance"] == "500.00"
