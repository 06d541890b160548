"""Payments in review: reports that do not fit and that a person has to judge."""

from shared import clock
from shared.aws.dynamodb import OPEN, Update, execute
from shared.payments.lifecycle import timeline_item
from shared.payments.models import Payment
from shared.payments.results import ApplyResult


def flag_for_review(payment: Payment, gateway_id: str, reason: str) -> ApplyResult:
    """Put the payment in review, once per Razorpay id and reason. Its status stays as it is."""
    at_us = clock.now_us()
    name = f"review.{gateway_id}:{reason}"
    flag = Update(
        payment,
        {name: clock.iso(at_us), "in_review": OPEN, "updated_at_us": at_us},
        append={"timeline": [timeline_item(at_us, "review", reason, gateway_id)]},
        expect_absent=name,
    )
    return ApplyResult(payment, flagged=reason if execute(flag) else "")
