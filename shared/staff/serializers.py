"""What staff see: payments with their history, and the results of a search."""

from collections.abc import Mapping
from typing import Literal, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.desk.serializers import ProposalPreviewBody, ReviewBody, serialize_review
from shared.disputes.models import Dispute
from shared.disputes.serializers import DisputeBody, serialize_dispute
from shared.http import fields
from shared.http.formats import Money, Time, Uuid
from shared.images.models import Image
from shared.images.serializers import ImageStatus, Sha256
from shared.money import rupees
from shared.payment_methods.models import PaymentMethod
from shared.payment_methods.serializers import PaymentMethodType
from shared.payments.models import Payment
from shared.payments.serializers import PaymentBody, PaymentStatus, serialize_payment
from shared.refunds.models import Refund
from shared.refunds.serializers import REFUND_FIELDS, RefundBody, serialize_refund
from shared.staff.evidence import Evidence
from shared.staff.gateway_serializers import GatewayViewBody, serialize_gateway
from shared.staff.records import CustomerRecord, PaymentRecord
from shared.staff.search import Found
from shared.staff.timeline import TimelineItem
from shared.wallets.models import Entry
from shared.wallets.serializers import WalletBody, serialize_wallet
from shared.wallets.wallet import wallet_id

SEARCH_QUERY: Mapping[str, fields.Field] = {
    "q": fields.Text(
        length_max=255,
        description="The id of a customer, wallet or payment, or `order_…`, `pay_…`, `rfnd_…`, `disp_…`, `cust_…`.",
    )
}
STAFF_REFUND_FIELDS: Mapping[str, fields.Field] = {
    **REFUND_FIELDS,
    "reason": fields.Text(length_max=255, required=True, example="Two shirts came back stained"),
}
PAYMENT_QUERY: Mapping[str, fields.Field] = {
    "gateway": fields.Boolean(description="With true, Razorpay is asked what it says now: see `gateway` in the body.")
}

StaffPaymentPurpose = TypeAliasType("StaffPaymentPurpose", Literal["top_up", "payment", "unknown"])
TimelineSource = TypeAliasType("TimelineSource", Literal["app", "webhook", "sync", "reconciler", "staff", "service"])


EntryKind = TypeAliasType(
    "EntryKind", Literal["opening", "credit", "debit", "hold", "release", "capture", "block", "unblock"]
)


class FoundBody(TypedDict):
    """A customer, whose `id` it is, or a payment of theirs."""

    kind: Literal["customer", "payment"]
    id: str
    customer: str
    status: PaymentStatus | None
    amount: Money | None
    created_at: Time | None


class TimelineBody(TypedDict):
    """One thing that happened. `service` is what this service concluded by itself, such as a reason for review."""

    at: Time
    source: TimelineSource
    what: str
    event_id: str | None
    by: str | None
    why: str | None


class StaffRefundBody(RefundBody):
    """`asked_by` is customer, gateway, or `staff:` with an id."""

    asked_by: str
    gateway_refund_id: str | None
    updated_at: Time


class StaffRefundPreviewBody(StaffRefundBody):
    """What a request would make of a refund, in the response to a dry run. Its `id` is null."""

    id: Uuid | None  # type: ignore[misc]  # a refund's own is never null


RefundOrProposalBody = TypeAliasType("RefundOrProposalBody", StaffRefundPreviewBody | ProposalPreviewBody)


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


class EvidencePhotoBody(TypedDict):
    """A photo of the customer's. `sha256` is of the file as it was uploaded, null unless it was read."""

    id: Uuid
    status: ImageStatus
    sha256: Sha256 | None
    created_at: Time


class EvidenceBody(TypedDict):
    """What supports our side of a dispute: its payment with the timeline, and the customer's newest photos."""

    dispute: DisputeBody
    payment: StaffPaymentBody
    photo_count: int
    photos: list[EvidencePhotoBody]
    created_at: Time


class StaffMethodBody(TypedDict):
    """A payment method with as much of its number as identifies it, such as `4242` or `a…@okhdfcbank`."""

    id: Uuid
    type: PaymentMethodType
    masked: str
    is_default: bool
    created_at: Time


class HoldBody(TypedDict):
    """Money that the wallet holds for a refund or a dispute, whose `id` it is."""

    kind: Literal["refund", "dispute"]
    id: str
    payment: str
    amount: Money
    since: Time


class StaffCustomerBody(TypedDict):
    """`wallet` is null if it was never opened; `wallet_id` is there in any case. The payments, with their reviews and
    holds, are of the newest 100."""

    id: str
    wallet_id: Uuid
    wallet: WalletBody | None
    holds: list[HoldBody]
    reviews: list[ReviewBody]
    payment_methods: list[StaffMethodBody]
    recent_payments: list[StaffPaymentSummaryBody]
    open_payments: list[StaffPaymentSummaryBody]
    payments_in_review: list[StaffPaymentSummaryBody]


def serialize_found(found: Found) -> FoundBody:
    if not found.payment:
        return {
            "kind": "customer",
            "id": found.customer,
            "customer": found.customer,
            "status": None,
            "amount": None,
            "created_at": None,
        }
    return {
        "kind": "payment",
        "id": found.payment.id,
        "customer": found.customer,
        "status": cast(PaymentStatus, found.payment.status),
        "amount": rupees(found.payment.amount_paise),
        "created_at": clock.iso(found.payment.created_at_us),
    }


def serialize_staff_payment(record: PaymentRecord) -> StaffPaymentBody:
    payment = record.payment
    return {
        **_summary(payment),
        "customer": payment.customer,
        "timeline": [_timeline_item(item) for item in record.timeline],
        "refunds": [serialize_staff_refund(refund) for refund in record.refunds],
        "disputes": [serialize_dispute(dispute) for dispute in record.disputes],
        "entries": [serialize_entry(entry) for entry in record.entries],
        "reviews": [serialize_review(item) for item in record.reviews],
        "gateway": serialize_gateway(record.gateway) if record.gateway else None,
    }


def serialize_evidence(evidence: Evidence) -> EvidenceBody:
    return {
        "dispute": serialize_dispute(evidence.dispute),
        "payment": serialize_staff_payment(evidence.record),
        "photo_count": evidence.photo_count,
        "photos": [_photo(image) for image in evidence.photos],
        "created_at": clock.iso(clock.now_us()),
    }


def serialize_customer(record: CustomerRecord) -> StaffCustomerBody:
    return {
        "id": record.customer,
        "wallet_id": wallet_id(record.customer),
        "wallet": serialize_wallet(record.wallet) if record.wallet else None,
        "holds": [_hold(hold) for hold in record.holds],
        "reviews": [serialize_review(item) for item in record.reviews],
        "payment_methods": [_method(method, record.default_method) for method in record.methods],
        "recent_payments": [_summary(payment) for payment in record.recent],
        "open_payments": [_summary(payment) for payment in record.open],
        "payments_in_review": [_summary(payment) for payment in record.in_review],
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


def serialize_staff_refund(refund: Refund) -> StaffRefundBody:
    return {
        **serialize_refund(refund),
        "asked_by": refund.asked_by,
        "gateway_refund_id": refund.gateway_refund,
        "updated_at": clock.iso(refund.updated_at_us),
    }


def serialize_staff_preview(refund: Refund) -> StaffRefundPreviewBody:
    return cast(StaffRefundPreviewBody, serialize_staff_refund(refund) | {"id": None})


def _summary(payment: Payment) -> StaffPaymentSummaryBody:
    return cast(StaffPaymentSummaryBody, serialize_payment(payment))


def _method(method: PaymentMethod, default_id: str | None) -> StaffMethodBody:
    name, _, handle = method.upi_id.partition("@")
    masked = f"{name[:1]}…@{handle}" if name else method.card_last4 or method.bank_name or method.wallet_provider
    return {
        "id": method.id,
        "type": cast(PaymentMethodType, method.type),
        "masked": masked,
        "is_default": method.id == default_id,
        "created_at": clock.iso(method.created_at_us),
    }


def _photo(image: Image) -> EvidencePhotoBody:
    return {
        "id": image.id,
        "status": cast(ImageStatus, image.status),
        "sha256": image.sha256,
        "created_at": clock.iso(image.created_at_us or image.updated_at_us),
    }


def _hold(record: Refund | Dispute) -> HoldBody:
    return {
        "kind": "refund" if isinstance(record, Refund) else "dispute",
        "id": record.id,
        "payment": record.payment,
        "amount": rupees(record.held_paise),
        "since": clock.iso(record.created_at_us),
    }


def _timeline_item(item: TimelineItem) -> TimelineBody:
    return {
        "at": item.at,
        "source": cast(TimelineSource, item.source),
        "what": item.what,
        "event_id": item.event_id,
        "by": item.by,
        "why": item.why,
    }
