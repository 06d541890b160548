"""The flows of proposals: what takes two members of staff."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation.flows.desk import WHY, call, is_code, wallet_of
from tests.simulation.flows.flow import APP, DAY_S, Flow, Run, fund_wallet, run_checking_reply
from tests.simulation.flows.refunds import refund_at_razorpay, spend, statuses, wallet_is
from tests.simulation.flows.reviews import captured_twice, resolve, reviews_of, wrong_amount
from tests.simulation.invariants.check import METHODS, PAYMENTS, desk_rows
from tests.simulation.world import Customer, Reply, World

MAKER, APPROVER = "staff-maker", "staff-approver"
LAPSE_S = 3 * DAY_S
LARGE = "20000.00"  # of which one person may move half


def propose(world: World, customer: Customer, kind: str, amount: str = "200.00", key: str = "proposal") -> Reply:
    """One member of staff proposes a credit, a debit, or a waiver for a wallet."""
    body = {"amount": amount, **WHY, **({} if kind == "waiver" else {"type": kind})}
    path = "waivers" if kind == "waiver" else "adjustments"
    return call(world, "finance", f"/wallets/{wallet_of(customer)}/{path}/", body, MAKER, key)


def propose_large_refund(world: World, payment: Mapping[str, Any], key: str = "proposal") -> Reply:
    """A refund that is too large for one person."""
    return call(world, "support", f"/payments/{payment['id']}/refunds/", {"amount": "15000.00", **WHY}, MAKER, key)


def decide(world: World, proposal_id: str, verb: str, who: str = APPROVER) -> Reply:
    """Another member of staff approves or rejects."""
    return call(world, "approver", f"/proposals/{proposal_id}/{verb}/", WHY, who)


def proposals_are(world: World, *expected: str) -> bool:
    return [row["state"].partition(":")[2] for row in desk_rows(world, "proposal")] == list(expected)


def owing(world: World, customer: Customer) -> None:
    """The wallet owes 300.00 and has nothing, since a refund was made of money that is spent."""
    top_up = fund_wallet(world, customer)
    spend(world, customer, "500.00")
    refund_at_razorpay(world, top_up, 30_000)
    assert world.deliver(world.event_ids[-1]).status == 200 and wallet_is(world, customer, 0, 0, 30_000)


# A review whose amount is too large for one person, and what is proposed about it.
WRONG_AMOUNT, SECOND_CAPTURE = "wrong amount", "second capture"
LARGE_REVIEWS: Mapping[str, Callable[[World, Customer], dict[str, Any]]] = {
    WRONG_AMOUNT: lambda world, customer: wrong_amount(world, customer, LARGE, 1_500_000),
    SECOND_CAPTURE: lambda world, customer: captured_twice(world, customer, LARGE),
}
ACTION_OF = {WRONG_AMOUNT: "accept_amount", SECOND_CAPTURE: "refund_attempt"}


def make_proposal(world: World, kind: str) -> tuple[Customer, Callable[[], Reply]]:
    """A customer, and what proposes something of this kind for them."""
    customer = world.customer()
    if in_review := LARGE_REVIEWS.get(kind):
        payment, action = in_review(world, customer), ACTION_OF[kind]
        (review_id,) = reviews_of(world, payment)
        return customer, lambda: resolve(world, review_id, action, MAKER)
    if kind == "refund":
        top_up = fund_wallet(world, customer, LARGE)
        return customer, lambda: propose_large_refund(world, top_up)
    if kind == "waiver":
        owing(world, customer)
    else:
        fund_wallet(world, customer)
    return customer, lambda: propose(world, customer, kind)


def proposed(kind: str) -> Callable[[World], Run]:
    """A member of staff proposes: one proposal, and nothing moves."""

    def prepare(world: World) -> Run:
        customer, act = make_proposal(world, kind)
        before = len(world.entries(customer))

        def done(reply: Reply) -> bool:
            return reply.status == 202 and proposals_are(world, "proposed") and len(world.entries(customer)) == before

        return run_checking_reply(act, done)

    return prepare


# What a wallet has once the proposal of each kind is done, and before.
DONE: Mapping[str, tuple[int, int, int]] = {
    "credit": (70_000, 0, 0),
    "debit": (30_000, 0, 0),
    "waiver": (0, 0, 10_000),
    "refund": (500_000, 0, 0),
    WRONG_AMOUNT: (1_500_000, 0, 0),
    SECOND_CAPTURE: (2_000_000, 0, 0),
}
UNDONE: Mapping[str, tuple[int, int, int]] = {
    "credit": (50_000, 0, 0),
    "debit": (50_000, 0, 0),
    "waiver": (0, 0, 30_000),
    "refund": (2_000_000, 0, 0),
    WRONG_AMOUNT: (0, 0, 0),
    SECOND_CAPTURE: (2_000_000, 0, 0),
}
# How many entries a wallet gets from a proposal of a kind, where that is not one.
ENTRIES_OF: Mapping[str, tuple[int, ...]] = {"refund": (1, 2), SECOND_CAPTURE: (0,)}


def approved(kind: str) -> Callable[[World], Run]:
    """Another one approves: it is done once, however often they ask."""

    def prepare(world: World) -> Run:
        customer, act = make_proposal(world, kind)
        proposal_id = act().body["id"]

        def ended() -> bool:
            if any(row.get("in_review") for row in world.rows(PAYMENTS)):
                return False
            is_sent = kind not in ("refund", SECOND_CAPTURE) or len(world.razorpay.refunds) == 1
            is_processed = kind != "refund" or statuses(world) == ["processed"]
            return wallet_is(world, customer, *DONE[kind]) and is_sent and is_processed

        def done(reply: Reply) -> bool:
            is_held = kind == "refund" and wallet_is(world, customer, 500_000, 1_500_000)
            return reply.status == 200 and proposals_are(world, "done") and (is_held or ended())

        return run_checking_reply(lambda: decide(world, proposal_id, "approve"), done, ended)

    return prepare


def approved_after_restore(world: World) -> Run:
    """A restore kept a wallet's owner and lost its entries: an approved credit opens the wallet again."""
    customer = world.customer()
    owner = {"customer": wallet_of(customer), "id": "wallet_owner", "owner": customer.id}
    row = {name: {"S": value} for name, value in owner.items()}
    world.dynamodb.call("PutItem", {"TableName": METHODS, "Item": row})
    world.lost_wallets.add(wallet_of(customer))
    proposal_id = propose(world, customer, "credit").body["id"]
    return run_checking_reply(
        lambda: decide(world, proposal_id, "approve"),
        lambda reply: reply.status == 200 and proposals_are(world, "done") and wallet_is(world, customer, 20_000),
    )


def rejected(kind: str) -> Callable[[World], Run]:
    """Another one rejects: nothing moves, and nobody can approve it any more."""

    def prepare(world: World) -> Run:
        customer, act = make_proposal(world, kind)
        proposal_id = act().body["id"]

        def done(reply: Reply) -> bool:
            return (
                reply.status == 200 and proposals_are(world, "rejected") and wallet_is(world, customer, *UNDONE[kind])
            )

        return run_checking_reply(
            lambda: decide(world, proposal_id, "reject"),
            done,
            lambda: is_code(decide(world, proposal_id, "approve", "staff-2"), 409, "already_decided"),
        )

    return prepare


def lapsed(kind: str) -> Callable[[World], Run]:
    """Nobody decided for three days: an approval comes too late."""

    def prepare(world: World) -> Run:
        customer, act = make_proposal(world, kind)
        proposal_id = act().body["id"]
        world.advance(LAPSE_S)
        return run_checking_reply(
            lambda: decide(world, proposal_id, "approve"),
            lambda reply: is_code(reply, 409, "proposal_lapsed") and wallet_is(world, customer, *UNDONE[kind]),
        )

    return prepare


def own_proposal(world: World) -> Run:
    """Who proposed cannot approve."""
    customer, act = make_proposal(world, "credit")
    proposal_id = act().body["id"]
    return run_checking_reply(
        lambda: decide(world, proposal_id, "approve", MAKER),
        lambda reply: is_code(reply, 403, "own_proposal") and wallet_is(world, customer, 50_000),
    )


PROPOSAL_FLOWS: Mapping[str, Flow] = {
    **{f"proposal of a {kind}": Flow(proposed(kind), (APP,)) for kind in DONE},
    **{f"approval of a {kind}": Flow(approved(kind), (APP,)) for kind in DONE},
    "approval of a credit after a restore": Flow(approved_after_restore, (APP,)),
    "rejection of a credit": Flow(rejected("credit"), (APP,)),
    "rejection of a refund": Flow(rejected("refund"), (APP,)),
    "rejection of a wrong amount": Flow(rejected(WRONG_AMOUNT), (APP,)),
    "approval, too late": Flow(lapsed("credit"), (APP,)),
    "approval, of one's own": Flow(own_proposal, (APP,)),
}
