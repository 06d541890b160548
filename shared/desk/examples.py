"""Examples of the desk, for the API document."""

from collections.abc import Mapping
from typing import Any

from shared.desk.proposal_serializers import ProposalBody, ProposalPreviewBody
from shared.desk.review_serializers import ReviewBody
from shared.desk.serializers import ReleasedBody
from shared.desk.wallet_serializers import StaffWalletBody, WalletCheckBody
from shared.desk.webhook_serializers import ReplayedBody, StoredWebhookBody
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
    "review": None,
    "action": None,
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
REVIEW: ReviewBody = {
    "id": "5f0c2a44-90b1-5c1d-8f3e-7a6b1d2c3e4f",
    "reason": "second_capture",
    "explanation": "A second attempt was captured on a paid payment.",
    "status": "open",
    "payment": "25866feb-12f8-5c03-97fb-cf54d97067bb",
    "customer": CUSTOMER,
    "gateway_id": "pay_RB58MR6DBLoUZL",
    "actions": ["refund_attempt", "assign", "dismiss"],
    "begun": None,
    "assigned_to": None,
    "action": None,
    "amount": None,
    "resolved_by": None,
    "created_at": "2026-01-09T12:04:10Z",
    "age_s": 3600,
    "resolved_at": None,
}
RELEASED: ReleasedBody = {"customer": CUSTOMER, "gateway_customer": "cust_RB58MR6DBLoUZL"}
WEBHOOK_ID = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
WEBHOOK: StoredWebhookBody = {
    "id": WEBHOOK_ID,
    "event_id": "evt_RB58Pq1ZKXoHcT",
    "problem": "an event without a payload",
    "received_at": "2026-01-09T12:04:10Z",
    "expires_at": "2026-02-08T12:04:10Z",
}
REPLAYED: ReplayedBody = {"id": WEBHOOK_ID, "outcome": "applied"}

EXAMPLES: Mapping[Any, Mapping[str, Any]] = {
    WalletCheckBody: {"Sound": SOUND},
    StaffWalletBody: {"Blocked": BLOCKED},
    ReviewBody: {"Open": REVIEW},
    ReleasedBody: {"Released": RELEASED},
    StoredWebhookBody: {"Waiting": WEBHOOK},
    ReplayedBody: {"Applied": REPLAYED},
    ProposalBody: {"Proposed": PROPOSAL},
    ProposalPreviewBody: {"WouldBeProposed": PREVIEW},
}
