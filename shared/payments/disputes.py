"""Disputes that Razorpay reports."""

from shared.payments.models import Payment, get_or_404
from shared.payments.results import ApplyResult
from shared.payments.review import REASONS, flag_for_review
from shared.razorpay.entities import GatewayPayment


def apply_dispute(payment: Payment, attempt: GatewayPayment, word: str) -> ApplyResult:
    """Put a disputed payment in review. A dispute of a payment that was never credited moves nothing.

    `word` is the last word of the event's name, such as `created`. An unknown word is a dispute all the same.
    """
    payment = get_or_404(payment.customer, payment.id)
    if payment.gateway_payment != attempt.id:
        return ApplyResult(payment)
    reason = f"dispute_{word}"
    return flag_for_review(payment, attempt.id, reason if reason in REASONS else "dispute_created")
