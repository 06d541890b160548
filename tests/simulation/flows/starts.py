"""The flows of starts and captures with their edges: limits, offers, fees, a first wallet and unusable events."""

from collections.abc import Callable, Mapping

from tests.simulation.flows.flow import (
    API,
    APP,
    RECONCILER,
    WEBHOOK,
    Flow,
    Run,
    fund_wallet,
    run_checking_reply,
    start_top_up,
)
from tests.simulation.world import World

OPEN_PAYMENTS_MAX = 10


def start_over_the_limit(world: World) -> Run:
    """Start one payment more than may be open at once. It is refused, and neither order nor payment exists."""
    customer = world.customer()
    for _ in range(OPEN_PAYMENTS_MAX):
        start_top_up(world, customer, "1.00")

    def done_with(world: World) -> bool:
        return len(world.rows("PaymentsTable")) == len(world.razorpay.orders) == OPEN_PAYMENTS_MAX

    return run_checking_reply(
        lambda: world.call(customer, "POST", f"{API}/wallets/add-money/", {"amount": "1.00"}, "key"),
        lambda reply: reply.status == 429 and reply.body["code"] == "open_payments" and done_with(world),
    )


def start_over_the_wallet_limit(world: World) -> Run:
    """Start a top-up that the wallet cannot hold besides what is open."""
    customer = world.customer()
    start_top_up(world, customer, "150000.00")
    return run_checking_reply(
        lambda: world.call(customer, "POST", f"{API}/wallets/add-money/", {"amount": "50000.01"}, "key"),
        lambda reply: reply.status == 409 and len(world.razorpay.orders) == 1,
    )


def captured_above_the_wallet_limit(world: World) -> Run:
    """A top-up fails, another one fills the wallet, and then the order of the first is paid: that is credited too."""
    customer = world.customer()
    failed = start_top_up(world, customer, "150000.00")
    world.pay(failed["gateway_order_id"], "fail")
    assert world.deliver(world.event_ids[-1]).status == 200
    world.pay(start_top_up(world, customer, "150000.00")["gateway_order_id"])
    assert world.deliver(world.events_of("payment.captured")[-1]).status == 200
    world.pay(failed["gateway_order_id"])
    event_id = world.events_of("payment.captured")[-1]
    return Run(lambda: world.deliver(event_id), lambda: world.balance_paise(customer) == 30_000_000)


def captured_with(purpose: str, **amounts: int) -> Callable[[World], Run]:
    """A payment of 500.00 is captured with an offer of Razorpay's, or with a fee that the customer bears."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        started = start_top_up(world, customer)
        if purpose == "payment":
            body = {"amount": "500.00", "source": "gateway"}
            started = dict(world.call(customer, "POST", f"{API}/payments/", body, "key").body)
        world.razorpay.pay(started["gateway_order_id"], "upi", "success", **amounts)
        event_id = world.events_of("payment.captured")[0]
        world.acknowledged |= set(world.event_ids) - {event_id}
        paid_paise = 50_000 - amounts.get("offer_paise", 0)

        def done() -> bool:
            row = world.payment_row(started["id"])
            is_noted = [row.get(name) for name in ("discount_paise", "fee_paise")] == [
                amounts.get("offer_paise", 0),
                amounts.get("fee_paise", 0),
            ]
            in_wallet = 0 if purpose == "payment" else paid_paise
            is_credited = row["status"] == "captured" and row["refundable_paise"] == paid_paise
            return is_noted and is_credited and world.balance_paise(customer) == in_wallet

        return Run(lambda: world.deliver(event_id), done)

    return prepare


def first_wallet_payment(world: World) -> Run:
    """A payment from a wallet that was never opened opens it, and is refused."""
    customer = world.customer()
    return run_checking_reply(
        lambda: world.call(customer, "POST", f"{API}/payments/", {"amount": "5.00", "source": "wallet"}, "key"),
        lambda reply: reply.status == 400 and len(world.entries(customer)) == 1,
    )


def unusable_webhook(world: World) -> Run:
    """A signed event about a payment of which it contains nothing is stored, once."""
    fund_wallet(world, world.customer())
    world.acknowledged |= set(world.event_ids)
    body = {"entity": "event", "event": "payment.captured", "payload": {"payment": {"entity": {"id": "pay_1"}}}}
    event_id = str(world.razorpay.control("event", {"body": body})["event_id"])
    return Run(lambda: world.deliver(event_id), lambda: len(world.rows("UnusableWebhooksTable")) == 1)


START_FLOWS: Mapping[str, Flow] = {
    "top-up, too many are open": Flow(start_over_the_limit, (APP,)),
    "top-up, over the wallet limit": Flow(start_over_the_wallet_limit, (APP,)),
    "wallet payment, the first one": Flow(first_wallet_payment, (APP,)),
    "webhook, captured above the wallet limit": Flow(captured_above_the_wallet_limit, (WEBHOOK, RECONCILER)),
    "webhook, an offer": Flow(captured_with("top_up", offer_paise=5_000), (WEBHOOK, RECONCILER)),
    "webhook, a fee": Flow(captured_with("top_up", fee_paise=1_180), (WEBHOOK, RECONCILER)),
    "webhook, an offer and a fee": Flow(
        captured_with("payment", offer_paise=5_000, fee_paise=1_180), (WEBHOOK, RECONCILER)
    ),
    "webhook, unusable": Flow(unusable_webhook, (WEBHOOK,)),
}
