"""Examples of what staff see, for the API document."""

from collections.abc import Mapping
from typing import Any

from shared.desk.examples import PREVIEW as DESK_PREVIEW
from shared.desk.proposal_serializers import ProposalPreviewBody
from shared.disputes.serializers import DisputeBody, OpenDisputeBody
from shared.payment_methods.examples import UPI
from shared.payments.examples import CAPTURED
from shared.staff.customer_serializers import StaffCustomerBody
from shared.staff.evidence_serializers import EvidenceBody
from shared.staff.refund_serializers import RefundOrProposalBody, StaffRefundBody, StaffRefundPreviewBody
from shared.staff.search_serializers import FoundBody
from shared.staff.serializers import StaffPaymentBody, StaffPaymentSummaryBody, TimelineBody
from shared.staff.upload_serializers import ReplayedUploadsBody
from shared.wallets.examples import WALLET_EXAMPLE

CUSTOMER = "a5a00000-0000-4000-8000-000000000001"
FOUND_PAYMENT: FoundBody = {
    "kind": "payment",
    "id": CAPTURED["id"],
    "customer": CUSTOMER,
    "status": "captured",
    "amount": "500.00",
    "created_at": CAPTURED["created_at"],
}
FOUND_CUSTOMER: FoundBody = {
    "kind": "customer",
    "id": CUSTOMER,
    "customer": CUSTOMER,
    "status": None,
    "amount": None,
    "created_at": None,
}
STARTED: TimelineBody = {
    "at": CAPTURED["created_at"],
    "source": "app",
    "what": "created",
    "event_id": None,
    "by": None,
    "why": None,
}
REFUND: StaffRefundBody = {
    "id": "b7a9c1de-52c6-5f0c-8d1b-3d0e6f6a9b21",
    "amount": "200.00",
    "destination": "source",
    "status": "processed",
    "reason": "Order cancelled",
    "failure": None,
    "arn": "74332741234567890123456",
    "expected_by": "2026-01-20T12:04:10Z",
    "created_at": "2026-01-09T12:04:10Z",
    "asked_by": "staff:5afa0000-0000-4000-8000-000000000001",
    "gateway_refund_id": "rfnd_RB5AxQkkHCNeH4",
    "updated_at": "2026-01-09T12:04:11Z",
}
DISPUTE: DisputeBody = {
    "id": "disp_RB7cQ2mN8vXkLw",
    "status": "open",
    "phase": "chargeback",
    "first": None,
    "reason": "goods_or_services_not_received",
    "amount": "500.00",
    "amount_deducted": "0.00",
    "held": "500.00",
    "owed": "0.00",
    "respond_by": "2026-01-20T12:04:10Z",
    "answer_due": True,
    "gateway_payment_id": "pay_RB58N2J7BIzWpP",
    "opened_at": "2026-01-17T12:04:10Z",
    "updated_at": "2026-01-17T12:04:11Z",
}
OPEN_DISPUTE: OpenDisputeBody = {**DISPUTE, "payment": CAPTURED["id"], "customer": CUSTOMER}
SUMMARY: StaffPaymentSummaryBody = {**CAPTURED, "purpose": "top_up"}
PAYMENT: StaffPaymentBody = {
    **SUMMARY,
    "status": "partially_refunded",
    "amount_refunded": "200.00",
    "customer": CUSTOMER,
    "timeline": [
        STARTED,
        {
            **STARTED,
            "at": "2026-01-09T12:00:40.000000Z",
            "source": "webhook",
            "what": "captured",
            "event_id": "evt_RB58Pq1ZKXoHcT",
        },
    ],
    "refunds": [REFUND],
    "disputes": [],
    "entries": [
        {
            "seq": 1,
            "kind": "credit",
            "category": "top_up",
            "amount": "500.00",
            "balance_after": "500.00",
            "held_after": "0.00",
            "owed_after": "0.00",
            "record": f"p:{CAPTURED['id']}",
            "created_at": "2026-01-09T12:00:40.000000Z",
        }
    ],
    "reviews": [],
    "gateway": None,
}
ASKED: StaffPaymentBody = {
    **PAYMENT,
    "gateway": {
        "asked_at": "2026-01-10T09:00:00Z",
        "outage": None,
        "attempts": [
            {
                "id": "pay_RB58N2J7BIzWpP",
                "status": "captured",
                "amount": "500.00",
                "currency": "INR",
                "is_captured": True,
                "amount_refunded": "200.00",
                "method": "upi",
                "failure": "",
            }
        ],
        "refunds": [
            {
                "id": "rfnd_RB5AxQkkHCNeH4",
                "attempt": "pay_RB58N2J7BIzWpP",
                "status": "processed",
                "amount": "200.00",
                "arn": "74332741234567890123456",
            }
        ],
    },
}

KNOWN_CUSTOMER: StaffCustomerBody = {
    "id": CUSTOMER,
    "wallet_id": WALLET_EXAMPLE["id"],
    "wallet": WALLET_EXAMPLE,
    "holds": [],
    "reviews": [],
    "payment_methods": [
        {
            "id": UPI["id"],
            "type": "upi",
            "masked": "a…@okhdfcbank",
            "is_default": True,
            "created_at": UPI["created_at"],
        }
    ],
    "recent_payments": [SUMMARY],
    "open_payments": [],
    "payments_in_review": [],
}

REQUESTED_REFUND: StaffRefundBody = {**REFUND, "status": "pending", "arn": None}
PREVIEW: StaffRefundPreviewBody = {**REQUESTED_REFUND, "id": None, "gateway_refund_id": None}

PROPOSAL_PREVIEW: ProposalPreviewBody = {
    **DESK_PREVIEW,
    "kind": "refund",
    "wallet": None,
    "type": None,
    "payment": CAPTURED["id"],
    "destination": "source",
    "amount": "12000.00",
    "reason": "Order cancelled",
}
UPLOADS: ReplayedUploadsBody = {
    "uploads": [
        {
            "photo": "3f2b8a60-1c4d-4e5f-8a7b-9c0d1e2f3a4b",
            "failed_at": "2026-01-09T12:10:40.000Z",
            "error": "RuntimeError",
            "outcome": "sent",
        }
    ]
}

EVIDENCE: EvidenceBody = {
    "dispute": DISPUTE,
    "payment": {**PAYMENT, "status": "captured", "amount_refunded": "0.00", "refunds": [], "disputes": [DISPUTE]},
    "photo_count": 1,
    "photos": [
        {
            "id": "3f2b8a60-1c4d-4e5f-8a7b-9c0d1e2f3a4b",
            "status": "ready",
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "created_at": "2026-01-09T12:10:00Z",
        }
    ],
    "created_at": "2026-01-18T09:00:00Z",
}

EXAMPLES: Mapping[Any, Mapping[str, Any]] = {
    FoundBody: {"Payment": FOUND_PAYMENT, "Customer": FOUND_CUSTOMER},
    StaffRefundBody: {"Pending": REQUESTED_REFUND},
    StaffCustomerBody: {"Known": KNOWN_CUSTOMER},
    EvidenceBody: {"OpenDispute": EVIDENCE},
    StaffPaymentBody: {"PartiallyRefunded": PAYMENT, "GatewayAsked": ASKED},
    OpenDisputeBody: {"AnswerDue": OPEN_DISPUTE},
    RefundOrProposalBody: {"WouldBePending": PREVIEW, "WouldBeProposed": PROPOSAL_PREVIEW},
    ReplayedUploadsBody: {"Sent": UPLOADS},
}
