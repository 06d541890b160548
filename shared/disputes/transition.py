"""A dispute's change of status, with everything that changes with it, in one transaction.

The dispute, its payment's amounts and the wallet's entries change together or not at all. Each row is written on
condition that it is as it was read.
"""

from collections.abc import Mapping
from typing import Any

from shared import clock
from shared.aws.dynamodb import OPEN, Insert, Update, Write
from shared.disputes.entries import moves_for
from shared.disputes.lifecycle import CHECK_PAUSE_US, NEW, OPEN_STATUSES
from shared.disputes.models import OPEN_DISPUTE, Dispute, list_disputes
from shared.payments.lifecycle import timeline_item
from shared.payments.models import Payment
from shared.payments.results import ApplyResult
from shared.payments.review import EXCEEDS_CAPTURED, mark
from shared.razorpay.entities import GatewayDispute
from shared.refunds.models import list_refunds
from shared.wallets.models import append

AMOUNTS = ("refunded_paise", "refunding_paise", "disputed_paise", "lost_paise")  # of a payment


def try_transition(
    payment: Payment,
    dispute: Dispute,
    reported: GatewayDispute,
    values: Mapping[str, Any],
    event_id: str,
    source: str,
) -> ApplyResult | None:
    """Turn the dispute into the reported status; None if a condition failed and the rows must be read again.

    `values` are the dispute's other attributes.
    """
    at_us, before, status = clock.now_us(), dispute.status, reported.status
    is_credited = payment.is_paid and payment.gateway_payment == reported.payment and reported.currency == "INR"
    counted_paise = _counted_paise(payment, dispute, reported) if is_credited else 0
    moves = moves_for(payment, dispute, status, counted_paise)
    is_open = status in OPEN_STATUSES
    changed = {
        **values,
        "status": status,
        "counted_paise": counted_paise,
        "held_paise": moves.held_paise,
        "owed_paise": moves.owed_paise,
        "open": OPEN_DISPUTE if is_open else None,
        "next_check_at_us": at_us + CHECK_PAUSE_US if is_open else None,
        "updated_at_us": at_us,
    }
    excess_paise = reported.deducted_paise - counted_paise if is_credited and status == "lost" else 0
    exceeds = excess_paise > 0 and _exceeds_captured(payment, dispute, excess_paise)
    item = timeline_item(at_us, source, f"dispute_{status}", event_id)
    change = _payment_update(payment, dispute, changed, exceeds, item)
    record: Write
    if before == NEW:
        for name, value in (changed | {"timeline": [item]}).items():
            setattr(dispute, name, value)
        record = Insert(dispute)
    else:
        expect = {name: getattr(dispute, name) for name in values}
        record = Update(dispute, changed, {"timeline": [item]}, expect=expect, expect_status=(before,))
    if append(*moves.entries, record, change):
        return None
    entry = moves.entries[-1] if moves.entries else None
    return ApplyResult(payment, entry, flagged=EXCEEDS_CAPTURED if exceeds else "", disputed=status)


def _counted_paise(payment: Payment, dispute: Dispute, reported: GatewayDispute) -> int:
    """What the dispute takes of the payment, or would take: never more than was credited and not taken yet."""
    if reported.status == "lost":
        amount_paise, taken_paise = reported.deducted_paise, payment.refunded_paise + (payment.lost_paise or 0)
    elif reported.status in OPEN_STATUSES and dispute.status == NEW:
        amount_paise = reported.amount_paise
        taken_paise = payment.refunded_paise + payment.refunding_paise + payment.contested_paise
    else:
        return dispute.counted_paise if reported.status in OPEN_STATUSES else 0
    return min(amount_paise, max(0, (payment.paid_paise or 0) - taken_paise))


def _payment_update(
    payment: Payment, dispute: Dispute, changed: Mapping[str, Any], exceeds: bool, item: str
) -> Update:
    """What changes of the payment when these attributes of its dispute do."""
    status, counted_paise, at_us = changed["status"], changed["counted_paise"], changed["updated_at_us"]
    disputed_paise = (payment.disputed_paise or 0) + (counted_paise if status in OPEN_STATUSES else 0)
    disputed_paise -= dispute.counted_paise if dispute.status in OPEN_STATUSES else 0
    lost_paise = (payment.lost_paise or 0) + (counted_paise if status == "lost" else 0)
    taken_paise = payment.refunded_paise + payment.refunding_paise + disputed_paise + lost_paise
    values: dict[str, Any] = {
        "disputed_paise": disputed_paise or None,
        "lost_paise": lost_paise or None,
        "refundable_paise": max(0, (payment.paid_paise or 0) - taken_paise),
        "updated_at_us": at_us,
    }
    if exceeds:
        values |= {"in_review": OPEN, f"review.{mark(dispute.id, EXCEEDS_CAPTURED)}": clock.iso(at_us)}
    expect = {name: getattr(payment, name) for name in AMOUNTS}
    return Update(payment, values, {"timeline": [item]}, expect=expect, expect_status=(payment.status,))


def _exceeds_captured(payment: Payment, dispute: Dispute, excess_paise: int) -> bool:
    """Whether Razorpay took more than was captured: what was credited, and the fee that the customer bore."""
    refunds = [refund for refund in list_refunds(payment.id) if refund.status == "processed"]
    lost = [other for other in list_disputes(payment.id) if other.status == "lost" and other.id != dispute.id]
    excess_paise += sum(refund.amount_paise - refund.counted_paise for refund in refunds)
    excess_paise += sum(other.deducted_paise - other.counted_paise for other in lost)
    return excess_paise > (payment.fee_paise or 0)
