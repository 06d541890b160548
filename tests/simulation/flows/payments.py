"""The flows that move money."""

from collections.abc import Callable, Mapping

from tests.simulation.flows.flow import (
    API,
    APP,
    MINUTE_S,
    RECONCILER,
    WEBHOOK,
    Flow,
    Run,
    fund_wallet,
    is_applied,
    run_checking_reply,
    scheduled_run,
    start_top_up,
)
from tests.simulation.world import World


def top_up(world: World) -> Run:
    """Start a top-up. However often it is retried, there is one payment with one payable order."""
    customer = world.customer()
    return run_checking_reply(
        lambda: world.call(customer, "POST", f"{API}/wallets/add-money/", {"amount": "500.00"}, "key"),
        lambda reply: reply.status == 201 and len(world.rows("PaymentsTable")) == 1,
    )


def payment(world: World) -> Run:
    """Start a payment through Razorpay with a saved method."""
    customer = world.customer()
    method = world.call(customer, "POST", f"{API}/payment-methods/", {"type": "upi", "upi_id": customer.vpa}).body
    body = {"amount": "250.00", "source": "gateway", "payment_method": method["id"], "contact": customer.phone}
    return run_checking_reply(
        lambda: world.call(customer, "POST", f"{API}/payments/", body, "key"),
        lambda reply: reply.status == 201 and len(world.rows("PaymentsTable")) == 1,
    )


def wallet_payment(world: World) -> Run:
    """Pay from the wallet."""
    customer = world.customer()
    fund_wallet(world, customer)
    body = {"amount": "200.00", "source": "wallet", "reference": "garment-order-1"}
    return run_checking_reply(
        lambda: world.call(customer, "POST", f"{API}/payments/", body, "key"),
        lambda reply: reply.status == 201 and world.balance_paise(customer) == 30_000,
    )


def wallet_payment_too_large(world: World) -> Run:
    """Pay more from the wallet than it holds. The refusal stays the key's result, whatever arrives later."""
    customer = world.customer()
    fund_wallet(world, customer, "100.00")
    body = {"amount": "200.00", "source": "wallet"}
    return run_checking_reply(
        lambda: world.call(customer, "POST", f"{API}/payments/", body, "key"),
        lambda reply: reply.status == 400 and world.balance_paise(customer) == 10_000,
    )


def verify(outcome: str, purpose: str = "top_up") -> Callable[[World], Run]:
    """The app sends the fields that checkout gave it."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        if purpose == "top_up":
            started = start_top_up(world, customer)
        else:
            body = {"amount": "500.00", "source": "gateway"}
            started = dict(world.call(customer, "POST", f"{API}/payments/", body, "key").body)
        paid = world.pay(started["gateway_order_id"], outcome)
        path = f"{API}/payments/{started['id']}/verify/"
        return Run(lambda: world.call(customer, "POST", path, paid), lambda: is_applied(world, started))

    return prepare


def sync(world: World) -> Run:
    """The app lost the fields of checkout and asks for the payment's state."""
    customer = world.customer()
    started = start_top_up(world, customer)
    world.pay(started["gateway_order_id"])
    path = f"{API}/payments/{started['id']}/sync/"
    return Run(lambda: world.call(customer, "POST", path), lambda: is_applied(world, started))


def webhook(name: str) -> Callable[[World], Run]:
    """Razorpay reports a top-up by one event."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        started = start_top_up(world, customer)
        world.pay(started["gateway_order_id"])
        event_id = world.events_of(name)[0]

        def done() -> bool:
            is_authorized = world.rows("PaymentsTable")[0]["status"] == "authorized"
            return is_applied(world, started) or (name == "payment.authorized" and is_authorized)

        _suppress_other_events(world, event_id)
        return Run(lambda: world.deliver(event_id), done)

    return prepare


def _suppress_other_events(world: World, event_id: str) -> None:
    """Deliver no other event: the effect must come from this one."""
    world.acknowledged |= {other for other in world.event_ids if other != event_id}


def refund(world: World) -> Run:
    """Razorpay refunds a top-up and reports it."""
    customer = world.customer()
    fund_wallet(world, customer)
    attempt = next(iter(world.razorpay.payments.values()))
    refunded = world.razorpay.control("refund", {"payment_id": attempt["id"], "amount": 20_000})
    event_id = world.event_ids[-1]

    def done() -> bool:
        recorded = [row["id"] for row in world.rows("RefundsTable")]
        return recorded == [refunded["id"]] and world.balance_paise(customer) == 30_000

    _suppress_other_events(world, event_id)
    return Run(lambda: world.deliver(event_id), done)


def reconcile(world: World) -> Run:
    """The schedule asks about two payments that no webhook reported."""
    started = [start_top_up(world, world.customer()) for _ in range(2)]
    for top_up, outcome in zip(started, ("success", "authorize"), strict=True):
        world.pay(top_up["gateway_order_id"], outcome)
    return scheduled_run(world, lambda: all(is_applied(world, top_up) for top_up in started))


def reconcile_after_failure(world: World) -> Run:
    """The attempt failed, the reconciler learnt of it, then the bank accepted and no webhook reported that."""
    customer = world.customer()
    started = start_top_up(world, customer)
    world.pay(started["gateway_order_id"], "late")
    assert world.deliver(world.event_ids[-1]).status == 200
    world.advance(MINUTE_S)
    world.reconcile()
    world.razorpay.control("late", {"order_id": started["gateway_order_id"]})
    world.acknowledged |= set(world.event_ids)
    world.advance(MINUTE_S)
    return scheduled_run(world, lambda: is_applied(world, started))


PAYMENT_FLOWS: Mapping[str, Flow] = {
    "top-up": Flow(top_up, (APP,)),
    "payment": Flow(payment, (APP,)),
    "wallet payment": Flow(wallet_payment, (APP,)),
    "wallet payment, insufficient funds": Flow(wallet_payment_too_large, (APP,)),
    "verify": Flow(verify("success"), (APP, WEBHOOK, RECONCILER)),
    "verify, only authorized": Flow(verify("authorize"), (APP, RECONCILER)),
    "verify, payment for an order": Flow(verify("success", "payment"), (APP, WEBHOOK, RECONCILER)),
    "sync": Flow(sync, (APP, WEBHOOK, RECONCILER)),
    "webhook, captured": Flow(webhook("payment.captured"), (WEBHOOK, RECONCILER)),
    "webhook, order paid": Flow(webhook("order.paid"), (WEBHOOK, RECONCILER)),
    "webhook, authorized": Flow(webhook("payment.authorized"), (WEBHOOK, RECONCILER)),
    "webhook, refund": Flow(refund, (WEBHOOK,)),
    "reconcile": Flow(reconcile, (RECONCILER,)),
    "reconcile, after a failure": Flow(reconcile_after_failure, (RECONCILER,)),
}
