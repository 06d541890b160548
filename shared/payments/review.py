"""Payments in review: reports that do not fit and that a person has to judge."""

from collections.abc import Mapping
from typing import Any

from shared import clock
from shared.aws.dynamodb import OPEN, Update, execute
from shared.payments.lifecycle import timeline_item
from shared.payments.models import Payment
from shared.payments.results import ApplyResult


def is_flagged(payment: Payment, gateway_id: str, reason: str) -> bool:
    """Whether the payment was put in review for this, be it that a person has dealt with it since."""
    return f"{gateway_id}:{reason}" in payment.review


def flag_for_review(
    payment: Payment, gateway_id: str, reason: str, expect: Mapping[str, Any] | None = None
) -> ApplyResult:
    """Put the payment in review, once per Razorpay id and reason, if `expect` holds. Its status stays as it is."""
    if is_flagged(payment, gateway_id, reason):
        return ApplyResult(payment)
    at_us = clock.now_us()
    name = f"review.{gateway_id}:{reason}"
    flag = Update(
        payment,
        {name: clock.iso(at_us), "in_review": OPEN, "updated_at_us": at_us},
        append={"timeline": [timeline_item(at_us, "review", reason, gateway_id)]},
        expect=expect or {},
        expect_absent=name,
    )
    return ApplyResult(payment, flagged=reason if execute(flag) else "")
