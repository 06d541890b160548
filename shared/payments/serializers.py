"""Payments as the app sends and sees them."""

from collections.abc import Mapping
from typing import Literal, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.http import fields
from shared.http.formats import Money, Time, Uuid
from shared.money import rupees
from shared.payments.checkout import CheckoutBody, checkout_options
from shared.payments.lifecycle import GATEWAY, PAYABLE_STATUSES, PAYMENT, TOP_UP, TRANSITIONS, WALLET
from shared.payments.models import Payment
from shared.wallets.models import Entry
from shared.wallets.serializers import WalletBody, serialize_wallet

PAYMENT_METHOD = fields.Uuid(
    null=True,
    description="A saved method, on which checkout opens. Another customer's method, a deleted one and a card "
    'that is not active are refused: 400 with {"payment_method": [text]}.',
)
SAVE_METHOD = fields.Boolean(
    description="Save the card that is paid with; needs a contact. `save_method` in the response says what "
    "became of it: pending until the capture, then saved or not_saved; not_available if cards cannot be saved."
)
CONTACT = fields.Text(
    pattern=r"\+91[6-9][0-9]{9}", message="Enter a phone number like +919876543210.", card_scan=False
)
TOP_UP_FIELDS: Mapping[str, fields.Field] = {
    "amount": fields.Amount(required=True, example="500.00"),
    "payment_method": PAYMENT_METHOD,
    "save_method": SAVE_METHOD,
    "description": fields.Text(length_max=255, example="Wallet top-up"),
    "contact": CONTACT,
}
PAYMENT_FIELDS: Mapping[str, fields.Field] = {
    "amount": fields.Amount(required=True, example="250.00"),
    "source": fields.Choice(options=(GATEWAY, WALLET), required=True, example=WALLET),
    "payment_method": PAYMENT_METHOD,
    "save_method": SAVE_METHOD,
    "reference": fields.Text(length_max=64, example="garment-order-1042"),
    "description": fields.Text(length_max=255, example="Dry cleaning, 3 pieces"),
    "contact": CONTACT,
}
VERIFY_FIELDS: Mapping[str, fields.Field] = {
    "razorpay_payment_id": fields.Text(
        required=True,
        pattern=r"pay_[A-Za-z0-9]{1,40}",
        message="Not a payment id.",
        card_scan=False,
        example="pay_RB58N2J7BIzWpP",
    ),
    "razorpay_order_id": fields.Text(card_scan=False, example="order_RB58MiP5SPFYyM"),
    "razorpay_signature": fields.Text(
        required=True,
        length_max=128,
        card_scan=False,
        example="9ef4dffbfd84f1318f6739a3ce19f9d85851857ae648f114332d8401e0949a3d",
    ),
}


FILTERS: Mapping[str, fields.Field] = {
    "status": fields.Choice(options=tuple(TRANSITIONS)),
    "purpose": fields.Choice(options=(TOP_UP, PAYMENT)),
    "source": fields.Choice(options=(GATEWAY, WALLET)),
    "reference": fields.Text(length_max=64, description="Exactly this reference."),
    "from": fields.DateTime(description="From this time on; a bare date is a day in India."),
    "to": fields.DateTime(description="Before this time; a bare date is a day in India."),
}


PaymentPurpose = TypeAliasType("PaymentPurpose", Literal["top_up", "payment"])
PaymentSource = TypeAliasType("PaymentSource", Literal["gateway", "wallet"])
PaymentStatus = TypeAliasType(
    "PaymentStatus",
    Literal["created", "failed", "expired", "authorized", "captured", "partially_refunded", "refunded"],
)
SaveMethodStatus = TypeAliasType("SaveMethodStatus", Literal["pending", "saved", "not_saved", "not_available"])


class SaveMethodBody(TypedDict):
    status: SaveMethodStatus
    payment_method: Uuid | None


class FailureBody(TypedDict):
    code: str
    text: str


class PaymentBody(TypedDict):
    """`paid` is what was credited: `amount` less the `discount` of an offer. `fee` is what the customer paid besides.

    The three are null until the payment is captured.
    """

    id: str
    purpose: PaymentPurpose
    source: PaymentSource
    status: PaymentStatus
    amount: Money
    paid: Money | None
    discount: Money | None
    fee: Money | None
    amount_refunded: Money
    amount_refunding: Money
    currency: Literal["INR"]
    payment_method: Uuid | None
    save_method: SaveMethodBody | None
    reference: str
    description: str
    method: str
    gateway_order_id: str | None
    gateway_payment_id: str | None
    failure: FailureBody | None
    in_review: bool
    created_at: Time
    updated_at: Time
    checkout: CheckoutBody | None


class PaymentWithWalletBody(PaymentBody):
    wallet: WalletBody | None


class PaymentPreviewBody(PaymentWithWalletBody):
    """What a dry run would have created. Its `id` and `checkout` are null."""

    id: str | None  # type: ignore[misc]  # a payment's own is never null


class WebhookBody(TypedDict):
    status: Literal["applied", "unchanged", "ignored", "unusable"]


def serialize_payment(payment: Payment) -> PaymentBody:
    """The payment; `checkout` opens Razorpay's checkout while it can be paid and the reconciler would notice."""
    body = serialize_without_checkout(payment)
    if payment.status in PAYABLE_STATUSES and payment.open is not None and payment.gateway_order is not None:
        body["checkout"] = checkout_options(payment, payment.gateway_order)
    return body


def serialize_without_checkout(payment: Payment) -> PaymentBody:
    """The payment for those who do not pay it: `checkout` names the customer at Razorpay and a saved card."""
    return {
        "id": payment.id,
        "purpose": cast(PaymentPurpose, payment.purpose),
        "source": cast(PaymentSource, payment.source),
        "status": cast(PaymentStatus, payment.status),
        "amount": rupees(payment.amount_paise),
        "paid": _rupees_or_null(payment.paid_paise),
        "discount": _rupees_or_null(payment.discount_paise),
        "fee": _rupees_or_null(payment.fee_paise),
        "amount_refunded": rupees(payment.refunded_paise),
        "amount_refunding": rupees(payment.refunding_paise),
        "currency": "INR",
        "payment_method": payment.payment_method,
        "save_method": _save_method(payment),
        "reference": payment.reference,
        "description": payment.description,
        "method": payment.gateway_method,
        "gateway_order_id": payment.gateway_order,
        "gateway_payment_id": payment.gateway_payment,
        "failure": _failure(payment),
        "in_review": payment.in_review is not None,
        "created_at": clock.iso(payment.created_at_us),
        "updated_at": clock.iso(payment.updated_at_us),
        "checkout": None,
    }


def serialize_payment_with_wallet(payment: Payment, entry: Entry | None) -> PaymentWithWalletBody:
    """The payment, and the wallet after `entry` if the payment has moved it."""
    return {**serialize_payment(payment), "wallet": serialize_wallet(entry) if entry else None}


def serialize_preview(payment: Payment, entry: Entry | None) -> PaymentPreviewBody:
    return cast(PaymentPreviewBody, serialize_payment_with_wallet(payment, entry) | {"id": None, "checkout": None})


def _rupees_or_null(paise: int | None) -> str | None:
    return None if paise is None else rupees(paise)


def _save_method(payment: Payment) -> SaveMethodBody | None:
    if not payment.save_method:
        return None
    return {"status": cast(SaveMethodStatus, payment.save_method), "payment_method": payment.saved_method}


def _failure(payment: Payment) -> FailureBody | None:
    if payment.status != "failed":
        return None
    return {"code": payment.failure_code, "text": payment.failure_text}
