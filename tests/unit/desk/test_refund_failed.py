"""Refunds that come back from the bank: where no wallet is credited, a person has to pay the customer."""

from typing import Any

import pytest

from shared.desk.reviews import list_reviews, reviews_of
from shared.payments.apply import apply_attempt
from shared.payments.create import create_payment
from shared.payments.models import Payment, list_in_review
from shared.payments.reconcile_lists import apply_listed_refund
from shared.razorpay.entities import GatewayPayment
from shared.refunds import apply
from tests.unit.conftest import Razorpay, an_attempt
from tests.unit.desk.test_reviews import act, refused, twice_captured
from tests.unit.payments.support import (
    ASHA,
    ATTEMPT_ID,
    SECOND_ATTEMPT_ID,
    THROUGH_RAZORPAY,
    a_refund,
    balance,
    credited,
    deliver,
    entries,
    payment_entity,
    stored,
)
from tests.unit.refunds.support import REFUND_ID, only_refund, report

MARK = f"{REFUND_ID}:refund_failed"
FAILED = a_refund(20_000, status="failed")


def paid_for_an_order() -> Payment:
    payment = create_payment(ASHA, THROUGH_RAZORPAY, "pay").payment
    apply_attempt(payment, an_attempt(payment.gateway_order, payment.amount_paise), "test")
    return stored(payment)


def refund_entity(attempt_id: str, amount_paise: int, status: str) -> dict[str, Any]:
    fields = {"id": REFUND_ID, "payment_id": attempt_id, "amount": amount_paise, "currency": "INR"}
    return fields | {"status": status, "notes": []}


def bring(way: str, razorpay: Razorpay, attempt: GatewayPayment, amount_paise: int) -> None:
    """Report that the refund failed, in this way."""
    entity = refund_entity(attempt.id, amount_paise, "failed")
    if way == "list":
        razorpay.payments[attempt.id] = attempt
        apply_listed_refund(entity)
    else:
        deliver("refund.failed", {"payment": payment_entity(attempt), "refund": entity})


def open_marks(payment: Payment) -> list[str]:
    return [item.mark for item in reviews_of(stored(payment)) if item.is_open]


@pytest.mark.parametrize("way", ["webhook", "list"])
def test_returned_refund_of_a_payment_is_reviewed_once(way: str, razorpay: Razorpay) -> None:
    payment = paid_for_an_order()
    report(payment, a_refund(20_000))
    for _ in range(2):
        bring(way, razorpay, an_attempt(payment.gateway_order, 20_000), 20_000)
    assert only_refund(payment).status == "returned" and entries() == [] and open_marks(payment) == [MARK]
    (item,) = list_reviews({})
    act(item, "dismiss")
    bring(way, razorpay, an_attempt(payment.gateway_order, 20_000), 20_000)
    assert not stored(payment).in_review and refused(item, "dismiss") == "already_resolved"


def test_review_is_counted_once() -> None:
    payment = paid_for_an_order()
    report(payment, a_refund(20_000))
    assert [report(payment, FAILED).flagged for _ in range(2)] == ["refund_failed", ""]


def test_crash_before_the_review_is_healed_by_the_next_report(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = paid_for_an_order()
    report(payment, a_refund(20_000))

    def crash(*values: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(apply, "flag_for_review", crash)
        report(payment, FAILED)
    assert only_refund(payment).status == "returned" and not stored(payment).in_review
    assert report(payment, FAILED).flagged == "refund_failed" and open_marks(payment) == [MARK]


def test_returned_refund_of_a_top_up_is_no_review() -> None:
    payment = credited()
    report(payment, a_refund(20_000))
    report(payment, FAILED)
    assert only_refund(payment).status == "returned" and balance() == "500.00" and not stored(payment).in_review


def test_refund_that_was_never_processed_is_no_review() -> None:
    payment = paid_for_an_order()
    report(payment, FAILED)
    assert only_refund(payment).status == "failed" and not stored(payment).in_review


# --- of attempts that were not credited


@pytest.mark.parametrize("way", ["webhook", "list"])
def test_failed_refund_of_a_second_capture_is_reviewed_once(way: str, razorpay: Razorpay) -> None:
    item = twice_captured(razorpay)
    act(item, "refund_attempt")
    attempt = an_attempt(item.payment.gateway_order, 50_000, id=SECOND_ATTEMPT_ID)
    for _ in range(2):
        bring(way, razorpay, attempt, 50_000)
    assert open_marks(item.payment) == [MARK] and balance() == "500.00"
    (failed,) = list_reviews({})
    act(failed, "dismiss")
    bring(way, razorpay, attempt, 50_000)
    assert not stored(item.payment).in_review


def test_failed_refund_that_another_replaced_is_no_review(razorpay: Razorpay) -> None:
    item = twice_captured(razorpay)
    attempt = an_attempt(item.payment.gateway_order, 50_000, "refunded", id=SECOND_ATTEMPT_ID, was_captured=True)
    bring("list", razorpay, attempt._replace(refunded_paise=50_000), 50_000)
    assert not stored(item.payment).in_review


def test_refund_that_fails_at_once_does_not_end_its_review(razorpay: Razorpay) -> None:
    item = twice_captured(razorpay)
    razorpay.refund_status = "failed"
    assert refused(item, "refund_attempt") == refused(item, "refund_attempt") == "attempt_not_refunded"
    assert [row.id for row in list_reviews({})] == [item.id] and len(razorpay.refunds) == 1
    razorpay.payments[SECOND_ATTEMPT_ID] = razorpay.payments[SECOND_ATTEMPT_ID]._replace(refunded_paise=10_000)
    assert refused(item, "refund_attempt") == "attempt_not_refunded", "whatever is left by now"
    assert not act(item, "dismiss").is_open


# --- of money on an order without a payment


def unknown(razorpay: Razorpay) -> tuple[Payment, GatewayPayment]:
    notes = {"payment_id": "p-1", "customer": ASHA, "purpose": "top_up"}
    attempt = an_attempt(razorpay.create_order(500, "p-1", notes), 500)
    first = deliver("payment.captured", {"payment": payment_entity(attempt)})
    assert first.outcome == "applied" and first.applied and first.applied.counts == {"PaymentFlagged": 1}
    assert deliver("payment.captured", {"payment": payment_entity(attempt)}).outcome == "unchanged"
    (payment,) = list_in_review()
    return payment, attempt


def test_unknown_payment_is_counted_and_ended_by_its_refund(razorpay: Razorpay) -> None:
    payment, attempt = unknown(razorpay)
    refunded = attempt._replace(status="refunded", refunded_paise=500)
    entities = {"payment": payment_entity(refunded), "refund": refund_entity(ATTEMPT_ID, 500, "processed")}
    assert deliver("refund.processed", entities).outcome != "ignored"
    assert not stored(payment).in_review


def test_failed_refund_of_an_unknown_payment_is_reviewed(razorpay: Razorpay) -> None:
    payment, attempt = unknown(razorpay)
    razorpay.payments[ATTEMPT_ID] = attempt
    (item,) = list_reviews({})
    act(item, "refund_attempt")
    bring("webhook", razorpay, attempt, 500)
    assert open_marks(payment) == [MARK]


def test_authorization_on_an_order_without_a_payment_is_ignored(razorpay: Razorpay) -> None:
    payment, attempt = unknown(razorpay)
    authorized = attempt._replace(id=SECOND_ATTEMPT_ID, status="authorized", was_captured=False)
    assert deliver("payment.authorized", {"payment": payment_entity(authorized)}).outcome == "ignored"
    assert list(stored(payment).review) == [f"{ATTEMPT_ID}:payment_unknown"]
