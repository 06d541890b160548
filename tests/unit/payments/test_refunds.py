"""Refunds that Razorpay reports: what was credited is taken back exactly once, in whatever order events arrive."""

import pytest

from shared.payments.apply import apply_attempt
from shared.payments.create import create_payment
from shared.payments.models import Payment
from shared.payments.refunds import apply_dispute, apply_refund
from shared.payments.results import ApplyResult
from shared.razorpay.entities import GatewayPayment, GatewayRefund, UnexpectedPayload
from tests.unit.conftest import an_attempt
from tests.unit.payments.support import (
    ASHA,
    FROM_WALLET,
    SECOND_ATTEMPT_ID,
    a_refund,
    balance,
    credited,
    entries,
    response_body,
    stored,
    top_up,
)


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
