"""A refund's change of status, with everything that changes with it, in one transaction.

The refund, its payment's amounts and the wallet's entries change together or not at all. Each row is written on
condition that it is as it was read.
"""

from collections.abc import Mapping
from typing import Any

from shared import clock
from shared.aws.dynamodb import OPEN, Insert, Update, Write
from shared.payments.lifecycle import PAID_STATUSES, timeline_item
from shared.payments.models import Payment
from shared.payments.results import ApplyResult
from shared.payments.review import EXCEEDS_CAPTURED, mark
from shared.refunds import lifecycle
from shared.refunds.entries import Moves, left_of, moves_for
from shared.refunds.lifecycle import NEW, OPEN_STATUSES, SOURCE
from shared.refunds.models import Refund, list_refunds
from shared.telemetry import journal
from shared.wallets.models import append

# Amounts of a payment: the sums of its refunds, and of its disputes.
AMOUNTS = ("refunded_paise", "refunding_paise", "refunded_at_gateway_paise", "disputed_paise", "lost_paise")
AT_GATEWAY = ("pending", "processed")  # the refunds that a payment's refunded amount at Razorpay contains
MOVED = {"processed": 1, "returned": -1}  # the statuses in which money went to the customer, or came back
METRICS = {"processed": "RefundProcessed", "failed": "RefundFailed", "returned": "RefundReturned"}  # of how it ended


def try_transition(
    payment: Payment,
    refund: Refund,
    status: str,
    values: dict[str, Any],
    *writes: Write,
    moves: Moves | None = None,
    amount_paise: int | None = None,
    event_id: str = "",
    source: str = "refund",
) -> ApplyResult | None:
    """Turn the refund into this status; None if a condition failed and the rows must be read again.

    `values` are the refund's other attributes. `amount_paise` is its amount at Razorpay, if that is known. `moves`
    are the wallet's, if they are computed already. `source` and `event_id` say who reported it, for the timelines.
    Afterwards `refund` is as it is stored.
    """
    at_us, before = clock.now_us(), refund.status
    amount_paise = amount_paise or refund.amount_paise
    counted_paise = _counted_paise(payment, refund, status, amount_paise)
    moves = moves or moves_for(payment, refund, status, counted_paise)
    if moves is None:
        return None
    changed = {
        **values,
        **_schedule(status, at_us),
        "status": status,
        "amount_paise": amount_paise,
        "counted_paise": counted_paise,
        "held_paise": moves.held_paise,
        "owed_paise": moves.owed_paise,
        "updated_at_us": at_us,
    }
    item = timeline_item(at_us, source, status, event_id)
    change = _payment_update(payment, refund, changed, source, event_id)
    record: Write
    if before == NEW:
        for name, value in (changed | {"timeline": [item]}).items():
            setattr(refund, name, value)
        record = Insert(refund)
    else:
        expect = {"sent_at_us": refund.sent_at_us}
        record = Update(refund, changed, {"timeline": [item]}, expect=expect, expect_status=(before,))
    if append(*moves.entries, record, *writes, change):
        return None
    if status in METRICS:
        journal.count(METRICS[status])
    flagged = EXCEEDS_CAPTURED if "in_review" in change.set else ""
    entry = moves.entries[-1] if moves.entries else None
    return ApplyResult(payment, entry, flagged=flagged, refunded=status)


def _counted_paise(payment: Payment, refund: Refund, status: str, amount_paise: int) -> int:
    """What of the amount counts against the payment: never more than was credited and not taken yet."""
    if status in ("pending", "processed"):
        return min(amount_paise, max(0, left_of(payment)))
    return refund.counted_paise


def _payment_update(
    payment: Payment, refund: Refund, changed: Mapping[str, Any], source: str, event_id: str
) -> Update:
    """What changes of the payment when these attributes of its refund do: its amounts, and with them its status."""
    status, counted_paise = changed["status"], changed["counted_paise"]
    refunded_paise = payment.refunded_paise + MOVED.get(status, 0) * counted_paise
    refunding_paise = payment.refunding_paise
    refunding_paise += counted_paise if status in OPEN_STATUSES else 0
    refunding_paise -= refund.counted_paise if refund.status in OPEN_STATUSES else 0
    at_gateway_paise = payment.refunded_at_gateway_paise
    if refund.destination == SOURCE:
        at_gateway_paise += changed["amount_paise"] if status in AT_GATEWAY else 0
        at_gateway_paise -= refund.amount_paise if refund.status in AT_GATEWAY else 0
    paid_paise = payment.paid_paise or 0
    values: dict[str, Any] = {
        "status": _paid_status(refunded_paise, paid_paise),
        "refunded_paise": refunded_paise,
        "refunding_paise": refunding_paise,
        "refundable_paise": max(0, paid_paise - refunded_paise - refunding_paise - payment.contested_paise),
        "refunded_at_gateway_paise": at_gateway_paise,
        "updated_at_us": changed["updated_at_us"],
    }
    if refund.status == NEW:
        values["refund_count"] = (payment.refund_count or 0) + 1
    if status == "processed" and _exceeds_captured(payment, refund, changed["amount_paise"] - counted_paise):
        review = f"review.{mark(changed['gateway_refund'], EXCEEDS_CAPTURED)}"
        values |= {"in_review": OPEN, review: clock.iso(changed["updated_at_us"])}
    expect = {name: getattr(payment, name) for name in AMOUNTS}
    item = timeline_item(values["updated_at_us"], source, values["status"], event_id)
    timeline = {"timeline": [item]} if status in MOVED else {}
    return Update(payment, values, timeline, expect=expect, expect_status=PAID_STATUSES)


def _paid_status(refunded_paise: int, paid_paise: int) -> str:
    if refunded_paise <= 0:
        return "captured"
    return "refunded" if refunded_paise >= paid_paise else "partially_refunded"


def _exceeds_captured(payment: Payment, refund: Refund, excess_paise: int) -> bool:
    """Whether more was refunded than was captured: what was credited, and the fee that the customer bore."""
    if excess_paise <= 0:
        return False
    processed = (other for other in list_refunds(payment.id) if other.status == "processed" and other.id != refund.id)
    others_paise = sum(other.amount_paise - other.counted_paise for other in processed)
    return others_paise + excess_paise > (payment.fee_paise or 0)


def _schedule(status: str, at_us: int) -> dict[str, Any]:
    """When the reconciler asks about a refund in this status, if it does."""
    if status not in OPEN_STATUSES:
        return {"open": None, "next_check_at_us": None}
    return {"open": OPEN, "next_check_at_us": lifecycle.next_check_us(at_us, status, 0), "checks": 0}
