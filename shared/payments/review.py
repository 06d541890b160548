"""Payments in review: reports that do not fit and that a person has to judge."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared import clock
from shared.aws.dynamodb import OPEN, Update, execute, retrying, transact
from shared.desk.models import RESOLVED_REVIEW, REVIEW, Review, review_id, state_of
from shared.payments.lifecycle import timeline_item
from shared.payments.models import Payment, get_or_404
from shared.payments.results import ApplyResult
from shared.razorpay.entities import GatewayPayment

ORDER_MISMATCH = "order_mismatch"
AMOUNT_MISMATCH = "amount_mismatch"
CURRENCY_MISMATCH = "currency_mismatch"
SECOND_CAPTURE = "second_capture"
REFUNDED_BEFORE_CREDIT = "refunded_before_credit"
PAYMENT_UNKNOWN = "payment_unknown"
TOKEN_OF_ANOTHER = "token_of_another_customer"
GATEWAY_UNCLEAR = "gateway_unclear"
EXCEEDS_CAPTURED = "exceeds_captured"
REFUND_FAILED = "refund_failed"
# Why a payment can be in review: each reason, and what happened. No other module spells them.
REASONS: Mapping[str, str] = {
    ORDER_MISMATCH: "The attempt belongs to another gateway order.",
    AMOUNT_MISMATCH: "The attempt's amount differs from the payment's.",
    CURRENCY_MISMATCH: "The attempt is not in INR.",
    SECOND_CAPTURE: "A second attempt was captured on a paid payment.",
    REFUNDED_BEFORE_CREDIT: "The attempt was captured and refunded before it was credited.",
    PAYMENT_UNKNOWN: "Money arrived on one of our orders that has no payment.",
    TOKEN_OF_ANOTHER: "The saved card belongs to another customer.",
    GATEWAY_UNCLEAR: "Up to the last check Razorpay gave no usable answer, or a refund had not ended after it.",
    EXCEEDS_CAPTURED: "Refunds and disputes took more than was captured; the wallet lost what was credited.",
    REFUND_FAILED: "A refund came back from the bank, and no wallet was credited: the customer was not paid.",
}


# A mark of a review that has ended stays: a repeated report does not begin it again. Its value ends in this word.
RESOLVED = "resolved"
# Reasons that end by themselves when the attempt is refunded in full at Razorpay, or when it pays the payment.
ENDED_BY_REFUND = (ORDER_MISMATCH, AMOUNT_MISMATCH, CURRENCY_MISMATCH, SECOND_CAPTURE, PAYMENT_UNKNOWN)
ENDED_BY_CREDIT = (AMOUNT_MISMATCH, CURRENCY_MISMATCH, REFUNDED_BEFORE_CREDIT)


def is_flagged(payment: Payment, gateway_id: str, reason: str) -> bool:
    """Whether the payment was put in review for this, also if a person has dealt with it since."""
    return mark(gateway_id, reason) in payment.review


def mark(gateway_id: str, reason: str) -> str:
    """The key of a Razorpay id and a reason in the payment's `review`; ValueError if the reason is not in REASONS."""
    if reason not in REASONS:
        raise ValueError(f"not a reason for review: {reason}")
    return f"{gateway_id}:{reason}"


def flag_for_review(
    payment: Payment, gateway_id: str, reason: str, source: str = "review", event_id: str = ""
) -> ApplyResult:
    """Put the payment in review, once per Razorpay id and reason. Its status stays as it is.

    `source` and `event_id` say whose report is the reason, for the timeline.
    """
    if is_flagged(payment, gateway_id, reason):
        return ApplyResult(payment)
    at_us = clock.now_us()
    name = f"review.{mark(gateway_id, reason)}"
    flag = Update(
        payment,
        {name: clock.iso(at_us), "in_review": OPEN, "updated_at_us": at_us},
        append={"timeline": [timeline_item(at_us, source, reason, event_id)]},
        expect_absent=name,
    )
    return ApplyResult(payment, flagged=reason if execute(flag) else "")


def marks_of(payment: Payment) -> dict[str, str]:
    """Every mark of the payment, and when it was made; of one that has ended, RESOLVED follows the time."""
    return {name: payment.review[name] for name in payment.review}


def marked_at_us(value: str) -> int:
    """When the mark with this value was made."""
    return round(datetime.fromisoformat(value.partition(" ")[0]).timestamp() * 1_000_000)


def is_open(value: str) -> bool:
    """Whether the mark with this value still waits for somebody."""
    return not value.endswith(f" {RESOLVED}")


def resolution(payment: Payment, *ended: str) -> dict[str, Any]:
    """The values of a payment whose marks have ended. To be written on condition that the marks are as they were."""
    marks = marks_of(payment)
    others = [name for name, value in marks.items() if is_open(value) and name not in ended]
    values = {f"review.{name}": f"{marks[name]} {RESOLVED}" for name in ended if is_open(marks[name])}
    return values | {"in_review": OPEN if others else None, "updated_at_us": clock.now_us()}


def leave_review(payment: Payment, attempt: GatewayPayment, source: str, event_id: str = "") -> Payment:
    """End the marks that this attempt answers, as its report was just applied; the payment afterwards."""
    return _leave(payment, lambda current: _answered(current, attempt), source, event_id)


def end_unclear(payment: Payment, *gateway_ids: str, source: str, event_id: str = "") -> Payment:
    """End what was unclear about a refund that has ended, by Razorpay's id and ours; the payment afterwards."""
    marks = {mark(gateway_id, GATEWAY_UNCLEAR) for gateway_id in gateway_ids}
    return _leave(payment, lambda current: _open_among(current, marks), source, event_id)


def _leave(payment: Payment, ended_of: Callable[[Payment], list[str]], source: str, event_id: str) -> Payment:
    """End these open marks, and note it at the desk."""
    if not ended_of(payment):
        return payment

    def try_leave() -> Payment | None:
        current = get_or_404(payment.customer, payment.id)
        if not (ended := ended_of(current)):
            return current
        items = [timeline_item(clock.now_us(), source, f"{_reason(name)}_resolved", event_id) for name in ended]
        rows = {_resolved_row(current, name): _begun_row(current, name) for name in ended}
        values, before = resolution(current, *ended), {"review": marks_of(current)}
        leave = Update(current, values, {"timeline": items}, expect=before)
        if not (blocked := transact(leave, *rows)):
            return current
        if leave in blocked:
            return None
        rest = [begun if row in blocked else row for row, begun in rows.items()]
        return None if transact(leave, *rest) else current

    return retrying(try_leave)


def _reason(name: str) -> str:
    return name.partition(":")[2]


def _resolved_row(payment: Payment, name: str) -> Update:
    """Note at the desk that the review ended by itself, so that staff who act on it learn that it has.

    Blocked while an action about it has begun.
    """
    gateway_id, _, reason = name.partition(":")
    values = {
        "state": state_of(REVIEW, RESOLVED_REVIEW),
        "customer": payment.customer,
        "payment": payment.id,
        "gateway_id": gateway_id,
        "reason": reason,
        "created_at_us": marked_at_us(marks_of(payment)[name]),
        "resolved_at_us": clock.now_us(),
    }
    row = Review(id=review_id(payment.id, gateway_id, reason))
    return Update(row, values, expect={"begun": None}, may_insert=True)


def _begun_row(payment: Payment, name: str) -> Update:
    """Leave the review's row as it is, as an action about it has begun: when that ends, it resolves the row."""
    gateway_id, _, reason = name.partition(":")
    row = Review(id=review_id(payment.id, gateway_id, reason))
    return Update(row, {"reason": reason}, expect_not={"begun": None})


def _answered(payment: Payment, attempt: GatewayPayment) -> list[str]:
    """The open marks that are no question any more."""
    is_credited = payment.is_paid and payment.gateway_payment == attempt.id
    is_returned = attempt.status == "refunded" and payment.gateway_payment != attempt.id
    reasons = ENDED_BY_CREDIT if is_credited else ENDED_BY_REFUND if is_returned else ()
    answered = {mark(attempt.id, reason) for reason in reasons}
    if is_credited and payment.refunds_due_us is None and payment.gateway_order:
        answered.add(mark(payment.gateway_order, GATEWAY_UNCLEAR))
    return _open_among(payment, answered)


def _open_among(payment: Payment, names: set[str]) -> list[str]:
    return [name for name, value in marks_of(payment).items() if name in names and is_open(value)]
