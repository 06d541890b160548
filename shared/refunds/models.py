"""The table of refunds: their records, and a pointer to each by Razorpay's id. Disputes lie beside them."""

import uuid
from typing import Any

from pynamodb.attributes import ListAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from shared.aws.dynamodb import OPEN, IntegerAttribute, Table, get, read
from shared.errors import NotFound

REFUNDS = uuid.UUID("c3b0a7f4-5d5e-5c0b-9a3f-8e1d2b7c6a90")


class OpenRefunds(GlobalSecondaryIndex["Refund"]):
    """Sparse: the refunds that have not ended, by the time of the reconciler's next question."""

    class Meta:
        index_name = "open"
        projection = IncludeProjection(["customer"])  # by whom the reconciler takes turns; it never changes

    open = UnicodeAttribute(hash_key=True)
    next_check_at_us = IntegerAttribute(range_key=True)


class Refund(Table):
    """One refund of a payment, asked for here or made at Razorpay.

    `counted_paise` is what it takes of the payment: the amount without the fee that the customer bore, and never more
    than was credited. `held_paise` of a top-up's refund is held in the wallet until the refund ends, `owed_paise` is
    what the wallet no longer had.
    """

    class Meta:
        table_setting = "refunds_table"

    open_index = OpenRefunds()

    payment = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    customer = UnicodeAttribute()
    status = UnicodeAttribute()
    amount_paise = IntegerAttribute()
    asked_paise = IntegerAttribute(null=True)  # in the request; without it, all that was left
    counted_paise = IntegerAttribute()
    held_paise = IntegerAttribute(default=0)
    owed_paise = IntegerAttribute(default=0)
    destination = UnicodeAttribute()
    reason = UnicodeAttribute(default="")
    failure = UnicodeAttribute(default="")
    asked_by = UnicodeAttribute()
    gateway_payment = UnicodeAttribute(null=True)
    gateway_refund = UnicodeAttribute(null=True)
    arn = UnicodeAttribute(null=True)
    expected_by_us = IntegerAttribute(null=True)
    sent_at_us = IntegerAttribute(null=True)  # the last time that it was sent to Razorpay
    timeline: ListAttribute[Any] = ListAttribute(default=list)
    open = UnicodeAttribute(null=True)
    next_check_at_us = IntegerAttribute(null=True)
    checks = IntegerAttribute(default=0)
    created_at_us = IntegerAttribute()
    updated_at_us = IntegerAttribute()


class RefundPointer(Table):
    """Razorpay's id of a refund, in place of ours, and the refund it belongs to. The row lies beside the refunds."""

    class Meta:
        table_setting = "refunds_table"

    payment = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    refund = UnicodeAttribute()


def foreign_id(gateway_refund: str) -> str:
    """The id of a refund that was made at Razorpay, by Razorpay's id."""
    return str(uuid.uuid5(REFUNDS, gateway_refund))


def get_refund(payment_id: str, refund_id: str) -> Refund | None:
    return get(Refund, payment_id, refund_id)


def get_or_404(payment_id: str, refund_id: str) -> Refund:
    refund = get_refund(payment_id, refund_id)
    if not refund:
        raise NotFound("Refund")
    return refund


def find_by_gateway_refund(payment_id: str, gateway_refund: str) -> Refund | None:
    """The refund with this id at Razorpay."""
    pointer = get(RefundPointer, payment_id, gateway_refund)
    return get_refund(payment_id, pointer.refund) if pointer else None


def list_refunds(payment_id: str) -> list[Refund]:
    """The refunds of a payment, newest first."""
    before_pointers = Refund.id < "rfnd_"  # our ids are UUIDs
    rows = read(lambda: Refund.query(payment_id, before_pointers, consistent_read=True))
    refunds = (row for row in rows if not row.id.startswith("disp_"))
    return sorted(refunds, key=lambda refund: refund.created_at_us, reverse=True)


def list_due(until_us: int, limit: int) -> list[tuple[str, str, str]]:
    """(customer, payment, id) of refunds whose next check is due, longest overdue first."""
    due = OpenRefunds.next_check_at_us <= until_us
    rows = read(lambda: Refund.open_index.query(OPEN, due, limit=limit))
    return [(refund.customer, refund.payment, refund.id) for refund in rows]
