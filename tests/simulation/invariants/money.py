"""Invariants of the ledger, the payments and their refunds."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.fakes.dynamodb_values import to_python
from tests.simulation.invariants.check import (
    ENTRIES,
    METHODS,
    PAID_STATUSES,
    PAYMENTS,
    Findings,
    desk_rows,
    dispute_rows,
    refund_rows,
)
from tests.simulation.invariants.disputes import dispute_paise
from tests.simulation.invariants.refunds import razorpays_refund, refund_paise
from tests.simulation.world import World

# The allowed transitions of a payment. They repeat the code's own table on purpose, since that table is under test.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "created": ("authorized", "captured", "failed", "expired"),
    "failed": ("authorized", "captured"),
    "expired": ("authorized", "captured"),
    "authorized": ("captured", "refunded"),
    "captured": ("partially_refunded", "refunded"),
    "partially_refunded": ("captured", "refunded"),  # captured: the refund is returned
    "refunded": ("captured", "partially_refunded"),  # by a capture only if it was never captured before
}


# What each kind of entry does to the sum of all parts of a wallet. This too repeats the code's rule on purpose.
SIGNS = {"credit": 1, "debit": -1, "capture": -1}


def signed_paise(entry: Mapping[str, Any]) -> int:
    """By how much an entry changes everything that the customer has in the wallet, what is owed taken off."""
    return SIGNS.get(entry["kind"], 0) * int(entry["amount_paise"])


def total_paise(entry: Mapping[str, Any]) -> int:
    """The sum of all parts. No flow makes promo money yet."""
    return int(entry["cash_paise"]) + int(entry["held_paise"]) - int(entry["owed_paise"])


def record_of(entry: Mapping[str, Any]) -> tuple[str, str]:
    """The ids of the payment and the refund or dispute that justify an entry."""
    payment, _, record = entry["by"].partition(":")[2].partition("/")
    return payment, record


def conservation(world: World) -> Findings:
    for customer in world.customers:
        entries = world.entries(customer)
        if entries and total_paise(entries[-1]) != sum(map(signed_paise, entries)):
            yield f"the wallet of {customer.name} is not the sum of its entries"


def running_balance(world: World) -> Findings:
    for customer in world.customers:
        total = 0
        for entry in world.entries(customer):
            total += signed_paise(entry)
            if total_paise(entry) != total:
                yield f"entry {entry['seq']} of {customer.name}: its total is not the one before plus its amount"


def gapless(world: World) -> Findings:
    for customer in world.customers:
        numbers = [entry["seq"] for entry in world.entries(customer)]
        if numbers != list(range(len(numbers))):
            yield f"the entries of {customer.name} are numbered {numbers}"


def never_negative(world: World) -> Findings:
    for entry in world.rows(ENTRIES):
        if min(entry["cash_paise"], entry["held_paise"], entry["owed_paise"]) < 0:
            yield f"entry {entry['seq']} is below zero"


def owners(world: World) -> Findings:
    """A wallet was opened with the row that names its customer."""
    from shared.wallets.wallet import wallet_id

    owned = {row["customer"]: row["owner"] for row in world.rows(METHODS) if row["id"] == "wallet_owner"}
    opened = {wallet_id(customer.id): customer.id for customer in world.customers if world.entries(customer)}
    without_entries = world.lost_wallets - opened.keys()
    if {wallet: owner for wallet, owner in owned.items() if wallet not in without_entries} != opened:
        yield f"{len(opened)} wallets were opened, and {len(owned)} have an owner"


def provenance(world: World) -> Findings:
    """Every credit has exactly one Razorpay payment, every debit exactly one payment, refund or dispute.

    The entries of a refund or a dispute together move what its record says: nothing before it is processed or lost.
    """
    payments = {row["id"]: row for row in world.rows(PAYMENTS)}
    refunds = {row["id"]: row for row in refund_rows(world)}
    disputes = {row["id"]: row for row in dispute_rows(world)}
    moved: Counter[str] = Counter()
    uses: Counter[tuple[str, str]] = Counter()
    for customer in world.customers:
        for entry in world.entries(customer)[1:]:
            kind = (entry["kind"], entry["category"])
            if entry["by"].startswith("s:"):
                continue  # the invariants of the desk are about it
            payment_id, refund_id = record_of(entry)
            payment = payments.get(payment_id, {})
            if payment.get("customer") != customer.id:
                yield f"an entry of {customer.name} is for another customer's payment"
                continue
            if kind == ("credit", "top_up"):
                uses["credit", payment.get("gateway_payment", "")] += 1
                uses["credit of", payment["id"]] += 1
                yield from _credit(world, entry, payment)
            elif kind == ("debit", "payment"):
                uses["debit of", payment["id"]] += 1
                is_paid = payment["source"] == "wallet" and payment["status"] in PAID_STATUSES
                if not is_paid or payment["amount_paise"] != entry["amount_paise"]:
                    yield f"a debit of {entry['amount_paise']} disagrees with its payment"
            elif entry["category"] in ("refund", "dispute"):
                uses[f"{entry['kind']} of", refund_id] += 1
                moved[refund_id] += signed_paise(entry)
                records = refunds if entry["category"] == "refund" else disputes
                if records.get(refund_id, {}).get("payment") != payment["id"]:
                    yield f"an entry is for a {entry['category']} of another payment"
            else:
                yield f"an entry has a kind that no flow makes: {kind}"
    yield from (f"{use} {name}: {count} entries" for (use, name), count in uses.items() if count > 1)
    for refund in refunds.values():
        if moved[refund["id"]] != refund_paise(refund, payments[refund["payment"]]):
            yield f"a {refund['status']} refund of {refund['counted_paise']} moved {moved[refund['id']]}"
        yield from razorpays_refund(world, refund)
    for dispute in disputes.values():
        if moved[dispute["id"]] != dispute_paise(dispute, payments[dispute["payment"]]):
            yield f"a {dispute['status']} dispute of {dispute['counted_paise']} moved {moved[dispute['id']]}"


def _credit(world: World, entry: Mapping[str, Any], payment: Mapping[str, Any]) -> Findings:
    attempt = world.razorpay.payments.get(payment.get("gateway_payment", ""))
    if not attempt or not attempt["captured"]:
        yield f"a credit is for {payment.get('gateway_payment')}, which was never captured"
        return
    if payment["status"] not in PAID_STATUSES:
        yield f"a credit is for {attempt['id']}, which its payment does not name"
    fee = attempt["fee"] if attempt.get("fee_bearer") == "customer" else 0
    is_equal = (
        attempt["amount"] - fee == entry["amount_paise"] == payment["paid_paise"] and attempt["currency"] == "INR"
    )
    is_noted = (payment["discount_paise"], payment["fee_paise"]) == (
        max(0, payment["amount_paise"] - payment["paid_paise"]),  # staff may accept more than was ordered
        fee,
    )
    has_offer = attempt.get("offer_id") or attempt["id"] in accepted(world)
    if payment["discount_paise"] and not has_offer or not is_noted:
        yield f"a credit is for {attempt['id']}, which had another discount or fee"
    if not is_equal or attempt["order_id"] != payment["gateway_order"] or payment["purpose"] != "top_up":
        yield f"a credit is for {attempt['id']}, which does not match its payment"


def accepted(world: World) -> set[str]:
    """The attempts whose amount staff accepted, or began to."""
    reviews = desk_rows(world, "review")
    return {row["gateway_id"] for row in reviews if "accept_amount" in (row.get("action"), row.get("begun"))}


def append_only(world: World) -> Findings:
    for table, key, before, after in world.dynamodb.journal:
        if table == ENTRIES and (before is not None or after is None):
            yield f"entry {key[1]} was overwritten"


def allowed_transitions(world: World) -> Findings:
    for table, key, before, after in world.dynamodb.journal:
        if table != PAYMENTS or before is None or "purpose" not in before:
            continue
        if after is None:
            yield f"the payment {key[1]} was deleted"
            continue
        old, new = before["status"]["S"], after["status"]["S"]
        if old != new and new not in TRANSITIONS[old]:
            yield f"a payment went from {old} to {new}"
        is_returned = int(after["refunded_paise"]["N"]) < int(before["refunded_paise"]["N"])
        if old == "refunded" and new == "captured" and "gateway_payment" in before and not is_returned:
            yield "a payment was captured again after its refund"
        for name in ("amount_paise", "gateway_order", "purpose", "source", "customer"):
            if before.get(name) != after.get(name):
                yield f"the {name} of a payment changed"
        if "gateway_payment" in before and before["gateway_payment"] != after.get("gateway_payment"):
            yield "a payment lost the Razorpay payment that was credited"


def one_payment_per_key(world: World) -> Findings:
    """Equal requests with one Idempotency-Key have one payment."""
    ids: dict[tuple[str, str, str, str], set[str]] = {}
    for request, reply in world.replies:
        if request and request.key is not None and reply.status == 201:
            name = (request.customer.id, _operation(request.path), request.key, "")
            ids.setdefault(name, set()).add(reply.body["id"])
    yield from (f"the key {name[2]} made {len(found)} payments" for name, found in ids.items() if len(found) > 1)


def _operation(path: str) -> str:
    """What a key is scoped to: the kind of payment, or the payment that is refunded."""
    if path.rstrip("/").endswith("refunds"):
        return path
    return "payments" if path.rstrip("/").endswith("payments") else "add_balance"


def one_payable_order(world: World) -> Findings:
    """A Razorpay order that no payment records was never paid."""
    recorded = {row.get("gateway_order") for row in world.rows(PAYMENTS)}
    for order in world.razorpay.orders.values():
        if order["id"] not in recorded and order["attempts"]:
            yield f"{order['id']} was paid and no payment records it"
        if order["receipt"] is None or order["notes"].get("payment_id") != order["receipt"]:
            yield f"{order['id']} does not name its payment"


def total_balance(world: World) -> Findings:
    """All balances together are what came in minus what was spent, refunded and lost, and what staff adjusted."""
    payments = {row["id"]: row for row in world.rows(PAYMENTS)}
    came_in = sum(
        row["paid_paise"]
        for row in payments.values()
        if row["purpose"] == "top_up"
        and row["status"] in PAID_STATUSES
        and world.razorpay.payments.get(row.get("gateway_payment", ""), {}).get("captured")
    )
    from_wallet = [row for row in payments.values() if row["source"] == "wallet"]
    spent = sum(row["amount_paise"] for row in from_wallet if row["status"] in PAID_STATUSES)
    refunded = -sum(refund_paise(row, payments[row["payment"]]) for row in refund_rows(world))
    lost = -sum(dispute_paise(row, payments[row["payment"]]) for row in dispute_rows(world))
    heads = [entries[-1] for customer in world.customers if (entries := world.entries(customer))]
    balance = sum(map(total_paise, heads))
    adjusted = sum(
        row["amount_paise"] * (-1 if row.get("type") == "debit" else 1)
        for row in desk_rows(world, "proposal")
        if row["state"] == "proposal:done" and row.get("wallet")
    )
    if balance != came_in - spent - refunded - lost + adjusted:
        yield (
            f"the wallets hold {balance}: {came_in} came in, {spent} spent, {refunded} refunded, {lost} lost, "
            f"{adjusted} adjusted"
        )


# --- at rest


def captures_credited(world: World) -> Findings:
    """What was captured at Razorpay is credited, under review, or a second capture that goes back in full."""
    rows = {row.get("gateway_order"): row for row in world.rows(PAYMENTS)}
    credited = {record_of(entry)[0] for entry in world.rows(ENTRIES) if entry["category"] == "top_up"}
    for attempt in world.razorpay.payments.values():
        row = rows.get(attempt["order_id"])
        if not attempt["captured"] or row is None:
            continue
        if f"{attempt['id']}:second_capture" in row["review"] and not row.get("gateway_payment"):
            yield f"{attempt['id']} is under review as the second capture of a payment without a first one"
        if any(name.startswith(attempt["id"]) for name in row["review"]):
            continue
        if row["status"] not in PAID_STATUSES:
            yield f"{attempt['id']} was captured and its payment is {row['status']}"
        elif row.get("gateway_payment") != attempt["id"] and attempt["status"] != "refunded":
            yield f"{attempt['id']} was captured in addition to another attempt and is not under review"
        elif row["purpose"] == "top_up" and row["id"] not in credited:
            yield f"{attempt['id']} is captured and has no entry"


def refunds_sent(world: World) -> Findings:
    """No refund waits to be sent, or for an answer that was lost."""
    for refund in refund_rows(world):
        if refund["status"] in ("requested", "sending"):
            yield f"a refund is still {refund['status']}"


def hash_chain(world: World) -> Findings:
    """The ledger's own check of its hash chain finds nothing."""
    from shared.wallets.ledger import verify_chain
    from shared.wallets.models import entry_from
    from shared.wallets.wallet import wallet_id

    for customer in world.customers:
        partition = world.dynamodb.tables[ENTRIES].partitions.get(wallet_id(customer.id), {})
        items = sorted(partition.values(), key=lambda item: int(to_python(item["seq"])))
        yield from verify_chain([entry_from(item) for item in items])


def auditors(world: World) -> Findings:
    """The auditors of both streams count nothing that pages, and owed money as the wallets have it.

    They look for an entry since the time of its record, and miss it if the clock was set back by more than a minute
    in between.
    """
    from shared.audit import audit_entries, audit_top_ups
    from shared.triggers import Change

    changes: dict[str, list[Change]] = {ENTRIES: [], PAYMENTS: []}
    for table, _, before, after in world.dynamodb.journal:
        if table in changes:
            changes[table].append(Change(before, after))
    counts = audit_entries(changes[ENTRIES]) | audit_top_ups(changes[PAYMENTS])
    by_time = () if world.went_back else ("EntryNotJustified", "TopUpNotCredited")
    for name in ("LedgerDrift", "LedgerEntryChanged", *by_time):
        if counts[name]:
            yield f"the auditors count {counts[name]} {name}"
    owed_paise = sum(
        entries[-1]["owed_paise"] for customer in world.customers if (entries := world.entries(customer))
    )
    if counts["OwedPaise"] - counts["OwedEndedPaise"] != owed_paise:
        yield f"{counts['OwedPaise']} owed and {counts['OwedEndedPaise']} ended, and the wallets owe {owed_paise}"
