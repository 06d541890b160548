"""Refunds that Razorpay reports: what was credited is taken back exactly once, in whatever order events arrive."""

from collections.abc import Callable

import pytest

from shared.payments.apply import apply_attempt
from shared.payments.models import Payment
from shared.razorpay.entities import GatewayRefund, UnexpectedPayload
from shared.refunds import models
from shared.refunds.apply import apply_refund
from shared.refunds.models import Refund, find_by_gateway_refund
from shared.refunds.report import apply_report
from shared.refunds.request import cancel_refund
from shared.telemetry import journal
from tests.unit.conftest import AnswerLost, Razorpay, an_attempt
from tests.unit.payments.support import (
    SECOND_ATTEMPT_ID,
    a_refund,
    balance,
    credited,
    entries,
    response_body,
    stored,
    top_up,
)
from tests.unit.refunds.support import (
    DECLINED,
    REFUND_ID,
    TOO_POOR,
    amounts,
    as_stored,
    ask,
    moves,
    only_refund,
    report,
    spend,
    wallet,
)
from tests.unit.refunds.test_request_refund import paid_through_razorpay

SECOND_REFUND_ID = "rfnd_00000000000002"


def test_repeated_refund_debits_once() -> None:
    payment = credited()
    for _ in range(2):
        result = report(payment, a_refund(20_000))
        assert response_body(result)["status"] == "partially_refunded" and balance() == "300.00"
    rest = report(payment, a_refund(30_000, id=SECOND_REFUND_ID))
    assert response_body(rest)["status"] == "refunded" and balance() == "0.00"


def test_refund_before_capture_leaves_same_ledger() -> None:
    payment = top_up()
    refunded = an_attempt(payment.gateway_order, 50_000, "refunded", was_captured=True)
    apply_refund(payment, refunded, a_refund(50_000), "evt")
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000), "late webhook")
    assert moves() == [("credit", 50_000), ("debit", 50_000)]


def test_refund_of_uncaptured_payment_moves_nothing() -> None:
    payment = top_up()
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "authorized"), "test")
    result = apply_refund(payment, an_attempt(payment.gateway_order, 50_000, "refunded"), a_refund(50_000), "evt")
    assert response_body(result)["status"] == "refunded"
    assert balance() == "0.00" and moves() == [] and models.list_refunds(payment.id) == []


def test_refund_of_other_attempt_moves_nothing() -> None:
    payment = credited()
    other = an_attempt(payment.gateway_order, 50_000, "refunded", id=SECOND_ATTEMPT_ID, was_captured=True)
    apply_refund(payment, other, a_refund(50_000, payment=SECOND_ATTEMPT_ID), "evt")
    assert balance() == "500.00" and models.list_refunds(payment.id) == []


def test_refund_that_names_other_payment_is_malformed() -> None:
    payment = credited()
    with pytest.raises(UnexpectedPayload):
        report(payment, a_refund(50_000, payment=SECOND_ATTEMPT_ID))
    assert balance() == "500.00"


def test_refund_of_nothing_is_malformed() -> None:
    payment = credited()
    for amount_paise in (0, -20_000):
        with pytest.raises(UnexpectedPayload):
            report(payment, a_refund(amount_paise))
    assert balance() == "500.00" and models.list_refunds(payment.id) == []


# --- foreign refunds, from the first report on


def test_foreign_refund_has_an_id_of_its_own_and_a_pointer() -> None:
    payment = credited()
    report(payment, a_refund(20_000, arn="74332741"))
    refund = only_refund(payment)
    assert refund.id == models.foreign_id(REFUND_ID) and refund.asked_by == "gateway" and refund.arn == "74332741"
    assert find_by_gateway_refund(payment.id, REFUND_ID).id == refund.id  # type: ignore[union-attr]
    assert refund.expected_by_us and refund.expected_by_us > refund.created_at_us


def test_pending_refund_holds_what_is_there_and_takes_the_rest_later() -> None:
    payment = credited()
    spend(40_000)
    report(payment, a_refund(30_000, status="pending"))
    assert wallet() == ("0.00", "100.00", "0.00") and amounts(payment) == ("captured", 0, 30_000, 20_000)
    credited(amount_paise=5_000, attempt_id=SECOND_ATTEMPT_ID)
    report(payment, a_refund(30_000))
    assert moves()[-2:] == [("capture", 10_000), ("debit", 20_000)]
    assert wallet() == ("0.00", "0.00", "150.00") and amounts(payment) == ("partially_refunded", 30_000, 0, 20_000)


def test_pending_refund_of_an_empty_wallet_holds_nothing() -> None:
    payment = credited()
    spend(50_000)
    report(payment, a_refund(50_000, status="pending"))
    assert wallet() == ("0.00", "0.00", "0.00") and only_refund(payment).held_paise == 0
    report(payment, a_refund(50_000, status="failed"))
    assert wallet() == ("0.00", "0.00", "0.00") and amounts(payment) == ("captured", 0, 0, 50_000)


def test_pending_refund_that_fails_leaves_balance_whole() -> None:
    payment = credited()
    for status, expected in (("pending", ("300.00", "200.00", "0.00")), ("failed", ("500.00", "0.00", "0.00"))):
        report(payment, a_refund(20_000, status=status))
        assert wallet() == expected and stored(payment).status == "captured"
    report(payment, a_refund(20_000))  # an older event, which arrives last
    assert wallet() == ("500.00", "0.00", "0.00") and moves()[1:] == [("hold", 20_000), ("release", 20_000)]


def test_refund_that_failed_before_it_was_known_moves_nothing() -> None:
    payment = credited()
    report(payment, a_refund(20_000, status="failed"))
    report(payment, a_refund(20_000))
    assert only_refund(payment).status == "failed" and moves() == [("credit", 50_000)]


def test_refund_of_spent_money_is_owed() -> None:
    """A wallet never goes below zero, and what Razorpay did is in the books."""
    payment = credited()
    spend(40_000)
    result = report(payment, a_refund(50_000))
    assert result.flagged == "" and wallet() == ("0.00", "0.00", "400.00")
    assert moves()[-1] == ("debit", 50_000) and only_refund(payment).owed_paise == 40_000
    credited(amount_paise=60_000, attempt_id=SECOND_ATTEMPT_ID)
    for _ in range(2):
        report(payment, a_refund(50_000))
    assert wallet() == ("200.00", "0.00", "0.00") and amounts(payment) == ("refunded", 50_000, 0, 0)


def test_returned_refund_is_credited_and_the_status_goes_back() -> None:
    payment = credited()
    report(payment, a_refund(20_000))
    report(payment, a_refund(30_000, id=SECOND_REFUND_ID))
    assert amounts(payment)[0] == "refunded"
    for _ in range(2):
        report(payment, a_refund(30_000, id=SECOND_REFUND_ID, status="failed"))
    assert amounts(payment) == ("partially_refunded", 20_000, 0, 30_000) and balance() == "300.00"
    report(payment, a_refund(20_000, status="failed"))
    assert amounts(payment) == ("captured", 0, 0, 50_000) and balance() == "500.00"
    assert [kind for kind, _ in moves()] == ["credit", "debit", "debit", "credit", "credit"]
    counts, _, _ = journal.drain()
    assert (counts["RefundProcessed"], counts["RefundReturned"], "RefundFailed" in counts) == (2, 2, False)


@pytest.mark.parametrize(("source", "is_old"), [("list", False), ("payment.captured", True)])
def test_smaller_refunded_amount_is_a_returned_refund_or_old(source: str, is_old: bool, razorpay: Razorpay) -> None:
    payment = credited()
    report(payment, a_refund(20_000))
    razorpay.refunds.append(a_refund(20_000, status="failed"))
    apply_report(stored(payment), an_attempt(payment.gateway_order, 50_000), source)
    assert balance() == ("300.00" if is_old else "500.00")
    assert (f"refunds of {payment.gateway_payment}" in razorpay.calls) != is_old


def test_returned_refund_reduces_what_was_owed_for_it_and_credits_the_rest() -> None:
    payment = credited()
    spend(40_000)
    report(payment, a_refund(50_000))
    report(payment, a_refund(50_000, status="failed"))
    assert wallet() == ("100.00", "0.00", "0.00") and amounts(payment) == ("captured", 0, 0, 50_000)
    assert only_refund(payment).status == "returned" and only_refund(payment).owed_paise == 0


def test_returned_refund_after_recovery_is_credited_whole() -> None:
    payment = credited()
    spend(40_000)
    report(payment, a_refund(50_000))
    credited(amount_paise=60_000, attempt_id=SECOND_ATTEMPT_ID)
    report(payment, a_refund(50_000, status="failed"))
    assert wallet() == ("700.00", "0.00", "0.00")


def test_refund_of_gateway_payment_moves_no_wallet() -> None:
    payment = paid_through_razorpay()
    report(payment, a_refund(20_000))
    assert amounts(payment) == ("refunded", 20_000, 0, 0) and entries() == []


def test_bank_reference_is_noted_when_it_arrives_later() -> None:
    payment = credited()
    report(payment, a_refund(20_000))
    report(payment, a_refund(20_000, arn="74332741"))
    assert only_refund(payment).arn == "74332741" and balance() == "300.00"


# --- amounts beyond what was credited


def test_refund_beyond_captured_takes_what_was_credited_and_is_reviewed() -> None:
    payment = credited()
    report(payment, a_refund(20_000))
    result = report(payment, a_refund(30_001, id=SECOND_REFUND_ID))
    assert result.flagged == "exceeds_captured" and stored(payment).in_review
    assert wallet() == ("0.00", "0.00", "0.00") and amounts(payment) == ("refunded", 50_000, 0, 0)
    refund = find_by_gateway_refund(payment.id, SECOND_REFUND_ID)
    assert refund and (refund.amount_paise, refund.counted_paise) == (30_001, 30_000)
    assert report(payment, a_refund(30_001, id=SECOND_REFUND_ID)).flagged == ""


def test_refund_beyond_a_refunded_payment_moves_nothing_and_is_reviewed() -> None:
    payment = credited()
    report(payment, a_refund(50_000))
    assert report(payment, a_refund(10_000, id=SECOND_REFUND_ID)).flagged == "exceeds_captured"
    assert moves() == [("credit", 50_000), ("debit", 50_000)] and amounts(payment) == ("refunded", 50_000, 0, 0)


def credited_with_fee() -> Payment:
    """A top-up of 500.00, for which the customer paid a fee of 11.80 besides."""
    payment = top_up()
    attempt = an_attempt(payment.gateway_order, 51_180, fee_paise=1_180, is_fee_on_customer=True)
    assert apply_attempt(payment, attempt, "test").captured
    return stored(payment)


def test_refund_of_the_fee_is_noted_and_no_review() -> None:
    payment = credited_with_fee()
    assert report(payment, a_refund(10_000)).flagged == ""
    assert report(payment, a_refund(41_180, id=SECOND_REFUND_ID)).flagged == ""
    refund = find_by_gateway_refund(payment.id, SECOND_REFUND_ID)
    assert refund and (refund.amount_paise, refund.counted_paise) == (41_180, 40_000)
    assert wallet() == ("0.00", "0.00", "0.00") and amounts(payment) == ("refunded", 50_000, 0, 0)


def test_refund_beyond_the_fee_is_reviewed() -> None:
    payment = credited_with_fee()
    assert report(payment, a_refund(10_000)).flagged == ""
    assert report(payment, a_refund(41_181, id=SECOND_REFUND_ID)).flagged == "exceeds_captured"


def test_dashboard_refund_beside_a_request_takes_all_that_was_credited(razorpay: Razorpay) -> None:
    """Razorpay then declines the request. What it held pays what the wallet owes: the customer has the money."""
    payment = credited()
    razorpay.refund_faults += [AnswerLost()]
    requested = ask(payment, 30_000).refund
    razorpay.refunds[:] = [a_refund(50_000, id="rfnd_dashboard")]
    report(payment, razorpay.refunds[0])
    assert wallet() == ("0.00", "300.00", "300.00") and amounts(payment) == ("refunded", 50_000, 30_000, 0)
    report(payment, a_refund(30_000, id="rfnd_ours", reference=requested.id, status="failed"))
    assert wallet() == ("0.00", "0.00", "0.00") and amounts(payment) == ("refunded", 50_000, 0, 0)


# --- every status with every report


def a_requested(razorpay: Razorpay, payment: Payment) -> Refund:
    razorpay.refund_faults.append(TOO_POOR)
    return ask(payment, 20_000).refund


def a_sending(razorpay: Razorpay, payment: Payment) -> Refund:
    razorpay.refund_faults.append(AnswerLost())
    return ask(payment, 20_000).refund


def a_pending(razorpay: Razorpay, payment: Payment) -> Refund:
    razorpay.refund_status = "pending"
    return ask(payment, 20_000).refund


def a_processed(razorpay: Razorpay, payment: Payment) -> Refund:
    return ask(payment, 20_000).refund


def a_failed(razorpay: Razorpay, payment: Payment) -> Refund:
    refund = a_pending(razorpay, payment)
    report(payment, razorpay.change_refund(REFUND_ID, "failed"))
    return refund


def a_returned(razorpay: Razorpay, payment: Payment) -> Refund:
    refund = a_processed(razorpay, payment)
    report(payment, razorpay.change_refund(REFUND_ID, "failed"))
    return refund


HELD, TAKEN, WHOLE = ("300.00", "200.00", "0.00"), ("300.00", "0.00", "0.00"), ("500.00", "0.00", "0.00")
# Status before, and for each report the status and the wallet after it.
TABLE = [
    (a_requested, {"pending": ("pending", HELD), "processed": ("processed", TAKEN), "failed": ("failed", WHOLE)}),
    (a_sending, {"pending": ("pending", HELD), "processed": ("processed", TAKEN), "failed": ("failed", WHOLE)}),
    (a_pending, {"pending": ("pending", HELD), "processed": ("processed", TAKEN), "failed": ("failed", WHOLE)}),
    (
        a_processed,
        {"pending": ("processed", TAKEN), "processed": ("processed", TAKEN), "failed": ("returned", WHOLE)},
    ),
    (a_failed, {"pending": ("failed", WHOLE), "processed": ("failed", WHOLE), "failed": ("failed", WHOLE)}),
    (a_returned, {"pending": ("returned", WHOLE), "processed": ("returned", WHOLE), "failed": ("returned", WHOLE)}),
]
CASES = [(start, reported, *after) for start, reports in TABLE for reported, after in reports.items()]


@pytest.mark.parametrize(("start", "reported", "status", "expected"), CASES)
def test_report_makes_of_each_status_what_the_table_says(
    start: Callable[[Razorpay, Payment], Refund],
    reported: str,
    status: str,
    expected: tuple[str, str, str],
    razorpay: Razorpay,
) -> None:
    payment = credited()
    refund = start(razorpay, payment)
    for _ in range(2):
        report(payment, a_refund(20_000, status=reported, reference=refund.id))
        assert as_stored(refund).status == status and wallet() == expected
    assert only_refund(payment).id == refund.id
    is_open = status in ("requested", "sending", "pending")
    assert (as_stored(refund).open is not None) == is_open
    held_paise = 20_000 if is_open else 0
    assert as_stored(refund).held_paise == held_paise and amounts(payment)[2] == held_paise


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_refund_that_names_an_ended_request_is_recorded_as_foreign(ended: str, razorpay: Razorpay) -> None:
    """It was never sent, or declined. Whatever makes Razorpay say otherwise: the money has moved."""
    payment = credited()
    razorpay.refund_faults.append(TOO_POOR if ended == "cancelled" else DECLINED)
    refund = ask(payment, 20_000).refund
    if ended == "cancelled":
        cancel_refund(payment, refund.id)
    report(payment, a_refund(20_000, reference=refund.id))
    assert as_stored(refund).status == ended and balance() == "300.00"
    assert models.get_or_404(payment.id, models.foreign_id(REFUND_ID)).status == "processed"


@pytest.mark.parametrize("reference", ["another system's", "", "b7a9c1de-52c6-5f0c-8d1b-3d0e6f6a9b21"])
def test_reference_that_is_not_ours_is_foreign(reference: str) -> None:
    payment = credited()
    reported = a_refund(20_000, reference=reference)
    report(payment, reported)
    assert only_refund(payment).asked_by == "gateway"


@pytest.mark.parametrize("status", ["pending", "processed"])
def test_two_reports_of_one_reference_are_two_refunds(status: str, razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_status = status
    refund = ask(payment, 20_000).refund
    report(payment, a_refund(20_000, id=SECOND_REFUND_ID, reference=refund.id))
    assert len(models.list_refunds(payment.id)) == 2 and balance() == "100.00"


def test_unknown_status_of_a_refund_changes_nothing() -> None:
    payment = credited()
    reported = GatewayRefund(REFUND_ID, str(payment.gateway_payment), 20_000, "INR", "created", arn="1")
    report(payment, reported)
    assert models.list_refunds(payment.id) == [] and balance() == "500.00"
