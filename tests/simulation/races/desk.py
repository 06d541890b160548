"""Races over the desk: members of staff against each other, against customers, webhooks and the clock."""

from collections.abc import Callable, Mapping
from functools import partial

from tests.simulation.flows.desk import claim, is_claimed, release, replay, set_block, unusable_capture
from tests.simulation.flows.flow import API, fund_wallet, start_top_up
from tests.simulation.flows.methods import pay_by_card, start_saving_payment
from tests.simulation.flows.proposals import (
    ENTRIES_OF,
    LAPSE_S,
    decide,
    make_proposal,
    owing,
    proposals_are,
    propose,
)
from tests.simulation.flows.refunds import wallet_is
from tests.simulation.races.race import Race, statuses_are
from tests.simulation.world import Customer, Reply, World

Act = Callable[[], Reply]


def _spend(world: World, customer: Customer, amount: str = "500.00") -> Act:
    body = {"amount": amount, "source": "wallet"}
    return lambda: world.call(customer, "POST", f"{API}/payments/", body, "spend")


# --- proposals


def decided_twice(first: str, second: str, kind: str = "credit") -> Callable[[World], Race]:
    """Two approvers decide at once: one decision is made, and its effect once."""

    def prepare(world: World) -> Race:
        customer, act = make_proposal(world, kind)
        proposal_id = act().body["id"]
        before = len(world.entries(customer))
        acts: list[Act] = [
            lambda: decide(world, proposal_id, first, "staff-2"),
            lambda: decide(world, proposal_id, second, "staff-3"),
        ]

        def holds(replies: list[Reply]) -> bool:
            is_done = proposals_are(world, "done")
            is_decided = is_done or proposals_are(world, "rejected")
            moved = len(world.entries(customer)) - before
            is_once = moved in (ENTRIES_OF.get(kind, (1,)) if is_done else (0,))
            return is_decided and is_once and all(reply.status in (200, 409) for reply in replies)

        return Race(acts, holds)

    return prepare


def approved_as_it_lapses(world: World) -> Race:
    """An approval in the moment in which the proposal lapses, and a payment: done before it, or not at all."""
    customer, act = make_proposal(world, "credit")
    proposal_id = act().body["id"]
    world.advance(LAPSE_S)
    world.clock_us -= 45_000  # a call takes 5 ms
    acts: list[Act] = [lambda: decide(world, proposal_id, "approve"), _spend(world, customer)]

    def holds(replies: list[Reply]) -> bool:
        return wallet_is(world, customer, 20_000 if replies[0].status == 200 else 0) and replies[1].status == 201

    return Race(acts, holds)


def approved_debit_and_spend(world: World) -> Race:
    """Staff take 200.00 of a wallet while its customer spends 500.00: it holds enough for one of them."""
    customer, act = make_proposal(world, "debit")
    proposal_id = act().body["id"]
    acts: list[Act] = [lambda: decide(world, proposal_id, "approve"), _spend(world, customer)]

    def holds(replies: list[Reply]) -> bool:
        is_taken = replies[0].status == 200
        return wallet_is(world, customer, 30_000 if is_taken else 0) and is_taken != (replies[1].status == 201)

    return Race(acts, holds)


def approved_credit_and_spend(world: World) -> Race:
    """Staff add 200.00 to a wallet of 500.00 while its customer spends 600.00."""
    customer, act = make_proposal(world, "credit")
    proposal_id = act().body["id"]
    acts: list[Act] = [lambda: decide(world, proposal_id, "approve"), _spend(world, customer, "600.00")]

    def holds(replies: list[Reply]) -> bool:
        return replies[0].status == 200 and wallet_is(world, customer, 10_000 if replies[1].status == 201 else 70_000)

    return Race(acts, holds)


def approved_waiver_and_credit(world: World) -> Race:
    """A top-up pays what a wallet owes while staff give that up: what is owed ends once."""
    customer = world.customer()
    owing(world, customer)
    proposal_id = propose(world, customer, "waiver", "300.00").body["id"]
    world.pay(start_top_up(world, customer)["gateway_order_id"])
    event_id = world.events_of("payment.captured")[-1]
    acts: list[Act] = [lambda: decide(world, proposal_id, "approve"), lambda: world.deliver(event_id)]

    def holds(replies: list[Reply]) -> bool:
        return wallet_is(world, customer, 50_000 if replies[0].status == 200 else 20_000)

    return Race(acts, holds)


def approved_refund_and_spend(world: World) -> Race:
    """A large refund is approved while its money is spent."""
    customer, act = make_proposal(world, "refund")
    proposal_id = act().body["id"]
    acts: list[Act] = [lambda: decide(world, proposal_id, "approve"), _spend(world, customer, "15000.00")]
    return Race(acts, lambda replies: sorted(reply.status for reply in replies) in ([200, 400], [201, 409]))


def one_proposal_twice(world: World) -> Race:
    """A proposal is sent twice with one key."""
    customer = world.customer()
    fund_wallet(world, customer)
    acts: list[Act] = [lambda: propose(world, customer, "credit") for _ in range(2)]
    return Race(acts, lambda replies: statuses_are(replies, 202, 202) and proposals_are(world, "proposed"))


def blocked_and_approved(world: World) -> Race:
    """Staff block a wallet while an adjustment of it is approved, which passes a block."""
    customer, act = make_proposal(world, "credit")
    proposal_id = act().body["id"]
    acts: list[Act] = [lambda: set_block(world, customer, "block"), lambda: decide(world, proposal_id, "approve")]
    return Race(acts, lambda replies: statuses_are(replies, 200, 200) and wallet_is(world, customer, 70_000))


def two_block(world: World) -> Race:
    customer = world.customer()
    fund_wallet(world, customer)
    acts: list[Act] = [partial(set_block, world, customer, "block", who) for who in ("staff-1", "staff-2")]
    return Race(acts, lambda replies: statuses_are(replies, 200, 200) and len(world.entries(customer)) == 3)


def blocked_and_unblocked(world: World) -> Race:
    customer = world.customer()
    fund_wallet(world, customer)
    acts: list[Act] = [partial(set_block, world, customer, verb) for verb in ("block", "unblock")]
    return Race(acts, lambda replies: statuses_are(replies, 200, 200) and len(world.entries(customer)) in (3, 4))


# --- claims and webhooks


def two_release(world: World) -> Race:
    customer = claim(world)
    acts: list[Act] = [partial(release, world, customer, who) for who in ("staff-1", "staff-2")]
    return Race(acts, lambda replies: statuses_are(replies, 200, 404) and not is_claimed(world, customer))


def released_and_card_saved(world: World) -> Race:
    """Staff release a claim while the card that needs it is saved: one of the two happens, never half of each."""
    customer = world.customer()
    payment = start_saving_payment(world, customer)
    paid = pay_by_card(world, payment)
    path = f"{API}/payments/{payment['id']}/verify/"
    acts: list[Act] = [lambda: release(world, customer), lambda: world.call(customer, "POST", path, paid)]
    return Race(acts, lambda replies: replies[0].status in (200, 409) and replies[1].status == 200)


def replayed_and_delivered(world: World) -> Race:
    """Staff replay a capture that Razorpay delivers again."""
    customer = world.customer()
    event_id, webhook_id = unusable_capture(world, customer)
    acts: list[Act] = [lambda: replay(world, webhook_id), lambda: world.deliver(event_id)]
    return Race(acts, lambda replies: statuses_are(replies, 200, 200) and wallet_is(world, customer, 50_000))


def two_replay(world: World) -> Race:
    customer = world.customer()
    _, webhook_id = unusable_capture(world, customer)
    acts: list[Act] = [partial(replay, world, webhook_id, who) for who in ("staff-1", "staff-2")]
    return Race(acts, lambda replies: statuses_are(replies, 200, 409) and wallet_is(world, customer, 50_000))


LONG_DESK_RACES: Mapping[str, Callable[[World], Race]] = {
    "two approve a refund": decided_twice("approve", "approve", "refund"),
    "refund approved, spend": approved_refund_and_spend,
    "claim released, card saved": released_and_card_saved,
}
DESK_RACES: Mapping[str, Callable[[World], Race]] = {
    "approve, reject": decided_twice("approve", "reject"),
    "two approve": decided_twice("approve", "approve"),
    "two reject": decided_twice("reject", "reject"),
    "approved as it lapses, spend": approved_as_it_lapses,
    "debit approved, spend": approved_debit_and_spend,
    "credit approved, spend": approved_credit_and_spend,
    "waiver approved, credit": approved_waiver_and_credit,
    "one proposal twice": one_proposal_twice,
    "block, adjustment": blocked_and_approved,
    "block, block": two_block,
    "block, unblock": blocked_and_unblocked,
    "two release a claim": two_release,
    "replay, redelivery": replayed_and_delivered,
    "two replay a webhook": two_replay,
    **LONG_DESK_RACES,
}
