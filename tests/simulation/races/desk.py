"""Races over the desk: members of staff against each other, against customers, webhooks and the clock."""

from collections.abc import Callable, Mapping
from functools import partial

from tests.simulation.flows.desk import (
    LAPSE_S,
    captured_twice,
    claim,
    decide,
    is_claimed,
    make_proposal,
    owing,
    proposals_are,
    propose,
    release,
    replay,
    resolve,
    reviews_of,
    set_block,
    unusable_capture,
    wrong_amount,
)
from tests.simulation.flows.flow import API, fund_wallet, start_top_up
from tests.simulation.flows.methods import pay_by_card, start_saving_payment
from tests.simulation.flows.refunds import wallet_is
from tests.simulation.invariants.check import desk_rows
from tests.simulation.races.race import Race, statuses_are
from tests.simulation.world import Customer, Reply, World

Act = Callable[[], Reply]


def _spend(world: World, customer: Customer, amount: str = "500.00") -> Act:
    body = {"amount": amount, "source": "wallet"}
    return lambda: world.call(customer, "POST", f"{API}/payments/", body, "spend")


# --- one review


def two_on_one_review(first: str, second: str) -> Callable[[World], Race]:
    """Two members of staff act about one wrong amount: one of them ends the review."""

    def prepare(world: World) -> Race:
        customer = world.customer()
        payment = wrong_amount(world, customer)
        (review_id,) = reviews_of(world, payment)
        acts: list[Act] = [
            lambda: resolve(world, review_id, first, "staff-1"),
            lambda: resolve(world, review_id, second, "staff-2"),
        ]

        def holds(replies: list[Reply]) -> bool:
            (row,) = desk_rows(world, "review")
            is_accepted, is_refunded = row["action"] == "accept_amount", row["action"] == "refund_attempt"
            entries = world.entries(customer)
            is_exact = (entries[-1]["cash_paise"] if entries else 0) == (40_000 if is_accepted else 0)
            return is_exact and len(world.razorpay.refunds) == is_refunded and statuses_are(replies, 200, 409)

        return Race(acts, holds)

    return prepare


def two_refund_a_second_capture(world: World) -> Race:
    """Two members of staff send the second capture back: Razorpay makes one refund."""
    customer = world.customer()
    (review_id,) = reviews_of(world, captured_twice(world, customer))
    acts: list[Act] = [partial(resolve, world, review_id, "refund_attempt", who) for who in ("staff-1", "staff-2")]

    def holds(replies: list[Reply]) -> bool:
        is_once = len(world.razorpay.refunds) == 1 and wallet_is(world, customer, 50_000)
        return is_once and all(reply.status in (200, 409) for reply in replies)

    return Race(acts, holds)


def dismissed_and_ended_by_refund(world: World) -> Race:
    """Staff dismiss a second capture whose refund is reported at once."""
    customer = world.customer()
    top_up = captured_twice(world, customer)
    (review_id,) = reviews_of(world, top_up)
    world.razorpay.control("refund", {"payment_id": list(world.razorpay.payments)[-1]})
    event_id = world.event_ids[-1]
    acts: list[Act] = [lambda: resolve(world, review_id, "dismiss"), lambda: world.deliver(event_id)]

    def holds(replies: list[Reply]) -> bool:
        is_ended = not world.payment_row(top_up["id"]).get("in_review")
        return is_ended and replies[0].status in (200, 404, 409) and wallet_is(world, customer, 50_000)

    return Race(acts, holds)


def accepted_and_right_capture(world: World) -> Race:
    """Staff accept an amount while another attempt pays the order in full: one of the two is credited."""
    customer = world.customer()
    payment = wrong_amount(world, customer)
    (review_id,) = reviews_of(world, payment)
    world.razorpay.control("double_pay", {"order_id": payment["gateway_order_id"]})
    event_id = world.events_of("payment.captured")[-1]
    acts: list[Act] = [lambda: resolve(world, review_id, "accept_amount"), lambda: world.deliver(event_id)]

    def holds(replies: list[Reply]) -> bool:
        is_accepted = replies[0].status == 200
        return wallet_is(world, customer, 40_000 if is_accepted else 50_000) and replies[0].status in (200, 409)

    return Race(acts, holds)


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
            is_once = moved == (0 if not is_done else moved if kind == "refund" else 1)
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
    "two on one review: accept, refund": two_on_one_review("accept_amount", "refund_attempt"),
    "two on one review: accept, accept": two_on_one_review("accept_amount", "accept_amount"),
    "two on one review: refund, dismiss": two_on_one_review("refund_attempt", "dismiss"),
    "two refund a second capture": two_refund_a_second_capture,
    "review accepted, right capture": accepted_and_right_capture,
    "two approve a refund": decided_twice("approve", "approve", "refund"),
    "refund approved, spend": approved_refund_and_spend,
    "claim released, card saved": released_and_card_saved,
}
DESK_RACES: Mapping[str, Callable[[World], Race]] = {
    "review dismissed, ended by a refund": dismissed_and_ended_by_refund,
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
