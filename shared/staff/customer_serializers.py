"""A customer as staff see them: the wallet, what it holds, payment methods, payments and reviews."""

from typing import Literal, cast

from typing_extensions import TypedDict

from shared import clock
from shared.desk.review_serializers import ReviewBody, serialize_review
from shared.disputes.models import Dispute
from shared.http.formats import Money, Time, Uuid
from shared.money import rupees
from shared.payment_methods.models import PaymentMethod
from shared.payment_methods.serializers import PaymentMethodType
from shared.refunds.models import Refund
from shared.staff.customer_record import CustomerRecord
from shared.staff.serializers import StaffPaymentSummaryBody, serialize_summary
from shared.wallets.serializers import WalletBody, serialize_wallet
from shared.wallets.wallet import wallet_id


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


def serialize_customer(record: CustomerRecord) -> StaffCustomerBody:
    return {
        "id": record.customer,
        "wallet_id": wallet_id(record.customer),
        "wallet": serialize_wallet(record.wallet) if record.wallet else None,
        "holds": [_hold(hold) for hold in record.holds],
        "reviews": [serialize_review(item) for item in record.reviews],
        "payment_methods": [_method(method, record.default_method) for method in record.methods],
        "recent_payments": [serialize_summary(payment) for payment in record.recent],
        "open_payments": [serialize_summary(payment) for payment in record.open],
        "payments_in_review": [serialize_summary(payment) for payment in record.in_review],
    }


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


def _hold(record: Refund | Dispute) -> HoldBody:
    return {
        "kind": "refund" if isinstance(record, Refund) else "dispute",
        "id": record.id,
        "payment": record.payment,
        "amount": rupees(record.held_paise),
        "since": clock.iso(record.created_at_us),
    }
