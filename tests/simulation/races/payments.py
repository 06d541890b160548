"""Races over a payment, its refunds and its customer's wallet."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tests.simulation.flows.flow import API, DAY_S, MINUTE_S, fund_wallet, is_applied, start_top_up
from tests.simulation.races.race import Race, statuses_are
from tests.simulation.world import Customer, Reply, World

Act = Callable[[], Reply]


def _spend(world: World, customer: Customer, key: str, amount: str = "500.00") -> Act:
    return lambda: world.call(customer, "POST", f"{API}/payments/", {"amount": amount, "source": "wallet"}, key)


def _add_money(world: World, customer: Customer, key: str, amount: str = "500.00") -> Act:
    return lambda: world.call(customer, "POST", f"{API}/wallets/add-money/", {"amount": amount}, key)


def _reconcile(world: World) -> Act:
    return lambda: Reply(200, world.reconcile())


def _make_due(world: World) -> None:
    """Let the open payments become due, and leave the reconciler's lists to the races that are about them."""
    world.reads_lists = False
    world.advance(MINUTE_S)


def _deliver(world: World, event: str, place: int = 0) -> Act:
    event_id = world.events_of(event)[place]
    return lambda: world.deliver(event_id)


def _paid_top_up(world: World, customer: Customer, outcome: str = "success") -> tuple[dict[str, Any], Act]:
    """A started and paid top-up, and the app's verify request for it."""
    started = start_top_up(world, customer)
    paid = world.pay(started["gateway_order_id"], outcome)
    return started, lambda: world.call(customer, "POST", f"{API}/payments/{started['id']}/verify/", paid)


# --- applying a capture


def verify_and_webhook(world: World) -> Race:
    started, verify = _paid_top_up(world, world.customer())
    acts = [verify, _deliver(world, "payment.captured")]
    return Race(acts, lambda replies: statuses_are(replies, 200, 200) and is_applied(world, started))


def two_webhooks(world: World) -> Race:
    started, _ = _paid_top_up(world, world.customer())
    acts = [_deliver(world, "payment.captured"), _deliver(world, "order.paid")]
    return Race(acts, lambda replies: statuses_are(replies, 200, 200) and is_applied(world, started))


def verify_and_reconcile(world: World) -> Race:
    started, verify = _paid_top_up(world, world.customer(), "authorize")
    _make_due(world)
    return Race([verify, _reconcile(world)], lambda replies: is_applied(world, started))


def two_reconcilers(world: World) -> Race:
    started, _ = _paid_top_up(world, world.customer())
    _make_due(world)
    return Race([_reconcile(world), _reconcile(world)], lambda replies: is_applied(world, started))


def failed_and_captured(world: World) -> Race:
    """The bank declined and then accepted; both events arrive at once."""
    customer = world.customer()
    started = start_top_up(world, customer)
    world.pay(started["gateway_order_id"], "late")
    world.razorpay.control("late", {"order_id": started["gateway_order_id"]})
    acts = [_deliver(world, "payment.failed"), _deliver(world, "payment.captured")]
    return Race(acts, lambda replies: statuses_are(replies, 200, 200) and is_applied(world, started))


def verify_webhook_and_reconcile(world: World) -> Race:
    started, verify = _paid_top_up(world, world.customer())
    _make_due(world)
    acts = [verify, _deliver(world, "payment.captured"), _reconcile(world)]
    return Race(acts, lambda replies: is_applied(world, started))


# --- one wallet


def two_credits(world: World) -> Race:
    customer = world.customer()
    (first, verify), (second, _) = _paid_top_up(world, customer), _paid_top_up(world, customer)
    acts = [verify, _deliver(world, "payment.captured", 1)]

    def holds(replies: list[Reply]) -> bool:
        return is_applied(world, first) and is_applied(world, second) and world.balance_paise(customer) == 100_000

    return Race(acts, holds)


def credit_and_spend(world: World) -> Race:
    """The wallet holds just enough to spend while money comes in."""
    customer = world.customer()
    fund_wallet(world, customer)
    started, verify = _paid_top_up(world, customer)
    acts = [verify, _spend(world, customer, "spend")]

    def holds(replies: list[Reply]) -> bool:
        return replies[1].status == 201 and world.balance_paise(customer) == 50_000 and is_applied(world, started)

    return Race(acts, holds)


def two_spend_all(world: World) -> Race:
    customer = world.customer()
    fund_wallet(world, customer)
    acts = [_spend(world, customer, "one"), _spend(world, customer, "two")]
    return Race(acts, lambda replies: statuses_are(replies, 201, 400) and world.balance_paise(customer) == 0)


def credit_and_two_spends(world: World) -> Race:
    """Money comes in while two payments want it: no more is spent than the wallet then holds."""
    customer = world.customer()
    fund_wallet(world, customer)
    started, verify = _paid_top_up(world, customer)
    acts = [verify, _spend(world, customer, "one"), _spend(world, customer, "two", "300.00")]
    return Race(acts, lambda replies: replies[0].status == 200 and is_applied(world, started))


# --- one Idempotency-Key


def one_key_spent_twice(world: World) -> Race:
    customer = world.customer()
    fund_wallet(world, customer, "1000.00")
    acts = [_spend(world, customer, "same"), _spend(world, customer, "same")]
    return Race(acts, lambda replies: statuses_are(replies, 201, 201) and world.balance_paise(customer) == 50_000)


def one_top_up_twice(world: World) -> Race:
    customer = world.customer()
    acts = [_add_money(world, customer, "same"), _add_money(world, customer, "same")]

    def holds(replies: list[Reply]) -> bool:
        orders = {reply.body["gateway_order_id"] for reply in replies if reply.status == 201}
        is_same = replies[0].body["id"] == replies[1].body["id"]
        return statuses_are(replies, 201, 201) and is_same and len(orders) == 1

    return Race(acts, holds)


def one_key_two_bodies(world: World) -> Race:
    customer = world.customer()
    acts = [_add_money(world, customer, "same"), _add_money(world, customer, "same", "700.00")]
    return Race(acts, lambda replies: statuses_are(replies, 201, 409))


# --- limits on starting


def three_top_ups_under_the_wallet_limit(world: World) -> Race:
    """Each fits the wallet limit alone, no two of them do."""
    customer = world.customer()
    acts = [_add_money(world, customer, key, "120000.00") for key in ("one", "two", "three")]

    def holds(replies: list[Reply]) -> bool:
        statuses = sorted(reply.status for reply in replies)
        return statuses == [201, 409, 409] and len(world.rows("PaymentsTable")) == 1

    return Race(acts, holds)


def top_up_and_capture_under_the_wallet_limit(world: World) -> Race:
    """Money that arrives while the next top-up starts counts: as open, or as what the wallet has."""
    customer = world.customer()
    started = dict(world.call(customer, "POST", f"{API}/wallets/add-money/", {"amount": "120000.00"}, "one").body)
    paid = world.pay(started["gateway_order_id"])
    verify = partial(world.call, customer, "POST", f"{API}/payments/{started['id']}/verify/", paid)
    acts: list[Act] = [verify, _add_money(world, customer, "two", "80000.01")]
    return Race(acts, lambda replies: replies[0].status == 200 and replies[1].status == 409)


# --- refunds


def _refunded_top_up(world: World, customer: Customer, amount_paise: int) -> dict[str, Any]:
    """A credited top-up that Razorpay has refunded; returns Razorpay's refund."""
    fund_wallet(world, customer)
    attempt = next(reversed(world.razorpay.payments.values()))
    return dict(world.razorpay.control("refund", {"payment_id": attempt["id"], "amount": amount_paise}))


def refund_reported_twice(world: World) -> Race:
    customer = world.customer()
    _refunded_top_up(world, customer, 20_000)
    acts = [_deliver(world, "refund.processed"), _deliver(world, "refund.created")]
    return Race(acts, lambda replies: statuses_are(replies, 200, 200) and world.balance_paise(customer) == 30_000)


def two_refunds(world: World) -> Race:
    customer = world.customer()
    first = _refunded_top_up(world, customer, 20_000)
    world.razorpay.control("refund", {"payment_id": first["payment_id"], "amount": 30_000})
    acts = [_deliver(world, "refund.processed"), _deliver(world, "refund.processed", 1)]
    return Race(acts, lambda replies: statuses_are(replies, 200, 200) and world.balance_paise(customer) == 0)


def two_refunds_of_an_order_payment(world: World) -> Race:
    """Refunds of a payment that touches no wallet, so that no entry's number keeps the two apart."""
    customer = world.customer()
    body = {"amount": "500.00", "source": "gateway"}
    started = dict(world.call(customer, "POST", f"{API}/payments/", body).body)
    world.pay(started["gateway_order_id"])
    (attempt,) = world.razorpay.payments.values()
    assert _deliver(world, "payment.captured")().status == 200
    for amount_paise in (20_000, 30_000):
        world.razorpay.control("refund", {"payment_id": attempt["id"], "amount": amount_paise})
    acts = [_deliver(world, "refund.processed"), _deliver(world, "refund.processed", 1)]

    def holds(replies: list[Reply]) -> bool:
        return statuses_are(replies, 200, 200) and world.payment_row(started["id"])["refunded_paise"] == 50_000

    return Race(acts, holds)


def refund_and_spend(world: World) -> Race:
    """Either the money is spent and the refund owed, or it is refunded and the payment declined."""
    customer = world.customer()
    _refunded_top_up(world, customer, 50_000)
    acts = [_deliver(world, "refund.processed"), _spend(world, customer, "spend")]
    return Race(acts, lambda replies: replies[0].status == 200 and world.balance_paise(customer) == 0)


def refund_and_capture(world: World) -> Race:
    """The refund's event may overtake the capture's."""
    customer = world.customer()
    started, _ = _paid_top_up(world, customer)
    assert started
    attempt = next(iter(world.razorpay.payments.values()))
    world.razorpay.control("refund", {"payment_id": attempt["id"]})
    acts = [_deliver(world, "refund.processed"), _deliver(world, "payment.captured")]

    def holds(replies: list[Reply]) -> bool:
        entries = [(entry["kind"], entry["amount_paise"]) for entry in world.entries(customer)[1:]]
        return statuses_are(replies, 200, 200) and entries == [("credit", 50_000), ("debit", 50_000)]

    return Race(acts, holds)


def refund_spend_and_credit(world: World) -> Race:
    customer = world.customer()
    _refunded_top_up(world, customer, 50_000)
    started, verify = _paid_top_up(world, customer)
    acts = [_deliver(world, "refund.processed"), _spend(world, customer, "spend"), verify]
    return Race(acts, lambda replies: is_applied(world, started))


# --- refunds that the lists report


def _listed_refund(world: World, customer: Customer, amount_paise: int) -> None:
    """A credited top-up whose refund is reported by the list of refunds alone, until its event is delivered."""
    fund_wallet(world, customer)
    world.advance(DAY_S)
    world.reconcile()
    attempt = next(reversed(world.razorpay.payments.values()))
    world.razorpay.control("refund", {"payment_id": attempt["id"], "amount": amount_paise})
    world.advance(MINUTE_S)


def refund_webhook_and_list(world: World) -> Race:
    customer = world.customer()
    _listed_refund(world, customer, 20_000)
    acts = [_deliver(world, "refund.processed"), _reconcile(world)]
    return Race(acts, lambda replies: replies[0].status == 200 and world.balance_paise(customer) == 30_000)


def refund_webhook_list_and_spend(world: World) -> Race:
    """Either the money is spent and the refund owed, or it is refunded and the payment declined."""
    customer = world.customer()
    _listed_refund(world, customer, 50_000)
    acts = [_deliver(world, "refund.processed"), _reconcile(world), _spend(world, customer, "spend")]
    return Race(acts, lambda replies: replies[0].status == 200 and world.balance_paise(customer) == 0)


def list_and_spend(world: World) -> Race:
    customer = world.customer()
    _listed_refund(world, customer, 50_000)
    acts = [_reconcile(world), _spend(world, customer, "spend")]
    return Race(acts, lambda replies: world.balance_paise(customer) == 0)


def two_reconcilers_read_the_lists(world: World) -> Race:
    customer = world.customer()
    _listed_refund(world, customer, 20_000)
    acts = [_reconcile(world), _reconcile(world)]
    return Race(acts, lambda replies: world.balance_paise(customer) == 30_000)


LIST_RACES: Mapping[str, Callable[[World], Race]] = {
    "refund, list": refund_webhook_and_list,
    "refund, list, spend": refund_webhook_list_and_spend,
    "list, spend": list_and_spend,
    "list, list": two_reconcilers_read_the_lists,
}
PAYMENT_RACES: Mapping[str, Callable[[World], Race]] = {
    "verify, webhook": verify_and_webhook,
    "webhook, another webhook of the payment": two_webhooks,
    "verify of an authorized payment, reconciler": verify_and_reconcile,
    "reconciler, reconciler": two_reconcilers,
    "failed, then captured": failed_and_captured,
    "two credits of one wallet": two_credits,
    "credit, spend": credit_and_spend,
    "two spend the whole balance": two_spend_all,
    "one key spent twice": one_key_spent_twice,
    "one top-up started twice": one_top_up_twice,
    "one key, two bodies": one_key_two_bodies,
    "three top-ups under the wallet limit": three_top_ups_under_the_wallet_limit,
    "capture, top-up under the wallet limit": top_up_and_capture_under_the_wallet_limit,
    "refund reported twice": refund_reported_twice,
    "two refunds of one top-up": two_refunds,
    "two refunds of a payment for an order": two_refunds_of_an_order_payment,
    "refund, spend": refund_and_spend,
    "refund, its capture": refund_and_capture,
    "verify, webhook, reconciler": verify_webhook_and_reconcile,
    "credit, spend, spend": credit_and_two_spends,
    "refund, spend, credit": refund_spend_and_credit,
    **LIST_RACES,
}
