"""Races over refunds: against each other, against spending, and against their own answers and events."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation.flows.flow import API, MINUTE_S, fund_wallet, is_applied, start_top_up
from tests.simulation.flows.refunds import (
    ask,
    event_without_notes,
    lose_answer,
    pay_for_an_order,
    refund_at_razorpay,
    spend,
    statuses,
    wallet_is,
)
from tests.simulation.invariants.check import refund_rows
from tests.simulation.races.race import Race, statuses_are
from tests.simulation.world import Customer, Reply, World

Act = Callable[[], Reply]


def _ask(world: World, payment: Mapping[str, Any], amount: str, key: str, destination: str | None = None) -> Act:
    return lambda: ask(world, payment, amount, key, destination)


def _spend(world: World, customer: Customer, amount: str, key: str = "spend") -> Act:
    return lambda: world.call(customer, "POST", f"{API}/payments/", {"amount": amount, "source": "wallet"}, key)


def _deliver(world: World, event_id: str) -> Act:
    return lambda: world.deliver(event_id)


def _deliver_newest(world: World, name: str, emit: Callable[[World, str], str] | None = None) -> Act:
    """Deliver the newest event with this name, if Razorpay has sent one by then."""

    def act() -> Reply:
        event_ids = world.events_of(name)
        if not event_ids:
            return Reply(200)
        return world.deliver(emit(world, name) if emit else event_ids[-1])

    return act


def _reconcile(world: World) -> Act:
    return lambda: Reply(200, world.reconcile())


def _make_due(world: World) -> None:
    """Let open refunds become due, and leave the reconciler's lists to the races that are about them."""
    world.reads_lists = False
    world.advance(2 * MINUTE_S)


# --- two that are asked for


def two_requests(world: World) -> Race:
    """Two keys ask for more than the top-up together."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    acts = [_ask(world, top_up, "300.00", key) for key in ("one", "two")]

    def holds(replies: list[Reply]) -> bool:
        return (
            statuses_are(replies, 201, 409)
            and len(world.razorpay.refunds) == 1
            and wallet_is(world, customer, 20_000)
        )

    return Race(acts, holds)


def one_request_twice(world: World) -> Race:
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    acts = [_ask(world, top_up, "200.00", "same") for _ in range(2)]

    def holds(replies: list[Reply]) -> bool:
        is_one = len(world.razorpay.refunds) == len(refund_rows(world)) == 1
        return statuses_are(replies, 201, 201) and is_one and wallet_is(world, customer, 30_000)

    return Race(acts, holds)


def two_destinations(world: World) -> Race:
    """A payment is refunded to its source and to the wallet: together not more than was paid."""
    customer = world.customer()
    payment = pay_for_an_order(world, customer)
    acts = [_ask(world, payment, "300.00", "one"), _ask(world, payment, "300.00", "two", "wallet")]
    return Race(acts, lambda replies: statuses_are(replies, 201, 409))


def two_to_the_wallet(world: World) -> Race:
    """Two refunds of one payment from the wallet, which both fit."""
    customer = world.customer()
    fund_wallet(world, customer)
    payment = spend(world, customer, "500.00")
    acts = [_ask(world, payment, "200.00", "one"), _ask(world, payment, "300.00", "two")]
    return Race(acts, lambda replies: statuses_are(replies, 201, 201) and wallet_is(world, customer, 50_000))


def asked_and_made_elsewhere(world: World) -> Race:
    """Staff ask for a refund while the event of one in the dashboard arrives; both fit."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    refund_at_razorpay(world, top_up)
    acts = [_ask(world, top_up, "300.00", "one"), _deliver(world, world.events_of("refund.processed")[-1])]
    return Race(acts, lambda replies: statuses_are(replies, 200, 201) and wallet_is(world, customer, 0))


# --- a hold and the money that it holds


def request_and_spend(world: World) -> Race:
    """Either the money is held, or it is spent."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    acts = [_ask(world, top_up, "500.00", "one"), _spend(world, customer, "500.00")]

    def holds(replies: list[Reply]) -> bool:
        is_one = [reply.status for reply in replies] in ([201, 400], [409, 201])
        return is_one and wallet_is(world, customer, 0)

    return Race(acts, holds)


def request_spend_and_credit(world: World) -> Race:
    """A refund and a payment want the same money while more comes in."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    started = start_top_up(world, customer)
    world.pay(started["gateway_order_id"])
    captured = _deliver(world, world.events_of("payment.captured")[-1])
    acts = [_ask(world, top_up, "500.00", "one"), _spend(world, customer, "500.00"), captured]
    return Race(acts, lambda replies: replies[2].status == 200 and is_applied(world, started))


def two_requests_and_spend(world: World) -> Race:
    """Of two refunds and a payment of 300.00 each one gets the 500.00."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    acts = [*(_ask(world, top_up, "300.00", key) for key in ("one", "two")), _spend(world, customer, "300.00")]

    def holds(replies: list[Reply]) -> bool:
        return sum(reply.status == 201 for reply in replies) == 1 and wallet_is(world, customer, 20_000)

    return Race(acts, holds)


def two_requests_spend_and_capture(world: World) -> Race:
    """The same, while the second payment of the order is captured: that one is reviewed."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    world.razorpay.control("double_pay", {"order_id": top_up["gateway_order_id"]})
    second = _deliver(world, world.events_of("payment.captured")[-1])
    acts = [
        *(_ask(world, top_up, "300.00", key) for key in ("one", "two")),
        _spend(world, customer, "300.00"),
        second,
    ]

    def holds(replies: list[Reply]) -> bool:
        review = world.payment_row(top_up["id"])["review"]
        is_one = sum(reply.status == 201 for reply in replies) == 1
        return is_one and any(name.endswith(":second_capture") for name in review)

    return Race(acts, holds)


def request_and_second_capture(world: World) -> Race:
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    world.razorpay.control("double_pay", {"order_id": top_up["gateway_order_id"]})
    acts = [_ask(world, top_up, "500.00", "one"), _deliver(world, world.events_of("payment.captured")[-1])]

    def holds(replies: list[Reply]) -> bool:
        refunded = [refund["payment_id"] for refund in world.razorpay.refunds.values()]
        is_first = refunded == [world.payment_row(top_up["id"])["gateway_payment"]]
        return statuses_are(replies, 200, 201) and is_first and wallet_is(world, customer, 0)

    return Race(acts, holds)


def pending_elsewhere_and_spend(world: World) -> Race:
    """A refund in the dashboard holds what is there; the rest is owed once it is processed."""
    customer = world.customer()
    refund_at_razorpay(world, fund_wallet(world, customer), 50_000, "pending")
    acts = [_deliver(world, world.events_of("refund.created")[-1]), _spend(world, customer, "300.00")]

    def holds(replies: list[Reply]) -> bool:
        is_spent = replies[1].status == 201
        return replies[0].status == 200 and wallet_is(world, customer, 0, 20_000 if is_spent else 50_000)

    return Race(acts, holds)


def refund_of_spent_money_and_credit(world: World) -> Race:
    """What is owed comes from a refund at the same time as the top-up that pays it."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    spend(world, customer, "400.00")
    refund_at_razorpay(world, top_up)
    world.pay(start_top_up(world, customer)["gateway_order_id"])
    acts = [_deliver(world, world.events_of(name)[-1]) for name in ("refund.processed", "payment.captured")]
    return Race(acts, lambda replies: statuses_are(replies, 200, 200) and wallet_is(world, customer, 40_000))


# --- a refund, its answer and its events


def request_and_its_event(without_notes: bool) -> Callable[[World], Race]:
    """The event of a refund that is asked for arrives before the answer."""

    def prepare(world: World) -> Race:
        customer = world.customer()
        top_up = fund_wallet(world, customer)
        event = _deliver_newest(world, "refund.processed", event_without_notes if without_notes else None)
        acts = [_ask(world, top_up, "200.00", "one"), event]

        def holds(replies: list[Reply]) -> bool:
            return (
                statuses_are(replies, 200, 201)
                and len(refund_rows(world)) == 1
                and wallet_is(world, customer, 30_000)
            )

        return Race(acts, holds)

    return prepare


def _unanswered(world: World) -> Customer:
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    lose_answer(world)
    assert ask(world, top_up).status == 201 and statuses(world) == ["sending"]
    _make_due(world)
    return customer


def unanswered_event_and_reconciler(world: World) -> Race:
    customer = _unanswered(world)
    acts = [_deliver(world, world.events_of("refund.processed")[-1]), _reconcile(world)]
    return Race(acts, lambda replies: statuses(world) == ["processed"] and wallet_is(world, customer, 30_000))


def unsent_and_two_reconcilers(world: World) -> Race:
    """Razorpay never received the refund; of two reconcilers one sends it again."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    world.razorpay.control("faults", [{"method": "POST", "path": "/v1/payments/", "fault": "refuse"}])
    assert ask(world, top_up).status == 201 and not world.razorpay.refunds
    _make_due(world)

    def holds(replies: list[Reply]) -> bool:
        return len(world.razorpay.refunds) == 1 and wallet_is(world, customer, 30_000)

    return Race([_reconcile(world), _reconcile(world)], holds)


def pending_and_processed(world: World) -> Race:
    """Both events of a refund made in the dashboard arrive at once."""
    customer = world.customer()
    refund_id = refund_at_razorpay(world, fund_wallet(world, customer), status="pending")
    world.razorpay.control("refund_status", {"refund_id": refund_id, "status": "processed"})
    acts = [_deliver(world, world.events_of(name)[-1]) for name in ("refund.created", "refund.processed")]

    def holds(replies: list[Reply]) -> bool:
        return (
            statuses_are(replies, 200, 200)
            and statuses(world) == ["processed"]
            and wallet_is(world, customer, 30_000)
        )

    return Race(acts, holds)


def failed_and_asked_again(world: World) -> Race:
    """A refund of everything fails while staff ask again: the new one is declined, or takes the money released."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    world.razorpay.control("refund_status", {"status": "pending"})
    assert ask(world, top_up, "500.00", "first").status == 201
    (refund_id,) = world.razorpay.refunds
    world.razorpay.control("refund_status", {"refund_id": refund_id, "status": "failed"})
    acts = [_deliver(world, world.events_of("refund.failed")[-1]), _ask(world, top_up, "500.00", "second")]

    def holds(replies: list[Reply]) -> bool:
        held_paise = 50_000 if replies[1].status == 201 else 0
        return replies[1].status in (201, 409) and wallet_is(world, customer, 50_000 - held_paise, held_paise)

    return Race(acts, holds)


SENDING_RACES: Mapping[str, Callable[[World], Race]] = {  # each waits for what Razorpay has by then
    "refund asked for, its event": request_and_its_event(without_notes=False),
    "refund asked for, its event without notes": request_and_its_event(without_notes=True),
    "unanswered refund, its event, reconciler": unanswered_event_and_reconciler,
    "unsent refund, two reconcilers": unsent_and_two_reconcilers,
}
LONG_RACES: Mapping[str, Callable[[World], Race]] = {
    "two refunds asked for": two_requests,
    "one refund asked for twice": one_request_twice,
    "refund asked for, refund elsewhere": asked_and_made_elsewhere,
    "refund asked for, second capture": request_and_second_capture,
    "failed refund, asked again": failed_and_asked_again,
    "refund to the source, to the wallet": two_destinations,
    "two refunds to the wallet": two_to_the_wallet,
    "refund asked for, spend": request_and_spend,
    "refund asked for, spend, credit": request_spend_and_credit,
    "two refunds asked for, spend": two_requests_and_spend,
    "two refunds asked for, spend, second capture": two_requests_spend_and_capture,
}
REFUND_RACES: Mapping[str, Callable[[World], Race]] = {
    "pending refund elsewhere, spend": pending_elsewhere_and_spend,
    "refund of spent money, credit": refund_of_spent_money_and_credit,
    "pending, then processed": pending_and_processed,
    **LONG_RACES,
    **SENDING_RACES,
}
