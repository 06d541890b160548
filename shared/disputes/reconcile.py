"""The reconciler's part for disputes: those that have not ended are asked about, so none needs its webhooks."""

from functools import partial

from shared import clock
from shared.aws.dynamodb import Update, execute
from shared.disputes.apply import apply_to_payment
from shared.disputes.lifecycle import CHECK_PAUSE_US, OPEN_STATUSES
from shared.disputes.models import get_dispute, list_due, nearest_answer_us
from shared.payments.models import get_or_404 as get_payment_or_404
from shared.payments.reconcile_round import DUE_MAX, Round, take_turns
from shared.payments.results import ApplyResult
from shared.razorpay import api


def reconcile_disputes(work: Round) -> None:
    """Ask about disputes that are due, with their customers in turn, until the round is over.

    One that fails does not hold up the others.
    """
    due = take_turns(list_due(clock.now_us(), DUE_MAX))
    work.run_each(partial(_follow, payment_id, dispute_id) for _, payment_id, dispute_id in due)


def measure_answers(work: Round) -> None:
    """Count the seconds until the next answer to a bank is due, below zero if it is late; nothing if none is due."""
    respond_by_us = nearest_answer_us()
    if respond_by_us is not None:
        work.count("DisputeAnswerDueSeconds", (respond_by_us - clock.now_us()) // 1_000_000)


def _follow(payment_id: str, dispute_id: str) -> ApplyResult | None:
    dispute = get_dispute(payment_id, dispute_id)
    if dispute is None or dispute.status not in OPEN_STATUSES:
        return None
    # The next time is set before asking: a failure then costs this dispute a pause, and the others nothing.
    asked_us = dispute.updated_at_us
    values = {"checks": dispute.checks + 1, "next_check_at_us": clock.now_us() + CHECK_PAUSE_US}
    if not execute(Update(dispute, values, expect={"checks": dispute.checks}, expect_status=(dispute.status,))):
        return None  # it has changed, or another reconciler follows it
    payment = get_payment_or_404(dispute.customer, payment_id)
    reported = api.fetch_dispute(dispute.gateway_dispute)
    return apply_to_payment(payment, reported, source="reconcile", asked_us=asked_us)
