"""What staff send to the desk, and what it returns to them."""

from collections.abc import Mapping
from typing import Literal, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.desk.check import Check
from shared.desk.models import OPEN_REVIEW, REVIEW_STATUSES, Proposal
from shared.desk.proposals import KINDS, PROPOSED, STATUSES, status_of
from shared.desk.reviews import ACTIONS, ReviewItem
from shared.desk.wallets import CustomerWallet
from shared.http import fields
from shared.http.formats import Money, Time, Uuid
from shared.money import rupees
from shared.payments.models import UnusableWebhook
from shared.payments.review import REASONS
from shared.refunds.serializers import RefundDestination
from shared.wallets.serializers import WalletBody, serialize_wallet

REASON_FIELDS: Mapping[str, fields.Field] = {
    "reason": fields.Text(length_max=255, required=True, example="The customer reported a stolen phone")
}


RESOLVE_FIELDS: Mapping[str, fields.Field] = {
    "action": fields.Choice(
        options=tuple(dict.fromkeys(action for actions in ACTIONS.values() for action in actions)),
        required=True,
        example="dismiss",
    ),
    "reason": fields.Text(length_max=255, required=True, example="The customer paid twice"),
    "assignee": fields.Text(length_max=255, description="Who looks at it: required for `assign`."),
}
REVIEW_FILTERS: Mapping[str, fields.Field] = {
    "status": fields.Choice(options=REVIEW_STATUSES, description=f"By default `{OPEN_REVIEW}`."),
    "reason": fields.Choice(options=tuple(REASONS)),
    "assigned_to": fields.Text(length_max=255, description="The id of a member of staff."),
    "from": fields.DateTime(description="From this time on; a bare date is a day in India."),
    "to": fields.DateTime(description="Before this time; a bare date is a day in India."),
}
AMOUNT = fields.Amount(required=True, minimum_paise=1, example="200.00")
ADJUSTMENT_FIELDS: Mapping[str, fields.Field] = {
    "amount": AMOUNT,
    "type": fields.Choice(options=("credit", "debit"), required=True, example="credit"),
    "reason": fields.Text(length_max=255, required=True, example="Goodwill for a late delivery"),
}
WAIVER_FIELDS: Mapping[str, fields.Field] = {
    "amount": AMOUNT,
    "reason": fields.Text(length_max=255, required=True, example="Too small to be asked for"),
}
BLOCK_FIELDS: Mapping[str, fields.Field] = {
    **REASON_FIELDS,
    "customer": fields.Text(length_max=255, description="Whose wallet it is, to block one that was never opened."),
}
DECISION_FIELDS: Mapping[str, fields.Field] = {
    "reason": fields.Text(length_max=255, example="Checked with the shop"),
}
PROPOSAL_FILTERS: Mapping[str, fields.Field] = {
    "status": fields.Choice(options=STATUSES, description=f"By default `{PROPOSED}`."),
    "kind": fields.Choice(options=KINDS),
}

ReviewStatus = TypeAliasType("ReviewStatus", Literal["open", "resolved"])
ProposalKind = TypeAliasType("ProposalKind", Literal["adjustment", "waiver", "refund", "review"])
ProposalStatus = TypeAliasType("ProposalStatus", Literal["proposed", "approved", "done", "rejected", "lapsed"])
AdjustmentType = TypeAliasType("AdjustmentType", Literal["credit", "debit"])


class ProposalBody(TypedDict):
    """`refund` is the id of the refund that came of it. `wallet` or `payment` is what it is about.

    One of the kind `review` is to do `action` about that review.
    """

    id: Uuid
    kind: ProposalKind
    status: ProposalStatus
    customer: str
    wallet: Uuid | None
    type: AdjustmentType | None
    payment: Uuid | None
    destination: RefundDestination | None
    review: Uuid | None
    action: str | None
    amount: Money
    reason: str
    proposed_by: str
    decided_by: str | None
    decision_reason: str | None
    refund: Uuid | None
    created_at: Time
    decided_at: Time | None
    lapses_at: Time


class ProposalPreviewBody(ProposalBody):
    """What a request would make of a proposal, in the response to a dry run. Its `id` is null."""

    id: Uuid | None  # type: ignore[misc]  # a proposal's own is never null


class ReviewBody(TypedDict):
    """Why a payment is in review. `actions` are those that may be done about it: none once it is resolved.

    `begun` is an action that broke off, and that has to be done again before any other. `age_s` is since when it
    waits. One that later facts ended is resolved by nobody. `amount` is what the action moves, or moved, if a person
    decides about an amount by it.
    """

    id: Uuid
    reason: str
    explanation: str
    status: ReviewStatus
    payment: str
    customer: str
    gateway_id: str
    actions: list[str]
    begun: str | None
    assigned_to: str | None
    action: str | None
    amount: Money | None
    resolved_by: str | None
    created_at: Time
    age_s: int
    resolved_at: Time | None


class ReleasedBody(TypedDict):
    """The customer at Razorpay whose claim was released."""

    customer: str
    gateway_customer: str


class StoredWebhookBody(TypedDict):
    """A signed webhook that could not be used, without its body, and the time until which it is stored."""

    id: str
    event_id: str
    problem: str
    received_at: Time
    expires_at: Time


class ReplayedBody(TypedDict):
    id: str
    outcome: Literal["applied", "unchanged", "ignored"]


class StaffWalletBody(WalletBody):
    customer: str


class WalletCheckBody(TypedDict):
    """The check of a wallet. `checked` of its entries, from the oldest on, were compared with their records in time;
    each of the `faults` names an entry. A wallet is sound if all were compared and nothing was found."""

    wallet: Uuid
    customer: str
    is_sound: bool
    entries: int
    checked: int
    faults: list[str]
    state: WalletBody


def serialize_customer_wallet(wallet: CustomerWallet) -> StaffWalletBody:
    return {**serialize_wallet(wallet.head), "customer": wallet.customer}


def serialize_check(check: Check) -> WalletCheckBody:
    return {
        "wallet": check.wallet.head.wallet,
        "customer": check.wallet.customer,
        "is_sound": check.is_sound,
        "entries": check.entries,
        "checked": check.checked,
        "faults": check.faults,
        "state": serialize_wallet(check.wallet.head),
    }


def serialize_proposal(proposal: Proposal) -> ProposalBody:
    return {
        "id": proposal.id,
        "kind": cast(ProposalKind, proposal.what),
        "status": cast(ProposalStatus, status_of(proposal)),
        "customer": proposal.customer,
        "wallet": proposal.wallet,
        "type": cast(AdjustmentType | None, proposal.type),
        "payment": proposal.payment,
        "destination": cast(RefundDestination | None, proposal.destination),
        "review": proposal.review,
        "action": proposal.action,
        "amount": rupees(proposal.amount_paise),
        "reason": proposal.reason,
        "proposed_by": proposal.proposed_by,
        "decided_by": proposal.decided_by,
        "decision_reason": proposal.decision_reason or None,
        "refund": proposal.refund,
        "created_at": clock.iso(proposal.created_at_us),
        "decided_at": clock.iso(proposal.decided_at_us) if proposal.decided_at_us else None,
        "lapses_at": clock.iso(proposal.lapses_at_us),
    }


def serialize_proposal_preview(proposal: Proposal) -> ProposalPreviewBody:
    return cast(ProposalPreviewBody, serialize_proposal(proposal) | {"id": None})


def serialize_review(item: ReviewItem) -> ReviewBody:
    row = item.row
    return {
        "id": item.id,
        "reason": item.reason,
        "explanation": REASONS[item.reason],
        "status": "open" if item.is_open else "resolved",
        "payment": item.payment.id,
        "customer": item.payment.customer,
        "gateway_id": item.gateway_id,
        "actions": list(ACTIONS[item.reason]) if item.is_open else [],
        "begun": row.begun if row else None,
        "assigned_to": row.assigned_to if row else None,
        "action": row.action if row else None,
        "amount": rupees(row.amount_paise) if row and row.amount_paise else None,
        "resolved_by": row.resolved_by if row else None,
        "created_at": item.created_at,
        "age_s": max(0, (clock.now_us() - item.created_at_us) // 1_000_000),
        "resolved_at": clock.iso(row.resolved_at_us) if row and row.resolved_at_us else None,
    }


def serialize_webhook(webhook: UnusableWebhook) -> StoredWebhookBody:
    return {
        "id": webhook.id,
        "event_id": webhook.event_id,
        "problem": webhook.problem,
        "received_at": clock.iso(webhook.received_at_us),
        "expires_at": clock.iso(webhook.expires_at_s * 1_000_000),
    }
