"""Examples of refunds for the API document."""

from collections.abc import Mapping
from typing import Any

from shared.refunds.serializers import RefundBody, RefundPreviewBody

PROCESSED: RefundBody = {
    "id": "b7a9c1de-52c6-5f0c-8d1b-3d0e6f6a9b21",
    "amount": "200.00",
    "destination": "source",
    "status": "processed",
    "reason": "Order cancelled",
    "failure": None,
    "arn": "74332741234567890123456",
    "expected_by": "2026-01-20T12:04:10Z",
    "created_at": "2026-01-09T12:04:10Z",
}
REQUESTED: RefundBody = {**PROCESSED, "status": "requested", "arn": None, "expected_by": None}
TO_WALLET: RefundBody = {**PROCESSED, "destination": "wallet", "arn": None, "expected_by": None}
FAILED: RefundBody = {
    **REQUESTED,
    "status": "failed",
    "failure": "The payment has been fully refunded already",
}
PREVIEW = {**REQUESTED, "id": None}
EXAMPLES: Mapping[Any, Mapping[str, Any]] = {
    RefundBody: {"Processed": PROCESSED, "Requested": REQUESTED, "ToWallet": TO_WALLET, "Failed": FAILED},
    RefundPreviewBody: {"Requested": PREVIEW},
}
