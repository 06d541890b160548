"""Every request that moves money and every webhook, sent twice over HTTP: half of them take effect."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.api_client import App
from tests.support.ledger_audit import COUNTS_OF_FAULTS, audit, entries_of
from tests.support.local_stack import LocalStack
from tests.support.staff_client import Desk
from tools.cost.meter import item_bytes


def twice(send: Callable[[], Any]) -> Any:
    """Send a request twice with one key; the one body that both answers have."""
    first, second = send(), send()
    assert (first.status_code, second.status_code) == (201, 201), (first.text, second.text)
    assert "Idempotency-Replayed" not in first.headers and second.headers["Idempotency-Replayed"] == "true"
    assert first.json()["id"] == second.json()["id"]
    return second.json()


def deliver_twice(local_stack: LocalStack) -> None:
    answers = local_stack.control("deliver", {"times": 2, "order": "reverse"})
    assert answers and {answer["status"] for answer in answers} == {200}


def at_razorpay(local_stack: LocalStack) -> tuple[int, int]:
    state = local_stack.control("state", {})
    return len(state["orders"]), len(state["refunds"])


@pytest.mark.usefixtures("held")
def test_half_of_what_is_sent_twice_takes_effect(
    app: App, local_stack: LocalStack, aws: Callable[[str], Any]
) -> None:
    desk, (orders, refunds) = Desk(local_stack, "support"), at_razorpay(local_stack)

    # Money comes in: by verify for one payment, by webhooks for the other.
    verified = twice(lambda: app.call("POST", "/wallets/add-money/", {"amount": "500.00"}, "top-up-1"))
    paid = app.pay(verified)
    assert [app.verify(verified, paid).status_code for _ in range(2)] == [200, 200]
    reported = twice(lambda: app.call("POST", "/wallets/add-money/", {"amount": "300.00"}, "top-up-2"))
    app.pay(reported)
    order = twice(lambda: app.call("POST", "/payments/", {"amount": "250.00", "source": "gateway"}, "order-1"))
    app.pay(order)
    deliver_twice(local_stack)
    assert app.balance == "800.00" and app.status(order) == "captured"

    # It is spent, and goes back in every way: to the source, to the wallet, and in Razorpay's dashboard.
    spent = twice(lambda: app.spend("200.00", "spend-1"))
    assert app.balance == "600.00"
    twice(lambda: desk.refund(verified, "100.00", "refund-1"))
    twice(lambda: desk.refund(spent, "50.00", "refund-2"))
    twice(lambda: desk.refund(order, "100.00", "refund-3", destination="wallet"))
    twice(lambda: desk.refund(order, "50.00", "refund-4"))
    assert app.balance == "650.00"
    attempt_id = app.get(f"/payments/{reported['id']}/")["gateway_payment_id"]
    local_stack.control("refund", {"payment_id": attempt_id, "amount": 10_000})
    deliver_twice(local_stack)
    assert app.balance == "550.00"

    # One is pending and fails, one comes back after it was processed.
    local_stack.control("refund_status", {"status": "pending"})
    twice(lambda: desk.refund(reported, "30.00", "refund-5"))
    pending = list(local_stack.control("state", {})["refunds"])[-1]
    local_stack.control("refund_status", {"refund_id": pending, "status": "failed"})
    local_stack.control("refund_status", {"status": "processed"})
    deliver_twice(local_stack)
    twice(lambda: desk.refund(reported, "40.00", "refund-6"))
    deliver_twice(local_stack)
    assert app.balance == "510.00"
    returned = list(local_stack.control("state", {})["refunds"])[-1]
    local_stack.control("refund_status", {"refund_id": returned, "status": "failed"})
    deliver_twice(local_stack)
    assert app.balance == "550.00"

    now = at_razorpay(local_stack)
    assert (now[0] - orders, now[1] - refunds) == (3, 5)
    assert [(row["type"], row["category"], row["amount"], row["status"]) for row in app.transactions[::-1]] == [
        ("credit", "top_up", "500.00", "completed"),
        ("credit", "top_up", "300.00", "completed"),
        ("debit", "payment", "200.00", "completed"),
        ("debit", "refund", "100.00", "completed"),
        ("credit", "refund", "50.00", "completed"),
        ("credit", "refund", "100.00", "completed"),
        ("debit", "refund", "100.00", "completed"),
        ("debit", "refund", "30.00", "reversed"),
        ("credit", "refund", "30.00", "completed"),
        ("debit", "refund", "40.00", "completed"),
        ("credit", "refund", "40.00", "completed"),
    ]
    counts = audit(local_stack, aws, app.customer["id"])
    assert counts["EntriesAudited"] == 14, "the rows, an opening and two captures"
    assert {name: counts[name] for name in COUNTS_OF_FAULTS} == dict.fromkeys(COUNTS_OF_FAULTS, 0)


@pytest.mark.usefixtures("held")
def test_entries_hold_no_text_and_fit_a_kilobyte(
    app: App, local_stack: LocalStack, aws: Callable[[str], Any]
) -> None:
    """What a customer or staff wrote is on records that can be erased; the chain never can."""
    canary = "Asha Rao, 4 Lake Road"
    payment = app.post("/wallets/add-money/", {"amount": "500.00", "description": canary})
    assert app.verify(payment, app.pay(payment)).status_code == 200
    spent = {"amount": "200.00", "source": "wallet", "description": canary, "reference": canary}
    assert app.call("POST", "/payments/", spent, "spend").status_code == 201
    assert Desk(local_stack, "support").refund(payment, "100.00", reason=canary).status_code == 201
    assert {row["description"] for row in app.transactions} == {canary}
    entries = entries_of(local_stack, aws, app.customer["id"])
    assert len(entries) == 5 and not [entry for entry in entries if canary in str(entry)]
    assert max(item_bytes(entry) for entry in entries) <= 1_024
