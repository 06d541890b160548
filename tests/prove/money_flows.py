"""The flows that move money."""

from collections.abc import Callable, Mapping

from tests.prove.drivers import (
    API,
    APP,
    MINUTE_S,
    RECONCILER,
    WEBHOOK,
    Flow,
    Run,
    answered,
    funded,
    scheduled,
    settled,
    started_top_up,
)
from tests.prove.world import World


def top_up(world: World) -> Run:
    """Start a top-up. Retried, it is one payment with one order that can be paid and credited."""
    customer = world.customer()
    return answered(
        lambda: world.call(customer, "POST", f"{API}/wallets/add-money/", {"amount": "500.00"}, "key"),
        lambda answer: answer.status == 201 and len(world.rows("PaymentsTable")) == 1,
    )


def payment(world: World) -> Run:
    """Start a payment through the gateway with a saved method."""
    customer = world.customer()
    method = world.call(customer, "POST", f"{API}/payment-methods/", {"type": "upi", "upi_id": customer.vpa}).body
    body = {"amount": "250.00", "source": "gateway", "payment_method": method["id"], "contact": customer.phone}
    return answered(
        lambda: world.call(customer, "POST", f"{API}/payments/", body, "key"),
        lambda answer: answer.status == 201 and len(world.rows("PaymentsTable")) == 1,
    )


def wallet_payment(world: World) -> Run:
    """Pay from the wallet."""
    customer = world.customer()
    funded(world, customer)
    body = {"amount": "200.00", "source": "wallet", "reference": "garment-order-1"}
    return answered(
        lambda: world.call(customer, "POST", f"{API}/payments/", body, "key"),
        lambda answer: answer.status == 201 and world.balance_paise(customer) == 30_000,
    )


def wallet_payment_too_large(world: World) -> Run:
    """Pay more from the wallet than it holds; money that arrives later changes nothing for the same key."""
    customer = world.customer()
    funded(world, customer, "100.00")
    body = {"amount": "200.00", "source": "wallet"}
    return answered(
        lambda: world.call(customer, "POST", f"{API}/payments/", body, "key"),
        lambda answer: answer.status == 400 and world.balance_paise(customer) == 10_000,
    )


def verify(outcome: str, started_as: str = "top_up") -> Callable[[World], Run]:
    """The app brings what checkout gave it."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        if started_as == "top_up":
            started = started_top_up(world, customer)
        else:
            body = {"amount": "500.00", "source": "gateway"}
            started = dict(world.call(customer, "POST", f"{API}/payments/", body, "key").body)
        paid = world.pay(started["gateway_order_id"], outcome)
        path = f"{API}/payments/{started['id']}/verify/"
        return Run(lambda: world.call(customer, "POST", path, paid), lambda: settled(world, started))

    return prepare


def sync(world: World) -> Run:
    """The app lost checkout's answer and asks."""
    customer = world.customer()
    started = started_top_up(world, customer)
    world.pay(started["gateway_order_id"])
    path = f"{API}/payments/{started['id']}/sync/"
    return Run(lambda: world.call(customer, "POST", path), lambda: settled(world, started))


def webhook(event: str) -> Callable[[World], Run]:
    """The gateway tells of a top-up by one event."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        started = started_top_up(world, customer)
        world.pay(started["gateway_order_id"])
        wanted = next(one for one, told in world.gateway.events.items() if told["event"] == event)
        known = lambda: world.rows("PaymentsTable")[0]["status"] == "authorized" or settled(world, started)  # noqa: E731
        done = known if event == "payment.authorized" else lambda: settled(world, started)
        _only(world, wanted)
        return Run(lambda: world.deliver(wanted), done)

    return prepare


def _only(world: World, wanted: str) -> None:
    """No other event is on its way: what this one brings, it brings alone."""
    world.acknowledged |= {event for event in world.events if event != wanted}


def refund(world: World) -> Run:
    """The gateway gives a top-up back and tells so."""
    customer = world.customer()
    funded(world, customer)
    told = next(iter(world.gateway.payments.values()))
    given_back = world.gateway.control("refund", {"payment_id": told["id"], "amount": 20_000})
    wanted = world.events[-1]

    def done() -> bool:
        known = [one["id"] for one in world.rows("RefundsTable")]
        return known == [given_back["id"]] and world.balance_paise(customer) == 30_000

    _only(world, wanted)
    return Run(lambda: world.deliver(wanted), done)


def reconcile(world: World) -> Run:
    """Two payments that no webhook told of, asked for by the schedule."""
    started = [started_top_up(world, world.customer()) for _ in range(2)]
    for one, outcome in zip(started, ("success", "authorize"), strict=True):
        world.pay(one["gateway_order_id"], outcome)
    return scheduled(world, lambda: all(settled(world, one) for one in started))


def reconcile_after_failure(world: World) -> Run:
    """The bank said no, the reconciler heard of it, and then the bank said yes and no webhook told."""
    customer = world.customer()
    started = started_top_up(world, customer)
    world.pay(started["gateway_order_id"], "late")
    assert world.deliver(world.events[-1]).status == 200
    world.forward(MINUTE_S)
    world.reconcile()
    world.gateway.control("late", {"order_id": started["gateway_order_id"]})
    world.acknowledged |= set(world.events)
    world.forward(MINUTE_S)
    return scheduled(world, lambda: settled(world, started))


MONEY_FLOWS: Mapping[str, Flow] = {
    "top-up": Flow(top_up, (APP,)),
    "payment": Flow(payment, (APP,)),
    "wallet payment": Flow(wallet_payment, (APP,)),
    "wallet payment, too large": Flow(wallet_payment_too_large, (APP,)),
    "verify": Flow(verify("success"), (APP, WEBHOOK, RECONCILER)),
    "verify, only authorised": Flow(verify("authorize"), (APP, RECONCILER)),
    "verify, of a payment": Flow(verify("success", "payment"), (APP, WEBHOOK, RECONCILER)),
    "sync": Flow(sync, (APP, WEBHOOK, RECONCILER)),
    "webhook, captured": Flow(webhook("payment.captured"), (WEBHOOK, RECONCILER)),
    "webhook, order paid": Flow(webhook("order.paid"), (WEBHOOK, RECONCILER)),
    "webhook, authorised": Flow(webhook("payment.authorized"), (WEBHOOK, RECONCILER)),
    "webhook, refund": Flow(refund, (WEBHOOK,)),
    "reconcile": Flow(reconcile, (RECONCILER,)),
    "reconcile, after a failure": Flow(reconcile_after_failure, (RECONCILER,)),
}
