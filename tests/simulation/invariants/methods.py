"""Invariants of payment methods and saved cards."""

from collections import Counter

from tests.simulation.invariants.check import METHODS, Findings
from tests.simulation.world import World

# Razorpay's statuses of a token, in ours.
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
            yield f"the row of the method {key[1]} was removed"
        elif "is_active" not in before:
            continue  # a pointer, such as a card's claim
        elif before.get("status") == {"S": "saving"}:
            continue  # not visible yet
        elif not before["is_active"]["BOOL"] and after["is_active"]["BOOL"]:
            yield f"the deleted method {key[1]} came back"


def one_owner(world: World) -> Findings:
    """The owner of a Razorpay customer or token never changes, and each token has one method."""
    for table, key, before, after in world.dynamodb.journal:
        if table != METHODS or key[1] != "owner" or before is None:
            continue
        if after is None or before["owner"] != after["owner"]:  # a deleted token's row gets an expiry
            yield f"{key[0]} changed its owner"
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
