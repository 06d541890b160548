"""The gateway refuses, hangs or loses its answer: 503, and the same request sent again ends in one payment."""

import pytest

from tests.app import App
from tests.conftest import Bundle

QUICK = ["refuse", "drop", "500", "502_html", "429"]


@pytest.mark.parametrize("fault", QUICK)
def test_a_top_up_that_met_a_fault_can_be_sent_again_with_its_key(fault: str, app: App, bundle: Bundle) -> None:
    bundle.control("faults", [{"method": "POST", "path": "/v1/orders", "fault": fault, "times": 1}])
    failed = app.call("POST", "/wallets/add-money/", {"amount": "10.00"}, "key")
    assert (failed.status_code, failed.json()["code"]) == (503, "unavailable") and failed.headers["Retry-After"]
    assert app.get("/payments/")["count"] == 0
    payment = app.add_money("10.00", "key")
    assert app.add_money("10.00", "key") == payment and app.get("/payments/")["count"] == 1


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("fault", QUICK)
def test_a_verify_that_met_a_fault_can_be_sent_again(fault: str, app: App, bundle: Bundle) -> None:
    payment = app.add_money()
    paid = app.pay(payment)
    bundle.control("faults", [{"method": "GET", "path": "/v1/payments", "fault": fault, "times": 1}])
    assert app.verify(payment, paid).status_code == 503 and app.balance == "0.00"
    assert app.verify(payment, paid).status_code == 200 and app.balance == "500.00"


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("fault", ["drop", "500", "refuse"])
def test_a_capture_whose_answer_is_lost_is_found_captured_the_next_time(fault: str, app: App, bundle: Bundle) -> None:
    payment = app.add_money()
    paid = app.pay(payment, "authorize")
    path = f"/v1/payments/{paid['razorpay_payment_id']}/capture"
    bundle.control("faults", [{"method": "POST", "path": path, "fault": fault, "times": 1}])
    assert app.verify(payment, paid).status_code == 503
    assert app.verify(payment, paid).status_code == 200 and app.balance == "500.00"


def test_a_gateway_that_hangs_is_given_up_in_time(app: App, bundle: Bundle) -> None:
    bundle.control("faults", [{"method": "POST", "path": "/v1/orders", "fault": "timeout_after", "times": 1}])
    failed = app.call("POST", "/wallets/add-money/", {"amount": "10.00"}, "key")
    assert failed.status_code == 503  # and not the API's own 504, which would be the function cut off
    assert app.add_money("10.00", "key")["status"] == "created"


def test_one_order_that_cannot_be_asked_about_does_not_hold_up_the_others(bundle: Bundle) -> None:
    apps = [App(bundle) for _ in range(3)]
    bundle.control("hold", {"hold": True})
    payments = [app.add_money() for app in apps]
    for app, payment in zip(apps, payments, strict=True):
        app.pay(payment)
    bundle.control("deliver", {"drop": True})
    bundle.control("hold", {"hold": False})
    bundle.clock(61)
    path = f"/v1/orders/{payments[0]['gateway_order_id']}/payments"
    bundle.control("faults", [{"method": "GET", "path": path, "fault": "500", "times": 1}])
    bundle.invoke("ReconcilePayments")
    assert [app.balance for app in apps] == ["0.00", "500.00", "500.00"]
    bundle.invoke("ReconcilePayments")
    assert apps[0].balance == "500.00"
