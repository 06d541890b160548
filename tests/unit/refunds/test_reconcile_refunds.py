"""The reconciler brings every refund to its end, without any webhook."""

from collections.abc import Callable

import pytest

from shared.desk.reviews import list_reviews
from shared.errors import ServiceUnavailable
from shared.payments.reconcile import reconcile
from shared.payments.reconcile_round import Round
from shared.payments.review import flag_for_review
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import UnexpectedPayload
from shared.refunds import send as sending
from shared.refunds.lifecycle import REVIEW_AFTER_CHECKS
from shared.refunds.models import Refund
from shared.refunds.reconcile import reconcile_refunds
from shared.refunds.request import cancel_refund
from tests.unit.conftest import AnswerLost, Razorpay, an_attempt
from tests.unit.payments.support import ATTEMPT_ID, BILAL, SECOND_ATTEMPT_ID, a_refund, credited, forward, stored
from tests.unit.refunds.support import (
    DECLINED,
    REFUND_ID,
    TOO_POOR,
    TOO_POOR_IN_SHORT,
    amounts,
    as_stored,
    ask,
    moves,
    only_refund,
    report,
    wallet,
)

HOUR_S, DAY_S = 3_600, 86_400


@pytest.fixture
def after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], dict[str, int]]:
    """Reconcile this many seconds from now."""

    def run(seconds: int) -> dict[str, int]:
        forward(seconds, monkeypatch)
        return reconcile()

    return run


Reconcile = Callable[[int], dict[str, int]]


def asked(razorpay: Razorpay) -> int:
    """How many times Razorpay was asked to refund."""
    return razorpay.calls.count(f"refund of {ATTEMPT_ID}")


def test_lost_answer_is_found_by_our_id_and_not_sent_again(razorpay: Razorpay, after: Reconcile) -> None:
    payment = credited()
    razorpay.refund_faults.append(AnswerLost())
    refund = ask(payment, 20_000).refund
    assert as_stored(refund).status == "sending"
    after(61)
    assert as_stored(refund).status == "processed" and wallet() == ("300.00", "0.00", "0.00")
    assert asked(razorpay) == 1 and only_refund(payment).gateway_refund == REFUND_ID


def test_lost_request_is_sent_again_once(razorpay: Razorpay, after: Reconcile) -> None:
    payment = credited()
    razorpay.refund_faults.append(ServiceUnavailable(is_silence=True))
    refund = ask(payment, 20_000).refund
    after(61)
    after(400)
    assert as_stored(refund).status == "processed" and asked(razorpay) == 2 and len(razorpay.refunds) == 1
    assert amounts(payment) == ("partially_refunded", 20_000, 0, 30_000)


def test_request_that_may_still_arrive_is_not_sent_again(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = credited()
    razorpay.refund_faults.append(ServiceUnavailable())
    refund = ask(payment, 20_000).refund
    forward(59, monkeypatch)
    assert sending.look_up(payment, refund).status == "sending" and asked(razorpay) == 1
    forward(60, monkeypatch)
    assert sending.look_up(payment, as_stored(refund)).status == "processed" and asked(razorpay) == 2


def test_two_look_ups_send_a_lost_request_once(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = credited()
    razorpay.refund_faults += [ServiceUnavailable(), ServiceUnavailable()]
    refund = ask(payment, 20_000).refund
    first, second = as_stored(refund), as_stored(refund)
    forward(61, monkeypatch)
    sending.look_up(payment, first)
    assert sending.look_up(payment, second).status == "sending" and asked(razorpay) == 2


def test_refund_of_a_crash_after_the_record_is_sent(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch, after: Reconcile
) -> None:
    payment = credited()

    def crash(*arguments: object) -> Refund:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("shared.refunds.request.send", crash)
        ask(payment, 20_000)
    assert only_refund(payment).status == "requested" and wallet() == ("300.00", "200.00", "0.00")
    after(61)
    assert only_refund(payment).status == "processed" and asked(razorpay) == 1


def test_refund_of_a_crash_before_the_request_is_sent(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch, after: Reconcile
) -> None:
    """It is `sending` and nothing was sent: the look-up finds nothing, so it is sent."""
    payment = credited()

    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("shared.razorpay.api.create_refund", crash)
        ask(payment, 20_000)
    assert only_refund(payment).status == "sending"
    after(61)
    assert only_refund(payment).status == "processed" and asked(razorpay) == 1


@pytest.mark.parametrize("status", ["processed", "failed"])
def test_pending_refund_is_followed_to_its_end(status: str, razorpay: Razorpay, after: Reconcile) -> None:
    payment = credited()
    razorpay.refund_status = "pending"
    refund = ask(payment, 20_000).refund
    after(61)
    assert as_stored(refund).status == "pending" and as_stored(refund).checks == 1
    razorpay.change_refund(REFUND_ID, status)
    after(200)
    assert as_stored(refund).status == status and as_stored(refund).open is None
    assert wallet() == (("300.00" if status == "processed" else "500.00"), "0.00", "0.00")


def test_foreign_pending_refund_is_followed_to_its_end(razorpay: Razorpay, after: Reconcile) -> None:
    payment = credited()
    razorpay.refunds.append(a_refund(20_000, status="pending"))
    report(payment, razorpay.refunds[0])
    after(61)
    assert only_refund(payment).status == "pending" and stored(payment).open is None
    razorpay.change_refund(REFUND_ID, "processed")
    after(200)
    assert only_refund(payment).status == "processed" and wallet() == ("300.00", "0.00", "0.00")


def test_endlessly_pending_refund_is_shown_to_a_person_once(razorpay: Razorpay, after: Reconcile) -> None:
    payment = credited()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    razorpay.refund_status = "pending"
    ask(payment, 20_000)
    flagged = sum(after(day * (DAY_S + 60))["ReconcileFlagged"] for day in range(1, 20))
    assert flagged == 1 and only_refund(payment).open and stored(payment).in_review


UNUSABLE = (ServiceUnavailable(), RazorpayRejected(409, "", "in progress"), UnexpectedPayload("garbage"))


@pytest.mark.parametrize("fault", UNUSABLE)
def test_endlessly_sending_refund_is_shown_to_a_person_once(
    fault: Exception, razorpay: Razorpay, after: Reconcile, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = credited()
    razorpay.refund_faults.append(ServiceUnavailable())
    refund = ask(payment, 20_000).refund

    def fail(payment_id: str) -> object:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr("shared.razorpay.api.fetch_refunds", fail)
        for day in range(1, 13):
            after(day * DAY_S)
            is_late = day >= REVIEW_AFTER_CHECKS
            assert list(stored(payment).review) == [f"{refund.id}:gateway_unclear"] * is_late, day
    assert as_stored(refund).status == "sending" and stored(payment).in_review
    after(13 * DAY_S)
    assert as_stored(refund).status == "processed" and not stored(payment).in_review


def test_request_that_is_never_answered_is_shown_to_a_person(razorpay: Razorpay, after: Reconcile) -> None:
    payment = credited()
    razorpay.refund_faults += [ServiceUnavailable()] * 20
    refund = ask(payment, 20_000).refund
    flagged = sum(after(day * DAY_S)["ReconcileFlagged"] for day in range(1, 13))
    assert flagged == 1 and list(stored(payment).review) == [f"{refund.id}:gateway_unclear"]


@pytest.mark.parametrize("status", ["processed", "failed"])
def test_review_of_an_unclear_refund_ends_with_it(status: str, razorpay: Razorpay, after: Reconcile) -> None:
    payment = credited()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    razorpay.refund_status = "pending"
    ask(payment, 20_000)
    for day in range(1, 13):
        after(day * (DAY_S + 60))
    assert stored(payment).in_review
    report(payment, razorpay.change_refund(REFUND_ID, status))
    assert not stored(payment).in_review
    (ended,) = list_reviews({"status": "resolved"})
    assert (ended.gateway_id, ended.row and ended.row.resolved_by) == (REFUND_ID, None)


def test_repeated_report_ends_the_review_that_a_crash_left(razorpay: Razorpay) -> None:
    payment = credited()
    report(payment, a_refund(20_000))
    flag_for_review(stored(payment), REFUND_ID, "gateway_unclear")
    report(payment, a_refund(20_000))
    assert not stored(payment).in_review


def test_review_of_a_declined_refund_ends_with_it(razorpay: Razorpay, after: Reconcile) -> None:
    payment = credited()
    razorpay.refund_faults += [ServiceUnavailable(), DECLINED]
    refund = ask(payment, 20_000).refund
    flag_for_review(stored(payment), refund.id, "gateway_unclear")
    after(61)
    assert as_stored(refund).status == "failed" and not stored(payment).in_review


def test_review_of_a_cancelled_refund_ends_with_it(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_faults.append(TOO_POOR)
    refund = ask(payment, 20_000).refund
    flag_for_review(stored(payment), refund.id, "gateway_unclear")
    assert cancel_refund(payment, refund.id).status == "cancelled" and not stored(payment).in_review


@pytest.mark.parametrize("answer", [TOO_POOR, TOO_POOR_IN_SHORT])
def test_account_too_poor_is_tried_for_a_day(answer: RazorpayRejected, razorpay: Razorpay, after: Reconcile) -> None:
    payment = credited()
    razorpay.refund_faults += [answer] * 100
    refund = ask(payment, 20_000).refund
    assert as_stored(refund).status == "requested" and wallet() == ("300.00", "200.00", "0.00")
    for seconds in (61, 300, HOUR_S, DAY_S - 2 * HOUR_S):
        after(seconds)
        assert as_stored(refund).status == "requested", seconds
    assert asked(razorpay) == 5
    after(DAY_S + 1)
    assert as_stored(refund).status == "failed" and as_stored(refund).failure == answer.description
    assert wallet() == ("500.00", "0.00", "0.00") and amounts(payment) == ("captured", 0, 0, 50_000)


def test_account_that_is_funded_in_the_day_refunds(razorpay: Razorpay, after: Reconcile) -> None:
    payment = credited()
    razorpay.refund_faults.append(TOO_POOR)
    refund = ask(payment, 20_000).refund
    after(61)
    assert as_stored(refund).status == "processed" and wallet() == ("300.00", "0.00", "0.00")


def test_refund_that_fails_holds_up_no_other(razorpay: Razorpay, after: Reconcile) -> None:
    first, second = credited(), credited(BILAL, attempt_id=SECOND_ATTEMPT_ID)
    razorpay.refund_faults += [AnswerLost(), AnswerLost()]
    ask(first, 20_000)
    ask(second, 20_000)
    broken = razorpay.fetch_refunds

    def fetch(payment_id: str) -> object:
        if payment_id == ATTEMPT_ID:
            raise RazorpayRejected(400, "", "broken")
        return broken(payment_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.razorpay.api.fetch_refunds", fetch)
        counts = after(61)
    assert counts["ReconcileFailed"] == 1
    assert (only_refund(first).status, only_refund(second).status) == ("sending", "processed")
    after(400)
    assert only_refund(first).status == "processed"


def test_refunds_of_one_customer_do_not_hold_up_another(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = credited(), credited(BILAL, attempt_id=SECOND_ATTEMPT_ID)
    razorpay.refund_faults += [ServiceUnavailable()] * 4
    for number in range(3):
        ask(first, 10_000, key=f"key-{number}")
    ask(second, 20_000)
    forward(61, monkeypatch)
    work, ran = Round(), []
    monkeypatch.setattr(work, "run", lambda step: ran.append(step()))
    monkeypatch.setattr(Round, "is_over", property(lambda self: len(ran) == 2))
    reconcile_refunds(work)
    assert only_refund(second).status == "processed" and amounts(first)[1] == 10_000


def test_second_reconciler_leaves_a_refund_to_the_first(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch, after: Reconcile
) -> None:
    payment = credited()
    razorpay.refund_faults.append(ServiceUnavailable())
    ask(payment, 20_000)
    inner, fetch = [reconcile], razorpay.fetch_refunds

    def meet(payment_id: str) -> object:
        if inner:
            inner.pop()()
        return fetch(payment_id)

    monkeypatch.setattr("shared.razorpay.api.fetch_refunds", meet)
    after(61)
    assert asked(razorpay) == 2 and len(razorpay.refunds) == 1
    assert moves() == [("credit", 50_000), ("hold", 20_000), ("capture", 20_000)]
