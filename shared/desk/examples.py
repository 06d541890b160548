"""Examples of the desk, for the API document."""

from collections.abc import Mapping
from typing import Any

from shared.desk.serializers import ProposalBody, ProposalPreviewBody, StaffWalletBody, WalletCheckBody
from shared.wallets.examples import WALLET_EXAMPLE

CUSTOMER = "a5a00000-0000-4000-8000-000000000001"
SOUND: WalletCheckBody = {
    "wallet": WALLET_EXAMPLE["id"],
    "customer": CUSTOMER,
    "is_sound": True,
    "entries": 12,
    "checked": 12,
    "faults": [],
    "state": WALLET_EXAMPLE,
}

BLOCKED: StaffWalletBody = {**WALLET_EXAMPLE, "is_active": False, "customer": CUSTOMER}
PROPOSAL: ProposalBody = {
    "id": "3f6f4a0e-2f39-5d57-9f56-0b3d5a8f2c11",
    "kind": "adjustment",
    "status": "proposed",
    "customer": CUSTOMER,
    "wallet": WALLET_EXAMPLE["id"],
    "type": "credit",
    "payment": None,
    "destination": None,
    "amount": "200.00",
    "reason": "Goodwill for a late delivery",
    "proposed_by": "5afa0000-0000-4000-8000-000000000002",
    "decided_by": None,
    "decision_reason": None,
    "refund": None,
    "created_at": "2026-01-09T12:04:10Z",
    "decided_at": None,
    "lapses_at": "2026-01-12T12:04:10Z",
}
PREVIEW: ProposalPreviewBody = {**PROPOSAL, "id": None}

EXAMPLES: Mapping[Any, Mapping[str, Any]] = {
    WalletCheckBody: {"Sound": SOUND},
    StaffWalletBody: {"Blocked": BLOCKED},
    ProposalBody: {"Proposed": PROPOSAL},
    ProposalPreviewBody: {"WouldBeProposed": PREVIEW},
}
