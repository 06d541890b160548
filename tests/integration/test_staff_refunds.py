"""Staff find a payment and refund it, over HTTP: by halves, to the source and to the wallet, once per key."""

import pytest

from tests.support.api_client import App, at_once
from tests.support.local_stack import LocalStack
from tests.support.staff_client import REASON, Desk, code


@pytest.fixture
def desk(local_stack: LocalStack) -> Desk:
    return Desk(local_stack, "support")


def test_half_of_a_top_up_goes_back_to_its_source(app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    (found,) = desk.get(f"/search/?q={payment['gateway_order_id']}")["results"]
    assert (found["id"], found["customer"], found["amount"]) == (payment["id"], app.customer["id"], "500.00")
    response = desk.refund(found, "250.00")
    assert response.status_code == 201, response.text
    refund = response.json()
    assert (refund["amount"], refund["destination"], refund["reason"]) == ("250.00", "source", REASON)
    assert refund["asked_by"].startswith("staff:") and refund["gateway_refund_id"].startswith("rfnd_")
    assert app.balance == "250.00"
    record = desk.get(f"/payments/{payment['id']}/")
    assert [row["id"] for row in record["refunds"]] == [refund["id"]]
    assert (found_by_refund := desk.get(f"/search/?q={refund['gateway_refund_id']}")["results"][0])
    assert found_by_refund["id"] == payment["id"]


def test_payment_from_the_wallet_goes_back_to_the_wallet(app: App, desk: Desk) -> None:
    app.top_up("500.00")
    payment = app.spend("120.00", "order-1").json()
    assert app.balance == "380.00"
    assert code(desk.refund(payment, "20.00", destination="source")) == (400, "invalid")
    refund = desk.refund(payment, "20.00").json()
    assert (refund["destination"], refund["status"]) == ("wallet", "processed")
    assert app.balance == "400.00"
    assert desk.refund(payment).json()["amount"] == "100.00", "all that is left"
    assert app.balance == "500.00" and app.status(payment) == "refunded"
    assert [entry["kind"] for entry in desk.get(f"/payments/{payment['id']}/")["entries"]] == [
        "debit",
        "credit",
        "credit",
    ]


def test_payment_through_razorpay_opens_the_wallet_that_it_is_refunded_to(app: App, desk: Desk) -> None:
    payment = app.post("/payments/", {"amount": "250.00", "source": "gateway"})
    assert app.verify(payment, app.pay(payment)).status_code == 200
    assert desk.get(f"/customers/{app.customer['id']}/")["wallet"] is None
    refund = desk.refund(payment, "100.00", destination="wallet").json()
    assert (refund["status"], refund["gateway_refund_id"]) == ("processed", None)
    assert desk.get(f"/customers/{app.customer['id']}/")["wallet"]["balance"] == app.balance == "100.00"


def test_same_key_refunds_once(app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    answers = [desk.refund(payment, "100.00", "refund-1") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true", "true"]
    assert code(desk.refund(payment, "200.00", "refund-1")) == (409, "idempotency_key_reused")
    assert app.balance == "400.00"


def test_two_at_once_refund_what_there_is_once(app: App, local_stack: LocalStack) -> None:
    payment = app.top_up("500.00")
    desks = [Desk(local_stack, "support") for _ in range(4)]
    answers = at_once([lambda desk=desk: desk.refund(payment, "300.00") for desk in desks])
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert app.balance == "200.00"


def test_more_than_is_left_is_refused(app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    assert code(desk.refund(payment, "500.01")) == (409, "refund_limit")
    assert desk.refund(payment, "500.00").status_code == 201
    assert code(desk.refund(payment, "1.00")) == (409, "refund_limit")


def test_spent_top_up_is_not_refunded(app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    app.spend("400.00", "order-1")
    assert code(desk.refund(payment, "100.01")) == (409, "insufficient_funds")
    assert desk.refund(payment, "100.00").status_code == 201


def test_refund_above_four_eyes_becomes_a_proposal(app: App, desk: Desk, local_stack: LocalStack) -> None:
    payment = app.top_up("20000.00")
    asked = [desk.refund(payment, "10000.01", "large") for _ in range(2)]
    assert [answer.status_code for answer in asked] == [202, 202] and asked[1].headers["Idempotency-Replayed"]
    proposal = asked[0].json()
    assert (proposal["kind"], proposal["status"], proposal["amount"]) == ("refund", "proposed", "10000.01")
    assert asked[1].json() == proposal and app.balance == "20000.00"
    assert code(desk.refund(payment, "10000.02", "large")) == (409, "idempotency_key_reused")
    assert desk.refund(payment).json()["amount"] == "20000.00", "all that is left is more, too"
    approver = Desk(local_stack, "approver", sub="5afa0000-0000-4000-8000-0000000000aa")
    path = f"/proposals/{proposal['id']}/approve/"
    approved = [approver.call("POST", path, {}) for _ in range(2)]
    assert [answer.status_code for answer in approved] == [200, 200] and app.balance == "9999.99"
    (refund,) = desk.get(f"/payments/{payment['id']}/")["refunds"]
    assert approved[0].json()["status"] == "done" and approved[1].json()["refund"] == refund["id"]
    assert refund["asked_by"] == f"staff:{proposal['proposed_by']}" and refund["amount"] == "10000.01"
    assert desk.refund(payment, "10000.01", "large").json()["status"] == "done", "the key stands for the proposal"
    assert desk.refund(payment, "1.00").status_code == 202, "what staff refunded of one payment counts together"
    assert desk.refund(app.top_up("10000.00"), "10000.00").status_code == 201, "up to FourEyesPaise needs nobody"


def test_large_refund_beyond_what_is_left_is_no_proposal(app: App, desk: Desk) -> None:
    payment = app.top_up("20000.00")
    assert code(desk.refund(payment, "20000.01")) == (409, "refund_limit")
    app.spend("5000.00", "order-1")
    assert code(desk.refund(payment, "15000.01")) == (409, "insufficient_funds")


@pytest.mark.parametrize("reason", [None, "", "   "])
def test_refund_needs_a_reason(reason: str | None, app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    body = {"amount": "100.00"} | ({} if reason is None else {"reason": reason})
    response = desk.call("POST", f"/payments/{payment['id']}/refunds/", body, "k-1")
    assert response.status_code == 400 and list(response.json()) == ["reason"]


def test_refund_needs_a_key(app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    response = desk.call("POST", f"/payments/{payment['id']}/refunds/", {"reason": REASON})
    assert response.status_code == 400 and list(response.json()) == ["Idempotency-Key"]


def test_dry_run_changes_nothing(app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    response = desk.refund(payment, "100.00", query="?dry_run=true")
    assert response.status_code == 200, response.text
    assert (response.json()["id"], response.json()["amount"]) == (None, "100.00")
    assert code(desk.refund(payment, "500.01", query="?dry_run=true")) == (409, "refund_limit")
    assert app.balance == "500.00" and desk.get(f"/payments/{payment['id']}/")["refunds"] == []


@pytest.mark.parametrize("group", ["finance", "approver"])
def test_only_support_asks_for_refunds(group: str, app: App, local_stack: LocalStack) -> None:
    payment = app.top_up("500.00")
    other = Desk(local_stack, group)
    assert code(other.refund(payment, "100.00")) == (403, "permission_denied")
    assert other.get(f"/payments/{payment['id']}/")["refunds"] == [] and app.balance == "500.00"


def test_refund_is_logged_with_the_pseudonym_of_who_asked(app: App, desk: Desk, local_stack: LocalStack) -> None:
    refund = desk.refund(app.top_up("500.00"), "100.00")
    (line,) = [line for line in local_stack.log_text().splitlines() if refund.headers["X-Request-Id"] in line]
    assert '"staff":"' in line and '"StaffRequest":1' in line and '"RefundRequested":1' in line
    assert "5afa0000" not in line and REASON not in line
