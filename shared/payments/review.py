"""Payments in review: reports that do not fit and that a person has to judge."""

from collections.abc import Mapping
from typing import Any

from shared import clock
from shared.aws.dynamodb import OPEN, Update, execute
from shared.payments.lifecycle import timeline_item
from shared.payments.models import Payment
from shared.payments.results import ApplyResult

# Why a payment can be in review: each reason, and what happened.
REASONS: Mapping[str, str] = {
    "order_mismatch": "The attempt belongs to another gateway order.",
    "amount_mismatch": "The attempt's amount differs from the payment's.",
    "currency_mismatch": "The attempt is not in INR.",
    "second_capture": "A second attempt was captured on a paid payment.",
    "refunded_before_credit": "The attempt was captured and refunded before it was credited.",
    "payment_unknown": "Money arrived on one of our orders that has no payment.",
    "token_of_another_customer": "The saved card belongs to another customer.",
    "gateway_unclear": "Up to the last check Razorpay gave no usable answer, or a refund was still pending after it.",
    "exceeds_captured": "Refunds and disputes took more than was captured; the wallet lost what was credited.",
}


def is_flagged(payment: Payment, gateway_id: str, reason: str) -> bool:
    """Whether the payment was put in review for this, be it that a person has dealt with it since."""
    return mark(gateway_id, reason) in payment.review


def mark(gateway_id: str, reason: str) -> str:
    """The key of a Razorpay id and a reason in the payment's `review`; ValueError if the reason is not in REASONS."""
    if reason not in REASONS:
        raise ValueError(f"not a reason for review: {reason}")
    return f"{gateway_id}:{reason}"


def flag_for_review(
    payment: Payment, gateway_id: str, reason: str, expect: Mapping[str, Any] | None = None
) -> ApplyResult:
    """Put the payment in review, once per Razorpay id and reason, if `expect` holds. Its status stays as it is."""
    if is_flagged(payment, gateway_id, reason):
        return ApplyResult(payment)
    at_us = clock.now_us()
    name = f"review.{mark(gateway_id, reason)}"
    flag = Update(
        payment,
        {name: clock.iso(at_us), "in_review": OPEN, "updated_at_us": at_us},
        append={"timeline": [timeline_item(at_us, "review", reason, gateway_id)]},
        expect=expect or {},
        expect_absent=name,
    )
    return ApplyResult(payment, flagged=reason if execute(flag) else "")
