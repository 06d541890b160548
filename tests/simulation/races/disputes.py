"""Races over disputes: their events among each other, and against spending, refunds and the reconciler."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation.flows.disputes import CHECK_PAUSE_S, dispute, disputes_are, under_review
from tests.simulation.flows.flow import API, MINUTE_S, fund_wallet, start_top_up
from tests.simulation.flows.refunds import ask, lose_events, pay_for_an_order, refund_at_razorpay, spend, wallet_is
from tests.simulation.races.race import Race
from tests.simulation.world import Customer, Reply, World

Act = Callable[[], Reply]


def _deliver(world: World, event_id: str) -> Act:
    return lambda: world.deliver(event_id)


def _event(world: World, payment: Mapping[str, Any], status: str, *more: Any, **fields: Any) -> Act:
    """The delivery of the event with which the bank begins or continues a dispute."""
    dispute(world, payment, status, *more, **fields)
    return _deliver(world, world.event_ids[-1])


def _spend(world: World, customer: Customer, amount: str = "500.00") -> Act:
    body = {"amount": amount, "source": "wallet"}
    return lambda: world.call(customer, "POST", f"{API}/payments/", body, "spend")


def _open(world: World, customer: Customer, amount_paise: int = 50_000) -> tuple[dict[str, Any], str]:
    """A top-up with an open dispute, whose amount is held; returns the top-up and the dispute's id."""
    top_up = fund_wallet(world, customer)
    dispute_id = dispute(world, top_up, amount_paise=amount_paise)
    assert world.deliver(world.event_ids[-1]).status == 200
    return top_up, dispute_id


def events_of_one(*statuses: str) -> Callable[[World], Race]:
    """The events of one dispute arrive at once. Whatever their order, its last status stays."""

    def prepare(world: World) -> Race:
        customer = world.customer()
        top_up = fund_wallet(world, customer)
        dispute_id = dispute(world, top_up)
        acts = [_deliver(world, world.event_ids[-1])]
        acts += [_event(world, top_up, status, dispute_id=dispute_id) for status in statuses]
        cash_paise, held_paise = {"lost": (30_000, 0), "under_review": (30_000, 20_000)}.get(
            statuses[-1], (50_000, 0)
        )

        def holds(replies: list[Reply]) -> bool:
            is_last = disputes_are(world, statuses[-1]) and wallet_is(world, customer, cash_paise, held_paise)
            return is_last and all(reply.status == 200 for reply in replies)

        return Race(acts, holds)

    return prepare


def opened_and_spend(world: World) -> Race:
    """Either the money is held and the payment declined, or it is spent and nothing is left to hold."""
    customer = world.customer()
    acts = [_event(world, fund_wallet(world, customer), "created", 50_000), _spend(world, customer)]

    def holds(replies: list[Reply]) -> bool:
        return wallet_is(world, customer, 0, 50_000 if replies[1].status == 400 else 0) and replies[0].status == 200

    return Race(acts, holds)


def ended_and_spend(status: str) -> Callable[[World], Race]:
    """A dispute about everything ends while the customer spends."""

    def prepare(world: World) -> Race:
        customer = world.customer()
        top_up, dispute_id = _open(world, customer)
        acts = [_event(world, top_up, status, dispute_id=dispute_id), _spend(world, customer)]

        def holds(replies: list[Reply]) -> bool:
            is_spent = replies[1].status == 201
            left_paise = 0 if is_spent or status == "lost" else 50_000
            return wallet_is(world, customer, left_paise) and not (is_spent and status == "lost")

        return Race(acts, holds)

    return prepare


def opened_and_refund(world: World) -> Race:
    """A dispute and a refund both want all of a top-up: together they take no more."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    acts = [_event(world, top_up, "created", 50_000), lambda: ask(world, top_up, "500.00")]
    return Race(acts, lambda replies: replies[0].status == 200 and replies[1].status in (201, 409))


def opened_and_refund_of_order_payment(world: World) -> Race:
    """The same of a payment without a wallet, so that no entry's number keeps the two apart."""
    payment = pay_for_an_order(world, world.customer())
    acts = [_event(world, payment, "created", 50_000), lambda: ask(world, payment, "500.00")]
    return Race(acts, lambda replies: replies[0].status == 200 and replies[1].status in (201, 409))


def lost_and_refund_of_order_payment(world: World) -> Race:
    """A dispute is lost while staff ask for the money that it left."""
    payment = pay_for_an_order(world, world.customer())
    dispute_id = dispute(world, payment, amount_paise=30_000)
    assert world.deliver(world.event_ids[-1]).status == 200
    acts = [_event(world, payment, "lost", dispute_id=dispute_id), lambda: ask(world, payment, "200.00")]

    def holds(replies: list[Reply]) -> bool:
        return replies[1].status == 201 and world.payment_row(payment["id"])["refundable_paise"] == 0

    return Race(acts, holds)


def lost_and_refund_elsewhere(world: World) -> Race:
    """A dispute about 400.00 is lost, and 300.00 are refunded in the dashboard: more than was captured."""
    customer = world.customer()
    top_up, dispute_id = _open(world, customer, 40_000)
    refund_at_razorpay(world, top_up, 30_000)
    acts = [_deliver(world, world.event_ids[-1]), _event(world, top_up, "lost", dispute_id=dispute_id)]

    def holds(replies: list[Reply]) -> bool:
        in_review = world.payment_row(top_up["id"])["review"]
        return any("exceeds_captured" in name for name in in_review) and wallet_is(world, customer, 0)

    return Race(acts, holds)


def two_disputes(world: World) -> Race:
    """Two disputes about one top-up are opened at once: together they hold what there is."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    acts = [_event(world, top_up, "created", 30_000), _event(world, top_up, "created", 40_000)]
    return Race(acts, lambda replies: disputes_are(world, "open", "open") and wallet_is(world, customer, 0, 50_000))


def opened_and_capture(world: World) -> Race:
    """The event of a dispute overtakes its capture's."""
    customer = world.customer()
    top_up = start_top_up(world, customer)
    world.pay(top_up["gateway_order_id"])
    acts = [_deliver(world, world.events_of("payment.captured")[-1]), _event(world, top_up, "created")]
    return Race(acts, lambda replies: wallet_is(world, customer, 30_000, 20_000))


def lost_of_spent_money_and_credit(world: World) -> Race:
    """What a lost dispute could not take is owed, and taken from the top-up that comes in, now or the next time."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    spend(world, customer, "500.00")
    dispute_id = dispute(world, top_up, amount_paise=50_000)
    assert world.deliver(world.event_ids[-1]).status == 200
    world.pay(start_top_up(world, customer)["gateway_order_id"])
    captured = _deliver(world, world.events_of("payment.captured")[-1])
    acts = [_event(world, top_up, "lost", dispute_id=dispute_id), captured]
    return Race(acts, lambda replies: wallet_is(world, customer, 0))


def lost_and_reconciler(world: World) -> Race:
    """The event of a loss, and the reconciler that asks about the dispute."""
    customer = world.customer()
    top_up, dispute_id = _open(world, customer)
    world.advance(CHECK_PAUSE_S)
    world.reconcile()
    world.advance(CHECK_PAUSE_S + MINUTE_S)
    acts = [_event(world, top_up, "lost", dispute_id=dispute_id), lambda: Reply(200, world.reconcile())]
    return Race(acts, lambda replies: disputes_are(world, "lost") and wallet_is(world, customer, 0))


def answered_and_reconciler(world: World) -> Race:
    """The answer to the reconciler can be older than the event of our evidence, which brings a later time, and then
    moves nothing back.
    """
    customer = world.customer()
    top_up, dispute_id = under_review(world, customer)
    dispute(world, top_up, "action_required", dispute_id=dispute_id)
    lose_events(world)
    world.advance(CHECK_PAUSE_S)

    def answer() -> Reply:
        dispute(world, top_up, "under_review", dispute_id=dispute_id)
        return world.deliver(world.event_ids[-1])

    acts = [answer, lambda: Reply(200, world.reconcile())]
    return Race(acts, lambda replies: disputes_are(world, "under_review"))


def opened_refund_and_spend(world: World) -> Race:
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    acts = [
        _event(world, top_up, "created", 30_000),
        lambda: ask(world, top_up, "300.00"),
        _spend(world, customer, "300.00"),
    ]
    return Race(acts, lambda replies: replies[0].status == 200)


def opened_lost_and_spend(world: World) -> Race:
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    dispute_id = dispute(world, top_up, amount_paise=40_000)
    acts = [
        _deliver(world, world.event_ids[-1]),
        _event(world, top_up, "lost", dispute_id=dispute_id),
        _spend(world, customer, "300.00"),
    ]

    def holds(replies: list[Reply]) -> bool:
        owed = (0, 0, 20_000) if replies[2].status == 201 else (10_000, 0, 0)
        return disputes_are(world, "lost") and wallet_is(world, customer, *owed)

    return Race(acts, holds)


LONG_DISPUTE_RACES: Mapping[str, Callable[[World], Race]] = {
    "dispute lost, reconciler": lost_and_reconciler,
    "evidence answered, reconciler": answered_and_reconciler,
    "dispute opened, refund asked for": opened_and_refund,
    "dispute opened, refund asked for, spend": opened_refund_and_spend,
    "dispute opened, lost, spend": opened_lost_and_spend,
    "dispute opened, under review, won": events_of_one("under_review", "won"),
    "dispute opened, under review, lost": events_of_one("under_review", "lost"),
    "dispute opened, refund of an order's payment": opened_and_refund_of_order_payment,
    "dispute lost, refund of an order's payment": lost_and_refund_of_order_payment,
}
DISPUTE_RACES: Mapping[str, Callable[[World], Race]] = {
    "dispute opened, under review": events_of_one("under_review"),
    "dispute opened, won": events_of_one("won"),
    "dispute opened, lost": events_of_one("lost"),
    "dispute opened, closed": events_of_one("closed"),
    "dispute opened, spend": opened_and_spend,
    "dispute won, spend": ended_and_spend("won"),
    "dispute lost, spend": ended_and_spend("lost"),
    "dispute lost, refund elsewhere": lost_and_refund_elsewhere,
    "two disputes of one top-up": two_disputes,
    "dispute opened, its capture": opened_and_capture,
    "dispute of spent money lost, credit": lost_of_spent_money_and_credit,
    **LONG_DISPUTE_RACES,
}
