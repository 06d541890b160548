"""Invariants of refunds: their records, the wallet's entries and Razorpay's side agree."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.simulation.invariants.check import (
    PAID_STATUSES,
    PAYMENTS,
    REFUNDS,
    Findings,
    dispute_rows,
    pointer_rows,
    refund_rows,
)
from tests.simulation.world import World

OPEN_REFUNDS = ("requested", "sending", "pending")
# The allowed transitions of a refund. They repeat the code's own table on purpose.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "requested": ("sending", "pending", "processed", "failed", "cancelled"),
    "sending": ("requested", "pending", "processed", "failed"),
    "pending": ("processed", "failed"),
    "processed": ("returned",),
    "failed": (),
    "cancelled": (),
    "returned": (),
}
AMOUNTS = ("refunded_paise", "refunding_paise", "disputed_paise", "lost_paise")  # of a payment
IMMUTABLE = ("customer", "destination", "asked_by", "asked_paise", "reason", "created_at_us")


def refund_paise(refund: Mapping[str, Any], payment: Mapping[str, Any]) -> int:
    """By how much a refund changes everything that the customer has in the wallet."""
    if refund["status"] != "processed":
        return 0
    if refund["destination"] == "wallet":
        return int(refund["counted_paise"])
    return -int(refund["counted_paise"]) if payment["purpose"] == "top_up" else 0


def razorpays_refund(world: World, refund: Mapping[str, Any]) -> Findings:
    """A refund to the source that is processed is one of Razorpay's, with the same amount."""
    if refund["destination"] == "wallet" or refund["status"] not in ("pending", "processed", "returned"):
        return
    made = world.razorpay.refunds.get(refund.get("gateway_refund", ""), {})
    if (made.get("payment_id"), made.get("amount")) != (refund["gateway_payment"], refund["amount_paise"]):
        yield f"a {refund['status']} refund of {refund['amount_paise']} is none of Razorpay's"


def refunded_amount(world: World) -> Findings:
    """A payment's amounts are the sums of its refunds, and never more is refunded than was paid."""
    refunded: Counter[str] = Counter()
    refunding: Counter[str] = Counter()
    for refund in refund_rows(world):
        if refund["status"] == "processed":
            refunded[refund["payment"]] += refund["counted_paise"]
        elif refund["status"] in OPEN_REFUNDS:
            refunding[refund["payment"]] += refund["counted_paise"]
    for row in world.rows(PAYMENTS):
        paid_paise = row.get("paid_paise") or 0
        if (row["refunded_paise"], row["refunding_paise"]) != (refunded[row["id"]], refunding[row["id"]]):
            yield f"a payment says {row['refunded_paise']} of {refunded[row['id']]} refunded"
        if row["refunded_paise"] > paid_paise:
            yield f"a payment of {paid_paise} says {row['refunded_paise']} refunded"
        taken_paise = sum(row.get(name) or 0 for name in AMOUNTS)
        if row["refundable_paise"] != max(0, paid_paise - taken_paise):
            yield f"a payment of {paid_paise} says that {row['refundable_paise']} can be refunded"


def holds(world: World) -> Findings:
    """What a wallet holds is what its open refunds and disputes hold.

    A refund that was asked for here holds all of its amount.
    """
    held: Counter[str] = Counter()
    top_ups = {row["id"] for row in world.rows(PAYMENTS) if row["purpose"] == "top_up"}
    for dispute in dispute_rows(world):
        held[dispute["customer"]] += dispute["held_paise"]
    for refund in refund_rows(world):
        held[refund["customer"]] += refund["held_paise"]
        if refund["held_paise"] and refund["status"] not in OPEN_REFUNDS:
            yield f"a {refund['status']} refund holds {refund['held_paise']}"
        is_asked = refund["asked_by"] != "gateway" and refund["payment"] in top_ups
        if (
            is_asked
            and refund["status"] in ("requested", "sending")
            and refund["held_paise"] != refund["amount_paise"]
        ):
            yield f"a refund of {refund['amount_paise']} holds {refund['held_paise']}"
    for customer in world.customers:
        entries = world.entries(customer)
        if entries and entries[-1]["held_paise"] != held[customer.id]:
            yield f"the wallet of {customer.name} holds {entries[-1]['held_paise']} of {held[customer.id]}"


def one_refund_per_id(world: World) -> Findings:
    """Razorpay has made each refund that was asked for once, and each of its refunds is one record."""
    asked = Counter(refund["receipt"] for refund in world.razorpay.refunds.values() if refund.get("receipt"))
    yield from (f"{name} was refunded {count} times" for name, count in asked.items() if count > 1)
    recorded = Counter(row["gateway_refund"] for row in refund_rows(world) if row.get("gateway_refund"))
    yield from (f"{name} is {count} records" for name, count in recorded.items() if count > 1)


def allowed_transitions(world: World) -> Findings:
    for table, key, before, after in world.dynamodb.journal:
        if table != REFUNDS or before is None or "gateway_dispute" in before:
            continue
        if after is None or "status" not in before:
            yield f"{key[1]} of a refund was changed or deleted"
            continue
        old, new = before["status"]["S"], after["status"]["S"]
        if old != new and new not in TRANSITIONS[old]:
            yield f"a refund went from {old} to {new}"
        for name in IMMUTABLE:
            if before.get(name) != after.get(name):
                yield f"the {name} of a refund changed"
        if "gateway_refund" in before and before["gateway_refund"] != after.get("gateway_refund"):
            yield "a refund changed the refund at Razorpay that it is"


def pointers(world: World) -> Findings:
    """Each of Razorpay's ids leads to the one refund that has it, and to each refund leads at most one."""
    rows = {(row["payment"], row["id"]): row for row in refund_rows(world)}
    led_to: Counter[str] = Counter()
    for pointer in pointer_rows(world):
        led_to[pointer["refund"]] += 1
        row = rows.get((pointer["payment"], pointer["refund"]), {})
        if row.get("gateway_refund") != pointer["id"]:
            yield f"{pointer['id']} leads to a refund with {row.get('gateway_refund')}"
    for row in rows.values():
        if led_to[row["id"]] != ("gateway_refund" in row):
            yield f"{led_to[row['id']]} pointers lead to a {row['status']} refund"


def policy(world: World) -> Findings:
    """Customers get refunds of their own top-ups, to the source."""
    payments = {row["id"]: row for row in world.rows(PAYMENTS)}
    for row in refund_rows(world):
        payment = payments[row["payment"]]
        if row["customer"] != payment["customer"]:
            yield "a refund is another customer's than its payment"
        if row["asked_by"] == "customer" and (payment["purpose"], row["destination"]) != ("top_up", "source"):
            yield f"a customer asked for a refund of a {payment['purpose']} to the {row['destination']} and got it"
        if payment["purpose"] == "top_up" and row["destination"] == "wallet":
            yield "a top-up was refunded to the wallet"


def requests_within_payment(world: World) -> Findings:
    """What was asked for here, and was not refused, is together at most what was paid."""
    asked: Counter[str] = Counter()
    for row in refund_rows(world):
        is_alive = row["status"] in (*OPEN_REFUNDS, "processed")
        asked[row["payment"]] += row["amount_paise"] if is_alive and row["asked_by"] != "gateway" else 0
    for payment in world.rows(PAYMENTS):
        if asked[payment["id"]] > (payment.get("paid_paise") or 0):
            yield f"{asked[payment['id']]} of a payment of {payment.get('paid_paise')} was asked for"


# --- at rest


def refunds_recorded(world: World) -> Findings:
    """What Razorpay refunded of a credited attempt is recorded here, in the same status."""
    recorded = {row.get("gateway_refund"): row["status"] for row in refund_rows(world)}
    credited = {row.get("gateway_payment") for row in world.rows(PAYMENTS) if row["status"] in PAID_STATUSES}
    for refund in world.razorpay.refunds.values():
        expected = ("failed", "returned", None) if refund["status"] == "failed" else (refund["status"],)
        if refund["payment_id"] in credited and recorded.get(refund["id"]) not in expected:
            yield f"{refund['id']} is {refund['status']} at Razorpay and {recorded.get(refund['id'])} here"


def refunds_end(world: World) -> Findings:
    """No refund waits for us: Razorpay has it, or it has ended."""
    for row in refund_rows(world):
        if row["status"] in ("requested", "sending"):
            yield f"a refund of {row['amount_paise']} is still {row['status']}"
