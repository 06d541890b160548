"""`apply_report`: what every way in does with a report about a payment. It applies the attempt, then its refunds.

A refund can be made in Razorpay's dashboard, and its webhook can be lost. The payment itself still says so: its
refunded amount is larger than the recorded one. Its refunds are then fetched, and each is applied as if a webhook had
reported it.
"""

from dataclasses import replace

from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.payments.apply import apply_attempt, mismatch
from shared.payments.models import Payment
from shared.payments.refunds import apply_refund, ask_later, stop_asking
from shared.payments.results import ApplyResult
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayPayment, UnexpectedPayload
from shared.telemetry import journal

ASK_LATER_S = 0.5  # reserved for leaving the refunds to the reconciler


def apply_report(payment: Payment, attempt: GatewayPayment, source: str, event_id: str = "") -> ApplyResult:
    """Apply what Razorpay reports about an attempt, and those of its refunds that are not recorded."""
    result = ApplyResult(payment)
    if mismatch(payment, attempt) == "refunded_before_credit":
        # Neither the capture nor the refunds are known. The refunds bring the credit before them.
        try:
            result = _apply_refunds(result, attempt)
        except (RazorpayRejected, UnexpectedPayload):
            journal.breadcrumb("payments: the refunds cannot be read")
    result = result.merge(apply_attempt(result.payment, attempt, source, event_id))
    return apply_unknown_refunds(result, attempt)


def apply_unknown_refunds(result: ApplyResult, attempt: GatewayPayment) -> ApplyResult:
    """Fetch and apply the refunds of the credited attempt, if there are more than the payment has recorded.

    What cannot be done now is left to the reconciler: the attempt itself is applied.
    """
    payment = result.payment
    if not payment.is_paid or payment.gateway_payment != attempt.id:
        return result  # the refunds of another attempt move nothing
    if attempt.refunded_paise <= payment.refunded_paise and payment.refunds_due_us is None:
        return result
    try:
        with Deadline(Deadline.current().remaining_s - ASK_LATER_S):
            return _apply_refunds(result, attempt)
    except (ServiceUnavailable, RazorpayRejected, UnexpectedPayload):
        journal.count("RefundsDeferred")
        return replace(result, payment=ask_later(payment))


def _apply_refunds(result: ApplyResult, attempt: GatewayPayment) -> ApplyResult:
    due_us = result.payment.refunds_due_us
    refunds = api.fetch_refunds(attempt.id)
    for refund in refunds:
        result = result.merge(apply_refund(result.payment, attempt, refund, ""))
    if due_us is not None and all(refund.status != "pending" for refund in refunds):
        stop_asking(result.payment, due_us)
    return result
