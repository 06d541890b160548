"""Invariants of payment methods and saved cards."""

from collections import Counter

from tests.simulation.invariants.check import METHODS, Findings, desk_rows
from tests.simulation.world import World

# Razorpay's statuses of a token, in ours.
CLAIM = ("owner", "gateway_customer")  # the two rows of a claim on a customer at Razorpay
TOKEN_STATUSES = {"activated": "active"} | {name: name for name in ("initiated", "suspended", "deactivated")}


def one_default(world: World) -> Findings:
    rows = {(row["customer"], row["id"]): row for row in world.rows(METHODS)}
    for (customer, name), row in rows.items():
        if name == "default":
            method = rows.get((customer, row["method"]))
            if not method or not method["is_active"]:
                yield "the default points at a deleted method"


def soft_delete(world: World) -> Findings:
    for table, key, before, after in world.dynamodb.journal:
        if table != METHODS or before is None or key[1] == "default":
            continue
        if after is None:
            if key[1] not in CLAIM:  # which staff may release
                yield f"the row of the method {key[1]} was removed"
        elif "is_active" not in before:
            continue  # a pointer, such as a card's claim
        elif before.get("status") == {"S": "saving"}:
            continue  # not visible yet
        elif not before["is_active"]["BOOL"] and after["is_active"]["BOOL"]:
            yield f"the deleted method {key[1]} came back"


def one_owner(world: World) -> Findings:
    """The owner of a Razorpay customer or token never changes, and each token has one method.

    A claim ends only if staff release it, both of its rows at once, and never while a saved card needs it.
    """
    ended: Counter[str] = Counter()
    for table, key, before, after in world.dynamodb.journal:
        if table != METHODS or key[1] not in CLAIM or before is None:
            continue
        if after is None:
            ended[before["owner"]["S"] if key[1] == "owner" else key[0]] += 1
        elif before.get(key[1]) != after.get(key[1]):  # a deleted token's row gets an expiry
            yield f"{key[0]} changed its {key[1]}"
    released = Counter(row["subject"] for row in desk_rows(world, "action") if row["what"] == "release")
    for name, count in ended.items():
        if count != 2 * released[name]:
            yield f"{count} rows of claims ended by {released[name]} releases"
    owned = {row["customer"] for row in world.rows(METHODS) if row["id"] == "owner"}
    for row in world.rows(METHODS):
        if row.get("token") and row.get("is_active") and row.get("gateway_customer") not in owned:
            yield "a saved card has a customer at Razorpay who belongs to nobody"
    tokens = Counter(row["token"] for row in world.rows(METHODS) if row.get("token"))
    yield from (f"a token has {count} methods" for count in tokens.values() if count > 1)


# --- at rest


def cards_agree(world: World) -> Findings:
    """Each saved card has its token's status at Razorpay; a deleted card is deleted there too."""
    for row in world.rows(METHODS):
        token = world.razorpay.tokens.get(row.get("token", ""))
        if row.get("status") in ("saving", "deleting"):
            yield f"a card is still {row['status']}"
        elif token and not row.get("is_active"):
            if token["status"] != "deactivated":  # a token deactivated before its card was saved stays at Razorpay
                yield "a card is deleted here and still saved at Razorpay"
        elif token and TOKEN_STATUSES[token["status"]] != row["status"]:
            yield f"a card is {row['status']} here and {token['status']} at Razorpay"
