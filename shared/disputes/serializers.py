"""Disputes as staff see them."""

from collections.abc import Mapping
from typing import Literal, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.disputes.models import Dispute
from shared.http import fields
from shared.http.formats import Money, Time, Uuid
from shared.money import rupees

DISPUTE_FILTERS: Mapping[str, fields.Field] = {
    "answer_due": fields.Boolean(description="With true, those for which a bank waits for our evidence.")
}

DisputeStatus = TypeAliasType("DisputeStatus", Literal["open", "under_review", "won", "lost", "closed"])


class DisputeBody(TypedDict):
    """One phase of a dispute. `first` is the dispute of the earliest phase, null in that one.

    `reason` is Razorpay's code. `held` is what the wallet holds for it, `owed` what the wallet no longer had when it
    was lost. `answer_due` is true while the bank waits until `respond_by` for evidence.
    """

    id: str
    status: DisputeStatus
    phase: str
    first: str | None
    reason: str
    amount: Money
    amount_deducted: Money
    held: Money
    owed: Money
    respond_by: Time | None
    answer_due: bool
    gateway_payment_id: str
    opened_at: Time
    updated_at: Time


class OpenDisputeBody(DisputeBody):
    """A dispute in a list, with its payment."""

    payment: Uuid
    customer: str


def serialize_open_dispute(dispute: Dispute) -> OpenDisputeBody:
    return {**serialize_dispute(dispute), "payment": dispute.payment, "customer": dispute.customer}


def serialize_dispute(dispute: Dispute) -> DisputeBody:
    return {
        "id": dispute.id,
        "status": cast(DisputeStatus, dispute.status),
        "phase": dispute.phase,
        "first": dispute.first,
        "reason": dispute.reason,
        "amount": rupees(dispute.amount_paise),
        "amount_deducted": rupees(dispute.deducted_paise),
        "held": rupees(dispute.held_paise),
        "owed": rupees(dispute.owed_paise),
        "respond_by": clock.iso(dispute.respond_by_us) if dispute.respond_by_us else None,
        "answer_due": dispute.awaits_answer is not None,
        "gateway_payment_id": dispute.gateway_payment,
        "opened_at": clock.iso(dispute.opened_at_us),
        "updated_at": clock.iso(dispute.updated_at_us),
    }
