"""Invariants of the ledger, the payments and their refunds."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.fakes.dynamodb_values import to_python
from tests.simulation.invariants.check import ENTRIES, PAID_STATUSES, PAYMENTS, REFUNDS, Findings
from tests.simulation.world import RECONCILER, World

# The allowed transitions of a payment. They repeat the code's own table on purpose, since that table is under test.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "created": ("authorized", "captured", "failed", "expired"),
    "failed": ("authorized", "captured"),
    "expired": ("authorized", "captured"),
    "authorized": ("captured", "refunded"),
    "captured": ("partially_refunded", "refunded"),
    "partially_refunded": ("refunded",),
    "refunded": ("captured",),  # only if it was never captured before
}


def signed_paise(entry: Mapping[str, Any]) -> int:
    """An entry's amount, negative for a debit."""
    amount = int(entry["amount_paise"])
    return amount if entry["type"] == "credit" else -amount


def conservation(world: World) -> Findings:
    for customer in world.customers:
        entries = world.entries(customer)
        if entries and entries[-1]["balance_paise"] != sum(map(signed_paise, entries)):
            yield f"the balance of {customer.name} is not the sum of its entries"


def running_balance(world: World) -> Findings:
    for customer in world.customers:
        balance = 0
        for entry in world.entries(customer):
            balance += signed_paise(entry)
            if entry["balance_paise"] != balance:
                yield f"entry {entry['seq']} of {customer.name}: its balance is not the one before plus its amount"


def gapless(world: World) -> Findings:
    for customer in world.customers:
        numbers = [entry["seq"] for entry in world.entries(customer)]
        if numbers != list(range(len(numbers))):
            yield f"the entries of {customer.name} are numbered {numbers}"


def never_negative(world: World) -> Findings:
    for entry in world.rows(ENTRIES):
        if entry["balance_paise"] < 0 or entry["held_paise"] < 0:
            yield f"entry {entry['seq']} is below zero"


def provenance(world: World) -> Findings:
    """Every credit has exactly one Razorpay payment, every debit exactly one payment or refund."""
    payments = {row["id"]: row for row in world.rows(PAYMENTS)}
    refunds = {row["id"]: row for row in world.rows(REFUNDS)}
    uses: Counter[tuple[str, str]] = Counter()
    for customer in world.customers:
        for entry in world.entries(customer)[1:]:
            kind = (entry["type"], entry["category"])
            payment = payments.get(entry["payment"], {})
            if payment.get("customer") != customer.id:
                yield f"an entry of {customer.name} is for another customer's payment"
                continue
            if kind == ("credit", "top_up"):
                uses["credit", entry["reference"]] += 1
                uses["credit of", payment["id"]] += 1
                yield from _credit(world, entry, payment)
            elif kind == ("debit", "payment"):
                uses["debit of", payment["id"]] += 1
                is_paid = payment["source"] == "wallet" and payment["status"] in PAID_STATUSES
                if not is_paid or payment["amount_paise"] != entry["amount_paise"]:
                    yield f"a debit of {entry['amount_paise']} disagrees with its payment"
            elif kind == ("debit", "refund"):
                uses["refund", entry["reference"]] += 1
                refund = world.razorpay.refunds.get(entry["reference"], {})
                row = refunds.get(entry["reference"], {})
                if refund.get("payment_id") != payment.get("gateway_payment") or row.get("payment") != payment["id"]:
                    yield "a debit is for a refund of another payment"
                elif refund["amount"] != entry["amount_paise"] or refund["status"] != "processed":
                    yield "a debit disagrees with its refund"
            else:
                yield f"an entry has a kind that no flow makes: {kind}"
    yield from (f"{use} {name}: {count} entries" for (use, name), count in uses.items() if count > 1)


def _credit(world: World, entry: Mapping[str, Any], payment: Mapping[str, Any]) -> Findings:
    attempt = world.razorpay.payments.get(entry["reference"])
    if not attempt or not attempt["captured"]:
        yield f"a credit is for {entry['reference']}, which was never captured"
        return
    if payment["status"] not in PAID_STATUSES or payment.get("gateway_payment") != attempt["id"]:
        yield f"a credit is for {attempt['id']}, which its payment does not name"
    is_equal = attempt["amount"] == entry["amount_paise"] == payment["amount_paise"] and attempt["currency"] == "INR"
    if not is_equal or attempt["order_id"] != payment["gateway_order"] or payment["purpose"] != "top_up":
        yield f"a credit is for {attempt['id']}, which does not match its payment"


def append_only(world: World) -> Findings:
    for table, key, before, after in world.dynamodb.journal:
        if table == ENTRIES and (before is not None or after is None):
            yield f"entry {key[1]} was overwritten"


def allowed_transitions(world: World) -> Findings:
    for table, key, before, after in world.dynamodb.journal:
        if table != PAYMENTS or before is None or key[0] == RECONCILER:
            continue
        if after is None:
            yield f"the payment {key[1]} was deleted"
            continue
        old, new = before["status"]["S"], after["status"]["S"]
        if old != new and new not in TRANSITIONS[old]:
            yield f"a payment went from {old} to {new}"
        if old == "refunded" and new == "captured" and "gateway_payment" in before:
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
    """All balances together are what came in minus what was spent and refunded."""
    payments = {row["id"]: row for row in world.rows(PAYMENTS)}
    came_in = sum(
        row["amount_paise"]
        for row in payments.values()
        if row["purpose"] == "top_up"
        and row["status"] in PAID_STATUSES
        and world.razorpay.payments.get(row.get("gateway_payment", ""), {}).get("captured")
    )
    from_wallet = [row for row in payments.values() if row["source"] == "wallet"]
    spent = sum(row["amount_paise"] for row in from_wallet if row["status"] in PAID_STATUSES)
    refunded = sum(
        row["amount_paise"] for row in world.rows(REFUNDS) if payments[row["payment"]]["purpose"] == "top_up"
    )
    balance = sum(world.balance_paise(customer) for customer in world.customers)
    if balance != came_in - spent - refunded:
        yield f"the wallets hold {balance}: {came_in} came in, {spent} was spent and {refunded} refunded"


def refunded_amount(world: World) -> Findings:
    """A payment's refunded amount is the sum of its refunds, and never more than was paid."""
    refunds: Counter[str] = Counter()
    for refund in world.rows(REFUNDS):
        refunds[refund["payment"]] += refund["amount_paise"]
    for row in world.rows(PAYMENTS):
        if row["refunded_paise"] != refunds[row["id"]] or row["refunded_paise"] > row["amount_paise"]:
            yield f"a payment of {row['amount_paise']} says {row['refunded_paise']} of {refunds[row['id']]} refunded"


def recorded_or_reviewed(world: World) -> Findings:
    """A refund that a person has to judge is not taken as well."""
    payments = {row["id"]: row for row in world.rows(PAYMENTS)}
    for refund in world.rows(REFUNDS):
        if f"{refund['id']}:refund_exceeds_balance" in payments[refund["payment"]]["review"]:
            yield f"{refund['id']} is under review and was taken all the same"


# --- at rest


def captures_credited(world: World) -> Findings:
    """What was captured at Razorpay is credited, or under review."""
    rows = {row.get("gateway_order"): row for row in world.rows(PAYMENTS)}
    credited = {entry["reference"] for entry in world.rows(ENTRIES) if entry["category"] == "top_up"}
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
        elif row.get("gateway_payment") != attempt["id"]:
            yield f"{attempt['id']} was captured in addition to another attempt and is not under review"
        elif row["purpose"] == "top_up" and attempt["id"] not in credited:
            yield f"{attempt['id']} is captured and has no entry"


def refunds_recorded(world: World) -> Findings:
    """What Razorpay refunded is recorded here, or under review."""
    recorded = {row["id"]: row for row in world.rows(REFUNDS)}
    rows = {row.get("gateway_payment"): row for row in world.rows(PAYMENTS)}
    for refund in world.razorpay.refunds.values():
        row = rows.get(refund["payment_id"])
        if not row or refund["status"] != "processed" or refund["id"] in recorded:
            continue
        if not any(name.startswith(refund["id"]) for name in row["review"]):
            yield f"{refund['id']} was refunded and is not recorded here"


def hash_chain(world: World) -> Findings:
    """The ledger's own check of its hash chain finds nothing."""
    from shared.wallets.ledger import verify_chain
    from shared.wallets.models import Entry
    from shared.wallets.wallet import wallet_id

    for customer in world.customers:
        partition = world.dynamodb.tables[ENTRIES].partitions.get(wallet_id(customer.id), {})
        items = sorted(partition.values(), key=lambda item: int(to_python(item["seq"])))
        yield from verify_chain([Entry.from_raw_data(item) for item in items])
