"""Razorpay drops requests, hangs or loses responses: the API answers 503, and a retry ends in one payment."""

import pytest

from tests.support.api_client import App
from tests.support.local_stack import LocalStack

FAST_FAULTS = ["refuse", "drop", "500", "502_html", "429"]


@pytest.mark.parametrize("fault", FAST_FAULTS)
def test_top_up_retry_with_same_key_creates_one_payment(fault: str, app: App, local_stack: LocalStack) -> None:
    local_stack.control("faults", [{"method": "POST", "path": "/v1/orders", "fault": fault, "times": 1}])
    failed = app.call("POST", "/wallets/add-money/", {"amount": "10.00"}, "key")
    assert (failed.status_code, failed.json()["code"]) == (503, "unavailable") and failed.headers["Retry-After"]
    assert app.get("/payments/")["count"] == 0
    payment = app.add_money("10.00", "key")
    assert app.add_money("10.00", "key") == payment and app.get("/payments/")["count"] == 1


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("fault", FAST_FAULTS)
def test_verify_retry_after_fault_credits_once(fault: str, app: App, local_stack: LocalStack) -> None:
    payment = app.add_money()
    paid = app.pay(payment)
    local_stack.control("faults", [{"method": "GET", "path": "/v1/payments", "fault": fault, "times": 1}])
    assert app.verify(payment, paid).status_code == 503 and app.balance == "0.00"
    assert app.verify(payment, paid).status_code == 200 and app.balance == "500.00"


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("fault", ["drop", "500", "refuse"])
def test_verify_retry_after_failed_capture_credits_once(fault: str, app: App, local_stack: LocalStack) -> None:
    """With `drop` the capture took effect, so the retry finds the payment captured already."""
    payment = app.add_money()
    paid = app.pay(payment, "authorize")
    path = f"/v1/payments/{paid['razorpay_payment_id']}/capture"
    local_stack.control("faults", [{"method": "POST", "path": path, "fault": fault, "times": 1}])
    assert app.verify(payment, paid).status_code == 503
    assert app.verify(payment, paid).status_code == 200 and app.balance == "500.00"


def test_hanging_razorpay_is_503_before_api_timeout(app: App, local_stack: LocalStack) -> None:
    local_stack.control("faults", [{"method": "POST", "path": "/v1/orders", "fault": "timeout_after", "times": 1}])
    failed = app.call("POST", "/wallets/add-money/", {"amount": "10.00"}, "key")
    assert failed.status_code == 503  # not 504, which API Gateway sends when the function itself times out
    assert app.add_money("10.00", "key")["status"] == "created"


def test_failing_order_does_not_block_other_orders(local_stack: LocalStack) -> None:
    apps = [App(local_stack) for _ in range(3)]
    local_stack.control("hold", {"hold": True})
    payments = [app.add_money() for app in apps]
    for app, payment in zip(apps, payments, strict=True):
        app.pay(payment)
    local_stack.control("deliver", {"drop": True})
    local_stack.control("hold", {"hold": False})
    local_stack.clock(61)
    path = f"/v1/orders/{payments[0]['gateway_order_id']}/payments"
    lists = {
        "method": "GET",
        "path": "/v1/payments",
        "fault": "500",
        "times": 2,
    }  # new ones, and once an hour recent ones
    local_stack.control("faults", [{"method": "GET", "path": path, "fault": "500", "times": 1}, lists])
    local_stack.invoke("ReconcilePayments")
    assert [app.balance for app in apps] == ["0.00", "500.00", "500.00"]
    local_stack.invoke("ReconcilePayments")
    assert apps[0].balance == "500.00"
