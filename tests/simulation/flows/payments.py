"""The flows that move money."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation.flows.flow import (
    API,
    APP,
    DAY_S,
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
from tests.simulation.invariants.check import refund_rows
from tests.simulation.world import Customer, Reply, World


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


def verify(outcome: str, purpose: str = "top_up", **choice: Any) -> Callable[[World], Run]:
    """The app sends the fields that checkout gave it. `choice` is what else the customer chose there."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        if purpose == "top_up":
            started = start_top_up(world, customer)
        else:
            body = {"amount": "500.00", "source": "gateway"}
            started = dict(world.call(customer, "POST", f"{API}/payments/", body, "key").body)
        paid = world.pay(started["gateway_order_id"], outcome, **choice)
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
        recorded = [row["gateway_refund"] for row in refund_rows(world)]
        return recorded == [refunded["id"]] and world.balance_paise(customer) == 30_000

    _suppress_other_events(world, event_id)
    return Run(lambda: world.deliver(event_id), done)


def asked_refund(world: World) -> Run:
    """The customer asks for the refund of a top-up. However often it is retried, Razorpay makes one."""
    customer = world.customer()
    payment = fund_wallet(world, customer)
    path = f"{API}/payments/{payment['id']}/refunds/"

    def done(reply: Reply) -> bool:
        asked = reply.status == 201 and reply.body["status"] in ("requested", "sending", "processed")
        return asked and len(refund_rows(world)) == 1 and world.balance_paise(customer) == 30_000

    return run_checking_reply(lambda: world.call(customer, "POST", path, {"amount": "200.00"}, "refund"), done)


def capture_after_refunded_authorization(world: World) -> Run:
    """Razorpay returned one attempt that was never captured. Then another attempt pays the order."""
    started = start_top_up(world, world.customer())
    first = world.pay(started["gateway_order_id"], "authorize")
    world.razorpay.control("refund", {"payment_id": first["razorpay_payment_id"]})
    for event_id in world.event_ids:
        assert world.deliver(event_id).status == 200
    assert world.payment_row(started["id"])["status"] == "refunded"
    world.pay(started["gateway_order_id"])
    event_id = world.events_of("payment.captured")[0]
    _suppress_other_events(world, event_id)
    return Run(lambda: world.deliver(event_id), lambda: is_applied(world, started))


def reconcile(world: World) -> Run:
    """The schedule asks about two payments that no webhook reported."""
    started = [start_top_up(world, world.customer()) for _ in range(2)]
    for top_up, outcome in zip(started, ("success", "authorize"), strict=True):
        world.pay(top_up["gateway_order_id"], outcome)
    return scheduled_run(world, lambda: all(is_applied(world, top_up) for top_up in started))


HOUR_S = 3_600
LATER_S = 900  # more than the windows of two looks at a list overlap


def reconcile_after_failure(world: World) -> Run:
    """The attempt failed, the reconciler learnt of it, then the bank accepted and no webhook reported that.

    By then no window of the lists contains the attempt.
    """
    customer = world.customer()
    started = start_top_up(world, customer)
    world.pay(started["gateway_order_id"], "late")
    assert world.deliver(world.event_ids[-1]).status == 200
    world.advance(LATER_S)
    world.reconcile()
    world.razorpay.control("late", {"order_id": started["gateway_order_id"]})
    world.acknowledged |= set(world.event_ids)
    world.advance(HOUR_S)
    return scheduled_run(world, lambda: is_applied(world, started))


def _credited_long_ago(world: World) -> tuple[Customer, dict[str, Any]]:
    """A customer with a credited top-up that no window of the lists contains any more; returns the payment too."""
    customer = world.customer()
    payment = fund_wallet(world, customer)
    world.advance(DAY_S)
    world.reconcile()
    return customer, payment


def _refund_unreported(world: World, payment: dict[str, Any], amount_paise: int, status: str = "processed") -> str:
    """Refund a part of a paid payment. No event of it ever arrives."""
    attempts = [a for a in world.razorpay.payments.values() if a["order_id"] == payment["gateway_order_id"]]
    sent = {"payment_id": attempts[0]["id"], "amount": amount_paise, "status": status}
    refund = world.razorpay.control("refund", sent)
    world.acknowledged |= set(world.event_ids)
    return str(refund["id"])


def reconcile_lists(world: World) -> Run:
    """The schedule finds a refund, a second capture and a capture that no webhook reported."""
    customer, payment = _credited_long_ago(world)
    _refund_unreported(world, payment, 20_000)
    world.razorpay.control("double_pay", {"order_id": payment["gateway_order_id"]})
    world.acknowledged |= set(world.event_ids)
    world.advance(LATER_S)

    def done() -> bool:
        review = world.payment_row(payment["id"])["review"]
        is_flagged = any(name.endswith(":second_capture") for name in review)
        return is_flagged and world.balance_paise(customer) == 30_000

    return scheduled_run(world, done)


def reconcile_pending_refund(world: World) -> Run:
    """A refund was pending when the list was read. It is processed long after, and no webhook reports it."""
    customer, payment = _credited_long_ago(world)
    refund_id = _refund_unreported(world, payment, 20_000, "pending")
    world.advance(LATER_S)
    world.reconcile()  # the next look's window does not contain the refund
    world.razorpay.control("refund_status", {"refund_id": refund_id, "status": "processed"})
    world.acknowledged |= set(world.event_ids)
    return scheduled_run(world, lambda: world.balance_paise(customer) == 30_000)


def sync_learns_refund(world: World) -> Run:
    """The app asks about a paid payment, of which a part was refunded without a webhook."""
    customer, payment = _credited_long_ago(world)
    _refund_unreported(world, payment, 20_000)
    path = f"{API}/payments/{payment['id']}/sync/"
    return Run(lambda: world.call(customer, "POST", path), lambda: world.balance_paise(customer) == 30_000)


def webhook_learns_refund(world: World) -> Run:
    """The event of a second refund arrives, and none of the first. What it cannot fetch is left to the reconciler."""
    customer, payment = _credited_long_ago(world)
    _refund_unreported(world, payment, 20_000)
    attempt = next(iter(world.razorpay.payments.values()))
    world.razorpay.control("refund", {"payment_id": attempt["id"], "amount": 10_000})
    event_id = world.event_ids[-1]
    _suppress_other_events(world, event_id)
    return Run(lambda: world.deliver(event_id), lambda: world.balance_paise(customer) == 20_000)


PAYMENT_FLOWS: Mapping[str, Flow] = {
    "top-up": Flow(top_up, (APP,)),
    "payment": Flow(payment, (APP,)),
    "wallet payment": Flow(wallet_payment, (APP,)),
    "wallet payment, insufficient funds": Flow(wallet_payment_too_large, (APP,)),
    "verify": Flow(verify("success"), (APP, WEBHOOK, RECONCILER)),
    "verify, only authorized": Flow(verify("authorize"), (APP, RECONCILER)),
    "verify, an offer": Flow(verify("success", offer_paise=5_000), (APP, WEBHOOK, RECONCILER)),
    "verify, a fee on the customer": Flow(verify("authorize", fee_paise=1_180), (APP, RECONCILER)),
    "verify, payment for an order": Flow(verify("success", "payment"), (APP, WEBHOOK, RECONCILER)),
    "sync": Flow(sync, (APP, WEBHOOK, RECONCILER)),
    "webhook, captured": Flow(webhook("payment.captured"), (WEBHOOK, RECONCILER)),
    "webhook, order paid": Flow(webhook("order.paid"), (WEBHOOK, RECONCILER)),
    "webhook, authorized": Flow(webhook("payment.authorized"), (WEBHOOK, RECONCILER)),
    "webhook, refund": Flow(refund, (WEBHOOK,)),
    "refund": Flow(asked_refund, (APP,)),
    "webhook, captured after a refund": Flow(capture_after_refunded_authorization, (WEBHOOK, RECONCILER)),
    "webhook, an earlier refund": Flow(webhook_learns_refund, (RECONCILER,)),
    "sync, a refund": Flow(sync_learns_refund, (APP, RECONCILER)),
    "reconcile": Flow(reconcile, (RECONCILER,)),
    "reconcile, lists": Flow(reconcile_lists, (RECONCILER,)),
    "reconcile, a pending refund": Flow(reconcile_pending_refund, (RECONCILER,)),
    "reconcile, after a failure": Flow(reconcile_after_failure, (RECONCILER,)),
}
