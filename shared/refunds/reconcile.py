"""The reconciler's part for refunds: those that have not ended are looked up, so no webhook of a refund is needed."""

from collections.abc import Callable, Mapping
from functools import partial

from shared import clock
from shared.aws.dynamodb import Update, execute
from shared.errors import ServiceUnavailable
from shared.payments.models import Payment
from shared.payments.models import get_or_404 as get_payment_or_404
from shared.payments.reconcile_round import DUE_MAX, Round, take_turns
from shared.payments.results import ApplyResult
from shared.payments.review import GATEWAY_UNCLEAR, flag_for_review
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import UnexpectedPayload
from shared.refunds import lifecycle
from shared.refunds.apply import apply_to_paid
from shared.refunds.lifecycle import OPEN_STATUSES
from shared.refunds.models import Refund, get_or_404, get_refund, list_due
from shared.refunds.send import RECONCILE, look_up, send


def reconcile_refunds(work: Round) -> None:
    """Follow refunds that are due, with their customers in turn, until the round is over.

    One that fails does not hold up the others.
    """
    due = take_turns(list_due(clock.now_us(), DUE_MAX))
    work.run_each(partial(_follow, payment_id, refund_id) for _, payment_id, refund_id in due)


def _follow(payment_id: str, refund_id: str) -> ApplyResult | None:
    refund = get_refund(payment_id, refund_id)
    if refund is None or refund.status not in OPEN_STATUSES or not _claim_check(refund):
        return None  # it has ended, or another reconciler follows it
    result = ApplyResult(get_payment_or_404(refund.customer, payment_id))
    try:
        result = STEPS[refund.status](result.payment, refund)
    except (ServiceUnavailable, RazorpayRejected, UnexpectedPayload):
        _flag_if_late(result, refund)  # Razorpay may answer so for this one each time
        raise
    return _flag_if_late(result, refund)


def _claim_check(refund: Refund) -> bool:
    """Set the next time to ask before asking: a failure then costs this refund a pause, and the others nothing."""
    checks = refund.checks + 1
    due_us = lifecycle.next_check_us(clock.now_us(), refund.status, checks)
    values = {"checks": checks, "next_check_at_us": due_us}
    return execute(Update(refund, values, expect={"checks": refund.checks}, expect_status=(refund.status,)))


def _ask(payment: Payment, refund: Refund) -> ApplyResult:
    return apply_to_paid(payment, api.fetch_refund(str(refund.gateway_refund)), source=RECONCILE)


def _look_up(payment: Payment, refund: Refund) -> ApplyResult:
    look_up(payment, refund)
    return ApplyResult(payment)


def _send(payment: Payment, refund: Refund) -> ApplyResult:
    send(payment, refund, RECONCILE)
    return ApplyResult(payment)


STEPS: Mapping[str, Callable[[Payment, Refund], ApplyResult]] = {
    "requested": _send,
    "sending": _look_up,
    "pending": _ask,
}


def _flag_if_late(result: ApplyResult, refund: Refund) -> ApplyResult:
    """Show a refund to a person that Razorpay has not ended after many questions. It is followed further.

    Until Razorpay's id of it is known, the review is about ours.
    """
    if refund.checks < lifecycle.REVIEW_AFTER_CHECKS:
        return result
    current = get_or_404(refund.payment, refund.id)
    if current.status not in ("sending", "pending") or current.checks < lifecycle.REVIEW_AFTER_CHECKS:
        return result
    gateway_id = current.gateway_refund or current.id
    return result.merge(flag_for_review(result.payment, gateway_id, GATEWAY_UNCLEAR, RECONCILE))
