"""The reconciler: asks Razorpay about every open payment, reads Razorpay's lists, and finishes saved cards."""

from collections.abc import Callable
from functools import partial
from typing import Any

from shared import clock
from shared.aws.dynamodb import Update, execute
from shared.deadline import Deadline
from shared.disputes.reconcile import measure_answers, reconcile_disputes
from shared.errors import ServiceUnavailable
from shared.payment_methods import card_sync, cards
from shared.payments.lifecycle import CHECK_AGES_S, EXPIRED_AFTER_CHECKS, PAID_STATUSES
from shared.payments.models import Payment, count_in_review, get_or_404, list_due
from shared.payments.reconcile_lists import LISTS, follow_list
from shared.payments.reconcile_recent import read_recent_disputes, read_recent_payments, read_returned_refunds
from shared.payments.reconcile_round import DUE_MAX, Round, take_turns
from shared.payments.reconcile_waiting import measure_waiting
from shared.payments.results import ApplyResult
from shared.payments.review import GATEWAY_UNCLEAR, flag_for_review
from shared.payments.verify import apply_order_attempts
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import UnexpectedPayload
from shared.refunds.reconcile import reconcile_refunds
from shared.telemetry import journal

RECHECK_US_MIN = 60 * 1_000_000  # between two checks of a payment
OPEN_SHARE = 0.6  # of the time: the rest is left for the lists and the cards
LOOKS: tuple[Callable[[Round], None], ...] = (
    reconcile_refunds,
    reconcile_disputes,
    *(partial(follow_list, name) for name in LISTS),
    read_recent_payments,
    read_returned_refunds,
    read_recent_disputes,
)


def reconcile(workers: int = 1) -> dict[str, int]:
    """Check open payments that are due and what Razorpay's lists hold, until the deadline or Razorpay's silence.

    With several `workers`, as many payments are asked about at a time. One that fails does not hold up the others.
    Returns what happened to payments, by the name of its metric.
    """
    work = Round(workers)
    work.guard(partial(_count_in_review, work))
    work.guard(partial(measure_answers, work))
    work.guard(partial(measure_waiting, work))
    with Deadline(Deadline.current().remaining_s * OPEN_SHARE):
        work.guard(partial(_check_due, work))
    follow_lists(work)
    if not work.is_over:
        _reconcile_cards()
    return dict(work.counts)


def _count_in_review(work: Round) -> None:
    work.count("PaymentsInReview", count_in_review())


def _check_due(work: Round) -> None:
    """Ask about the payments whose check is due, with their customers in turn, until the round is over."""
    asked: set[tuple[str, str]] = set()  # a payment that failed is still due, and waits for the next round
    while not work.is_over:
        due = list_due(clock.now_us(), DUE_MAX)
        turns = take_turns([row for row in due if row not in asked])
        work.run_each(partial(_reconcile_payment, *row, work) for row in turns)
        asked.update(turns)
        if len(due) < DUE_MAX or not turns:
            return


def follow_lists(work: Round) -> None:
    """Read each list within its share of the time left. What one does not need is the next one's.

    Who is first changes with every minute: the last one has the most time.
    """
    first = clock.now_s() // 60 % len(LOOKS)
    looks = LOOKS[first:] + LOOKS[:first]
    for left, look in zip(range(len(looks), 0, -1), looks, strict=True):
        if work.is_over:
            return
        with Deadline(Deadline.current().remaining_s / (left + 1)):  # the cards have a share, too
            work.guard(partial(look, work))


def _reconcile_cards() -> None:
    try:
        card_sync.reconcile()
    except ServiceUnavailable:  # the payments' counts are worth more than this failure
        journal.count("TokenCheckDeferred")


def _reconcile_payment(customer: str, payment_id: str, work: Round) -> ApplyResult:
    work.count("ReconcileAsked")
    payment = get_or_404(customer, payment_id)
    late_us = clock.now_us() - (payment.next_check_at_us or clock.now_us())
    work.count_most("ReconcileLagSeconds", late_us // 1_000_000)
    try:
        result = apply_order_attempts(payment, "reconcile")
    except (RazorpayRejected, UnexpectedPayload):
        # Razorpay answered, though not usefully. It is asked again at the usual times;
        # after the last one, a person decides.
        is_last = payment.checks + 1 >= len(CHECK_AGES_S)
        if is_last:
            flag_for_review(payment, str(payment.gateway_order), GATEWAY_UNCLEAR, "reconcile")
        _schedule_next_check(payment, gives_up=is_last)
        raise
    if result.payment.refunds_due_us is not None and result.payment.checks + 1 == len(CHECK_AGES_S):
        # A refund that is still pending, or cannot be read: it is followed further, and a person knows of it.
        result = result.merge(
            flag_for_review(result.payment, str(payment.gateway_order), GATEWAY_UNCLEAR, "reconcile")
        )
    _schedule_next_check(result.payment)
    return result


def _schedule_next_check(payment: Payment, gives_up: bool = False) -> None:
    """Set the next time to ask, by the payment's age, or close the payment."""
    if payment.open is None:
        return
    checks = payment.checks + 1
    values: dict[str, Any] = {"checks": checks}
    is_last = checks >= len(CHECK_AGES_S)
    is_saving = payment.is_paid and payment.save_method == cards.PENDING
    if is_saving and is_last:
        values["save_method"] = cards.NOT_SAVED
    if gives_up:
        values["refunds_due_us"] = None
    if (payment.refunds_due_us is not None and not gives_up) or (is_saving and not is_last):
        pause_s = cards.CHECK_AFTER_S[min(checks, len(cards.CHECK_AFTER_S) - 1)]
        values["next_check_at_us"] = clock.now_us() + 1_000_000 * pause_s
    elif payment.status in PAID_STATUSES or is_last:
        values |= {"open": None, "next_check_at_us": None}
    else:
        due_us = payment.created_at_us + CHECK_AGES_S[checks] * 1_000_000
        values["next_check_at_us"] = max(due_us, clock.now_us() + RECHECK_US_MIN)
    if payment.status == "created" and checks >= EXPIRED_AFTER_CHECKS:
        values |= {"status": "expired", "updated_at_us": clock.now_us()}
    # Without effect if another reconciler or a report was faster: the payment is then scheduled, or still due.
    expect = {"checks": payment.checks, "refunds_due_us": payment.refunds_due_us}
    execute(Update(payment, values, expect=expect, expect_status=(payment.status,)))
