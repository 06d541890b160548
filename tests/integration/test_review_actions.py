"""Every reason for review over HTTP, ended by each of its actions: once, whoever is faster, and to the paisa."""

import hashlib
import hmac
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from shared.desk.reviews import ACTIONS
from shared.payments.review import REASONS
from tests.integration.test_desk import FINANCE, OTHER, resolve
from tests.integration.test_disputes import dispute
from tests.support.api_client import App, at_once
from tests.support.local_stack import LocalStack
from tests.support.saved_cards import pay_and_verify, start_saving_payment
from tests.support.staff_client import Desk, code

pytestmark = pytest.mark.usefixtures("held")
DAY_S = 86_400
CHECKS = 11  # of a pending refund, after which a person is asked


@dataclass(frozen=True)
class Case:
    """A payment in review, and Razorpay's id that the reason is about."""

    app: App
    payment: str
    gateway_id: str


# --- how each reason comes about


def deliver_event(stack: LocalStack, attempt_id: str, **changed: Any) -> None:
    """A signed event about an attempt, in which Razorpay says something else of it than when it is asked."""
    entity = stack.control("state", {})["payments"][attempt_id] | changed
    body = {"entity": "event", "event": "payment.captured", "payload": {"payment": {"entity": entity}}}
    sent = stack.control("event", {"body": body})
    assert stack.control("deliver", {"event_id": sent["event_id"]})[0]["status"] == 200


def order_mismatch(app: App, stack: LocalStack) -> Case:
    """The app verifies a payment with an attempt on another system's order."""
    payment, order = app.add_money(), order_at_razorpay(stack, "another system")
    paid = stack.control("pay", {"order_id": order})
    attempt_id = paid["razorpay_payment_id"]
    signed = f"{payment['gateway_order_id']}|{attempt_id}".encode()
    signature = hmac.new(stack.key_secret.encode(), signed, hashlib.sha256).hexdigest()
    assert app.verify(payment, paid | {"razorpay_signature": signature}).status_code == 202
    return Case(app, payment["id"], attempt_id)


def order_at_razorpay(stack: LocalStack, receipt: str, **notes: str) -> str:
    body = {"amount": 50_000, "currency": "INR", "receipt": receipt, "notes": notes}
    auth = (stack.key_id, stack.key_secret)
    made = requests.post(f"{stack.razorpay}/v1/orders", json=body, auth=auth, timeout=20)
    assert made.status_code == 200, made.text
    return str(made.json()["id"])


def amount_mismatch(app: App, stack: LocalStack) -> Case:
    payment = app.add_money()
    paid = app.pay(payment, amount_paise=40_000)
    assert app.verify(payment, paid).status_code == 202
    return Case(app, payment["id"], paid["razorpay_payment_id"])


def currency_mismatch(app: App, stack: LocalStack) -> Case:
    payment = app.add_money()
    attempt_id = app.pay(payment)["razorpay_payment_id"]
    deliver_event(stack, attempt_id, currency="USD")
    return Case(app, payment["id"], attempt_id)


def second_capture(app: App, stack: LocalStack) -> Case:
    payment = app.top_up()
    second = stack.control("double_pay", {"order_id": payment["gateway_order_id"]})
    app.post(f"/payments/{payment['id']}/sync/", status=200)
    return Case(app, payment["id"], second["razorpay_payment_id"])


def refunded_before_credit(app: App, stack: LocalStack) -> Case:
    """An event says refunded of an attempt that has no refund yet."""
    payment = app.add_money()
    attempt_id = app.pay(payment)["razorpay_payment_id"]
    deliver_event(stack, attempt_id, status="refunded", amount_refunded=50_000)
    return Case(app, payment["id"], attempt_id)


def payment_unknown(app: App, stack: LocalStack) -> Case:
    app.top_up()
    payment_id = str(uuid.uuid4())
    order = order_at_razorpay(stack, payment_id, customer=app.customer["id"], payment_id=payment_id)
    attempt_id = stack.control("pay", {"order_id": order})["razorpay_payment_id"]
    stack.control("deliver", {})
    return Case(app, order, attempt_id)


def token_of_another_customer(app: App, stack: LocalStack) -> Case:
    other = start_saving_payment(App(stack))["checkout"]["customer_id"]
    payment = start_saving_payment(app)
    done = pay_and_verify(app, payment, customer_id=other)
    return Case(app, payment["id"], done["gateway_payment_id"])


def gateway_unclear(app: App, stack: LocalStack) -> Case:
    """A refund that Razorpay still calls pending after the last check."""
    if not UNCLEAR:
        UNCLEAR.extend(pending_refund(App(stack), stack) for _ in ACTIONS["gateway_unclear"])
        for _ in range(CHECKS):
            stack.clock(DAY_S)
            stack.invoke("ReconcilePayments")
    return UNCLEAR.pop()


UNCLEAR: list[Case] = []


def pending_refund(app: App, stack: LocalStack) -> Case:
    payment = app.top_up()
    attempt_id = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    refund = stack.control("refund", {"payment_id": attempt_id, "amount": 20_000, "status": "pending"})
    stack.control("deliver", {})
    return Case(app, payment["id"], refund["id"])


def exceeds_captured(app: App, stack: LocalStack) -> Case:
    """A dispute was lost, and the dashboard refunded as well."""
    payment = app.top_up()
    opened = dispute(app, payment)
    dispute(app, payment, "lost", dispute_id=opened["id"])
    attempt_id = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    refund = stack.control("refund", {"payment_id": attempt_id})
    stack.control("deliver", {})
    return Case(app, payment["id"], refund["id"])


def refund_failed(app: App, stack: LocalStack) -> Case:
    """The bank returned the refund of a payment that is no top-up."""
    payment = app.post("/payments/", {"amount": "500.00", "source": "gateway"})
    app.pay(payment)
    stack.control("deliver", {})
    attempt_id = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    refund = stack.control("refund", {"payment_id": attempt_id})
    stack.control("deliver", {})
    stack.control("refund_status", {"refund_id": refund["id"], "status": "failed"})
    stack.control("deliver", {})
    return Case(app, payment["id"], refund["id"])


PRODUCE: Mapping[str, Callable[[App, LocalStack], Case]] = {
    make.__name__: make
    for make in (
        order_mismatch,
        amount_mismatch,
        currency_mismatch,
        second_capture,
        refunded_before_credit,
        payment_unknown,
        token_of_another_customer,
        gateway_unclear,
        exceeds_captured,
        refund_failed,
    )
}

# --- what Razorpay does before staff act, and what is different afterwards

State = dict[str, Any]
UNCHANGED: State = {}
NOTHING: State = {"refunds": 0}


def refund_at_gateway(case: Case, stack: LocalStack) -> None:
    stack.control("refund", {"payment_id": case.gateway_id})


def process_refund(case: Case, stack: LocalStack) -> None:
    stack.control("refund_status", {"refund_id": case.gateway_id, "status": "processed"})


BEFORE: Mapping[tuple[str, str], Callable[[Case, LocalStack], None]] = {
    ("order_mismatch", "apply_again"): refund_at_gateway,
    ("amount_mismatch", "apply_again"): refund_at_gateway,
    ("gateway_unclear", "apply_again"): process_refund,
}
CREDITED = {"status": "captured", "paid": "500.00", "balance": "500.00", "kinds": ["credit"]}
# `refunds` are what Razorpay refunded of the attempt. Actions that are not here change nothing but the review.
AFTER: Mapping[tuple[str, str], State] = {
    ("order_mismatch", "refund_attempt"): {"refunds": 50_000},
    ("order_mismatch", "apply_again"): {"refunds": 50_000},
    ("amount_mismatch", "accept_amount"): CREDITED | {"paid": "400.00", "balance": "400.00"},
    ("amount_mismatch", "refund_attempt"): {"refunds": 40_000},
    ("amount_mismatch", "apply_again"): {"refunds": 40_000},
    ("currency_mismatch", "refund_attempt"): {"refunds": 50_000},
    ("second_capture", "refund_attempt"): {"refunds": 50_000},
    ("refunded_before_credit", "apply_again"): CREDITED,
    ("payment_unknown", "refund_attempt"): {"refunds": 50_000},
    ("gateway_unclear", "apply_again"): {
        "status": "partially_refunded",
        "amount_refunded": "200.00",
        "amount_refunding": "0.00",
        "held": "0.00",
        "kinds": ["credit", "hold", "capture"],
    },
}


def state_of(case: Case, desk: Desk, stack: LocalStack) -> State:
    """Everything about the money: of the payment, of the wallet, and at Razorpay."""
    payment = desk.get(f"/payments/{case.payment}/")
    wallet = desk.get(f"/customers/{case.app.customer['id']}/")["wallet"] or {}
    made = stack.control("state", {})["refunds"].values()
    names = ("status", "paid", "amount_refunded", "amount_refunding")
    return {
        **{name: payment[name] for name in names},
        **{name: wallet.get(name, "0.00") for name in ("balance", "held", "owed")},
        "kinds": [entry["kind"] for entry in payment["entries"]],
        "refunds": sum(row["amount"] for row in made if row["payment_id"] == case.gateway_id),
    }


@pytest.mark.parametrize(
    ("reason", "action"), [(reason, action) for reason, actions in ACTIONS.items() for action in actions]
)
def test_reason_is_ended_by_its_action_once(reason: str, action: str, app: App, local_stack: LocalStack) -> None:
    rita, sunil = (Desk(local_stack, "support", sub=person) for person in (FINANCE, OTHER))
    case = PRODUCE[reason](app, local_stack)
    review = review_of(case, rita, reason)
    before = state_of(case, rita, local_stack)
    BEFORE.get((reason, action), lambda case, stack: None)(case, local_stack)
    more = {"assignee": "mira"} if action == "assign" else {}
    answers = at_once([lambda desk=desk: resolve(desk, review, action, **more) for desk in (rita, sunil)])
    assert state_of(case, rita, local_stack) == before | AFTER.get((reason, action), UNCHANGED)
    again = resolve(rita, review, action, **more)
    (ended,) = [row for row in rita.get(f"/payments/{case.payment}/")["reviews"] if row["id"] == review["id"]]
    if action == "assign":
        assert [answer.status_code for answer in (*answers, again)] == [200] * 3
        assert (ended["status"], ended["assigned_to"]) == ("open", "mira")
        assert resolve(sunil, review, "dismiss").status_code == 200
    else:
        assert sorted(answer.status_code for answer in answers) == [200, 409], [answer.text for answer in answers]
        assert code(again) == (409, "already_resolved") and again.status_code == 409
        assert (ended["status"], ended["action"], ended["actions"]) == ("resolved", action, [])
        assert ended["resolved_by"] in (FINANCE, OTHER)
    assert not rita.get(f"/payments/{case.payment}/")["in_review"]
    wallet = rita.get(f"/customers/{case.app.customer['id']}/")
    if wallet["wallet"]:
        assert rita.get(f"/wallets/{wallet['wallet_id']}/check/")["is_sound"]


def review_of(case: Case, desk: Desk, reason: str) -> dict[str, Any]:
    (review,) = desk.get(f"/payments/{case.payment}/")["reviews"]
    assert (review["reason"], review["gateway_id"]) == (reason, case.gateway_id)
    assert (review["status"], review["actions"]) == ("open", list(ACTIONS[reason]))
    return dict(review)


def test_every_reason_is_produced_and_every_action_has_its_outcome() -> None:
    pairs = {(reason, action) for reason, actions in ACTIONS.items() for action in actions}
    assert set(PRODUCE) == set(ACTIONS) == set(REASONS)
    assert set(AFTER) | set(BEFORE) <= pairs
    without_money = {action for _, action in pairs - set(AFTER)}
    assert without_money == {"assign", "dismiss", "waive"}
