"""The table `desk`: what waits for a decision of staff, and what staff did. Each row has who and why.

A row's kind says what it is. `state` is the kind and the status in one text, the key of the index for lists.
"""

import json
import uuid
from collections.abc import Sequence
from functools import partial

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from shared.aws.dynamodb import IntegerAttribute, Row, Table, get, get_each, read
from shared.errors import NotFound

REVIEW, PROPOSAL, ACTION = "review", "proposal", "action"  # kinds
OPEN_REVIEW, RESOLVED_REVIEW = REVIEW_STATUSES = ("open", "resolved")
REVIEWS = uuid.UUID("8d3f1b52-7c0e-5e4a-9b61-2f4d0c7e9a13")
PROPOSAL_LAPSES_AFTER_US = 72 * 3_600 * 1_000_000
TIME_US_MAX = 10**16  # later than any row, by centuries
LISTED_MAX = 500  # rows of one state that a list shows


class DeskByState(GlobalSecondaryIndex["DeskRow"]):
    """Reviews and proposals in a status, by age. Actions are in no list."""

    class Meta:
        index_name = "by_state"
        projection = KeysOnlyProjection()

    state = UnicodeAttribute(hash_key=True)
    created_at_us = IntegerAttribute(range_key=True)


class DeskRow(Table):
    """What all rows have in common."""

    class Meta:
        table_setting = "desk_table"

    by_state = DeskByState()

    kind = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    state = UnicodeAttribute(null=True)
    created_at_us = IntegerAttribute()


class Review(Table):
    """What staff did about a reason for which a payment is in review. The payment's mark says that it waits.

    `begun` is an action that moves money and that was not finished yet: until then no other one may begin. One that
    later facts ended is resolved without an action.
    """

    class Meta:
        table_setting = "desk_table"

    kind = UnicodeAttribute(hash_key=True, default=REVIEW)
    id = UnicodeAttribute(range_key=True)
    state = UnicodeAttribute()
    customer = UnicodeAttribute()
    payment = UnicodeAttribute()
    gateway_id = UnicodeAttribute()
    reason = UnicodeAttribute()  # why the payment is in review
    assigned_to = UnicodeAttribute(null=True)
    begun = UnicodeAttribute(null=True)
    action = UnicodeAttribute(null=True)  # that resolved it
    amount_paise = IntegerAttribute(null=True)  # that an action moves, if it moves any
    resolved_by = UnicodeAttribute(null=True)
    resolved_at_us = IntegerAttribute(null=True)
    created_at_us = IntegerAttribute()


class Action(Table):
    """Something that a member of staff did alone: what, to which subject, and why. It never changes."""

    class Meta:
        table_setting = "desk_table"

    kind = UnicodeAttribute(hash_key=True, default=ACTION)
    id = UnicodeAttribute(range_key=True)
    what = UnicodeAttribute()
    subject = UnicodeAttribute()  # the id of a wallet, of a customer, of a webhook
    by = UnicodeAttribute()  # the id of the member of staff
    reason = UnicodeAttribute()
    created_at_us = IntegerAttribute()


class Proposal(Table):
    """What one member of staff proposes and another one decides.

    That is an adjustment, a waiver, a large refund, or an action about a review that moves as much.

    Neither what is proposed nor by whom ever changes.
    """

    class Meta:
        table_setting = "desk_table"

    kind = UnicodeAttribute(hash_key=True, default=PROPOSAL)
    id = UnicodeAttribute(range_key=True)
    state = UnicodeAttribute()
    what = UnicodeAttribute()
    customer = UnicodeAttribute()
    wallet = UnicodeAttribute(null=True)  # of an adjustment or a waiver
    type = UnicodeAttribute(null=True)  # of an adjustment: credit or debit
    payment = UnicodeAttribute(null=True)  # of a refund or a review
    destination = UnicodeAttribute(null=True)
    review = UnicodeAttribute(null=True)
    action = UnicodeAttribute(null=True)  # about the review
    asked = UnicodeAttribute(default="")  # the request, which a repetition of its key has to repeat
    amount_paise = IntegerAttribute()
    reason = UnicodeAttribute()
    proposed_by = UnicodeAttribute()
    decided_by = UnicodeAttribute(null=True)
    decision_reason = UnicodeAttribute(default="")
    decided_at_us = IntegerAttribute(null=True)
    refund = UnicodeAttribute(null=True)  # that came of it
    lapses_at_us = IntegerAttribute()
    created_at_us = IntegerAttribute()

    @property
    def stored_status(self) -> str:
        """The status that was written last. An open proposal lapses without a write."""
        return self.state.partition(":")[2]


def review_id(payment_id: str, gateway_id: str, reason: str) -> str:
    return str(uuid.uuid5(REVIEWS, json.dumps([payment_id, gateway_id, reason])))


def get_review(review_id: str) -> Review | None:
    return get(Review, REVIEW, review_id)


def get_proposal(proposal_id: str) -> Proposal | None:
    return get(Proposal, PROPOSAL, proposal_id)


def get_action(action_id: str) -> Action | None:
    return get(Action, ACTION, action_id)


def get_actions(ids: Sequence[str]) -> dict[str, Action]:
    """Of these actions those that there are, by id."""
    return {action.id: action for action in get_each(Action, ACTION, ids)}


def list_rows(
    model: type[Row],
    kind: str,
    status: str,
    from_us: int | None = None,
    to_us: int | None = None,
    keep_newest: bool = False,
) -> list[Row]:
    """The rows of this kind and status as they stand now, the oldest first; from <= created < to.

    Of more than LISTED_MAX they are the oldest, or the newest. The index may be a moment behind.
    """
    state = state_of(kind, status)
    first_us, last_us = max(from_us or 0, 0), min(to_us or TIME_US_MAX, TIME_US_MAX) - 1
    if first_us > last_us:  # which DynamoDB refuses
        return []
    created = DeskByState.created_at_us.between(first_us, last_us)
    query = partial(DeskRow.by_state.query, scan_index_forward=not keep_newest, limit=LISTED_MAX)
    found = sorted(read(lambda: query(state, created)), key=lambda row: row.created_at_us)
    rows = get_each(model, kind, [row.id for row in found])
    return [row for row in rows if row.attribute_values.get("state") == state]


def times_of(kind: str, status: str, from_us: int) -> list[int]:
    """When each row of this kind and status was created, from a time on, the oldest first."""
    created = DeskByState.created_at_us >= from_us
    found = read(lambda: DeskRow.by_state.query(state_of(kind, status), created, limit=LISTED_MAX))
    return [row.created_at_us for row in found]


def state_of(kind: str, status: str) -> str:
    return f"{kind}:{status}"


def get_or_404(model: type[Row], kind: str, row_id: str) -> Row:
    row = get(model, kind, row_id)
    if not row:
        raise NotFound(kind.title())
    return row
