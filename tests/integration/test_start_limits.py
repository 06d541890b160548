"""Limits on what a customer starts, over HTTP: the cap, open payments, starts, failures, and dry runs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.support.api_client import App, at_once
from tests.support.local_stack import LocalStack


def rules(app: App) -> dict[str, tuple[object, object]]:
    """What is used of each rule, and its limit."""
    return {rule["name"]: (rule["used"], rule["limit"]) for rule in app.get("/limits/")["rules"]}


def fail(app: App, payment: dict[str, Any]) -> None:
    app.pay(payment, "fail")
    assert app.post(f"/payments/{payment['id']}/sync/", status=200)["status"] == "failed"


def order_count(local_stack: LocalStack) -> int:
    return len(local_stack.control("state", {})["orders"])


def test_parallel_top_ups_stay_under_the_wallet_limit(app: App) -> None:
    starts: list[Callable[[], Any]] = [
        partial(app.another_phone().call, "POST", "/wallets/add-money/", {"amount": "150000.00"}, f"key-{place}")
        for place in range(3)
    ]
    responses = at_once(starts)
    assert sorted(response.status_code for response in responses) == [201, 409, 409]
    (started,) = [response.json() for response in responses if response.status_code == 201]
    assert (app.get("/limits/")["may_add"], app.get("/limits/")["rule"]) == ("50000.00", "wallet_limit")
    assert app.verify(started, app.pay(started)).status_code == 200
    assert app.balance == "150000.00" and app.get("/limits/")["may_add"] == "50000.00"
    assert app.call("POST", "/wallets/add-money/", {"amount": "50000.01"}).json()["code"] == "wallet_limit"
    app.add_money("50000.00")


@pytest.mark.usefixtures("held")
def test_many_starts_of_one_customer_do_not_hold_up_another(app: App, local_stack: LocalStack) -> None:
    """220 tries at top-ups leave ten orders. Another's capture is found in the first round."""
    orders = order_count(local_stack)
    tries = [app.call("POST", "/wallets/add-money/", {"amount": "1.00"}) for _ in range(220)]
    refused = [response for response in tries if response.status_code == 429]
    assert len(refused) == 210 and order_count(local_stack) == orders + 10
    assert {response.headers["X-Error-Code"] for response in refused} == {"open_payments"}
    assert all(1 <= int(response.headers["Retry-After"]) <= 1_800 for response in refused)
    other = App(local_stack)
    other.pay(other.add_money())
    local_stack.control("deliver", {"drop": True})
    local_stack.clock(61)
    local_stack.invoke("ReconcilePayments")
    assert other.balance == "500.00"


def test_open_payments_end_with_payment_failure_and_time(app: App, local_stack: LocalStack) -> None:
    started = [app.add_money("1.00") for _ in range(10)]
    assert rules(app)["open_payments"] == (10, 10)
    limits = app.get("/limits/")
    assert (limits["may_add"], limits["rule"]) == ("0.00", "open_payments")
    assert app.call("POST", "/payments/", {"amount": "5.00", "source": "gateway"}).status_code == 429
    app.verify(started[0], app.pay(started[0]))
    assert app.spend("1.00", "spend").status_code == 201  # a payment from the wallet is not limited
    app.add_money("1.00")
    fail(app, started[1])
    app.add_money("1.00")
    assert app.call("POST", "/wallets/add-money/", {"amount": "1.00"}).status_code == 429
    local_stack.clock(1_800)
    app.add_money("1.00")
    assert rules(app)["open_payments"] == (1, 10)


def test_sixty_first_start_within_an_hour_is_429(app: App, local_stack: LocalStack) -> None:
    for _ in range(60):
        started = app.add_money("1.00")
        app.verify(started, app.pay(started))
    refused = app.call("POST", "/wallets/add-money/", {"amount": "1.00"})
    assert (refused.status_code, refused.json()["code"]) == (429, "starts_per_hour")
    local_stack.clock(3_601)
    app.add_money("1.00", key="same")
    app.add_money("1.00", key="same")
    assert rules(app)["starts_per_hour"] == (1, 60)


def test_start_after_twenty_failures_in_a_day_is_429(app: App, local_stack: LocalStack) -> None:
    for _ in range(20):
        fail(app, app.add_money("1.00"))
    refused = app.call("POST", "/wallets/add-money/", {"amount": "1.00"})
    assert (refused.status_code, refused.json()["code"]) == (429, "failures_per_day")
    assert 3_600 < int(refused.headers["Retry-After"]) <= 86_400
    local_stack.clock(86_401)
    app.add_money("1.00")


@pytest.mark.parametrize("fault", ["refuse", "500", "timeout_before"])
def test_top_up_without_an_order_frees_its_amount(app: App, local_stack: LocalStack, fault: str) -> None:
    local_stack.control("faults", [{"method": "POST", "path": "/v1/orders", "fault": fault, "times": 1}])
    failed = app.call("POST", "/wallets/add-money/", {"amount": "200000.00"}, "key")
    assert failed.status_code in (409, 503)
    assert rules(app)["wallet_limit"][0] == "0.00" and rules(app)["starts_per_hour"][0] == 1
    app.add_money("200000.00", key="key")


def test_dry_run_changes_nothing(app: App, local_stack: LocalStack) -> None:
    app.top_up("100.00")
    before, orders, listed = rules(app), order_count(local_stack), app.get("/payments/")["count"]
    query = "?dry_run=true"
    added = app.post(f"/wallets/add-money/{query}", {"amount": "5.00"}, "a", status=200)
    spent = app.post(f"/payments/{query}", {"amount": "40.00", "source": "wallet"}, "b", status=200)
    app.post(f"/payments/{query}", {"amount": "40.00", "source": "gateway"}, status=200)
    assert (added["id"], added["checkout"], added["status"]) == (None, None, "created")
    assert (spent["id"], spent["status"], spent["wallet"]["balance"]) == (None, "captured", "60.00")
    refused = app.call("POST", f"/payments/{query}", {"amount": "100.01", "source": "wallet"}, "b")
    assert (refused.status_code, refused.json()["code"]) == (400, "insufficient_funds")
    assert (
        app.call("POST", "/payments/?dry_run=maybe", {"amount": "1.00", "source": "wallet"}, "b").status_code == 400
    )
    assert (rules(app), order_count(local_stack), app.get("/payments/")["count"]) == (before, orders, listed)
    assert app.balance == "100.00" and app.spend("40.00", "b").status_code == 201
    again = app.call("POST", f"/payments/{query}", {"amount": "40.00", "source": "wallet"}, "b")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
