"""Invariants of disputes: their records, the wallet's entries and Razorpay's side agree."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.simulation.invariants.check import PAYMENTS, REFUNDS, Findings, dispute_rows
from tests.simulation.world import World

OPEN_DISPUTES = ("open", "under_review")
# The allowed transitions of a dispute. They repeat the code's own table on purpose.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "open": ("under_review", "won", "lost", "closed"),
    "under_review": ("open", "won", "lost", "closed"),
    "won": (),
    "lost": (),
    "closed": (),
}


def dispute_paise(dispute: Mapping[str, Any], payment: Mapping[str, Any]) -> int:
    """By how much a dispute changes everything that the customer has in the wallet."""
    return -int(dispute["counted_paise"]) if (dispute["status"], payment["purpose"]) == ("lost", "top_up") else 0


def contested_amount(world: World) -> Findings:
    """A payment's amounts are the sums of its disputes, and with the refunds no more is taken than was paid."""
    disputed: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for row in dispute_rows(world):
        if row["status"] in OPEN_DISPUTES:
            disputed[row["payment"]] += row["counted_paise"]
        elif row["status"] == "lost":
            lost[row["payment"]] += row["counted_paise"]
        elif row["held_paise"]:
            yield f"a {row['status']} dispute holds {row['held_paise']}"
    for row in world.rows(PAYMENTS):
        if (row.get("disputed_paise") or 0, row.get("lost_paise") or 0) != (disputed[row["id"]], lost[row["id"]]):
            yield f"a payment says {row.get('disputed_paise')} disputed and {row.get('lost_paise')} lost"
        if row["refunded_paise"] + lost[row["id"]] > (row.get("paid_paise") or 0):
            yield f"{row['refunded_paise']} and {lost[row['id']]} were taken of a payment of {row.get('paid_paise')}"


def allowed_transitions(world: World) -> Findings:
    for table, key, before, after in world.dynamodb.journal:
        if table != REFUNDS or before is None or "gateway_dispute" not in before:
            continue
        if after is None:
            yield f"the dispute {key[1]} was deleted"
            continue
        old, new = before["status"]["S"], after["status"]["S"]
        if old != new and new not in TRANSITIONS[old]:
            yield f"a dispute went from {old} to {new}"


def followed(world: World) -> Findings:
    """The reconciler has a time for its next question about each dispute that has not ended, and for no other."""
    for row in dispute_rows(world):
        if (row["status"] in OPEN_DISPUTES) != (row.get("open") == "dispute" and bool(row.get("next_check_at_us"))):
            yield f"a dispute is {row['status']}, and its next check is at {row.get('next_check_at_us')}"


# --- at rest


def disputes_recorded(world: World) -> Findings:
    """What Razorpay knows of a dispute about one of our orders is recorded here, in the same phase."""
    recorded = {(row["gateway_dispute"], row["phase"]): row for row in dispute_rows(world)}
    orders = {row.get("gateway_order") for row in world.rows(PAYMENTS)}
    for dispute in world.razorpay.disputes.values():
        if world.razorpay.payments[dispute["payment_id"]]["order_id"] not in orders:
            continue
        row = recorded.get((dispute["id"], dispute["phase"]), {})
        if (row.get("status"), row.get("deducted_paise")) != (dispute["status"], dispute["amount_deducted"]):
            yield f"{dispute['id']} is {dispute['status']} at Razorpay and {row.get('status')} here"
