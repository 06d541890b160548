"""Examples of wallets for the API document."""

from collections.abc import Mapping
from typing import Any

from shared.wallets.serializers import WalletBody

WALLET_EXAMPLE: WalletBody = {
    "id": "7f5d1a52-6a0c-5d5f-9a51-0f3a0c5b8a11",
    "balance": "500.00",
    "currency": "INR",
    "cashback": 0.0,
    "rewards": 0.0,
    "is_active": True,
    "created_at": "2026-01-09T12:00:00.123456Z",
    "updated_at": "2026-01-09T12:04:10Z",
    "held": "0.00",
    "available": "500.00",
    "owed": "0.00",
    "expiring": [],
}
EXAMPLES: Mapping[Any, Mapping[str, Any]] = {WalletBody: {"Own": WALLET_EXAMPLE}}
