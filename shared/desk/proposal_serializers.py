"""Proposals, as staff make, list and decide about them."""

from collections.abc import Mapping
from typing import Literal, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.desk.models import Proposal
from shared.desk.proposals import KINDS, PROPOSED, STATUSES, status_of
from shared.http import fields
from shared.http.formats import Money, Time, Uuid
from shared.money import rupees
from shared.refunds.serializers import RefundDestination

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
DECISION_FIELDS: Mapping[str, fields.Field] = {
    "reason": fields.Text(length_max=255, example="Checked with the shop"),
}
PROPOSAL_FILTERS: Mapping[str, fields.Field] = {
    "status": fields.Choice(options=STATUSES, description=f"By default `{PROPOSED}`."),
    "kind": fields.Choice(options=KINDS),
}

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
