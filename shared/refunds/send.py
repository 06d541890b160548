"""Sending a refund to Razorpay, so that it is never sent twice and never lost.

A refund turns `sending` before Razorpay is asked. From then on nobody knows what Razorpay did until it says so: the
refunds of the payment are fetched, and the one that has our id is ours. Only if there is none is it sent again, with
the same idempotency key.
"""

from typing import Any

from shared import clock
from shared.aws.dynamodb import Update, execute, retrying
from shared.errors import ServiceUnavailable
from shared.payments.lifecycle import timeline_item
from shared.payments.models import Payment
from shared.payments.models import get_or_404 as get_payment_or_404
from shared.payments.review import end_unclear
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayRefund, UnexpectedPayload
from shared.refunds import lifecycle
from shared.refunds.apply import apply_to_paid
from shared.refunds.models import Refund, get_or_404
from shared.refunds.transition import try_transition
from shared.telemetry import journal

FAILURE_LENGTH_MAX = 255
RECONCILE = "reconcile"  # source of what the reconciler finds out, in the timelines
REFUSED = "Razorpay declined this refund."
TAKEN_BACK = "The customer's bank has taken this money back."


def send(payment: Payment, refund: Refund, source: str) -> Refund:
    """Send the refund, perhaps once more, on behalf of the `source`; the refund as it stands afterwards.

    It is `sending` if Razorpay's answer is unknown.
    """
    if _is_taken_back(payment):
        fail(payment, refund, TAKEN_BACK, source)
    elif _claim(refund, source):
        _ask(payment, refund, source)
    return get_or_404(payment.id, refund.id)


def look_up(payment: Payment, refund: Refund, source: str = RECONCILE) -> Refund:
    """Find out what became of a `sending` refund, and send it again if Razorpay does not have it."""
    if reported := _find_at_razorpay(refund):
        apply_to_paid(payment, reported, source=source)
    elif clock.now_us() >= (refund.sent_at_us or 0) + lifecycle.RESEND_AFTER_S * 1_000_000:
        return send(payment, refund, source)
    return get_or_404(payment.id, refund.id)


def fail(payment: Payment, refund: Refund, text: str, source: str) -> None:
    """End a refund that Razorpay did not make: its money is released, and it can be asked for again."""

    def try_fail() -> bool | None:
        current = get_payment_or_404(payment.customer, payment.id)
        stored = get_or_404(payment.id, refund.id)
        if (stored.status, stored.sent_at_us) != (refund.status, refund.sent_at_us):
            return True  # somebody knows more about it
        values: dict[str, Any] = {"failure": text[:FAILURE_LENGTH_MAX]}
        if not try_transition(current, stored, "failed", values, source=source):
            return None
        end_unclear(current, refund.id, source=source)
        return True

    retrying(try_fail)


def _is_taken_back(payment: Payment) -> bool:
    """Whether disputes took what this payment's refunds were to return, while they waited."""
    lost_paise = payment.lost_paise or 0
    left_paise = (payment.paid_paise or 0) - payment.refunded_paise - payment.refunding_paise - lost_paise
    return lost_paise > 0 > left_paise


def _claim(refund: Refund, source: str) -> bool:
    """Turn the refund `sending`, or note that it is sent once more: of several calls at once, one may send it."""
    at_us = clock.now_us()
    values = {"status": "sending", "sent_at_us": at_us, "updated_at_us": at_us}
    item = timeline_item(at_us, source, "sending")
    expect = {"sent_at_us": refund.sent_at_us}
    return execute(Update(refund, values, {"timeline": [item]}, expect=expect, expect_status=(refund.status,)))


def _ask(payment: Payment, refund: Refund, source: str) -> None:
    try:
        reported = api.create_refund(str(refund.gateway_payment), refund.amount_paise, refund.id)
    except RazorpayRejected as rejection:
        _refused(payment, refund, rejection, source)
    except (ServiceUnavailable, UnexpectedPayload):
        journal.count("RefundUnclear")  # the reconciler looks it up
    else:
        apply_to_paid(payment, reported, source=source)


def _refused(payment: Payment, refund: Refund, rejection: RazorpayRejected, source: str) -> None:
    """Razorpay declined. It may have accepted an earlier request all the same, so its refunds are read first."""
    try:
        reported = _find_at_razorpay(refund)
    except (ServiceUnavailable, RazorpayRejected, UnexpectedPayload):
        journal.count("RefundUnclear")
        return
    if reported:
        apply_to_paid(payment, reported, source=source)
    elif not rejection.is_account_too_poor:
        fail(payment, refund, rejection.description or REFUSED, source)
    elif clock.now_us() - refund.created_at_us >= lifecycle.POOR_S_MAX * 1_000_000:
        fail(payment, refund, rejection.description, source)
    else:
        _wait_for_funds(refund, source)


def _wait_for_funds(refund: Refund, source: str) -> None:
    """Nothing was made, so the refund is `requested` as before. The reconciler sends it again."""
    at_us = clock.now_us()
    values = {
        "status": "requested",
        "next_check_at_us": lifecycle.next_check_us(at_us, "requested", refund.checks),
        "updated_at_us": at_us,
    }
    item = timeline_item(at_us, source, "account_too_poor")
    expect = {"sent_at_us": refund.sent_at_us}
    execute(Update(refund, values, {"timeline": [item]}, expect=expect, expect_status=("sending",)))


def _find_at_razorpay(refund: Refund) -> GatewayRefund | None:
    """Razorpay's refund that has our id."""
    refunds = api.fetch_refunds(str(refund.gateway_payment))
    return next((reported for reported in refunds if reported.reference == refund.id), None)
