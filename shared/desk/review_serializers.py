"""Reviews, as staff list and end them."""

from collections.abc import Mapping
from typing import Literal

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.desk.models import OPEN_REVIEW, REVIEW_STATUSES
from shared.desk.reviews import ACTIONS, ReviewItem
from shared.http import fields
from shared.http.formats import Money, Time, Uuid
from shared.money import rupees
from shared.payments.review import REASONS

RESOLVE_FIELDS: Mapping[str, fields.Field] = {
    "action": fields.Choice(
        options=tuple(dict.fromkeys(action for actions in ACTIONS.values() for action in actions)),
        required=True,
        example="dismiss",
    ),
    "reason": fields.Text(length_max=255, required=True, example="The customer paid twice"),
    "assignee": fields.Text(length_max=255, description="Who looks at it: required for `assign`."),
}
REVIEW_FILTERS: Mapping[str, fields.Field] = {
    "status": fields.Choice(options=REVIEW_STATUSES, description=f"By default `{OPEN_REVIEW}`."),
    "reason": fields.Choice(options=tuple(REASONS)),
    "assigned_to": fields.Text(length_max=255, description="The id of a member of staff."),
    "from": fields.DateTime(description="From this time on; a bare date is a day in India."),
    "to": fields.DateTime(description="Before this time; a bare date is a day in India."),
}

ReviewStatus = TypeAliasType("ReviewStatus", Literal["open", "resolved"])


class ReviewBody(TypedDict):
    """Why a payment is in review. `actions` are those that may be done about it: none once it is resolved.

    `begun` is an action that broke off, and that has to be done again before any other. `age_s` is since when it
    waits. One that later facts ended is resolved by nobody. `amount` is what the action moves, or moved, if a person
    decides about an amount by it.
    """

    id: Uuid
    reason: str
    explanation: str
    status: ReviewStatus
    payment: str
    customer: str
    gateway_id: str
    actions: list[str]
    begun: str | None
    assigned_to: str | None
    action: str | None
    amount: Money | None
    resolved_by: str | None
    created_at: Time
    age_s: int
    resolved_at: Time | None


def serialize_review(item: ReviewItem) -> ReviewBody:
    row = item.row
    return {
        "id": item.id,
        "reason": item.reason,
        "explanation": REASONS[item.reason],
        "status": "open" if item.is_open else "resolved",
        "payment": item.payment.id,
        "customer": item.payment.customer,
        "gateway_id": item.gateway_id,
        "actions": list(ACTIONS[item.reason]) if item.is_open else [],
        "begun": row.begun if row else None,
        "assigned_to": row.assigned_to if row else None,
        "action": row.action if row else None,
        "amount": rupees(row.amount_paise) if row and row.amount_paise else None,
        "resolved_by": row.resolved_by if row else None,
        "created_at": item.created_at,
        "age_s": max(0, (clock.now_us() - item.created_at_us) // 1_000_000),
        "resolved_at": clock.iso(row.resolved_at_us) if row and row.resolved_at_us else None,
    }
