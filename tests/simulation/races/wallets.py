"""Races over opening and blocking a wallet."""

from collections.abc import Callable, Mapping

from tests.simulation.flows.desk import set_block
from tests.simulation.flows.flow import API, fund_wallet, start_top_up
from tests.simulation.flows.refunds import ask, pay_for_an_order, wallet_is
from tests.simulation.races.race import Race, statuses_are
from tests.simulation.world import Customer, Reply, World

Act = Callable[[], Reply]


def _spend(world: World, customer: Customer, key: str) -> Act:
    body = {"amount": "500.00", "source": "wallet"}
    return lambda: world.call(customer, "POST", f"{API}/payments/", body, key)


def _block(world: World, customer: Customer) -> Act:
    return lambda: set_block(world, customer, "block")


def two_first_spends(world: World) -> Race:
    """Two payments from a wallet that was never opened: both are refused, and it is opened once."""
    customer = world.customer()
    acts = [_spend(world, customer, key) for key in ("one", "two")]
    return Race(acts, lambda replies: statuses_are(replies, 400, 400) and len(world.entries(customer)) == 1)


def first_spend_and_credit(world: World) -> Race:
    """The first top-up is credited while a payment opens the wallet."""
    customer = world.customer()
    world.pay(start_top_up(world, customer)["gateway_order_id"])
    captured = world.events_of("payment.captured")[-1]
    acts: list[Act] = [_spend(world, customer, "one"), lambda: world.deliver(captured)]

    def holds(replies: list[Reply]) -> bool:
        is_spent = replies[0].status == 201
        return replies[1].status == 200 and wallet_is(world, customer, 0 if is_spent else 50_000)

    return Race(acts, holds)


def first_refund_and_credit(world: World) -> Race:
    """A refund to a wallet that was never opened, and the first top-up."""
    customer = world.customer()
    payment = pay_for_an_order(world, customer)
    world.pay(start_top_up(world, customer)["gateway_order_id"])
    captured = world.events_of("payment.captured")[-1]
    acts: list[Act] = [
        lambda: ask(world, payment, destination="wallet"),
        lambda: world.deliver(captured),
    ]
    return Race(acts, lambda replies: statuses_are(replies, 200, 201) and wallet_is(world, customer, 70_000))


def block_and_spend(world: World) -> Race:
    """Either the wallet is blocked and the payment refused, or it was paid before. Nothing is spent after a block."""
    customer = world.customer()
    fund_wallet(world, customer)
    acts = [_block(world, customer), _spend(world, customer, "one")]

    def holds(replies: list[Reply]) -> bool:
        kinds = [entry["kind"] for entry in world.entries(customer)[2:]]
        return kinds == (["debit", "block"] if replies[1].status == 201 else ["block"])

    return Race(acts, holds)


def block_and_refund(world: World) -> Race:
    """A refund that staff ask for passes a blocked wallet."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    acts: list[Act] = [_block(world, customer), lambda: ask(world, top_up)]
    return Race(acts, lambda replies: replies[1].status == 201 and wallet_is(world, customer, 30_000))


WALLET_RACES: Mapping[str, Callable[[World], Race]] = {
    "two first spends": two_first_spends,
    "first spend, credit": first_spend_and_credit,
    "first refund, credit": first_refund_and_credit,
    "block, spend": block_and_spend,
    "block, refund asked for": block_and_refund,
}
