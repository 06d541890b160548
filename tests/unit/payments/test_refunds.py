"""Refunds that Razorpay reports: what was credited is taken back exactly once, in whatever order events arrive."""

from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from shared.aws.dynamodb import Update, execute
from shared.payments.apply import apply_attempt
from shared.payments.create import create_payment
from shared.payments.models import Payment, get_refund
from shared.payments.reconcile import reconcile
from shared.payments.refunds import apply_dispute, apply_refund
from shared.payments.results import ApplyResult
from shared.payments.review import flag_for_review
from shared.razorpay.entities import GatewayPayment, GatewayRefund, UnexpectedPayload
from shared.wallets.models import append
from shared.wallets.wallet import get_or_open
from tests.unit.conftest import Razorpay, an_attempt
from tests.unit.payments.support import (
    ASHA,
    ATTEMPT_ID,
    FROM_WALLET,
    SECOND_ATTEMPT_ID,
    a_refund,
    balance,
    credited,
    entries,
    forward,
    response_body,
    stored,
    top_up,
)

REFUND_ID = "rfnd_00000000000001"


def refund(payment: Payment, attempt: GatewayPayment, reported: GatewayRefund) -> ApplyResult:
    return apply_refund(payment, attempt, reported, "evt")


def test_repeated_refund_debits_once() -> None:
    payment = credited()
    captured = an_attempt(payment.gateway_order, 50_000)
    for _ in range(2):
        result = refund(payment, captured, a_refund(20_000))
        assert response_body(result)["status"] == "partially_refunded" and balance() == "300.00"
    rest = refund(payment, captured, a_refund(30_000, id="rfnd_00000000000002"))
    assert response_body(rest)["status"] == "refunded" and balance() == "0.00"


def test_refund_before_capture_leaves_same_ledger() -> None:
    payment = top_up()
    refunded = an_attempt(payment.gateway_order, 50_000, "refunded", was_captured=True)
    refund(payment, refunded, a_refund(50_000))
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000), "late webhook")
    assert [(entry.type, entry.amount_paise) for entry in entries()[1:]] == [("credit", 50_000), ("debit", 50_000)]


def test_refund_of_uncaptured_payment_moves_nothing() -> None:
    payment = top_up()
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "authorized"), "test")
    result = refund(payment, an_attempt(payment.gateway_order, 50_000, "refunded"), a_refund(50_000))
    assert response_body(result)["status"] == "refunded"
    assert balance() == "0.00" and len(entries()) == 1


def test_refund_of_other_attempt_moves_nothing() -> None:
    payment = credited()
    other = an_attempt(payment.gateway_order, 50_000, "refunded", id=SECOND_ATTEMPT_ID, was_captured=True)
    refund(payment, other, a_refund(50_000, payment=SECOND_ATTEMPT_ID))
    assert balance() == "500.00"


def test_refund_of_spent_money_is_flagged() -> None:
    """A wallet never goes below zero."""
    payment = credited()
    create_payment(ASHA, FROM_WALLET | {"amount": 40_000}, "spend")
    result = refund(payment, an_attempt(payment.gateway_order, 50_000), a_refund(50_000))
    assert result.flagged == "refund_exceeds_balance" and balance() == "100.00"


def test_refund_over_payment_amount_is_flagged() -> None:
    payment = credited()
    captured = an_attempt(payment.gateway_order, 50_000)
    refund(payment, captured, a_refund(20_000))
    result = refund(payment, captured, a_refund(30_001, id="rfnd_00000000000002"))
    assert result.flagged == "refund_exceeds_payment" and balance() == "300.00"


def test_refund_that_names_other_payment_is_malformed() -> None:
    payment = credited()
    with pytest.raises(UnexpectedPayload):
        refund(payment, an_attempt(payment.gateway_order, 50_000), a_refund(50_000, payment=SECOND_ATTEMPT_ID))
    assert balance() == "500.00"


def test_dispute_flags_credited_payment_alone() -> None:
    payment, unpaid = credited(), top_up()
    disputed = apply_dispute(payment, an_attempt(payment.gateway_order, 50_000), "payment.dispute.created")
    assert disputed.flagged == "dispute_created" and response_body(disputed)["in_review"]
    other = apply_dispute(unpaid, an_attempt(unpaid.gateway_order, 50_000), "payment.dispute.created")
    assert other.flagged == "" and stored(unpaid).in_review is None and balance() == "500.00"


def test_pending_refund_that_fails_leaves_balance_whole() -> None:
    payment = credited()
    attempt = an_attempt(payment.gateway_order, 50_000)
    for status in ("pending", "failed"):
        result = apply_refund(payment, attempt, a_refund(20_000, status=status), "evt")
        assert not result.counts and stored(payment).status == "captured" and balance() == "500.00"
    assert len(entries()) == 2


@pytest.mark.parametrize("events", [("processed", "processed"), ("pending", "processed")])
def test_refund_in_review_stays_with_the_person(events: tuple[str, str]) -> None:
    """Whoever resolved it by hand would otherwise find it taken a second time when the event comes again."""
    payment = credited()
    attempt = an_attempt(payment.gateway_order, 50_000)
    create_payment(ASHA, FROM_WALLET | {"amount": 50_000}, "spend")
    assert refund(payment, attempt, a_refund(50_000)).flagged == "refund_exceeds_balance"
    credited(amount_paise=60_000, attempt_id=SECOND_ATTEMPT_ID)
    assert execute(Update(stored(payment), {"in_review": None}))  # as a person does in the end
    for status in events:
        assert refund(payment, attempt, a_refund(50_000, status=status)).flagged == ""
    assert balance() == "600.00" and stored(payment).refunded_paise == 0 and get_refund(payment.id, REFUND_ID) is None
    other = a_refund(50_000, id="rfnd_00000000000002")  # another refund is not affected
    assert response_body(refund(payment, attempt, other))["status"] == "refunded" and balance() == "100.00"


@pytest.mark.parametrize("first", ["review", "record"])
def test_refund_is_either_recorded_or_in_review(first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two reports at once, one of which finds the balance too low: whichever writes first decides."""
    payment = credited()
    attempt = an_attempt(payment.gateway_order, 50_000)
    if first == "record":  # this report reads an empty wallet, and meanwhile the other one records the refund

        def read_then_lose(customer: str) -> Any:
            monkeypatch.setattr("shared.payments.refunds.get_or_open", get_or_open)
            refund(payment, attempt, a_refund(50_000))
            return Mock(balance_paise=0)

        monkeypatch.setattr("shared.payments.refunds.get_or_open", read_then_lose)
        assert refund(payment, attempt, a_refund(50_000)).flagged == ""
        assert balance() == "0.00" and not stored(payment).in_review
    else:

        def flag_then_append(*writes: Any) -> Any:
            monkeypatch.setattr("shared.payments.refunds.append", append)
            flag_for_review(stored(payment), REFUND_ID, "refund_exceeds_balance")
            return append(*writes)

        monkeypatch.setattr("shared.payments.refunds.append", flag_then_append)
        refund(payment, attempt, a_refund(50_000))
        assert balance() == "500.00" and stored(payment).in_review and get_refund(payment.id, REFUND_ID) is None


def test_pending_refund_reopens_payment_until_it_is_final(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end may be reported by no webhook, and lies outside of any list of new refunds."""
    payment = credited()
    attempt = razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    razorpay.refunds.append(a_refund(20_000, status="pending"))
    refund(payment, attempt, razorpay.refunds[0])
    assert stored(payment).open and balance() == "500.00"
    for minutes in (2, 10, 1_000_000):
        forward(minutes * 60, monkeypatch)
        reconcile()
        assert stored(payment).open and balance() == "500.00"
    razorpay.refunds[0] = a_refund(20_000)
    razorpay.payments[ATTEMPT_ID] = replace(attempt, refunded_paise=20_000)
    forward(2_000_000 * 60, monkeypatch)
    reconcile()
    assert balance() == "300.00" and stored(payment).open is None and stored(payment).refunds_due_us is None


def test_pending_refund_that_fails_closes_payment(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = credited()
    attempt = razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    refund(payment, attempt, a_refund(20_000, status="pending"))
    razorpay.refunds.append(a_refund(20_000, status="failed"))
    forward(61, monkeypatch)
    reconcile()
    assert balance() == "500.00" and stored(payment).open is None and stored(payment).refunds_due_us is None


def test_endlessly_pending_refund_is_shown_to_a_person_once(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = credited()
    attempt = razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    razorpay.refunds.append(a_refund(20_000, status="pending"))
    refund(payment, attempt, razorpay.refunds[0])
    flagged = 0
    for day in range(1, 20):
        forward(day * 86_460, monkeypatch)
        flagged += reconcile()["ReconcileFlagged"]
    assert flagged == 1 and stored(payment).open and stored(payment).in_review
