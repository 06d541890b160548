"""Invariants of the desk: whatever staff did has its record, and what takes two of them had two."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.simulation.invariants.check import (
    DESK,
    ENTRIES,
    PAYMENTS,
    REFUNDS,
    Findings,
    desk_rows,
    dispute_rows,
    refund_rows,
)
from tests.simulation.world import World

FOUR_EYES_PAISE = 1_000_000
OPEN_REFUNDS = ("requested", "sending", "pending")
# The allowed transitions of a proposal. They repeat the code's own table on purpose.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "proposed": ("approved", "rejected"),
    "approved": ("done",),
    "done": (),
    "rejected": (),
}
IMMUTABLE = ("what", "wallet", "payment", "type", "amount_paise", "reason", "proposed_by", "lapses_at_us")
# The actions that end a review, for each reason. They too repeat the code's table on purpose.
ENDING: Mapping[str, tuple[str, ...]] = {
    "order_mismatch": ("refund_attempt", "apply_again", "dismiss"),
    "amount_mismatch": ("accept_amount", "refund_attempt", "apply_again", "dismiss"),
    "currency_mismatch": ("refund_attempt", "dismiss"),
    "second_capture": ("refund_attempt", "dismiss"),
    "refunded_before_credit": ("apply_again", "dismiss"),
    "payment_unknown": ("refund_attempt", "dismiss"),
    "token_of_another_customer": ("dismiss",),
    "gateway_unclear": ("apply_again", "dismiss"),
    "exceeds_captured": ("waive", "dismiss"),
    "refund_failed": ("dismiss",),
}


def entries_have_makers(world: World) -> Findings:
    """Each entry by staff has the record that says so, with who and why, and each record has at most one entry."""
    actions = {row["id"]: row for row in desk_rows(world, "action")}
    proposals = {row["id"]: row for row in desk_rows(world, "proposal")}
    uses: Counter[str] = Counter()
    for entry in world.rows(ENTRIES):
        letter, _, name = entry["by"].partition(":")
        if letter != "s":
            continue
        uses[name] += 1
        done: tuple[Any, ...]
        said: tuple[Any, ...]
        if entry["kind"] in ("block", "unblock"):
            record, done = actions.get(name, {}), (entry["kind"], entry["wallet"])
            said = record.get("what"), record.get("subject")
        else:
            record = proposals.get(name, {})
            done = (entry["kind"], entry["wallet"], entry["amount_paise"], "proposal:done")
            said = (
                record.get("type") or "credit",
                *(record.get(name) for name in ("wallet", "amount_paise", "state")),
            )
        if said != done or not (record.get("by") or record.get("proposed_by")) or not record["reason"]:
            yield f"an entry {done} is by a record that says {said}"
    yield from (f"the record {name} has {count} entries" for name, count in uses.items() if count > 1)
    for row in actions.values():
        if row["what"] in ("block", "unblock") and not uses[row["id"]]:
            yield f"a {row['what']} has no entry"
    for row in proposals.values():
        if row["state"] == "proposal:done" and row.get("wallet") and not uses[row["id"]]:
            yield f"a {row['what']} is done and has no entry"


def four_eyes(world: World) -> Findings:
    """Whoever decides about a proposal did not make it, and was in time; a large refund had a proposal."""
    done: dict[str, dict[str, Any]] = {}
    for row in desk_rows(world, "proposal"):
        status = row["state"].partition(":")[2]
        if (status != "proposed") != bool(row.get("decided_by")):
            yield f"a {status} proposal was decided by {row.get('decided_by')}"
        if row.get("decided_by") == row["proposed_by"]:
            yield f"{row['proposed_by']} decided about an own proposal"
        if row.get("decided_by") and row["decided_at_us"] >= row["lapses_at_us"]:
            yield "a proposal was decided after it lapsed"
        if status == "done" and row["what"] == "refund":
            done[row.get("refund") or "none"] = row
        elif row.get("refund"):
            yield f"a {status} proposal has a refund"
    refunds = {row["id"]: row for row in refund_rows(world)}
    for name, proposal in done.items():
        refund = refunds.get(name, {})
        asked = (
            refund.get("payment"),
            refund.get("asked_paise") or refund.get("amount_paise"),
            refund.get("asked_by"),
        )
        if asked != (proposal["payment"], proposal["amount_paise"], f"staff:{proposal['proposed_by']}"):
            yield f"a proposal of {proposal['amount_paise']} became the refund {asked}"
    for name, refund in refunds.items():
        if refund["asked_by"].startswith("staff:") and refund["amount_paise"] > FOUR_EYES_PAISE and name not in done:
            yield f"one person refunded {refund['amount_paise']}"
    about = {(row["review"], row["action"]) for row in desk_rows(world, "proposal") if row["what"] == "review"}
    for row in desk_rows(world, "review"):
        action = row.get("action") or row.get("begun")
        if (row.get("amount_paise") or 0) > FOUR_EYES_PAISE and (row["id"], action) not in about:
            yield f"one person moved {row['amount_paise']} by {action}"


def proposals_change_as_allowed(world: World) -> Findings:
    for table, key, before, after in world.dynamodb.journal:
        if table != DESK or before is None:
            continue
        if key[0] == "action" or after is None:
            yield f"the {key[0]} {key[1]} was changed or deleted"
        elif key[0] == "proposal":
            old, new = (row["state"]["S"].partition(":")[2] for row in (before, after))
            if new not in TRANSITIONS[old]:
                yield f"a proposal went from {old} to {new}"
            yield from (
                f"the {name} of a proposal changed" for name in IMMUTABLE if before.get(name) != after.get(name)
            )


def reviews_can_end(world: World) -> Findings:
    """A payment is in review as long as a mark of it is open, and each open mark has an action that ends it."""
    from shared.desk.reviews import ACTIONS

    for row in world.rows(PAYMENTS):
        waiting = [name for name, value in row["review"].items() if not value.endswith(" resolved")]
        if bool(row.get("in_review")) != bool(waiting):
            yield f"a payment with the open marks {waiting} is in review: {row.get('in_review')}"
        for name in waiting:
            reason = name.partition(":")[2]
            if not set(ENDING[reason]) & set(ACTIONS[reason]):
                yield f"nothing ends a review for {reason}"


def reviews_have_makers(world: World) -> Findings:
    """What staff did about a review has its action record, with who and why. What they ended has no open mark."""
    payments = {row["id"]: row for row in world.rows(PAYMENTS)}
    did = {(row["subject"], row["what"]) for row in desk_rows(world, "action") if row["by"] and row["reason"]}
    for row in desk_rows(world, "review"):
        is_resolved = row["state"] == "review:resolved"
        mark = f"{row['gateway_id']}:{row['reason']}"
        by, action = row.get("resolved_by"), row.get("action")
        is_ended = action in ENDING[row["reason"]] if by else action is None  # by nobody: later facts ended it
        if not is_ended or (by and not is_resolved):
            yield f"a review that is {row['state']} was ended by {by}: {action}"
        if is_resolved and not payments[row["payment"]]["review"][mark].endswith(" resolved"):
            yield f"a review was resolved and its payment still has {mark}"
        for done in (action, row.get("begun"), row.get("assigned_to") and "assign"):
            if done and (row["id"], done) not in did:
                yield f"nobody did {done} about a review"


def ended_reviews_have_rows(world: World) -> Findings:
    """A review that has ended, whoever ended it, is resolved at the desk too, or an action about it goes on."""
    rows = {(row["payment"], f"{row['gateway_id']}:{row['reason']}"): row for row in desk_rows(world, "review")}
    for payment in world.rows(PAYMENTS):
        for mark, value in payment["review"].items():
            row = rows.get((payment["id"], mark), {})
            if value.endswith(" resolved") and row.get("state") != "review:resolved" and not row.get("begun"):
                yield f"the review {mark} has ended and its row is {row.get('state')}"


def one_refund_per_review(world: World) -> Findings:
    """We send an attempt that was not credited back to its source once. The dashboard may send more."""
    credited = {row.get("gateway_payment") for row in world.rows(PAYMENTS)}
    sent: Counter[str] = Counter()
    for refund in world.razorpay.refunds.values():
        if refund.get("receipt") and refund["payment_id"] not in credited:
            sent[refund["payment_id"]] += refund["amount"]
    for name, paise in sent.items():
        if paise > world.razorpay.payments[name]["amount"]:
            yield f"{paise} of {world.razorpay.payments[name]['amount']} went back"


def owed_is_told(world: World) -> Findings:
    """What wallets owe is what the records say that they could not cover, less what was recovered and given up.

    Credits recover what is owed by any record, so the rows bound it: the wallets owe at most what all rows say.
    """
    rows: Counter[str] = Counter()
    for row in (*refund_rows(world), *dispute_rows(world)):
        rows[row["customer"]] += max(row.get("owed_paise") or 0, 0)
    for customer in world.customers:
        entries = world.entries(customer)
        if entries and entries[-1]["owed_paise"] > rows[customer.id]:
            yield f"{customer.name} owes {entries[-1]['owed_paise']}, and the records say {rows[customer.id]}"


def asked_within_capture(world: World) -> Findings:
    """At the time of each request for a refund, no more was taken, contested and asked for than was paid."""
    payments: dict[str, Mapping[str, Any]] = {}
    taken: dict[str, dict[str, int]] = {}
    for table, key, before, after in world.dynamodb.journal:
        if table == PAYMENTS and after and "purpose" in after:
            payments[key[1]] = after
        elif table == REFUNDS and after and "status" in after and "counted_paise" in after:
            counts = after["status"]["S"] in (*OPEN_REFUNDS, "processed", "open", "under_review", "lost")
            taken.setdefault(key[0], {})[key[1]] = int(after["counted_paise"]["N"]) if counts else 0
            if before is None and after.get("asked_by", {"S": "gateway"})["S"] != "gateway":
                paid_paise = int(payments.get(key[0], {}).get("paid_paise", {"N": "0"})["N"])
                if sum(taken[key[0]].values()) > paid_paise:
                    yield f"{sum(taken[key[0]].values())} of a payment of {paid_paise} was asked for"
