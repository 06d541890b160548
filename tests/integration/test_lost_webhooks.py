"""Webhooks that never arrive, over HTTP: in the end the wallet knows every refund and every capture."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.api_client import App
from tests.support.local_stack import LocalStack
from tests.support.reconciler import (
    DAY_S,
    PAST_A_MINUTE_S,
    PAST_AN_HOUR_S,
    PAST_TEN_MINUTES_S,
    drop_webhooks,
    reconcile,
)


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


@pytest.mark.parametrize("way", ["recent", "old", "sync"])
@pytest.mark.usefixtures("held")
def test_returned_refund_without_webhook_is_learnt(way: str, app: App, local_stack: LocalStack) -> None:
    """The bank sends the money of a refund back, days after it was processed."""
    payment = app.top_up()
    if way == "old":
        local_stack.clock(30 * DAY_S)
        reconcile(local_stack)
    refund(app, local_stack, payment, amount=20_000)
    reconcile(local_stack)
    assert app.balance == "300.00"
    refund_id = list(local_stack.control("state", {})["refunds"])[-1]
    local_stack.control("refund_status", {"refund_id": refund_id, "status": "failed"})
    drop_webhooks(local_stack)
    if way == "sync":
        app.post(f"/payments/{payment['id']}/sync/", status=200)
    else:
        reconcile(local_stack, 9 * DAY_S if way == "old" else PAST_AN_HOUR_S)
    found = app.get(f"/payments/{payment['id']}/")
    assert (app.balance, found["status"], found["amount_refunded"]) == ("500.00", "captured", "0.00")
    (returned,) = app.get(f"/payments/{payment['id']}/refunds/")["results"]
    assert returned["status"] == "returned"


@pytest.mark.usefixtures("held")
def test_second_capture_without_webhook_is_reviewed(app: App, local_stack: LocalStack) -> None:
    payment = app.top_up()
    local_stack.control("double_pay", {"order_id": payment["gateway_order_id"]})
    drop_webhooks(local_stack)
    reconcile(local_stack)
    assert app.get(f"/payments/{payment['id']}/")["in_review"] and app.balance == "500.00"


@pytest.mark.usefixtures("held")
def test_refund_days_after_the_payment_is_learnt(app: App, local_stack: LocalStack) -> None:
    """Nobody asks about the payment any more, and no webhook reports the refund: six days as reported."""
    payment = app.top_up()
    for _ in range(3):
        reconcile(local_stack, DAY_S)
    refund(app, local_stack, payment, amount=20_000)
    reconcile(local_stack, PAST_TEN_MINUTES_S)
    assert app.balance == "300.00" and spend_is_declined(app, "301.00")
    for _ in range(3):
        reconcile(local_stack, DAY_S)
    assert app.balance == "300.00" and app.status(payment) == "partially_refunded"


@pytest.mark.usefixtures("held")
def test_capture_long_after_its_creation_is_learnt_within_the_hour(app: App, local_stack: LocalStack) -> None:
    """A second attempt is captured when the list of new payments has passed it."""
    payment = app.add_money()
    second = app.pay(payment, "pending")
    assert app.verify(payment, app.pay(payment)).status_code == 200
    for _ in range(3):
        reconcile(local_stack, PAST_TEN_MINUTES_S)
    local_stack.control("late", {"payment_id": second["razorpay_payment_id"]})
    drop_webhooks(local_stack)
    reconcile(local_stack, PAST_AN_HOUR_S)
    assert app.get(f"/payments/{payment['id']}/")["in_review"] and app.balance == "500.00"


@pytest.mark.usefixtures("held")
def test_payment_of_an_order_nobody_checks_any_more_is_credited(app: App, local_stack: LocalStack) -> None:
    """The app still has the checkout that it was given a week ago."""
    payment = app.add_money()
    for after_s in (PAST_A_MINUTE_S, PAST_A_MINUTE_S, 200, 620, 2_800, *(7 * (DAY_S,))):
        reconcile(local_stack, after_s)
    stored = app.get(f"/payments/{payment['id']}/")
    assert (stored["status"], stored["checkout"]) == ("expired", None)
    app.pay(payment)
    drop_webhooks(local_stack)
    reconcile(local_stack)
    assert app.balance == "500.00" and app.status(payment) == "captured"


@pytest.mark.usefixtures("held")
def test_orders_of_one_customer_do_not_hold_up_another(app: App, local_stack: LocalStack) -> None:
    """The stranger is credited in the first run, however many orders of the other are due."""
    busy = App(local_stack)
    statuses = [busy.call("POST", "/wallets/add-money/", {"amount": "1.00"}).status_code for _ in range(40)]
    assert statuses.count(201) >= 10
    payment = app.add_money()
    app.pay(payment)
    drop_webhooks(local_stack)
    assert reconcile(local_stack)["ReconcileCredited"] == 1 and app.balance == "500.00"


@pytest.mark.usefixtures("held")
def test_lost_captures_of_one_wallet_are_credited_in_one_round(app: App, local_stack: LocalStack) -> None:
    """Several at a time: each credit needs the wallet's next entry."""
    for number in range(1, 9):
        app.pay(app.add_money(f"{number}.00"))
    drop_webhooks(local_stack)
    counts = reconcile(local_stack)
    assert (counts["ReconcileCredited"], counts["ReconcileFailed"]) == (8, 0)
    assert app.balance == "36.00" and len(app.transactions) == 8


@pytest.mark.usefixtures("held")
def test_payment_of_a_newer_version_blocks_no_other(
    app: App, local_stack: LocalStack, aws: Callable[[str], Any]
) -> None:
    """A canary wrote a status that this version does not know, and was rolled back."""
    other = App(local_stack)
    newer, payment = other.add_money(), app.add_money()
    key = {"customer": {"S": other.customer["id"]}, "id": {"S": newer["id"]}}
    update = {
        "UpdateExpression": "SET #s = :s",
        "ExpressionAttributeNames": {"#s": "status"},
        "ExpressionAttributeValues": {":s": {"S": "on_hold"}},
    }
    aws("dynamodb").update_item(TableName="PaymentsTable", Key=key, **update)
    app.pay(payment)
    other.pay(newer)
    drop_webhooks(local_stack)
    counts = reconcile(local_stack)
    assert (counts["ReconcileCredited"], app.balance) == (1, "500.00") and counts["ReconcileFailed"] > 0
    restored = update | {"ExpressionAttributeValues": {":s": {"S": "created"}}}
    aws("dynamodb").update_item(TableName="PaymentsTable", Key=key, **restored)
    reconcile(local_stack)
    assert other.balance == "500.00"


def test_silent_razorpay_ends_the_round_within_thirty_seconds(local_stack: LocalStack) -> None:
    """Every call hangs until its timeout; the counts are written all the same.

    Three silences in a row end the round. Three more calls, of the other threads, may be on their way by then.
    """
    hang = {"method": "GET", "path": "/v1/", "fault": "timeout_before", "times": 1_000}
    local_stack.control("faults", [hang])
    local_stack.clock(PAST_A_MINUTE_S)
    started = time.monotonic()
    counts = local_stack.invoke("ReconcilePayments")
    assert 3 <= counts["ReconcileFailed"] <= 6 and time.monotonic() - started < 30


def test_unusable_webhook_is_kept_for_replay(local_stack: LocalStack, aws: Callable[[str], Any]) -> None:
    body = {"event": "payment.captured", "payload": {"payment": {"entity": {"id": 1, "email": "asha@example.com"}}}}
    event_id = local_stack.control("event", {"body": body})["event_id"]
    delivered = [local_stack.control("deliver", {"event_id": event_id})[0]["status"] for _ in range(2)]
    rows = aws("dynamodb").scan(TableName="UnusableWebhooksTable")["Items"]
    (row,) = [row for row in rows if row["event_id"]["S"] == event_id]
    assert delivered == [200, 200] and json.loads(row["body"]["B"]) == body


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
