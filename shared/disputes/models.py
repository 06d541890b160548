"""The records of disputes. They lie in the table of refunds, under Razorpay's ids.

Both take money of a payment back, so the same functions need them, and one query of a payment finds what reduces it.
"""

from typing import Any

from pynamodb.attributes import ListAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from shared.aws.dynamodb import OPEN, IntegerAttribute, Table, get, get_by_key, read
from shared.errors import NotFound

LISTED_MAX = 500  # disputes that a list shows
TIME_US_MAX = 10**16  # later than any dispute, by centuries
OPEN_DISPUTE = "dispute"  # the key of disputes in the index `open`, apart from the refunds


class OpenDisputes(GlobalSecondaryIndex["Dispute"]):
    """Sparse: the disputes that have not ended, by the time of the reconciler's next question."""

    class Meta:
        index_name = "open"
        projection = IncludeProjection(["customer", "opened_at_us"])  # neither changes

    open = UnicodeAttribute(hash_key=True)
    next_check_at_us = IntegerAttribute(range_key=True)
    opened_at_us = IntegerAttribute()


class AwaitedAnswers(GlobalSecondaryIndex["Dispute"]):
    """Sparse: the disputes for which a bank waits for our evidence, by the time until which it does."""

    class Meta:
        index_name = "awaits_answer"
        projection = KeysOnlyProjection()

    awaits_answer = UnicodeAttribute(hash_key=True)
    respond_by_us = IntegerAttribute(range_key=True)


class Dispute(Table):
    """One phase of a dispute about a payment; a later phase names the first in `first`.

    `counted_paise` is what it takes of the payment, or would if it was lost: never more than was credited and not
    taken yet. `held_paise` of a top-up's dispute is held in the wallet until the dispute ends, `owed_paise` is what
    the wallet no longer had.
    """

    class Meta:
        table_setting = "refunds_table"

    open_index = OpenDisputes()
    awaited_answers = AwaitedAnswers()

    payment = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    customer = UnicodeAttribute()
    status = UnicodeAttribute()
    phase = UnicodeAttribute()
    first = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(default="")  # Razorpay's code
    amount_paise = IntegerAttribute()
    deducted_paise = IntegerAttribute(default=0)  # what Razorpay has taken
    counted_paise = IntegerAttribute(default=0)
    held_paise = IntegerAttribute(default=0)
    owed_paise = IntegerAttribute(default=0)
    gateway_payment = UnicodeAttribute()
    gateway_dispute = UnicodeAttribute()
    respond_by_us = IntegerAttribute(null=True)
    awaits_answer = UnicodeAttribute(null=True)
    timeline: ListAttribute[Any] = ListAttribute(default=list)
    open = UnicodeAttribute(null=True)
    next_check_at_us = IntegerAttribute(null=True)
    checks = IntegerAttribute(default=0)
    opened_at_us = IntegerAttribute()  # at Razorpay
    created_at_us = IntegerAttribute()
    updated_at_us = IntegerAttribute()

    @property
    def due_us(self) -> int:
        """Until when the bank waits for our evidence; later than any time if it does not."""
        return self.respond_by_us or TIME_US_MAX if self.awaits_answer else TIME_US_MAX


def get_dispute(payment_id: str, dispute_id: str) -> Dispute | None:
    return get(Dispute, payment_id, dispute_id)


def get_or_404(payment_id: str, dispute_id: str) -> Dispute:
    dispute = get_dispute(payment_id, dispute_id) if dispute_id.startswith("disp_") else None
    if not dispute:
        raise NotFound("Dispute")
    return dispute


def list_disputes(payment_id: str) -> list[Dispute]:
    """The disputes about a payment, oldest first."""
    ours = Dispute.id.startswith("disp_")
    rows = read(lambda: Dispute.query(payment_id, ours, consistent_read=True))
    return sorted(rows, key=lambda dispute: (dispute.opened_at_us, dispute.created_at_us))


def list_due(until_us: int, limit: int) -> list[tuple[str, str, str]]:
    """(customer, payment, id) of disputes whose next check is due, longest overdue first."""
    due = OpenDisputes.next_check_at_us <= until_us
    rows = read(lambda: Dispute.open_index.query(OPEN_DISPUTE, due, limit=limit))
    return [(dispute.customer, dispute.payment, dispute.id) for dispute in rows]


def list_open() -> list[Dispute]:
    """The disputes that have not ended, as they stand now: first those whose answer is due soonest, then by age."""
    rows = read(lambda: Dispute.open_index.query(OPEN_DISPUTE, limit=LISTED_MAX))
    found = get_by_key(Dispute, [(row.payment, row.id) for row in rows])
    disputes = [dispute for dispute in found.values() if dispute.open is not None]
    return sorted(disputes, key=lambda dispute: (dispute.due_us, dispute.opened_at_us))


def opening_times() -> list[int]:
    """When each of the disputes that have not ended was opened, in microseconds."""
    rows = read(lambda: Dispute.open_index.query(OPEN_DISPUTE, limit=LISTED_MAX))
    return [row.opened_at_us for row in rows]


def nearest_answer_us() -> int | None:
    """Until when the bank that waits for the least time does so; None if none waits."""
    first = next(read(lambda: Dispute.awaited_answers.query(OPEN, limit=1)), None)
    return first.respond_by_us if first else None
