"""Payments as staff see them: with their history and all that belongs to them."""

from collections.abc import Mapping
from typing import Literal, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.desk.review_serializers import ReviewBody, serialize_review
from shared.disputes.serializers import DisputeBody, serialize_dispute
from shared.http import fields
from shared.http.formats import Money, Time
from shared.money import rupees
from shared.payments.models import Payment
from shared.payments.serializers import PaymentBody, serialize_without_checkout
from shared.staff.gateway_serializers import GatewayViewBody, serialize_gateway
from shared.staff.payment_record import PaymentRecord
from shared.staff.refund_serializers import StaffRefundBody, serialize_staff_refund
from shared.staff.timeline import TimelineItem
from shared.wallets.models import Entry

PAYMENT_QUERY: Mapping[str, fields.Field] = {
    "gateway": fields.Boolean(description="With true, Razorpay is asked what it says now: see `gateway` in the body.")
}


StaffPaymentPurpose = TypeAliasType("StaffPaymentPurpose", Literal["top_up", "payment", "unknown"])


TimelineSource = TypeAliasType("TimelineSource", Literal["app", "webhook", "sync", "reconciler", "staff", "service"])


EntryKind = TypeAliasType(
    "EntryKind", Literal["opening", "credit", "debit", "hold", "release", "capture", "block", "unblock"]
)


class TimelineBody(TypedDict):
    """One thing that happened. `service` is what this service concluded by itself, such as a reason for review."""

    at: Time
    source: TimelineSource
    what: str
    event_id: str | None
    by: str | None
    why: str | None


class EntryBody(TypedDict):
    """An entry of the ledger, with the wallet after it. `record` is what justifies it."""

    seq: int
    kind: EntryKind
    category: str
    amount: Money
    balance_after: Money
    held_after: Money
    owed_after: Money
    record: str
    created_at: Time


class StaffPaymentSummaryBody(PaymentBody):
    """A payment. One that is `unknown` is money that arrived on an order of ours without a payment.

    Its `id` is then Razorpay's of the order.
    """

    id: str  # of any other payment a UUID
    purpose: StaffPaymentPurpose  # type: ignore[misc]  # customers start no unknown ones


class StaffPaymentBody(StaffPaymentSummaryBody):
    """A payment with all that belongs to it. `gateway` is null unless `?gateway=true` asks for it."""

    customer: str
    timeline: list[TimelineBody]
    refunds: list[StaffRefundBody]
    disputes: list[DisputeBody]
    entries: list[EntryBody]
    reviews: list[ReviewBody]
    gateway: GatewayViewBody | None


def serialize_staff_payment(record: PaymentRecord) -> StaffPaymentBody:
    payment = record.payment
    return {
        **serialize_summary(payment),
        "customer": payment.customer,
        "timeline": [_timeline_item(item) for item in record.timeline],
        "refunds": [serialize_staff_refund(refund) for refund in record.refunds],
        "disputes": [serialize_dispute(dispute) for dispute in record.disputes],
        "entries": [serialize_entry(entry) for entry in record.entries],
        "reviews": [serialize_review(item) for item in record.reviews],
        "gateway": serialize_gateway(record.gateway) if record.gateway else None,
    }


def serialize_entry(entry: Entry) -> EntryBody:
    return {
        "seq": entry.seq,
        "kind": cast(EntryKind, entry.kind),
        "category": entry.category,
        "amount": rupees(entry.amount_paise),
        "balance_after": rupees(entry.cash_paise),
        "held_after": rupees(entry.held_paise),
        "owed_after": rupees(entry.owed_paise),
        "record": entry.by,
        "created_at": clock.iso(entry.at_us),
    }


def serialize_summary(payment: Payment) -> StaffPaymentSummaryBody:
    return cast(StaffPaymentSummaryBody, serialize_without_checkout(payment))


def _timeline_item(item: TimelineItem) -> TimelineBody:
    return {
        "at": item.at,
        "source": cast(TimelineSource, item.source),
        "what": item.what,
        "event_id": item.event_id,
        "by": item.by,
        "why": item.why,
    }
