"""The record of what staff do about a review: who, how and why, in the transactions that begin and end an action.

An action that moves money begins with its record, so that no other one begins before it is finished. If it breaks
off, anybody can do the same action again: every step of it is done once.
"""

from collections.abc import Callable, Mapping
from typing import Any

from shared import clock
from shared.aws.dynamodb import Insert, Update, Write, retrying, transact
from shared.desk import reviews
from shared.desk.actions import new_action
from shared.desk.models import OPEN_REVIEW, RESOLVED_REVIEW, REVIEW, Review, state_of
from shared.desk.review_moves import SOURCE, move
from shared.desk.reviews import ReviewItem, get_item
from shared.errors import Conflict, ValidationError
from shared.payments.lifecycle import timeline_item
from shared.payments.review import is_open, marks_of, resolution


def move_and_end(
    staff: str,
    review_id: str,
    action: str,
    reason: str,
    amount_paise: int | None = None,
    alongside: Callable[[], Write] | None = None,
) -> ReviewItem:
    """Record the action, move the money, then resolve the review; the review afterwards.

    What `alongside` returns is written in the transaction that resolves it. One that was refused did nothing, and
    lets others begin.
    """
    item = _begin(staff, review_id, action, reason, amount_paise)
    try:
        move(item, action)
    except Conflict:
        _give_up(item, action)
        raise
    return end(staff, review_id, action, reason, alongside)


def assign(staff: str, review_id: str, assignee: str, reason: str) -> ReviewItem:
    def try_assign() -> ReviewItem | None:
        item = open_item(review_id, reviews.ASSIGN)
        if item.row and item.row.assigned_to == assignee:
            return item
        return _write(item, staff, reviews.ASSIGN, reason, {"assigned_to": assignee}, {})

    return retrying(try_assign)


def end(
    staff: str, review_id: str, action: str, reason: str, alongside: Callable[[], Write] | None = None
) -> ReviewItem:
    """Resolve the review. An action that has begun is recorded already."""

    def try_end() -> ReviewItem | None:
        item = open_item(review_id, action)
        values = {
            "state": state_of(REVIEW, RESOLVED_REVIEW),
            "begun": None,
            "action": action,
            "resolved_by": staff,
            "resolved_at_us": clock.now_us(),
        }
        payment = resolution(item.payment, item.mark) if is_open(marks_of(item.payment)[item.mark]) else {}
        writes = (alongside(),) if alongside else ()
        return _write(item, staff, action, reason, values, payment, *writes)

    return retrying(try_end)


def open_item(review_id: str, action: str) -> ReviewItem:
    """The review, if this action may be done about it now."""
    item = get_item(review_id)
    if action not in reviews.ACTIONS[item.reason]:
        raise ValidationError({"action": [f'"{action}" is no action for {item.reason}.']})
    if not item.is_open:
        raise Conflict("This review is already resolved.", code="already_resolved")
    if item.row and item.row.begun and action not in (item.row.begun, reviews.ASSIGN):
        raise Conflict(f"Somebody began to {item.row.begun} here. Do that again first.", code="action_begun")
    return item


def _begin(staff: str, review_id: str, action: str, reason: str, amount_paise: int | None) -> ReviewItem:
    """Record that the action begins, unless it has already."""

    def try_begin() -> ReviewItem | None:
        item = open_item(review_id, action)
        if item.row and item.row.begun == action:
            return item
        return _write(item, staff, action, reason, {"begun": action, "amount_paise": amount_paise}, {})

    return retrying(try_begin)


def _give_up(item: ReviewItem, action: str) -> None:
    """Let other actions begin: this one did nothing. If later facts ended the review meanwhile, it is resolved."""

    def try_give_up() -> bool | None:
        current = get_item(item.id)
        row, marks = current.row, marks_of(current.payment)
        if row is None or row.begun != action:
            return True
        values: dict[str, Any] = {"begun": None, "amount_paise": None}
        if not is_open(marks[item.mark]):
            values |= {"state": state_of(REVIEW, RESOLVED_REVIEW), "resolved_at_us": clock.now_us()}
        give_up = Update(row, values, expect={"begun": action, "state": row.state})
        unchanged = Update(current.payment, {"updated_at_us": clock.now_us()}, expect={"review": marks})
        return None if transact(give_up, unchanged) else True

    retrying(try_give_up)


def _write(
    item: ReviewItem,
    staff: str,
    action: str,
    reason: str,
    values: Mapping[str, Any],
    payment_values: Mapping[str, Any],
    *others: Write,
) -> ReviewItem | None:
    """Change the row and the payment together, with who and why; None if either is not as it was read."""
    begun = item.row.begun if item.row else None
    row = item.row or Review(id=item.id)
    known = {
        "state": state_of(REVIEW, OPEN_REVIEW),
        "customer": item.payment.customer,
        "payment": item.payment.id,
        "gateway_id": item.gateway_id,
        "reason": item.reason,
        "created_at_us": item.created_at_us,
    }
    expect = {"state": item.row.state if item.row else None, "begun": begun}
    writes: list[Write] = [*others, Update(row, {**known, **values}, expect=expect, may_insert=True)]
    items = []
    if begun != action:
        record = new_action(staff, action, item.id, reason)
        writes.append(Insert(record))
        items = [timeline_item(record.created_at_us, SOURCE, action, record.id)]
    update = {"updated_at_us": clock.now_us(), **payment_values}
    timeline = {"timeline": items} if items else {}
    writes.append(Update(item.payment, update, timeline, expect={"review": marks_of(item.payment)}))
    return None if transact(*writes) else item._replace(row=row)
