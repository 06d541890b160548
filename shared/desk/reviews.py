"""Reviews: the reasons for which payments wait for a person, and the actions that end each.

The mark on the payment says that a review is open. Its row at the desk says what staff did: to whom it is assigned,
which action has begun, and which one resolved it. Both change in one transaction.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.aws.dynamodb import get_each
from shared.desk.models import RESOLVED_REVIEW, REVIEW, Review, get_review, list_rows, review_id
from shared.errors import NotFound
from shared.payments import review as reasons
from shared.payments.models import Payment, get_payment, list_in_review
from shared.payments.review import REASONS, is_open, mark, marked_at_us, marks_of

ASSIGN, DISMISS = "assign", "dismiss"
ACCEPT_AMOUNT, REFUND_ATTEMPT, APPLY_AGAIN, WAIVE = "accept_amount", "refund_attempt", "apply_again", "waive"
# What may be done about each reason. `assign` names who looks at it, every other action ends it.
ACTIONS: Mapping[str, tuple[str, ...]] = {
    reasons.ORDER_MISMATCH: (REFUND_ATTEMPT, APPLY_AGAIN, ASSIGN, DISMISS),
    reasons.AMOUNT_MISMATCH: (ACCEPT_AMOUNT, REFUND_ATTEMPT, APPLY_AGAIN, ASSIGN, DISMISS),
    reasons.CURRENCY_MISMATCH: (REFUND_ATTEMPT, ASSIGN, DISMISS),
    reasons.SECOND_CAPTURE: (REFUND_ATTEMPT, ASSIGN, DISMISS),
    reasons.REFUNDED_BEFORE_CREDIT: (APPLY_AGAIN, ASSIGN, DISMISS),
    reasons.PAYMENT_UNKNOWN: (REFUND_ATTEMPT, ASSIGN, DISMISS),
    reasons.TOKEN_OF_ANOTHER: (ASSIGN, DISMISS),
    reasons.GATEWAY_UNCLEAR: (APPLY_AGAIN, ASSIGN, DISMISS),
    reasons.EXCEEDS_CAPTURED: (WAIVE, ASSIGN, DISMISS),
    reasons.REFUND_FAILED: (ASSIGN, DISMISS),
}


class ReviewItem(NamedTuple):
    """A reason for which a payment is or was in review; `row` is what staff did about it, if anything."""

    payment: Payment
    gateway_id: str
    reason: str
    row: Review | None

    @property
    def id(self) -> str:
        return review_id(self.payment.id, self.gateway_id, self.reason)

    @property
    def mark(self) -> str:
        return mark(self.gateway_id, self.reason)

    @property
    def created_at(self) -> str:
        return marks_of(self.payment)[self.mark].partition(" ")[0]

    @property
    def created_at_us(self) -> int:
        return marked_at_us(marks_of(self.payment)[self.mark])

    @property
    def is_open(self) -> bool:
        """Whether it waits. An action that has begun is finished first, whatever ended the mark meanwhile."""
        return bool(self.row and self.row.begun) or is_open(marks_of(self.payment)[self.mark])


def reviews_of(*payments: Payment) -> list[ReviewItem]:
    """All reviews of these payments, the oldest first."""
    found = [
        (payment, *name.partition(":")[::2])
        for payment in payments
        for name in marks_of(payment)
        if name.partition(":")[2] in REASONS
    ]
    ids = [review_id(payment.id, gateway_id, reason) for payment, gateway_id, reason in found]
    rows = {row.id: row for row in get_each(Review, REVIEW, ids)}
    items = [ReviewItem(*parts, rows.get(review)) for parts, review in zip(found, ids, strict=True)]
    return sorted(items, key=lambda item: item.created_at_us)


def list_reviews(filters: Mapping[str, Any]) -> list[ReviewItem]:
    """The open reviews, or those that staff resolved (`status`), that match the filters, the oldest first.

    Filters: status, reason, assigned_to, and from and to (microseconds; from <= created < to).
    """
    from_us, to_us = filters.get("from"), filters.get("to")
    if filters.get("status") == RESOLVED_REVIEW:
        rows = list_rows(Review, REVIEW, RESOLVED_REVIEW, from_us, to_us, keep_newest=True)
        payments = {row.payment: get_payment(row.customer, row.payment) for row in rows}
        items = [
            ReviewItem(found, row.gateway_id, row.reason, row) for row in rows if (found := payments[row.payment])
        ]
    else:
        items = [item for item in reviews_of(*list_in_review()) if item.is_open]
    return [
        item
        for item in items
        if filters.get("reason") in (None, item.reason)
        and filters.get("assigned_to") in (None, item.row.assigned_to if item.row else None)
        and (from_us is None or item.created_at_us >= from_us)
        and (to_us is None or item.created_at_us < to_us)
    ]


def get_item(review: str) -> ReviewItem:
    """The review with this id as it stands now; NotFound if no payment has it.

    One that nobody has touched has no row yet and is found among the payments in review.
    """
    found = _touched(review)
    if not found:
        untouched = (item for item in reviews_of(*list_in_review()) if item.id == review)
        found = next(untouched, None) or _touched(review)  # it may have been resolved since
    if not found:
        raise NotFound("Review")
    return found


def _touched(review: str) -> ReviewItem | None:
    row = get_review(review)
    payment = get_payment(row.customer, row.payment) if row else None
    return ReviewItem(payment, row.gateway_id, row.reason, row) if row and payment else None
