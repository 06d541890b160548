"""Examples of payments for the API document."""

from collections.abc import Mapping
from typing import Any

from shared.errors import InsufficientFunds
from shared.payments.checkout import UPI_COLLECT, CheckoutBody
from shared.payments.limits import LimitsBody
from shared.payments.serializers import PaymentBody, PaymentPreviewBody, PaymentWithWalletBody, WebhookBody
from shared.wallets.examples import WALLET_EXAMPLE
from shared.wallets.serializers import WalletBody

CHECKOUT: CheckoutBody = {
    "key": "rzp_test_1DP5mmOlF5G5ag",
    "order_id": "order_RB58MiP5SPFYyM",
    "amount": 50_000,
    "currency": "INR",
    "name": "Garment Care",
    "description": "Wallet top-up",
    "prefill": {},
    "notes": {"payment_id": "5e7a9f51-7a0e-5b43-8f0e-2a4c5d6e7f81"},
    "timeout": 900,
    "retry": {"enabled": True, "max_count": 4},
    "send_sms_hash": True,
    "config": {"display": {"hide": [UPI_COLLECT]}},
}
CREATED: PaymentBody = {
    "id": "5e7a9f51-7a0e-5b43-8f0e-2a4c5d6e7f81",
    "purpose": "top_up",
    "source": "gateway",
    "status": "created",
    "amount": "500.00",
    "paid": None,
    "discount": None,
    "fee": None,
    "amount_refunded": "0.00",
    "amount_refunding": "0.00",
    "currency": "INR",
    "payment_method": None,
    "save_method": None,
    "reference": "",
    "description": "Wallet top-up",
    "method": "",
    "gateway_order_id": "order_RB58MiP5SPFYyM",
    "gateway_payment_id": None,
    "failure": None,
    "in_review": False,
    "created_at": "2026-01-09T12:00:00.123456Z",
    "updated_at": "2026-01-09T12:00:00.123456Z",
    "checkout": CHECKOUT,
}
CAPTURED: PaymentBody = {
    **CREATED,
    "status": "captured",
    "paid": "500.00",
    "discount": "0.00",
    "fee": "0.00",
    "method": "upi",
    "gateway_payment_id": "pay_RB58N2J7BIzWpP",
    "checkout": None,
}
FAILED: PaymentBody = {
    **CREATED,
    "purpose": "payment",
    "source": "wallet",
    "status": "failed",
    "description": "Dry cleaning, 3 pieces",
    "gateway_order_id": None,
    "checkout": None,
    "failure": {"code": "insufficient_funds", "text": InsufficientFunds.text},
}
SAVING_CARD: PaymentBody = {
    **CREATED,
    "purpose": "payment",
    "description": "Dry cleaning, 3 pieces",
    "save_method": {"status": "pending", "payment_method": None},
    "checkout": {
        **CHECKOUT,
        "description": "Dry cleaning, 3 pieces",
        "prefill": {"contact": "+919876543210"},
        "customer_id": "cust_1Aa00000000004",
        "remember_customer": True,
    },
}
CARD_SAVED: PaymentBody = {
    **CAPTURED,
    "purpose": "payment",
    "description": "Dry cleaning, 3 pieces",
    "save_method": {"status": "saved", "payment_method": "8c1f5a52-8a36-5b53-9e0f-0f3b7c6d2a11"},
    "method": "card",
}
CARDS_NOT_AVAILABLE: PaymentBody = {
    **CREATED,
    "purpose": "payment",
    "description": "Dry cleaning, 3 pieces",
    "save_method": {"status": "not_available", "payment_method": None},
    "checkout": {**CHECKOUT, "description": "Dry cleaning, 3 pieces"},
}
ON_SAVED_CARD: PaymentBody = {
    **SAVING_CARD,
    "payment_method": "8c1f5a52-8a36-5b53-9e0f-0f3b7c6d2a11",
    "save_method": None,
    "checkout": {
        **CHECKOUT,
        "description": "Dry cleaning, 3 pieces",
        "prefill": {"method": "card"},
        "customer_id": "cust_1Aa00000000004",
        "remember_customer": True,
        "config": {
            "display": {
                "hide": [UPI_COLLECT],
                "blocks": {"saved": {"name": "Saved", "instruments": [{"method": "card"}]}},
                "sequence": ["block.saved"],
                "preferences": {"show_default_blocks": True},
            }
        },
        "token": "token_HouA2OQR5Z2jTL",
    },
}
PAID_FROM_WALLET: PaymentBody = {
    **FAILED,
    "status": "captured",
    "paid": "500.00",
    "discount": "0.00",
    "fee": "0.00",
    "failure": None,
}
AUTHORIZED: PaymentBody = {
    **CREATED,
    "status": "authorized",
    "method": "upi",
    "gateway_payment_id": "pay_RB58N2J7BIzWpP",
}
LIMITS: LimitsBody = {
    "may_add": "50000.00",
    "rule": "wallet_limit",
    "rules": [
        {"name": "wallet_limit", "used": "150000.00", "limit": "200000.00", "resets_at": None},
        {"name": "open_payments", "used": 1, "limit": 10, "resets_at": "2026-01-09T12:30:00.123456Z"},
        {"name": "starts_per_hour", "used": 2, "limit": 60, "resets_at": "2026-01-09T12:42:10.654321Z"},
        {"name": "failures_per_day", "used": 0, "limit": 20, "resets_at": None},
    ],
}
APPLIED: WebhookBody = {"status": "applied"}


def with_wallet(payment: PaymentBody, wallet: WalletBody | None = None) -> PaymentWithWalletBody:
    """The wallet is null in the response to a payment that has not moved it."""
    return {**payment, "wallet": wallet}


# By type, or by type and status.
EXAMPLES: Mapping[Any, Mapping[str, Any]] = {
    PaymentBody: {
        "Captured": CAPTURED,
        "Created": CREATED,
        "Failed": FAILED,
        "SavingCard": SAVING_CARD,
        "CardSaved": CARD_SAVED,
        "CardsNotAvailable": CARDS_NOT_AVAILABLE,
        "OnSavedCard": ON_SAVED_CARD,
    },
    (PaymentWithWalletBody, 200): {
        "Captured": with_wallet(CAPTURED, WALLET_EXAMPLE),
        "CardSaved": with_wallet(CARD_SAVED),
        "Failed": with_wallet(FAILED),
    },
    (PaymentWithWalletBody, 201): {
        "Created": with_wallet(CREATED),
        "SavingCard": with_wallet(SAVING_CARD),
        "CardsNotAvailable": with_wallet(CARDS_NOT_AVAILABLE),
        "OnSavedCard": with_wallet(ON_SAVED_CARD),
        "PaidFromWallet": with_wallet(PAID_FROM_WALLET, WALLET_EXAMPLE),
    },
    (PaymentWithWalletBody, 202): {
        "Pending": with_wallet(CREATED),
        "Authorized": with_wallet(AUTHORIZED),
    },
    PaymentPreviewBody: {
        "TopUp": {**with_wallet(CREATED), "id": None, "gateway_order_id": None, "checkout": None},
        "PaidFromWallet": {**with_wallet(PAID_FROM_WALLET, WALLET_EXAMPLE), "id": None},
    },
    LimitsBody: {"Limits": LIMITS},
    WebhookBody: {"Applied": APPLIED},
}
