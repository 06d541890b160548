"""Examples of wallets and their transactions for the API document."""

from collections.abc import Mapping
from typing import Any

from shared.wallets.serializers import TransactionBody, WalletBody

WALLET_EXAMPLE: WalletBody = {
    "id": "7f5d1a52-6a0c-5d5f-9a51-0f3a0c5b8a11",
    "balance": "500.00",
    "currency": "INR",
    "cashback": 0.0,
    "rewards": 0.0,
    "is_active": True,
    "created_at": "2026-01-09T12:00:00.123456Z",
    "updated_at": "2026-01-09T12:04:10Z",
}
TOP_UP: TransactionBody = {
    "id": "0b0f9a3e-11e6-5a0a-8c39-53b1a5d8e7aa",
    "type": "credit",
    "category": "top_up",
    "amount": "500.00",
    "balance_after": "500.00",
    "description": "Wallet top-up",
    "status": "completed",
    "payment": "5e7a9f51-7a0e-5b43-8f0e-2a4c5d6e7f81",
    "created_at": "2026-01-09T12:04:10Z",
}
EXAMPLES: Mapping[Any, Mapping[str, Any]] = {
    WalletBody: {"Own": WALLET_EXAMPLE},
    TransactionBody: {"TopUp": TOP_UP},
}
