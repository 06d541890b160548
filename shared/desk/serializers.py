"""What staff send to the desk, and what it returns to them."""

from collections.abc import Mapping
from typing import Literal, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.desk.check import Check
from shared.desk.models import Proposal
from shared.desk.proposals import KINDS, PROPOSED, STATUSES, status_of
from shared.desk.wallets import OwnedWallet
from shared.http import fields
from shared.http.formats import Money, Time, Uuid
from shared.money import rupees
from shared.refunds.serializers import RefundDestination
from shared.wallets.serializers import WalletBody, serialize_wallet

REASON_FIELDS: Mapping[str, fields.Field] = {
    "reason": fields.Text(length_max=255, required=True, example="The customer reported a stolen phone")
}


AMOUNT = fields.Amount(required=True, minimum_paise=1, example="200.00")
ADJUSTMENT_FIELDS: Mapping[str, fields.Field] = {
    "amount": AMOUNT,
    "type": fields.Choice(options=("credit", "debit"), required=True),
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

ProposalKind = TypeAliasType("ProposalKind", Literal["adjustment", "waiver", "refund"])
ProposalStatus = TypeAliasType("ProposalStatus", Literal["proposed", "approved", "done", "rejected", "lapsed"])
AdjustmentType = TypeAliasType("AdjustmentType", Literal["credit", "debit"])


class ProposalBody(TypedDict):
    """`refund` is the id of the refund that came of it. `wallet` or `payment` is what it is about."""

    id: Uuid
    kind: ProposalKind
    status: ProposalStatus
    customer: str
    wallet: Uuid | None
    type: AdjustmentType | None
    payment: Uuid | None
    destination: RefundDestination | None
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


def serialize_owned(wallet: OwnedWallet) -> StaffWalletBody:
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
