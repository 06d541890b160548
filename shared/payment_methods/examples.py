"""Examples of payment methods for the API document."""

from collections.abc import Mapping
from typing import Any

from shared.payment_methods.serializers import PaymentMethodBody

UPI: PaymentMethodBody = {
    "id": "2f0c6f0e-6d1b-4c55-9a3a-8e2f1b7c9d10",
    "type": "upi",
    "provider": "Google Pay",
    "nickname": "Salary account",
    "is_default": False,
    "is_active": True,
    "card_last4": "",
    "last4": "",
    "card_brand": "",
    "card_expiry_month": None,
    "card_expiry_year": None,
    "upi_id": "asha@okhdfcbank",
    "bank_name": "",
    "wallet_provider": "",
    "wallet_number": "",
    "created_at": "2026-01-09T12:00:00.123456Z",
    "updated_at": "2026-01-09T12:00:00.123456Z",
}
TYPED_CARD: PaymentMethodBody = {
    **UPI,
    "type": "card",
    "provider": "",
    "card_last4": "4242",
    "last4": "4242",
    "card_brand": "Visa",
    "card_expiry_month": 12,
    "card_expiry_year": 2030,
    "upi_id": "",
}
SAVED_CARD: PaymentMethodBody = {
    **TYPED_CARD,
    "id": "8c1f5a52-8a36-5b53-9e0f-0f3b7c6d2a11",
    "provider": "HDFC",
    "nickname": "",
    "status": "active",
}
EXAMPLES: Mapping[Any, Mapping[str, Any]] = {
    PaymentMethodBody: {"Upi": UPI, "TypedCard": TYPED_CARD, "SavedCard": SAVED_CARD},
}
