"""What staff look up and repair over HTTP: Razorpay's word, disputes by their date, refunds that wait."""

import hashlib
import json

import pytest

from tests.support.api_client import App
from tests.support.disputes import dispute
from tests.support.local_stack import LocalStack
from tests.support.staff_client import REASON, WHY, Desk, code


@pytest.fixture
def support(local_stack: LocalStack) -> Desk:
    return Desk(local_stack, "support", sub="5afa0000-0000-4000-8000-0000000000c1")


def test_payment_shows_what_razorpay_says_now(app: App, support: Desk, local_stack: LocalStack) -> None:
    payment = app.top_up("500.00")
    assert support.get(f"/payments/{payment['id']}/")["gateway"] is None
    assert support.refund(payment, "200.00").status_code == 201
    said = support.get(f"/payments/{payment['id']}/?gateway=true")["gateway"]
    (attempt,), (refund,) = said["attempts"], said["refunds"]
    assert (attempt["status"], attempt["amount"], attempt["amount_refunded"]) == ("captured", "500.00", "200.00")
    assert (refund["attempt"], refund["amount"], refund["status"]) == (attempt["id"], "200.00", "processed")
    assert said["outage"] is None


@pytest.mark.parametrize("fault", ["500", "502_html", "refuse", "429"])
def test_silence_of_razorpay_does_not_fail_the_view(
    fault: str, app: App, support: Desk, local_stack: LocalStack
) -> None:
    payment = app.top_up("500.00")
    local_stack.control("faults", [{"method": "GET", "path": "/v1/orders", "fault": fault, "times": 9}])
    view = support.get(f"/payments/{payment['id']}/?gateway=true")
    assert view["status"] == "captured" and view["gateway"]["attempts"] == []
    assert view["gateway"]["outage"].startswith("Razorpay ")


@pytest.mark.usefixtures("held")
def test_open_disputes_are_listed_by_due_date_and_found_by_id(app: App, support: Desk) -> None:
    payment = app.top_up("500.00")
    opened = dispute(app, payment)
    rows = support.get("/disputes/?answer_due=true")["results"]
    (row,) = [row for row in rows if row["id"] == opened["id"]]
    assert (row["payment"], row["customer"], row["answer_due"]) == (payment["id"], app.customer["id"], True)
    assert [row["respond_by"] for row in rows] == sorted(row["respond_by"] for row in rows)
    assert [found["id"] for found in support.get(f"/search/?q={opened['id']}")["results"]] == [payment["id"]]
    (hold,) = support.get(f"/customers/{app.customer['id']}/")["holds"]
    assert (hold["kind"], hold["id"], hold["amount"]) == ("dispute", opened["id"], "500.00")
    dispute(app, payment, "won", dispute_id=opened["id"])
    assert opened["id"] not in [row["id"] for row in support.get("/disputes/")["results"]]


def test_waiting_refund_is_cancelled_once(app: App, support: Desk, local_stack: LocalStack) -> None:
    payment = app.top_up("500.00")
    local_stack.control("balance", {"paise": 0})
    refund = support.refund(payment, "200.00").json()
    assert (refund["status"], app.balance) == ("requested", "300.00")
    path = f"/payments/{payment['id']}/refunds/{refund['id']}/cancel/"
    answers = [support.call("POST", path, WHY) for _ in range(2)]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "cancelled")] * 2
    assert app.balance == "500.00" and support.get(f"/payments/{payment['id']}/")["amount_refunding"] == "0.00"
    items = [item for item in support.get(f"/payments/{payment['id']}/")["timeline"] if "cancelled" in item["what"]]
    assert [(item["source"], item["why"]) for item in items] == [("staff", REASON)]


def test_sent_refund_is_not_cancelled(app: App, support: Desk) -> None:
    payment = app.top_up("500.00")
    refund = support.refund(payment, "200.00").json()
    path = f"/payments/{payment['id']}/refunds/{refund['id']}/cancel/"
    assert code(support.call("POST", path, WHY)) == (409, "refund_not_cancellable") and app.balance == "300.00"


def test_dry_run_of_a_large_refund_shows_the_proposal(app: App, support: Desk) -> None:
    payment = app.top_up("20000.00")
    shown = support.refund(payment, "10000.01", query="?dry_run=true")
    assert (shown.status_code, shown.json()["id"], shown.json()["kind"]) == (200, None, "refund")
    assert support.get(f"/payments/{payment['id']}/")["refunds"] == [] and app.balance == "20000.00"


def test_wallet_that_was_never_opened_is_blocked_for_its_customer(app: App, support: Desk) -> None:
    wallet = app.get("/wallets/")["results"][0]["id"]
    path = f"/wallets/{wallet}/block/"
    assert code(support.call("POST", path, WHY)) == (409, "wallet_not_opened")
    assert support.call("POST", path, WHY | {"customer": "somebody else"}).status_code == 400
    blocked = support.call("POST", path, WHY | {"customer": app.customer["id"]})
    assert (blocked.status_code, blocked.json()["is_active"]) == (200, False)
    assert code(app.call("POST", "/wallets/add-money/", {"amount": "10.00"})) == (403, "wallet_blocked")


def test_large_mismatch_is_credited_by_two_people(app: App, support: Desk, local_stack: LocalStack) -> None:
    payment = app.add_money("15000.00")
    assert app.verify(payment, app.pay(payment, amount_paise=1_200_000)).status_code == 202
    (review,) = support.get(f"/payments/{payment['id']}/")["reviews"]
    path = f"/reviews/{review['id']}/resolve/"
    asked = [support.call("POST", path, {"action": "accept_amount", **WHY}) for _ in range(2)]
    assert [answer.status_code for answer in asked] == [202, 202] and app.balance == "0.00"
    proposal = asked[0].json()
    assert (proposal["kind"], proposal["review"], proposal["amount"]) == ("review", review["id"], "12000.00")
    assert asked[1].json()["id"] == proposal["id"] and asked[1].headers["Idempotency-Replayed"] == "true"
    approver = Desk(local_stack, "approver", sub="5afa0000-0000-4000-8000-0000000000c2")
    approved = approver.call("POST", f"/proposals/{proposal['id']}/approve/", WHY)
    assert approved.json()["status"] == "done" and app.balance == "12000.00"
    assert code(support.call("POST", path, {"action": "accept_amount", **WHY})) == (409, "already_resolved")


def test_customer_routes_log_the_pseudonym_alone(app: App, support: Desk, local_stack: LocalStack) -> None:
    app.top_up("10.00")
    support.get(f"/customers/{app.customer['id']}/")
    support.call("POST", f"/customers/{app.customer['id']}/release/", WHY)
    lines = [line for line in local_stack.log_text().splitlines() if "/api/staff/customers/" in line]
    pseudonym = hashlib.sha256(app.customer["id"].encode()).hexdigest()[:16]
    actor = hashlib.sha256(b"5afa0000-0000-4000-8000-0000000000c1").hexdigest()[:16]
    found = [json.loads(line[line.index("{") :]) for line in lines if pseudonym in line]
    assert {(line["customer"], line["staff"]) for line in found} == {(pseudonym, actor)} and len(found) == 2
    assert not [line for line in lines if app.customer["id"] in line]
