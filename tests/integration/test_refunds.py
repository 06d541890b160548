"""Refunds over HTTP: what staff ask for, what Razorpay does with it, and what the app sees."""

from typing import Any

import pytest

from shared.money import rupees
from tests.support.api_client import App
from tests.support.local_stack import LocalStack
from tests.support.reconciler import PAST_A_MINUTE_S, PAST_TEN_MINUTES_S, drop_webhooks, reconcile
from tests.support.staff_client import Desk


class Staff:
    """Staff who ask for refunds."""

    def __init__(self, app: App) -> None:
        self.app, self.stack, self.desk = app, app.stack, Desk(app.stack, "support")

    def refund(
        self, payment: dict[str, Any], paise: int | None = None, key: str = "key", reason: str = "Order cancelled"
    ) -> dict[str, Any]:
        response = self.desk.refund(payment, rupees(paise) if paise else None, key, reason=reason)
        assert response.status_code == 201, response.text
        return dict(response.json())

    def refunds(self, payment: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self.app.get(f"/payments/{payment['id']}/refunds/")["results"])

    def at_razorpay(self, payment: dict[str, Any]) -> list[dict[str, Any]]:
        """The refunds that Razorpay has of the payment."""
        attempt_id = self.app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
        found = self.stack.control("state", {})["refunds"].values()
        return [refund for refund in found if refund["payment_id"] == attempt_id]

    def fault(self, fault: str, times: int = 1) -> None:
        path = "/v1/payments/"
        self.stack.control("faults", [{"method": "POST", "path": path, "fault": fault, "times": times}])


def deliver(local_stack: LocalStack) -> None:
    """Deliver every webhook that is held, twice."""
    answers = local_stack.control("deliver", {"times": 2})
    assert {answer["status"] for answer in answers} == {200}


@pytest.fixture
def staff(app: App) -> Staff:
    return Staff(app)


def test_customer_may_not_ask_by_default(app: App) -> None:
    payment = app.top_up()
    path = f"/payments/{payment['id']}/refunds/"
    assert app.call("POST", path, {"amount": "200.00"}).json() == {
        "Idempotency-Key": ["This header is required for a refund."]
    }
    for query in ("", "?dry_run=true"):
        refused = app.call("POST", f"{path}{query}", {"amount": "200.00"}, "key")
        assert (refused.status_code, refused.json()["code"]) == (403, "refund_not_allowed")
    bad = app.call("POST", path, {"amount": "0.99", "destination": "bank"}, "key")
    assert bad.status_code == 400 and set(bad.json()) == {"amount", "destination"}
    assert app.get(path)["count"] == 0 and app.balance == "500.00"


def test_refund_is_seen_by_its_customer_alone(app: App, staff: Staff, local_stack: LocalStack) -> None:
    payment = app.top_up()
    refund = staff.refund(payment, 20_000, reason="Order cancelled")
    assert refund["status"] == "processed" and refund["reason"] == "Order cancelled"
    (listed,) = staff.refunds(payment)
    assert listed["id"] == refund["id"] and listed["arn"] and listed["expected_by"]
    assert app.get(f"/payments/{payment['id']}/refunds/{refund['id']}/") == listed
    other = App(local_stack)
    for path in (f"/payments/{payment['id']}/refunds/", f"/payments/{payment['id']}/refunds/{refund['id']}/"):
        assert other.call("GET", path).status_code == 404
    assert app.call("GET", f"/payments/{payment['id']}/refunds/{payment['id']}/").status_code == 404
    found = app.get(f"/payments/{payment['id']}/")
    assert (found["status"], found["amount_refunded"], app.balance) == ("partially_refunded", "200.00", "300.00")


@pytest.mark.usefixtures("held")
def test_pending_refund_holds_the_money_until_razorpay_decides(
    app: App, staff: Staff, local_stack: LocalStack
) -> None:
    payment = app.top_up()
    local_stack.control("refund_status", {"status": "pending"})
    refund = staff.refund(payment, 20_000)
    assert refund["status"] == "pending" and staff.app.wallet == ("300.00", "200.00", "0.00")
    assert app.get(f"/payments/{payment['id']}/")["amount_refunding"] == "200.00"
    assert app.spend("300.01", "spend").status_code == 400
    (made,) = staff.at_razorpay(payment)
    local_stack.control("refund_status", {"refund_id": made["id"], "status": "failed"})
    deliver(local_stack)
    (failed,) = staff.refunds(payment)
    assert failed["status"] == "failed" and failed["failure"] and staff.app.wallet == ("500.00", "0.00", "0.00")
    again = staff.refund(payment, 20_000, key="again")
    local_stack.control("refund_status", {"refund_id": staff.at_razorpay(payment)[-1]["id"], "status": "processed"})
    deliver(local_stack)
    statuses = {row["id"]: row["status"] for row in staff.refunds(payment)}
    assert statuses == {refund["id"]: "failed", again["id"]: "processed"} and staff.app.wallet[0] == "300.00"


@pytest.mark.usefixtures("held")
def test_processed_refund_that_fails_later_comes_back(app: App, staff: Staff, local_stack: LocalStack) -> None:
    payment = app.top_up()
    staff.refund(payment)
    assert app.status(payment) == "refunded" and app.balance == "0.00"
    (made,) = staff.at_razorpay(payment)
    local_stack.control("refund_status", {"refund_id": made["id"], "status": "failed"})
    deliver(local_stack)
    assert staff.refunds(payment)[0]["status"] == "returned"
    assert app.status(payment) == "captured" and app.balance == "500.00"


@pytest.mark.parametrize("fault", ["drop", "500", "refuse", "409"])
@pytest.mark.usefixtures("held")
def test_lost_answer_is_never_sent_twice_and_never_lost(
    fault: str, app: App, staff: Staff, local_stack: LocalStack
) -> None:
    payment = app.top_up()
    staff.fault(fault)
    assert staff.refund(payment, 20_000)["status"] == "sending" and staff.app.wallet == ("300.00", "200.00", "0.00")
    drop_webhooks(local_stack)
    reconcile(local_stack, PAST_A_MINUTE_S)
    reconcile(local_stack, PAST_TEN_MINUTES_S)
    assert [row["status"] for row in staff.refunds(payment)] == ["processed"]
    assert len(staff.at_razorpay(payment)) == 1 and staff.app.wallet == ("300.00", "0.00", "0.00")


@pytest.mark.usefixtures("held")
def test_poor_account_refunds_once_it_is_funded(app: App, staff: Staff, local_stack: LocalStack) -> None:
    payment = app.top_up()
    local_stack.control("balance", {"paise": 19_999})
    assert staff.refund(payment, 20_000)["status"] == "requested"
    reconcile(local_stack, PAST_A_MINUTE_S)
    (waiting,) = staff.refunds(payment)
    assert (waiting["status"], waiting["failure"]) == ("requested", None)
    assert staff.app.wallet == ("300.00", "200.00", "0.00")
    local_stack.control("balance", {"paise": 20_000})
    reconcile(local_stack, PAST_TEN_MINUTES_S)
    assert staff.refunds(payment)[0]["status"] == "processed" and staff.app.wallet == ("300.00", "0.00", "0.00")


@pytest.mark.usefixtures("held")
def test_refund_that_razorpay_declines_says_why(app: App, staff: Staff, local_stack: LocalStack) -> None:
    """Razorpay's dashboard was faster, and its webhook is late."""
    payment = app.top_up()
    attempt_id = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    local_stack.control("refund", {"payment_id": attempt_id})
    refund = staff.refund(payment, 20_000)
    assert (refund["status"], refund["failure"]) == ("failed", "The payment has been fully refunded already")
    deliver(local_stack)
    assert app.status(payment) == "refunded" and staff.app.wallet == ("0.00", "0.00", "0.00")


@pytest.mark.usefixtures("held")
def test_dashboards_pending_refund_is_held_and_followed_without_webhooks(
    app: App, staff: Staff, local_stack: LocalStack
) -> None:
    payment = app.top_up()
    attempt_id = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    made = local_stack.control("refund", {"payment_id": attempt_id, "amount": 20_000, "status": "pending"})
    drop_webhooks(local_stack)
    reconcile(local_stack)
    assert staff.app.wallet == ("300.00", "200.00", "0.00") and staff.refunds(payment)[0]["status"] == "pending"
    local_stack.control("refund_status", {"refund_id": made["id"], "status": "processed"})
    drop_webhooks(local_stack)
    reconcile(local_stack, PAST_TEN_MINUTES_S)
    assert staff.refunds(payment)[0]["status"] == "processed" and staff.app.wallet == ("300.00", "0.00", "0.00")


@pytest.mark.usefixtures("held")
def test_refund_of_spent_money_is_owed_and_recovered(app: App, staff: Staff, local_stack: LocalStack) -> None:
    payment = app.top_up()
    assert app.spend("400.00", "spend").status_code == 201
    attempt_id = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    local_stack.control("refund", {"payment_id": attempt_id})
    deliver(local_stack)
    assert staff.app.wallet == ("0.00", "0.00", "400.00") and not app.get(f"/payments/{payment['id']}/")["in_review"]
    app.top_up("600.00")
    assert staff.app.wallet == ("200.00", "0.00", "0.00")


def test_wallet_payment_goes_back_into_the_wallet(app: App, staff: Staff) -> None:
    app.top_up()
    payment = app.spend("200.00", "spend").json()
    assert staff.refund(payment, 5_000)["destination"] == "wallet"
    assert staff.refund(payment, None, key="rest")["status"] == "processed"
    assert app.status(payment) == "refunded" and app.balance == "500.00"
    assert [row["category"] for row in app.transactions][:2] == ["refund", "refund"]
