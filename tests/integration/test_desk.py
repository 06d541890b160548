"""The desk over HTTP: staff block wallets, check them, and end what needs a judgement."""

from typing import Any

import pytest

from tests.support.api_client import App, at_once
from tests.support.local_stack import LocalStack
from tests.support.staff_client import APPROVER, FINANCE, OTHER, REASON, WHY, Desk, code, resolve


@pytest.fixture
def support(local_stack: LocalStack) -> Desk:
    return Desk(local_stack, "support")


def wallet_of(app: App) -> str:
    return str(app.get("/wallets/")["results"][0]["id"])


# --- block, unblock, check


def test_blocked_wallet_refuses_its_customer_and_credits_captured_money(app: App, support: Desk) -> None:
    app.top_up("500.00")
    late, wallet = app.add_money("100.00"), wallet_of(app)
    blocked = support.call("POST", f"/wallets/{wallet}/block/", WHY)
    assert blocked.status_code == 200, blocked.text
    assert (blocked.json()["is_active"], blocked.json()["customer"]) == (False, app.customer["id"])
    assert code(app.spend("10.00", "order-1")) == (403, "wallet_blocked")
    assert code(app.call("POST", "/wallets/add-money/", {"amount": "10.00"})) == (403, "wallet_blocked")
    assert app.verify(late, app.pay(late)).status_code == 200 and app.balance == "600.00"
    assert support.call("POST", f"/wallets/{wallet}/unblock/", WHY).json()["is_active"] is True
    assert app.spend("10.00", "order-2").status_code == 201
    check = support.get(f"/wallets/{wallet}/check/")
    assert (check["is_sound"], check["faults"], check["entries"]) == (True, [], 6)


def test_staff_block_once_while_a_customer_spends(app: App, local_stack: LocalStack) -> None:
    app.top_up("500.00")
    wallet = wallet_of(app)
    desks = [Desk(local_stack, "support") for _ in range(3)]
    answers = at_once(
        [lambda desk=desk: desk.call("POST", f"/wallets/{wallet}/block/", WHY) for desk in desks]
        + [lambda number=number: app.another_phone().spend("10.00", f"order-{number}") for number in range(3)]
    )
    assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
    spent = [answer.status_code for answer in answers[3:]].count(201)
    check = desks[0].get(f"/wallets/{wallet}/check/")
    assert check["is_sound"] and check["entries"] == 3 + spent, "an opening, a top-up, a block and the spends"
    assert check["state"]["balance"] == f"{500 - 10 * spent}.00" and not check["state"]["is_active"]


@pytest.mark.parametrize("reason", [None, "", "   "])
def test_block_needs_a_reason(reason: str | None, app: App, support: Desk) -> None:
    app.top_up("500.00")
    body = {} if reason is None else {"reason": reason}
    response = support.call("POST", f"/wallets/{wallet_of(app)}/block/", body)
    assert response.status_code == 400 and list(response.json()) == ["reason"]


# --- proposals


@pytest.fixture
def finance(local_stack: LocalStack) -> Desk:
    return Desk(local_stack, "finance", sub=FINANCE)


@pytest.fixture
def approver(local_stack: LocalStack) -> Desk:
    return Desk(local_stack, "approver", sub=APPROVER)


def adjustment(app: App, finance: Desk, amount: str = "200.00", kind: str = "credit", query: str = "") -> Any:
    body = {"amount": amount, "type": kind, "reason": "Goodwill for a late delivery"}
    return finance.call("POST", f"/wallets/{wallet_of(app)}/adjustments/{query}", body)


def test_adjustment_with_two_people(app: App, finance: Desk, approver: Desk) -> None:
    app.top_up("500.00")
    asked = adjustment(app, finance)
    assert asked.status_code == 202, asked.text
    proposal = asked.json()
    assert (proposal["status"], proposal["proposed_by"], app.balance) == ("proposed", FINANCE, "500.00")
    assert proposal["id"] in [row["id"] for row in approver.get("/proposals/?kind=adjustment&page=last")["results"]]
    answers = [approver.call("POST", f"/proposals/{proposal['id']}/approve/", WHY) for _ in range(2)]
    assert [answer.json()["status"] for answer in answers] == ["done", "done"] and app.balance == "700.00"
    (row, _) = app.transactions
    assert (row["type"], row["category"], row["amount"], row["payment"]) == ("credit", "adjustment", "200.00", None)
    assert finance.get(f"/wallets/{wallet_of(app)}/check/")["is_sound"]


def test_maker_is_refused_as_approver(app: App, local_stack: LocalStack) -> None:
    app.top_up("500.00")
    both = Desk(local_stack, "finance", "approver", sub=FINANCE)
    path = f"/proposals/{adjustment(app, both).json()['id']}"
    assert code(both.call("POST", f"{path}/approve/", WHY)) == (403, "own_proposal")
    assert code(both.call("POST", f"{path}/reject/", WHY)) == (403, "own_proposal")
    assert app.balance == "500.00"


def test_two_approvers_at_once_one_wins(app: App, finance: Desk, local_stack: LocalStack) -> None:
    app.top_up("500.00")
    proposal = adjustment(app, finance).json()
    people = [(Desk(local_stack, "approver", sub=person), person) for person in (APPROVER, OTHER) * 2]
    answers = at_once(
        [
            lambda desk=desk, verb=verb: desk.call("POST", f"/proposals/{proposal['id']}/{verb}/", WHY)
            for (desk, _), verb in zip(people, ("approve", "reject", "approve", "reject"), strict=True)
        ]
    )
    done = finance.get(f"/wallets/{wallet_of(app)}/check/")["state"]["balance"] == "700.00"
    statuses = [answer.status_code for answer in answers]
    assert statuses == ([200, 409, 200, 409] if done else [409, 200, 409, 200])
    assert app.balance == ("700.00" if done else "500.00")


def test_debit_beyond_cash_is_409_at_approval(app: App, finance: Desk, approver: Desk) -> None:
    app.top_up("500.00")
    proposal = adjustment(app, finance, "500.01", "debit").json()
    assert code(approver.call("POST", f"/proposals/{proposal['id']}/approve/", {})) == (409, "insufficient_funds")
    assert approver.call("POST", f"/proposals/{proposal['id']}/reject/", WHY).json()["status"] == "rejected"


def test_adjustment_dry_run_proposes_nothing(app: App, finance: Desk) -> None:
    app.top_up("500.00")
    response = adjustment(app, finance, query="?dry_run=true")
    assert (response.status_code, response.json()["id"], response.json()["status"]) == (200, None, "proposed")


@pytest.mark.parametrize("body", [{"amount": "0.00"}, {"type": "gift"}, {"reason": ""}])
def test_adjustment_with_a_bad_field_is_400(body: dict[str, str], app: App, finance: Desk) -> None:
    app.top_up("500.00")
    sent = {"amount": "1.00", "type": "credit", "reason": "Goodwill"} | body
    response = finance.call("POST", f"/wallets/{wallet_of(app)}/adjustments/", sent)
    assert response.status_code == 400 and list(response.json()) == list(body)


@pytest.mark.usefixtures("held")
def test_waiver_ends_what_is_owed(app: App, finance: Desk, approver: Desk, local_stack: LocalStack) -> None:
    payment = app.add_money("500.00")
    paid = app.pay(payment)
    assert app.verify(payment, paid).status_code == 200
    app.spend("500.00", "order-1")
    local_stack.control("refund", {"payment_id": paid["razorpay_payment_id"], "amount": 30_000})
    local_stack.control("deliver", {})
    wallet = app.get("/wallets/")["results"][0]
    assert wallet["owed"] == "300.00"
    waiver = finance.call("POST", f"/wallets/{wallet['id']}/waivers/", {"amount": "300.00", **WHY}).json()
    assert approver.call("POST", f"/proposals/{waiver['id']}/approve/", WHY).json()["status"] == "done"
    state = finance.get(f"/wallets/{wallet['id']}/check/")
    assert (state["state"]["owed"], state["state"]["balance"], state["is_sound"]) == ("0.00", "0.00", True)


# --- reviews


def review_of(support: Desk, payment: dict[str, Any]) -> dict[str, Any]:
    (review,) = support.get(f"/payments/{payment['id']}/")["reviews"]
    listed = support.get(f"/reviews/?reason={review['reason']}&page=last")["results"]
    assert review["id"] in [row["id"] for row in listed]
    return dict(review)


def test_amount_that_differs_is_accepted(app: App, support: Desk) -> None:
    payment = app.add_money("500.00")
    assert app.verify(payment, app.pay(payment, amount_paise=40_000)).status_code == 202
    review = review_of(support, payment)
    assert (review["reason"], review["status"], review["assigned_to"]) == ("amount_mismatch", "open", None)
    assert resolve(support, review, "assign", assignee="sunil").json()["assigned_to"] == "sunil"
    ended = resolve(support, review, "accept_amount")
    assert ended.status_code == 200, ended.text
    assert (ended.json()["status"], ended.json()["actions"]) == ("resolved", [])
    assert code(resolve(support, review, "accept_amount")) == (409, "already_resolved")
    record = support.get(f"/payments/{payment['id']}/")
    assert (record["status"], record["paid"], record["in_review"], app.balance) == (
        "captured",
        "400.00",
        False,
        "400.00",
    )
    said = [(item["what"], item["why"]) for item in record["timeline"] if item["by"]]
    assert said == [("assign", REASON), ("accept_amount", REASON)]
    assert support.get(f"/wallets/{wallet_of(app)}/check/")["is_sound"]


def test_second_capture_goes_back_once(app: App, local_stack: LocalStack) -> None:
    payment = app.top_up("500.00")
    local_stack.control("double_pay", {"order_id": payment["gateway_order_id"]})
    app.call("POST", f"/payments/{payment['id']}/sync/")
    people = [Desk(local_stack, "support", sub=person) for person in (FINANCE, OTHER)]
    review = review_of(people[0], payment)
    answers = at_once([lambda desk=desk: resolve(desk, review, "refund_attempt") for desk in people])
    assert sorted(answer.status_code for answer in answers) == [200, 409], [answer.text for answer in answers]
    refunds = local_stack.control("state", {})["refunds"].values()
    made = [refund["amount"] for refund in refunds if refund["payment_id"] == review["gateway_id"]]
    assert made == [50_000] and app.balance == "500.00"


def test_action_of_another_reason_is_400(app: App, local_stack: LocalStack, support: Desk) -> None:
    payment = app.top_up("500.00")
    local_stack.control("double_pay", {"order_id": payment["gateway_order_id"]})
    app.call("POST", f"/payments/{payment['id']}/sync/")
    review = review_of(support, payment)
    response = resolve(support, review, "accept_amount")
    assert response.status_code == 400 and list(response.json()) == ["action"]
    assert resolve(support, review, "dismiss").json()["resolved_by"].startswith("5afa")
