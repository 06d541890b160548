"""An example of a wallet's transactions for the API document."""

from collections.abc import Mapping
from typing import Any

from shared.transactions.serializers import TransactionBody

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
EXAMPLES: Mapping[Any, Mapping[str, Any]] = {TransactionBody: {"TopUp": TOP_UP}}
