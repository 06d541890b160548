"""What must hold whatever failed, each invariant a function over a world's tables, gateway and replies.

`SAFE` holds after every step. `SETTLED` adds what must have come about once everything was retried, delivered and
reconciled. Each function answers what is wrong, and nothing for a sound world.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.prove.engine import plain
from tests.prove.world import KEY_SECRET, OLD_WEBHOOK_SECRET, STAGE, WEBHOOK_SECRET, Customer, World

ENTRIES, PAYMENTS, REFUNDS, METHODS = "WalletEntriesTable", "PaymentsTable", "RefundsTable", "PaymentMethodsTable"
IMAGES = "ImagesTable"
SECRETS = (KEY_SECRET, WEBHOOK_SECRET, OLD_WEBHOOK_SECRET)
CARD = re.compile(r"(?<![0-9])[3-6][0-9]{12,18}(?![0-9])")
PHOTO_HASH = re.compile(r'"sha256":"[0-9a-f]{64}"')  # whose digits may be any number's
STATUSES = (0, 200, 201, 202, 204, 400, 401, 404, 409, 413, 415, 503)  # 0: it died and answered nothing
# What a payment may become, told a second time: the code's own table is under test.
CREDITED = ("captured", "partially_refunded", "refunded")
# And the gateway's words for a token, in ours.
TOKEN_STATUSES = {"activated": "active"} | {name: name for name in ("initiated", "suspended", "deactivated")}
RISES: Mapping[str, tuple[str, ...]] = {
    "created": ("authorized", "captured", "failed", "expired"),
    "failed": ("authorized", "captured"),
    "expired": ("authorized", "captured"),
    "authorized": ("captured", "refunded"),
    "captured": ("partially_refunded", "refunded"),
    "partially_refunded": ("refunded",),
    "refunded": (),
}
Found = Iterator[str]


def moved(entry: Mapping[str, Any]) -> int:
    """The signed amount of an entry, in paise."""
    amount = int(entry["amount_paise"])
    return amount if entry["type"] == "credit" else -amount


def paise(amount: str) -> int:
    """`12.34` as 1234, by its digits."""
    rupees, _, rest = amount.partition(".")
    return int(rupees) * 100 + int((rest + "00")[:2])


def conservation(world: World) -> Found:
    for customer in world.customers:
        entries = world.entries(customer)
        if entries and entries[-1]["balance_paise"] != sum(map(moved, entries)):
            yield f"the balance of {customer.name} is not the sum of its entries"


def running_balance(world: World) -> Found:
    for customer in world.customers:
        before = 0
        for entry in world.entries(customer):
            before += moved(entry)
            if entry["balance_paise"] != before:
                yield f"entry {entry['seq']} of {customer.name}: not the balance before and the amount"


def gapless(world: World) -> Found:
    for customer in world.customers:
        numbers = [entry["seq"] for entry in world.entries(customer)]
        if numbers != list(range(len(numbers))):
            yield f"the entries of {customer.name} are numbered {numbers}"


def never_negative(world: World) -> Found:
    for entry in world.rows(ENTRIES):
        if entry["balance_paise"] < 0 or entry["held_paise"] < 0:
            yield f"entry {entry['seq']} is below zero"


def provenance(world: World) -> Found:
    """Every credit has exactly one gateway payment, every debit exactly one payment or refund."""
    payments = {row["id"]: row for row in world.rows(PAYMENTS)}
    refunds = {row["id"]: row for row in world.rows(REFUNDS)}
    uses: Counter[tuple[str, str]] = Counter()
    for customer in world.customers:
        for entry in world.entries(customer)[1:]:
            kind = (entry["type"], entry["category"])
            payment = payments.get(entry["payment"], {})
            if payment.get("customer") != customer.id:
                yield f"an entry of {customer.name} for a payment that is not theirs"
                continue
            if kind == ("credit", "top_up"):
                uses["credit", entry["reference"]] += 1
                uses["credit of", payment["id"]] += 1
                yield from _credit(world, entry, payment)
            elif kind == ("debit", "payment"):
                uses["debit of", payment["id"]] += 1
                paid = payment["source"] == "wallet" and payment["status"] in CREDITED
                if not paid or payment["amount_paise"] != entry["amount_paise"]:
                    yield f"a debit of {entry['amount_paise']} for a payment that says otherwise"
            elif kind == ("debit", "refund"):
                uses["refund", entry["reference"]] += 1
                refund = world.gateway.refunds.get(entry["reference"], {})
                kept = refunds.get(entry["reference"], {})
                if refund.get("payment_id") != payment.get("gateway_payment") or kept.get("payment") != payment["id"]:
                    yield "a debit for a refund of another payment"
                elif refund["amount"] != entry["amount_paise"] or refund["status"] != "processed":
                    yield "a debit for a refund that says otherwise"
            else:
                yield f"an entry of a kind that no flow makes: {kind}"
    yield from (f"{what} {name}: {count} entries" for (what, name), count in uses.items() if count > 1)


def _credit(world: World, entry: Mapping[str, Any], payment: Mapping[str, Any]) -> Found:
    told = world.gateway.payments.get(entry["reference"])
    if not told or not told["captured"]:
        yield f"a credit for {entry['reference']}, which was never captured"
        return
    if payment["status"] not in CREDITED or payment.get("gateway_payment") != told["id"]:
        yield f"a credit for {told['id']}, which its payment does not remember"
    fits = told["amount"] == entry["amount_paise"] == payment["amount_paise"] and told["currency"] == "INR"
    if not fits or told["order_id"] != payment["gateway_order"] or payment["purpose"] != "top_up":
        yield f"a credit for {told['id']}, which does not fit"


def complete(world: World) -> Found:
    """What was captured at the gateway is credited, or under review."""
    rows = {row.get("gateway_order"): row for row in world.rows(PAYMENTS)}
    credited = {entry["reference"] for entry in world.rows(ENTRIES) if entry["category"] == "top_up"}
    for told in world.gateway.payments.values():
        row = rows.get(told["order_id"])
        if not told["captured"] or row is None or any(name.startswith(told["id"]) for name in row["review"]):
            continue
        if row["status"] not in CREDITED:
            yield f"{told['id']} was captured and its payment is {row['status']}"
        elif row.get("gateway_payment") != told["id"]:
            yield f"{told['id']} was captured beside another one and nobody looks at it"
        elif row["purpose"] == "top_up" and told["id"] not in credited:
            yield f"{told['id']} is captured and no entry was written"


def refunds_complete(world: World) -> Found:
    """What the gateway gave back is taken back, or under review."""
    known = {row["id"]: row for row in world.rows(REFUNDS)}
    rows = {row.get("gateway_payment"): row for row in world.rows(PAYMENTS)}
    for refund in world.gateway.refunds.values():
        row = rows.get(refund["payment_id"])
        if not row or refund["status"] != "processed" or refund["id"] in known:
            continue
        if not any(name.startswith(refund["id"]) for name in row["review"]):
            yield f"{refund['id']} was given back and nothing here tells of it"


def refunded_sum(world: World) -> Found:
    """What a payment says was refunded is the sum of its refunds, and never more than was paid."""
    refunds: Counter[str] = Counter()
    for refund in world.rows(REFUNDS):
        refunds[refund["payment"]] += refund["amount_paise"]
    for row in world.rows(PAYMENTS):
        if row["refunded_paise"] != refunds[row["id"]] or row["refunded_paise"] > row["amount_paise"]:
            yield f"a payment of {row['amount_paise']} says {row['refunded_paise']} of {refunds[row['id']]} refunded"


def one_owner(world: World) -> Found:
    """Whose a customer or a token of the gateway's is never changes, and one token is one method."""
    for table, key, before, after in world.engine.journal:
        if table == METHODS and key[1] == "owner" and before is not None and before != after:
            yield f"{key[0]} changed hands"
    tokens = Counter(row["token"] for row in world.rows(METHODS) if row.get("token"))
    yield from (f"a token has {count} methods" for count in tokens.values() if count > 1)


def cards_agree(world: World) -> Found:
    """Each saved card is what the gateway says of its token; one that its customer deleted is gone there too."""
    for row in world.rows(METHODS):
        token = world.gateway.tokens.get(row.get("token"))
        if row.get("status") in ("saving", "deleting"):
            yield f"a card is still {row['status']}"
        elif token and not row.get("is_active"):
            if token["status"] != "deactivated":  # one that was over before it could be saved stays there
                yield "a card is deleted here and still kept at the gateway"
        elif token and TOKEN_STATUSES[token["status"]] != row["status"]:
            yield f"a card is {row['status']} here and {token['status']} at the gateway"


def photos(world: World) -> Found:
    """A photo that is ready has all of its variants, and none of them tells what the camera wrote."""
    bucket = world.wire.objects.buckets.get(STAGE.images, {})
    for row in world.rows(IMAGES):
        if row.get("status") == "ready":
            for variant in row["variants"]:
                key = _variant_key(row, variant)
                data = bucket[key][-1][1] if key in bucket else b""
                if len(data) != variant["bytes"]:
                    yield f"the variant {variant['name']} of a photo that is ready is not there"
                if b"canary-camera" in data or b"Exif" in data:
                    yield f"the variant {variant['name']} tells what the camera wrote"


def nothing_left(world: World) -> Found:
    """No object lies in the buckets that no photo wants."""
    rows = [row for row in world.rows(IMAGES) if row["id"] != "tickets"]
    wanted = {_variant_key(row, variant) for row in rows if row["status"] == "ready" for variant in row["variants"]}
    for key in world.wire.objects.keys(STAGE.images):
        if key not in wanted:
            yield f"the object {key} is nobody's"


def _variant_key(row: dict[str, Any], variant: dict[str, Any]) -> str:
    content = f"{row['recipe']}-{row['sha256'][:16]}"
    return f"out/{row['owner']}/{row['id']}/{content}/{variant['name']}.{variant['format']}"


def append_only(world: World) -> Found:
    for table, key, before, after in world.engine.journal:
        if table == ENTRIES and (before is not None or after is None):
            yield f"entry {key[1]} was written over"


def monotone(world: World) -> Found:
    for table, key, before, after in world.engine.journal:
        if table != PAYMENTS or before is None:
            continue
        if after is None:
            yield f"the payment {key[1]} was deleted"
            continue
        was, becomes = before["status"]["S"], after["status"]["S"]
        if was != becomes and becomes not in RISES[was]:
            yield f"a payment went from {was} to {becomes}"
        for name in ("amount_paise", "gateway_order", "purpose", "source", "customer"):
            if before.get(name) != after.get(name):
                yield f"the {name} of a payment changed"
        if "gateway_payment" in before and before["gateway_payment"] != after.get("gateway_payment"):
            yield "a payment forgot which gateway payment was credited"


def one_per_key(world: World) -> Found:
    """Equal requests under one key have one payment."""
    ids: dict[tuple[str, str, str, str], set[str]] = {}
    for sent, reply in world.replies:
        if sent and sent.key is not None and reply.status == 201:
            name = (sent.customer.id, _operation(sent.path), sent.key, "")
            ids.setdefault(name, set()).add(reply.body["id"])
    yield from (f"the key {name[2]} made {len(found)} payments" for name, found in ids.items() if len(found) > 1)


def _operation(path: str) -> str:
    return "payments" if path.rstrip("/").endswith("payments") else "add_balance"


def one_payable_order(world: World) -> Found:
    """A gateway order that no payment tells of was never paid."""
    known = {row.get("gateway_order") for row in world.rows(PAYMENTS)}
    for order in world.gateway.orders.values():
        if order["id"] not in known and order["attempts"]:
            yield f"{order['id']} was paid and no payment tells of it"
        if order["receipt"] is None or order["notes"].get("payment_id") != order["receipt"]:
            yield f"{order['id']} does not say whose it is"


def one_default(world: World) -> Found:
    rows = {(row["customer"], row["id"]): row for row in world.rows(METHODS)}
    for (customer, name), row in rows.items():
        if name == "default":
            method = rows.get((customer, row["method"]))
            if not method or not method["is_active"]:
                yield "the default points at a method that is gone"


def soft_delete(world: World) -> Found:
    for table, key, before, after in world.engine.journal:
        if table != METHODS or before is None or key[1] == "default":
            continue
        if after is None:
            yield f"the method {key[1]} was deleted for good"
        elif before.get("status") == {"S": "saving"}:
            continue  # not shown yet
        elif not before["is_active"]["BOOL"] and after["is_active"]["BOOL"]:
            yield f"the deleted method {key[1]} came back"


def isolation(world: World) -> Found:
    """No answer holds anything of another customer's."""
    private = {customer.id: _private(world, customer) for customer in world.customers}
    for sent, reply in world.replies:
        if not reply.text:
            continue
        asked = sent.customer.id if sent else ""
        for owner, values in private.items():
            if owner != asked and any(value in reply.text for value in values):
                yield f"{sent.path if sent else 'a webhook'} answered with what is another customer's"


def _private(world: World, customer: Customer) -> list[str]:
    payments = [row["id"] for row in world.rows(PAYMENTS) if row["customer"] == customer.id]
    return [customer.id, customer.vpa, customer.phone, customer.name, *payments]


def nothing_secret(world: World) -> Found:
    """No secret in any answer, log line, metric or table; nothing personal in a log line or metric.

    Each is looked at once: what has been answered, logged or written stays so.
    """
    answers = "\n".join(reply.text for _, reply in world.new("answers", world.replies))
    stored = str([after for *_, after in world.new("stored", world.engine.journal)])
    log = world.new("log", world.log.getvalue())
    for secret in SECRETS:
        for where, text in (("an answer", answers), ("the log", log), ("a table", stored)):
            if secret in text:
                yield f"a secret is in {where}"
    for customer in world.customers:
        for value in (customer.vpa, customer.phone, customer.name):
            if value in log:
                yield f"the log tells of {value}"
    for row in world.rows(METHODS):
        if row.get("token") and row["token"] in log:
            yield "the log tells of a token"
    for number in CARD.findall(PHOTO_HASH.sub("", log)):
        if _luhn(number):
            yield "the log holds what could be a card number"


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def whole_sum(world: World) -> Found:
    """The balances together are what came in less what was spent and given back."""
    payments = {row["id"]: row for row in world.rows(PAYMENTS)}
    came_in = sum(
        row["amount_paise"]
        for row in payments.values()
        if row["purpose"] == "top_up"
        and row["status"] in CREDITED
        and world.gateway.payments.get(row.get("gateway_payment"), {}).get("captured")
    )
    spent = sum(
        row["amount_paise"] for row in payments.values() if row["source"] == "wallet" and row["status"] in CREDITED
    )
    given_back = sum(
        row["amount_paise"] for row in world.rows(REFUNDS) if payments[row["payment"]]["purpose"] == "top_up"
    )
    held = sum(world.balance_paise(customer) for customer in world.customers)
    if held != came_in - spent - given_back:
        yield f"the wallets hold {held}, of {came_in} in, {spent} spent and {given_back} given back"


def documented(world: World) -> Found:
    """Every answer is one that the API documents: whatever fails underneath is a 503, never a 500."""
    for sent, reply in world.replies:
        if reply.status not in STATUSES:
            yield f"{sent.path if sent else 'a webhook'} answered {reply.status}"
    for line in world.log.getvalue().splitlines():
        if "unexpected error" in line:
            yield f"an error that nobody expected: {line[line.find('error_type') :]}"


def acknowledged(world: World) -> Found:
    """What was answered with success is there."""
    payments = {row["id"]: row for row in world.rows(PAYMENTS)}
    methods = {row["id"] for row in world.rows(METHODS)}
    for sent, reply in world.replies:
        if not sent or reply.status not in (200, 201) or not isinstance(reply.body, dict):
            continue
        name = str(reply.body.get("id"))
        if "purpose" in reply.body:
            row = payments.get(name)
            if not row:
                yield f"the payment {name} was answered and is not there"
            elif reply.body["status"] in CREDITED and row["status"] not in CREDITED:
                yield f"the payment {name} was answered as captured and is {row['status']}"
            elif sent.body and "amount" in sent.body and paise(sent.body["amount"]) != row["amount_paise"]:
                yield f"{sent.body['amount']} was asked for and {row['amount_paise']} paise are kept"
        elif "nickname" in reply.body and name not in methods:
            yield f"the method {name} was answered and is not there"


def chained(world: World) -> Found:
    """The ledger's own check of its hashes agrees."""
    from shared import wallet
    from shared.store import Entry

    for customer in world.customers:
        partition = world.engine.tables[ENTRIES].partitions.get(wallet.wallet_id(customer.id), {})
        items = sorted(partition.values(), key=lambda item: int(plain(item["seq"])))
        yield from wallet.faults([Entry.from_raw_data(item) for item in items])


Check = Callable[[World], Found]

# By the numbers that the project gives its invariants.
SAFE: Mapping[str, Check] = {
    "I1 conservation": conservation,
    "I2 running balance": running_balance,
    "I3 gapless": gapless,
    "I4 never negative": never_negative,
    "I5 provenance": provenance,
    "I7 append-only": append_only,
    "I8 states only rise": monotone,
    "I9 one payment per key": one_per_key,
    "I10 one payable order": one_payable_order,
    "I11 one default": one_default,
    "I12 soft delete": soft_delete,
    "I12 one owner, one method": one_owner,
    "I13 isolation": isolation,
    "I14 nothing secret": nothing_secret,
    "I16 photos": photos,
    "I17 the whole sum": whole_sum,
    "I17 refunded is the sum of the refunds": refunded_sum,
    "I20 documented answers": documented,
    "I21 acknowledged is there": acknowledged,
}
SETTLED: Mapping[str, Check] = {
    "I7 the chain of hashes": chained,
    "I6 captured is credited": complete,
    "I6 given back is taken back": refunds_complete,
    "I12 cards are what the gateway says": cards_agree,
    "I16 nothing is left of what nobody wants": nothing_left,
}
# Not a function over one state, and how else it is shown.
ELSEWHERE: Mapping[str, str] = {
    "I15 event algebra": "settle everything again in another order: `quiet` in simulation.py compares the tables",
    "I18 no clock in correctness": "the simulation and the stateful model move the clock by up to days between steps",
    "I19 deadlines": "the world ends a function that passes its timeout as Lambda would; test_fuzz.py bounds its CPU",
}


def violations(world: World, settled: bool = False) -> list[str]:
    """What is wrong, each with its invariant; nothing for a sound world."""
    checks = {**SAFE, **SETTLED} if settled else SAFE
    return [f"{name}: {text}" for name, check in checks.items() for text in check(world)]
