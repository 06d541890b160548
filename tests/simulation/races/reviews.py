"""Races over reviews: members of staff against each other, and against what Razorpay reports meanwhile."""

from collections.abc import Callable, Mapping
from functools import partial

from tests.simulation.flows.proposals import SECOND_CAPTURE, WRONG_AMOUNT, decide, make_proposal
from tests.simulation.flows.refunds import wallet_is
from tests.simulation.flows.reviews import captured_twice, paid_by_another, resolve, reviews_of, wrong_amount
from tests.simulation.invariants.check import PAYMENTS, desk_rows
from tests.simulation.races.desk import decided_twice
from tests.simulation.races.race import Race, statuses_are
from tests.simulation.world import Reply, World

Act = Callable[[], Reply]


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


def accepted_too_late_and_refund(world: World) -> Race:
    """An amount is accepted that went back, which is reported at once: the action is refused, and the review ends."""
    customer = world.customer()
    top_up, review_id = paid_by_another(world, customer)
    event_id = world.event_ids[-1]
    acts: list[Act] = [lambda: resolve(world, review_id, "accept_amount"), lambda: world.deliver(event_id)]

    def holds(replies: list[Reply]) -> bool:
        is_ended = not world.payment_row(top_up["id"]).get("in_review")
        return is_ended and replies[0].status in (404, 409) and wallet_is(world, customer, 50_000)

    return Race(acts, holds)


def refused_and_refund(world: World) -> Race:
    """An action that answers nothing is refused while the attempt goes back, which ends the review."""
    customer = world.customer()
    top_up = wrong_amount(world, customer)
    (review_id,) = reviews_of(world, top_up)

    def send_back() -> Reply:
        world.razorpay.control("refund", {"payment_id": list(world.razorpay.payments)[-1]})
        return world.deliver(world.event_ids[-1])

    def holds(replies: list[Reply]) -> bool:
        is_ended = not world.payment_row(top_up["id"]).get("in_review")
        return is_ended and replies[0].status in (200, 404, 409) and wallet_is(world, customer, 0)

    return Race([lambda: resolve(world, review_id, "apply_again"), send_back], holds)


# --- whose amount takes two of the staff


def large_amount_approved_and_right_capture(world: World) -> Race:
    """A large amount is approved while another attempt pays the order in full: one of the two is credited."""
    customer, act = make_proposal(world, WRONG_AMOUNT)
    proposal_id = act().body["id"]
    (payment,) = world.rows(PAYMENTS)
    world.razorpay.control("double_pay", {"order_id": payment["gateway_order"]})
    event_id = world.events_of("payment.captured")[-1]
    acts: list[Act] = [lambda: decide(world, proposal_id, "approve"), lambda: world.deliver(event_id)]

    def holds(replies: list[Reply]) -> bool:
        is_accepted = replies[0].status == 200
        is_exact = wallet_is(world, customer, 1_500_000 if is_accepted else 2_000_000)
        return is_exact and replies[0].status in (200, 409)

    return Race(acts, holds)


def large_refund_approved_and_made(world: World) -> Race:
    """A large second capture is approved to go back while its refund in the dashboard is reported: it goes once."""
    customer, act = make_proposal(world, SECOND_CAPTURE)
    proposal_id = act().body["id"]
    world.razorpay.control("refund", {"payment_id": list(world.razorpay.payments)[-1]})
    event_id = world.event_ids[-1]
    acts: list[Act] = [lambda: decide(world, proposal_id, "approve"), lambda: world.deliver(event_id)]

    def holds(replies: list[Reply]) -> bool:
        is_once = len(world.razorpay.refunds) == 1 and wallet_is(world, customer, 2_000_000)
        return is_once and replies[0].status in (200, 409) and not world.rows(PAYMENTS)[0].get("in_review")

    return Race(acts, holds)


LARGE_REVIEW_RACES: Mapping[str, Callable[[World], Race]] = {
    "two approve a wrong amount": decided_twice("approve", "approve", WRONG_AMOUNT),
    "two approve a second capture": decided_twice("approve", "approve", SECOND_CAPTURE),
    "wrong amount approved, right capture": large_amount_approved_and_right_capture,
    "second capture approved, its refund": large_refund_approved_and_made,
}
LONG_REVIEW_RACES: Mapping[str, Callable[[World], Race]] = {
    "two on one review: accept, refund": two_on_one_review("accept_amount", "refund_attempt"),
    "two on one review: accept, accept": two_on_one_review("accept_amount", "accept_amount"),
    "two on one review: refund, dismiss": two_on_one_review("refund_attempt", "dismiss"),
    "two refund a second capture": two_refund_a_second_capture,
    "review accepted, right capture": accepted_and_right_capture,
    "review accepted too late, its refund": accepted_too_late_and_refund,
    "review refused, its refund": refused_and_refund,
    **LARGE_REVIEW_RACES,
}
REVIEW_RACES: Mapping[str, Callable[[World], Race]] = {
    "review dismissed, ended by a refund": dismissed_and_ended_by_refund,
    **LONG_REVIEW_RACES,
}
