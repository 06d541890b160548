"""`apply_dispute`: the single entry point for what Razorpay reports about a dispute.

Webhooks and the reconciler bring their reports here, more than once and in any order. The dispute in a report says
what is true of it, not the name of the event.
"""

from typing import Any

from shared import clock
from shared.aws.dynamodb import OPEN, Update, execute, retrying
from shared.disputes import lifecycle
from shared.disputes.lifecycle import NEW, OPEN_STATUSES, may_change, phase_rank
from shared.disputes.models import Dispute, list_disputes
from shared.disputes.transition import try_transition
from shared.payments.lifecycle import timeline_item
from shared.payments.models import Payment, get_or_404
from shared.payments.results import ApplyResult
from shared.razorpay.entities import GatewayDispute, GatewayPayment, UnexpectedPayload
from shared.refunds.report import apply_report


def apply_dispute(
    payment: Payment,
    attempt: GatewayPayment,
    reported: GatewayDispute,
    event_id: str = "",
    source: str = "dispute",
) -> ApplyResult:
    """Apply a disputed attempt, so that the order of events does not matter, then its dispute.

    `source` and `event_id` go into the timelines, as those of `apply_attempt` do.
    """
    if reported.payment != attempt.id:
        raise UnexpectedPayload("the dispute is of another payment than the one in the same event")
    result = apply_report(payment, attempt, source, event_id)
    return result.merge(apply_to_payment(result.payment, reported, event_id, source))


def apply_to_payment(
    payment: Payment, reported: GatewayDispute, event_id: str = "", source: str = "dispute", asked_us: int = 0
) -> ApplyResult:
    """Apply a report about a dispute of a payment, whose attempts are applied already.

    The dispute of an attempt that was not credited is recorded, since a person has to answer it, and moves nothing.
    `asked_us` is the record's time of change when Razorpay was asked; 0 if nobody asked.
    """
    return retrying(
        lambda: _try_apply(get_or_404(payment.customer, payment.id), reported, event_id, source, asked_us)
    )


def _try_apply(
    payment: Payment, reported: GatewayDispute, event_id: str, source: str, asked_us: int
) -> ApplyResult | None:
    """One try; None if a condition failed and the rows must be read again."""
    dispute = _find_or_begin(payment, reported)
    if phase_rank(reported.phase) < phase_rank(dispute.phase):
        return ApplyResult(payment)  # older than what is stored
    is_current = dispute.updated_at_us == asked_us
    if may_change(dispute.status, reported.status, is_current):
        details = _details(dispute, reported, reported.status, is_current)
        return try_transition(payment, dispute, reported, details, event_id, source)
    if dispute.status not in OPEN_STATUSES:
        return ApplyResult(payment)
    is_noted = _note(dispute, _details(dispute, reported, dispute.status, is_current), event_id, source)
    return ApplyResult(payment) if is_noted else None


def _find_or_begin(payment: Payment, reported: GatewayDispute) -> Dispute:
    """The dispute that a report is about, or the record of a new one, not stored yet.

    A bank that lost may dispute again in a later phase, which is a new record even under the same id of Razorpay's.
    """
    stored = list_disputes(payment.id)
    same = [dispute for dispute in stored if dispute.gateway_dispute == reported.id]
    latest = max(same, key=lambda dispute: phase_rank(dispute.phase), default=None)
    has_ended = latest is not None and latest.status not in OPEN_STATUSES
    if latest and not (has_ended and phase_rank(reported.phase) > phase_rank(latest.phase)):
        return latest
    at_us, opened_at_us = clock.now_us(), reported.opened_at_s * 1_000_000
    earlier = [dispute for dispute in stored if dispute.opened_at_us <= opened_at_us]
    return Dispute(
        payment.id,
        f"{reported.id}.{reported.phase}" if latest else reported.id,
        customer=payment.customer,
        status=NEW,
        phase=reported.phase,
        first=earlier[0].id if earlier else None,
        reason=reported.reason,
        amount_paise=reported.amount_paise,
        gateway_payment=reported.payment,
        gateway_dispute=reported.id,
        opened_at_us=opened_at_us,
        created_at_us=at_us,
        updated_at_us=at_us,
    )


def _details(dispute: Dispute, reported: GatewayDispute, status: str, is_current: bool) -> dict[str, Any]:
    """The attributes that a report may change besides the status and what follows from it."""
    known_us, reported_us = dispute.respond_by_us or 0, reported.respond_by_s * 1_000_000
    awaited = dispute.awaits_answer is not None
    is_awaited = lifecycle.awaits_answer(reported.status, reported_us, awaited, known_us, is_current)
    return {
        "phase": reported.phase,
        "deducted_paise": max(dispute.deducted_paise, reported.deducted_paise),
        "respond_by_us": (reported_us if is_current else max(known_us, reported_us)) or None,
        "awaits_answer": OPEN if is_awaited and status in OPEN_STATUSES else None,
    }


def _note(dispute: Dispute, details: dict[str, Any], event_id: str, source: str) -> bool:
    """Store what is new of a dispute that stays in its status; False if it must be read again."""
    if all(getattr(dispute, name) == value for name, value in details.items()):
        return True
    at_us = clock.now_us()
    item = timeline_item(at_us, source, "dispute_noted", event_id)
    expect = {name: getattr(dispute, name) for name in details}
    values = details | {"updated_at_us": at_us}
    return execute(Update(dispute, values, {"timeline": [item]}, expect=expect, expect_status=(dispute.status,)))
