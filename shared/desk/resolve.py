"""Ending a review: who, how and why is recorded first, then the money moves, then the review is resolved.

An action that moves money begins with its record, so that no other one begins before it is finished. If it breaks
off, anybody can do the same action again: every step of it is done once.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shared import clock
from shared.aws.dynamodb import Insert, Update, Write, retrying, transact
from shared.desk import reviews
from shared.desk.actions import new_action
from shared.desk.models import REVIEW, Review, state_of
from shared.desk.reviews import ReviewItem, get_item
from shared.errors import Conflict, ValidationError
from shared.payments.apply import mismatch
from shared.payments.gateway_refusals import translate_rejections
from shared.payments.lifecycle import timeline_item
from shared.payments.models import get_or_404
from shared.payments.review import is_open, marks_of, resolution
from shared.payments.verify import apply_order_attempts
from shared.razorpay import api
from shared.razorpay.entities import GatewayPayment, is_id
from shared.refunds.models import find_by_gateway_refund
from shared.refunds.report import apply_report

REFUSED = "Razorpay refused."
STILL_OPEN = "What Razorpay says is still not clear."
SOURCE = "staff"  # of what an action reports, in the payment's timeline


def resolve(staff: str, review_id: str, body: Mapping[str, Any]) -> ReviewItem:
    """Do the action about the review; the review afterwards.

    Conflict with code `already_resolved` if it has ended, `action_begun` while another action is unfinished, and with
    a code of the action itself if it cannot be done.
    """
    action, reason = body["action"], body["reason"]
    if action == reviews.ASSIGN:
        if not body["assignee"]:
            raise ValidationError({"assignee": ["This field is required."]})
        return _assign(staff, review_id, body["assignee"], reason)
    if action not in MOVES:
        return _end(staff, review_id, action, reason)
    item = _begin(staff, review_id, action, reason)
    try:
        with translate_rejections(REFUSED):
            MOVES[action](item)
    except Conflict:
        _give_up(item, action)
        raise
    return _end(staff, review_id, action, reason)


# --- what moves money


def _accept_amount(item: ReviewItem) -> None:
    """Credit what arrived, less the fee that the customer bore."""
    attempt = _captured_attempt(item)
    result = apply_report(item.payment, replace(attempt, is_accepted=True), SOURCE)
    if result.payment.gateway_payment != attempt.id:
        raise Conflict("This payment cannot be credited with this attempt.", code="not_acceptable")


def _refund_attempt(item: ReviewItem) -> None:
    """Send the money of an attempt that was not credited back to its source. Razorpay does it once per review."""
    attempt = _captured_attempt(item)
    if get_or_404(item.payment.customer, item.payment.id).gateway_payment == attempt.id:
        raise Conflict("This attempt was credited. Refund the payment.", code="attempt_credited")
    if left_paise := attempt.amount_paise - attempt.refunded_paise:
        api.create_refund(attempt.id, left_paise, item.id)


def _apply_again(item: ReviewItem) -> None:
    """Ask Razorpay once more, and apply what it says."""
    if is_id(item.gateway_id, "pay"):
        attempt = api.fetch_payment(item.gateway_id)
        payment = apply_report(item.payment, attempt, SOURCE).payment
        is_clear = payment.gateway_payment == attempt.id or not mismatch(payment, attempt)
    else:
        payment = apply_order_attempts(item.payment, SOURCE).payment
        refund = find_by_gateway_refund(payment.id, item.gateway_id) if is_id(item.gateway_id, "rfnd") else None
        is_clear = payment.refunds_due_us is None and (refund is None or refund.open is None)
    if not is_clear:
        raise Conflict(STILL_OPEN, code="still_unclear")


MOVES: Mapping[str, Callable[[ReviewItem], None]] = {
    reviews.ACCEPT_AMOUNT: _accept_amount,
    reviews.REFUND_ATTEMPT: _refund_attempt,
    reviews.APPLY_AGAIN: _apply_again,
}


def _captured_attempt(item: ReviewItem) -> GatewayPayment:
    attempt = api.fetch_payment(item.gateway_id)
    if not attempt.was_captured:
        raise Conflict("This attempt was not captured.", code="not_captured")
    return attempt


# --- the record


def _assign(staff: str, review_id: str, assignee: str, reason: str) -> ReviewItem:
    def try_assign() -> ReviewItem | None:
        item = _open_item(review_id, reviews.ASSIGN)
        if item.row and item.row.assigned_to == assignee:
            return item
        return _write(item, staff, reviews.ASSIGN, reason, {"assigned_to": assignee}, {})

    return retrying(try_assign)


def _begin(staff: str, review_id: str, action: str, reason: str) -> ReviewItem:
    """Record that the action begins, unless it has already."""

    def try_begin() -> ReviewItem | None:
        item = _open_item(review_id, action)
        if item.row and item.row.begun == action:
            return item
        return _write(item, staff, action, reason, {"begun": action}, {})

    return retrying(try_begin)


def _end(staff: str, review_id: str, action: str, reason: str) -> ReviewItem:
    """Resolve the review. An action that has begun is recorded already."""

    def try_end() -> ReviewItem | None:
        item = _open_item(review_id, action)
        values = {
            "state": state_of(REVIEW, reviews.RESOLVED_REVIEW),
            "begun": None,
            "action": action,
            "resolved_by": staff,
            "resolved_at_us": clock.now_us(),
        }
        payment = resolution(item.payment, item.mark) if is_open(marks_of(item.payment)[item.mark]) else {}
        return _write(item, staff, action, reason, values, payment)

    return retrying(try_end)


def _give_up(item: ReviewItem, action: str) -> None:
    """Let other actions begin: this one did nothing."""

    def try_give_up() -> bool | None:
        row = get_item(item.id).row
        if row is None or row.begun != action:
            return True
        return None if transact(Update(row, {"begun": None}, expect={"begun": action, "state": row.state})) else True

    retrying(try_give_up)


def _open_item(review_id: str, action: str) -> ReviewItem:
    """The review, if this action may be done about it now."""
    item = get_item(review_id)
    if action not in reviews.ACTIONS[item.reason]:
        raise ValidationError({"action": [f'"{action}" is no action for {item.reason}.']})
    if not item.is_open:
        raise Conflict("This review is already resolved.", code="already_resolved")
    if item.row and item.row.begun and action not in (item.row.begun, reviews.ASSIGN):
        raise Conflict(f"Somebody began to {item.row.begun} here. Do that again first.", code="action_begun")
    return item


def _write(
    item: ReviewItem,
    staff: str,
    action: str,
    reason: str,
    values: Mapping[str, Any],
    payment_values: Mapping[str, Any],
) -> ReviewItem | None:
    """Change the row and the payment together, with who and why; None if either is not as it was read."""
    begun = item.row.begun if item.row else None
    row = item.row or Review(id=item.id)
    known = {
        "state": state_of(REVIEW, reviews.OPEN_REVIEW),
        "customer": item.payment.customer,
        "payment": item.payment.id,
        "gateway_id": item.gateway_id,
        "reason": item.reason,
        "created_at_us": item.created_at_us,
    }
    expect = {"state": item.row.state if item.row else None, "begun": begun}
    writes: list[Write] = [Update(row, {**known, **values}, expect=expect, may_insert=True)]
    items = []
    if begun != action:
        record = new_action(staff, action, item.id, reason)
        writes.append(Insert(record))
        items = [timeline_item(record.created_at_us, SOURCE, action, record.id)]
    update = {"updated_at_us": clock.now_us(), **payment_values}
    timeline = {"timeline": items} if items else {}
    writes.append(Update(item.payment, update, timeline, expect={"review": marks_of(item.payment)}))
    return None if transact(*writes) else replace(item, row=row)
