"""The reconciler: asks Razorpay about every payment that no webhook brought to its end, then about saved cards."""

from collections import Counter
from typing import Any

from shared import clock
from shared.aws.dynamodb import Update, execute
from shared.deadline import Deadline
from shared.errors import NotFound, ServiceUnavailable
from shared.payment_methods import card_sync, cards
from shared.payments.lifecycle import CHECK_AGES_S, EXPIRED_AFTER_CHECKS, PAID_STATUSES
from shared.payments.models import Payment, count_in_review, get_or_404, list_due
from shared.payments.results import ApplyResult
from shared.payments.review import flag_for_review
from shared.payments.verify import apply_order_attempts
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import UnexpectedPayload
from shared.telemetry import journal

RECHECK_US_MIN = 60 * 1_000_000  # between two checks of a payment


def reconcile(limit: int = 200) -> dict[str, int]:
    """Check every open payment that is due, until the deadline. A payment that fails does not hold up the others.

    Returns what happened to payments, by the name of its metric.
    """
    counts = Counter({"ReconcileAsked": 0, "ReconcileCredited": 0, "ReconcileFlagged": 0, "ReconcileFailed": 0})
    counts.update({"ReconcileLagSeconds": 0, "PaymentsInReview": count_in_review()})
    for customer, payment_id in list_due(clock.now_us(), limit):
        if Deadline.current().has_passed:
            break
        counts["ReconcileAsked"] += 1
        try:
            payment = get_or_404(customer, payment_id)
            late_us = clock.now_us() - (payment.next_check_at_us or clock.now_us())
            counts["ReconcileLagSeconds"] = max(counts["ReconcileLagSeconds"], late_us // 1_000_000)
            result = _reconcile_payment(payment)
        except (ServiceUnavailable, RazorpayRejected, UnexpectedPayload, NotFound):
            counts["ReconcileFailed"] += 1
            continue
        except Exception as error:  # one payment never stops the round of the others
            journal.unexpected(error)
            counts["ReconcileFailed"] += 1
            continue
        counts.update(result.counts)
        counts["ReconcileCredited"] += result.captured
        counts["ReconcileFlagged"] += bool(result.flagged)
    card_sync.reconcile(limit)
    return dict(counts)


def _reconcile_payment(payment: Payment) -> ApplyResult:
    try:
        result = apply_order_attempts(payment, "reconcile")
    except (RazorpayRejected, UnexpectedPayload):
        # Razorpay answered, though not usefully. It is asked again at the usual times;
        # after the last one, a person decides.
        if payment.checks + 1 >= len(CHECK_AGES_S):
            flag_for_review(payment, str(payment.gateway_order), "gateway_does_not_tell")
        _schedule_next_check(payment)
        raise
    _schedule_next_check(result.payment)
    return result


def _schedule_next_check(payment: Payment) -> None:
    """Set the next time to ask, by the payment's age, or close the payment."""
    if payment.open is None:
        return
    checks = payment.checks + 1
    values: dict[str, Any] = {"checks": checks}
    is_saving = payment.status in PAID_STATUSES and payment.save_method == cards.PENDING
    if is_saving and checks < len(CHECK_AGES_S):
        values["next_check_at_us"] = clock.now_us() + 1_000_000 * CHECK_AGES_S[checks]
    elif is_saving:
        values |= {"open": None, "next_check_at_us": None, "save_method": cards.NOT_SAVED}
    elif payment.status in PAID_STATUSES or checks >= len(CHECK_AGES_S):
        values |= {"open": None, "next_check_at_us": None}
    else:
        due_us = payment.created_at_us + CHECK_AGES_S[checks] * 1_000_000
        values["next_check_at_us"] = max(due_us, clock.now_us() + RECHECK_US_MIN)
    if payment.status == "created" and checks >= EXPIRED_AFTER_CHECKS:
        values |= {"status": "expired", "updated_at_us": clock.now_us()}
    # Without effect if another reconciler or a report was faster: the payment is then scheduled, or still due.
    execute(Update(payment, values, expect={"checks": payment.checks}, expect_status=(payment.status,)))
