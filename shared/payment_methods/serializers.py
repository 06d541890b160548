"""Payment methods on the wire: the fields of a request, and the body of a response."""

from typing import Literal, NotRequired, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.http import fields
from shared.http.formats import Time, Uuid
from shared.payment_methods.models import TYPES, UPI, PaymentMethod
from shared.payment_methods.upi_handles import UPI_ID

PaymentMethodType = TypeAliasType("PaymentMethodType", Literal["card", "upi", "netbanking", "wallet"])
CardStatus = TypeAliasType(
    "CardStatus", Literal["initiated", "active", "suspended", "deactivated", "failed", "cancelled"]
)

FIELDS: fields.Fields = {
    "type": fields.Choice(options=TYPES, required=True, example=UPI),
    "provider": fields.Text(length_max=100),
    "nickname": fields.Text(length_max=100, example="Salary account"),
    "is_default": fields.Boolean(),
    "card_last4": fields.Text(length_max=4),
    "card_brand": fields.Text(length_max=50),
    "card_expiry_month": fields.Integer(null=True),
    "card_expiry_year": fields.Integer(null=True),
    "upi_id": fields.Text(length_max=100, pattern=UPI_ID, message="Enter a valid UPI ID.", example="asha@okhdfcbank"),
    "bank_name": fields.Text(length_max=100),
    "wallet_provider": fields.Text(length_max=50),
    "wallet_number": fields.Text(length_max=20),
}
FILTERS: fields.Fields = {"type": fields.Choice(options=TYPES)}


class PaymentMethodBody(TypedDict):
    id: Uuid
    type: PaymentMethodType
    provider: str
    nickname: str
    is_default: bool
    is_active: bool
    card_last4: str
    last4: str
    card_brand: str
    card_expiry_month: int | None
    card_expiry_year: int | None
    upi_id: str
    bank_name: str
    wallet_provider: str
    wallet_number: str
    created_at: Time
    updated_at: Time
    status: NotRequired[CardStatus]  # only of a card that Razorpay keeps


def serialize_method(method: PaymentMethod, default_id: str | None) -> PaymentMethodBody:
    """The method as the app sees it; `default_id` is the id of the customer's default method."""
    body: PaymentMethodBody = {
        "id": method.id,
        "type": cast(PaymentMethodType, method.type),
        "provider": method.provider,
        "nickname": method.nickname,
        "is_default": method.id == default_id,
        "is_active": method.is_active,
        "card_last4": method.card_last4,
        "last4": method.card_last4,
        "card_brand": method.card_brand,
        "card_expiry_month": method.card_expiry_month,
        "card_expiry_year": method.card_expiry_year,
        "upi_id": method.upi_id,
        "bank_name": method.bank_name,
        "wallet_provider": method.wallet_provider,
        "wallet_number": method.wallet_number,
        "created_at": clock.iso(method.created_at_us),
        "updated_at": clock.iso(method.updated_at_us),
    }
    if method.token:
        body["status"] = cast(CardStatus, method.status)
    return body
