"""What staff may do at the desk, each time as one of three people, of whom any may be too late or not allowed."""

from typing import Any

from tests.simulation.flows.desk import WHY, wallet_of
from tests.simulation.flows.refunds import STAFF
from tests.simulation.flows.reviews import reviews_of
from tests.simulation.history import Act, History
from tests.simulation.invariants.check import METHODS, PAYMENTS, desk_rows
from tests.simulation.world import Request

PEOPLE = ("staff-1", "staff-2", "staff-3")
AMOUNTS = ("1.00", "19.99", "100.00", "500.00")
REVIEW_ACTIONS = ("accept_amount", "refund_attempt", "apply_again", "waive", "assign", "dismiss")


def _act(history: History, path: str, body: dict[str, Any]) -> Act:
    """A request of one of the staff, who repeats it until the outcome is known."""
    who = history.world.random.choice(PEOPLE)
    key = f"desk-{len(history.world.replies)}-{len(history.lines)}"
    request = Request(history.world.staff(who=who), "POST", f"{STAFF}{path}", body | WHY, key)
    return lambda: history.send(request)


def propose(history: History) -> Act | None:
    """Propose to add money to a wallet, to take some, or to give up what it owes."""
    chance = history.world.random
    wallet = wallet_of(chance.choice(history.customers))
    kind = chance.choice(("credit", "debit", "waiver"))
    body: dict[str, Any] = {"amount": chance.choice(AMOUNTS)}
    if kind == "waiver":
        return _act(history, f"/wallets/{wallet}/waivers/", body)
    return _act(history, f"/wallets/{wallet}/adjustments/", body | {"type": kind})


def decide(history: History) -> Act | None:
    """Approve or reject a proposal, perhaps one that is decided already."""
    chance, proposals = history.world.random, desk_rows(history.world, "proposal")
    if not proposals:
        return None
    verb = chance.choice(("approve", "approve", "reject"))
    return _act(history, f"/proposals/{chance.choice(proposals)['id']}/{verb}/", {})


def resolve(history: History) -> Act | None:
    """Do something about a review, perhaps what its reason does not allow."""
    chance = history.world.random
    payments = [row for row in history.world.rows(PAYMENTS) if row["review"]]
    if not payments:
        return None
    reviews = reviews_of(history.world, chance.choice(payments))
    action = chance.choice(REVIEW_ACTIONS)
    body = {"action": action, **({"assignee": "sunil"} if action == "assign" else {})}
    return _act(history, f"/reviews/{chance.choice(reviews)}/resolve/", body)


def block(history: History) -> Act | None:
    chance = history.world.random
    verb = chance.choice(("block", "unblock", "unblock"))
    return _act(history, f"/wallets/{wallet_of(chance.choice(history.customers))}/{verb}/", {})


def release(history: History) -> Act | None:
    claims = [row for row in history.world.rows(METHODS) if row["id"] == "gateway_customer"]
    if not claims:
        return None
    return _act(history, f"/customers/{history.world.random.choice(claims)['customer']}/release/", {})


def replay(history: History) -> Act | None:
    stored = history.world.rows("UnusableWebhooksTable")
    if not stored:
        return None
    return _act(history, f"/webhooks/{history.world.random.choice(stored)['id']}/replay/", {})
