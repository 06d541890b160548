"""The flows of refunds: those that staff ask for, and those that are made at Razorpay."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation.flows.flow import (
    API,
    APP,
    RECONCILER,
    WEBHOOK,
    Flow,
    Run,
    fund_wallet,
    run_checking_reply,
    scheduled_run,
    start_top_up,
)
from tests.simulation.invariants.check import PAYMENTS, refund_rows
from tests.simulation.world import Customer, Reply, World

STAFF = "/api/staff"
OPEN = ("requested", "sending", "pending")


def ask(
    world: World,
    payment: Mapping[str, Any],
    amount: str = "200.00",
    key: str = "refund",
    destination: str | None = None,
) -> Reply:
    """Staff ask for a refund of a part of the payment."""
    body = {"amount": amount, "reason": "A stain", **({"destination": destination} if destination else {})}
    return world.call(world.staff("support"), "POST", f"{STAFF}/payments/{payment['id']}/refunds/", body, key)


def pay_for_an_order(world: World, customer: Customer, amount: str = "500.00") -> dict[str, Any]:
    """Capture a payment through Razorpay that does not touch the wallet; returns it."""
    body = {"amount": amount, "source": "gateway"}
    payment = dict(world.call(customer, "POST", f"{API}/payments/", body, f"order-{len(world.replies)}").body)
    world.pay(payment["gateway_order_id"])
    assert world.deliver(world.events_of("payment.captured")[-1]).status == 200
    return payment


def spend(world: World, customer: Customer, amount: str, key: str = "spend") -> dict[str, Any]:
    """Pay from the wallet; returns the payment."""
    reply = world.call(customer, "POST", f"{API}/payments/", {"amount": amount, "source": "wallet"}, key)
    assert reply.status == 201, reply
    return dict(reply.body)


def attempt_of(world: World, payment: Mapping[str, Any]) -> dict[str, Any]:
    """Razorpay's first attempt to pay this payment."""
    attempts = world.razorpay.payments.values()
    return next(attempt for attempt in attempts if attempt["order_id"] == payment["gateway_order_id"])


def refund_at_razorpay(
    world: World, payment: Mapping[str, Any], amount_paise: int = 20_000, status: str = "processed"
) -> str:
    """Refund a part of the payment in Razorpay's dashboard; returns Razorpay's id."""
    sent = {"payment_id": attempt_of(world, payment)["id"], "amount": amount_paise, "status": status}
    return str(world.razorpay.control("refund", sent)["id"])


def lose_answer(world: World) -> None:
    """The answer to the next refund that is asked for is lost."""
    fault = {"method": "POST", "path": "/v1/payments/", "fault": "drop"}
    world.razorpay.control("faults", [fault])


def event_without_notes(world: World, name: str) -> str:
    """Emit the newest event with this name once more, without what we sent of our own; returns its id."""
    body = json.loads(world.razorpay.events[world.events_of(name)[-1]]["body"])
    body["payload"]["refund"]["entity"] |= {"notes": [], "receipt": None}
    return str(world.razorpay.control("event", {"body": body})["event_id"])


def lose_events(world: World) -> None:
    """No event up to now is delivered any more."""
    world.acknowledged |= set(world.event_ids)


def wallet_is(world: World, customer: Customer, cash_paise: int, held_paise: int = 0, owed_paise: int = 0) -> bool:
    """Whether the wallet has exactly this."""
    head = world.entries(customer)[-1]
    return [head[name] for name in ("cash_paise", "held_paise", "owed_paise")] == [cash_paise, held_paise, owed_paise]


def statuses(world: World) -> list[str]:
    """The statuses of all refunds, as our records have them."""
    return [row["status"] for row in refund_rows(world)]


# --- asked for by staff


def refund_of_top_up(status: str) -> Callable[[World], Run]:
    """Staff refund a part of a top-up to its source, and Razorpay answers with this status.

    Whoever repeats the request gets the first refund. Once it is recorded, the reconciler brings it to its end.
    """

    def prepare(world: World) -> Run:
        customer = world.customer()
        top_up = fund_wallet(world, customer)
        world.razorpay.control("refund_status", {"status": status})

        def accepted(reply: Reply) -> bool:
            is_held = statuses(world)[0] in OPEN and wallet_is(world, customer, 30_000, 20_000)
            return reply.status == 201 and len(refund_rows(world)) == 1 and (is_held or ended())

        def ended() -> bool:
            made = len(world.razorpay.refunds) == 1 and statuses(world) == [status]
            match status:
                case "processed":
                    return made and wallet_is(world, customer, 30_000)
                case "failed":
                    return made and wallet_is(world, customer, 50_000)
            return made and wallet_is(world, customer, 30_000, 20_000)

        return run_checking_reply(lambda: ask(world, top_up), accepted, ended)

    return prepare


def refund_of_order_payment(world: World) -> Run:
    """Staff refund a payment to its source. No wallet is touched, and none is opened."""
    customer = world.customer()
    payment = pay_for_an_order(world, customer)

    def accepted(reply: Reply) -> bool:
        return reply.status == 201 and len(refund_rows(world)) == 1 and not world.entries(customer)

    def ended() -> bool:
        is_refunded = world.payment_row(payment["id"])["refunded_paise"] == 20_000
        return len(world.razorpay.refunds) == 1 and statuses(world) == ["processed"] and is_refunded

    return run_checking_reply(lambda: ask(world, payment), accepted, ended)


def refund_of_wallet_payment(world: World) -> Run:
    """Staff refund a payment from the wallet, which goes back there at once."""
    customer = world.customer()
    fund_wallet(world, customer)
    payment = spend(world, customer, "300.00")
    return run_checking_reply(
        lambda: ask(world, payment), lambda reply: reply.status == 201 and wallet_is(world, customer, 40_000)
    )


def refund_to_new_wallet(world: World) -> Run:
    """Staff refund a payment through Razorpay to the wallet of a customer who never had one."""
    customer = world.customer()
    payment = pay_for_an_order(world, customer)

    def done(reply: Reply) -> bool:
        is_refunded = len(world.entries(customer)) == 2 and wallet_is(world, customer, 20_000)
        return reply.status == 201 and is_refunded and not world.razorpay.refunds

    return run_checking_reply(lambda: ask(world, payment, destination="wallet"), done)


def refund_by_poor_account(world: World) -> Run:
    """Razorpay's account is too poor for a refund until the merchant adds funds. The money is held meanwhile."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    world.razorpay.control("balance", {"paise": 0})
    assert ask(world, top_up).status == 201 and statuses(world) == ["requested"]
    assert wallet_is(world, customer, 30_000, 20_000)
    world.razorpay.control("balance", {"paise": None})
    return scheduled_run(world, lambda: statuses(world) == ["processed"] and wallet_is(world, customer, 30_000))


def refund_that_was_made_meanwhile(world: World) -> Run:
    """A refund waits for funds, and somebody makes it in the dashboard: ours fails, and its hold pays the debt."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    world.razorpay.control("balance", {"paise": 0})
    assert ask(world, top_up, "500.00").status == 201 and wallet_is(world, customer, 0, 50_000)
    world.razorpay.control("balance", {"paise": None})
    refund_at_razorpay(world, top_up, 50_000)
    assert world.deliver(world.events_of("refund.processed")[-1]).status == 200
    assert wallet_is(world, customer, 0, 50_000, 50_000)
    return scheduled_run(world, lambda: "failed" in statuses(world) and wallet_is(world, customer, 0))


def refund_that_fails_in_a_wallet_that_owes(world: World) -> Run:
    """The hold of a refund that failed is cash again, whatever the wallet owes for another payment."""
    customer = world.customer()
    spent, other = fund_wallet(world, customer), fund_wallet(world, customer)
    world.razorpay.control("refund_status", {"status": "pending"})
    assert ask(world, other, "500.00").status == 201
    asked = next(iter(world.razorpay.refunds))
    spend(world, customer, "500.00")
    refund_at_razorpay(world, spent)
    assert world.deliver(world.events_of("refund.processed")[-1]).status == 200
    assert wallet_is(world, customer, 0, 50_000, 20_000)
    world.razorpay.control("refund_status", {"refund_id": asked, "status": "failed"})
    event_id = world.event_ids[-1]
    lose_events(world)
    world.acknowledged.remove(event_id)
    return Run(lambda: world.deliver(event_id), lambda: wallet_is(world, customer, 50_000, 0, 20_000))


def _without_answer(world: World) -> Customer:
    """A top-up of which a part is refunded, and we do not know it; returns its customer."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    lose_answer(world)
    assert ask(world, top_up).status == 201 and statuses(world) == ["sending"] and len(world.razorpay.refunds) == 1
    return customer


def _is_processed_once(world: World, customer: Customer) -> bool:
    is_one = len(world.razorpay.refunds) == 1 and statuses(world) == ["processed"]
    return is_one and wallet_is(world, customer, 30_000)


def reconcile_unanswered_refund(world: World) -> Run:
    """The answer to a refund is lost, and so are its events: the reconciler finds it, and sends none again."""
    customer = _without_answer(world)
    lose_events(world)
    return scheduled_run(world, lambda: _is_processed_once(world, customer))


def look_up_unanswered_refund(world: World) -> Run:
    """The same without Razorpay's lists: the refunds of the payment are read before anything is sent again."""
    world.reads_lists = False
    return reconcile_unanswered_refund(world)


def webhook_of_unanswered_refund(with_notes: bool) -> Callable[[World], Run]:
    """The answer to a refund is lost. Its event arrives, with our id in it or without."""

    def prepare(world: World) -> Run:
        customer = _without_answer(world)
        event_id = world.events_of("refund.processed")[-1]
        if not with_notes:
            event_id = event_without_notes(world, "refund.processed")
        lose_events(world)
        world.acknowledged.remove(event_id)
        return Run(lambda: world.deliver(event_id), lambda: _is_processed_once(world, customer))

    return prepare


def reconcile_unsent_refund(world: World) -> Run:
    """Razorpay never received the refund: the reconciler sends it again, once."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    fault = {"method": "POST", "path": "/v1/payments/", "fault": "refuse"}
    world.razorpay.control("faults", [fault])
    assert ask(world, top_up).status == 201 and statuses(world) == ["sending"] and not world.razorpay.refunds
    return scheduled_run(world, lambda: _is_processed_once(world, customer))


def end_of_pending(status: str, by_webhook: bool) -> Callable[[World], Run]:
    """A refund was pending when Razorpay answered. It is processed or fails: by its event, or without any."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        top_up = fund_wallet(world, customer)
        world.razorpay.control("refund_status", {"status": "pending"})
        assert ask(world, top_up).status == 201 and wallet_is(world, customer, 30_000, 20_000)
        lose_events(world)
        (refund_id,) = world.razorpay.refunds
        world.razorpay.control("refund_status", {"refund_id": refund_id, "status": status})

        def done() -> bool:
            return statuses(world) == [status] and wallet_is(
                world, customer, 30_000 if status == "processed" else 50_000
            )

        if not by_webhook:
            lose_events(world)
            return scheduled_run(world, done)
        event_id = world.event_ids[-1]
        return Run(lambda: world.deliver(event_id), done)

    return prepare


# --- made at Razorpay


def pending_elsewhere(world: World) -> Run:
    """A refund made in the dashboard is pending: its money is held at once."""
    customer = world.customer()
    refund_at_razorpay(world, fund_wallet(world, customer), status="pending")
    event_id = world.events_of("refund.created")[-1]
    lose_events(world)
    world.acknowledged.remove(event_id)
    return Run(lambda: world.deliver(event_id), lambda: wallet_is(world, customer, 30_000, 20_000))


def end_of_refund_elsewhere(*then: str) -> Callable[[World], Run]:
    """A refund made in the dashboard was pending, and its events report these statuses one after another."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        refund_id = refund_at_razorpay(world, fund_wallet(world, customer), status="pending")
        for status in then:
            assert world.deliver(world.event_ids[-1]).status == 200
            lose_events(world)
            world.razorpay.control("refund_status", {"refund_id": refund_id, "status": status})
        event_id = world.event_ids[-1]
        cash_paise = 30_000 if then[-1] == "processed" else 50_000
        expected = "returned" if len(then) > 1 else then[-1]
        return Run(
            lambda: world.deliver(event_id),
            lambda: statuses(world) == [expected] and wallet_is(world, customer, cash_paise),
        )

    return prepare


def refunds_beyond_capture(world: World) -> Run:
    """Two refunds in the dashboard together exceed the capture: the wallet loses what was credited, and no more."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    pending_id = refund_at_razorpay(world, top_up, 30_000, "pending")
    assert world.deliver(world.event_ids[-1]).status == 200 and wallet_is(world, customer, 20_000, 30_000)
    refund_at_razorpay(world, top_up, 40_000)
    assert world.deliver(world.event_ids[-1]).status == 200 and wallet_is(world, customer, 0, 30_000, 20_000)
    world.razorpay.control("refund_status", {"refund_id": pending_id, "status": "processed"})
    event_id = world.event_ids[-1]
    lose_events(world)
    world.acknowledged.remove(event_id)

    def done() -> bool:
        is_reviewed = any(name.endswith(":exceeds_captured") for name in world.payment_row(top_up["id"])["review"])
        return is_reviewed and statuses(world) == ["processed"] * 2 and wallet_is(world, customer, 0)

    return Run(lambda: world.deliver(event_id), done)


def _refund_of_spent_money(world: World, customer: Customer) -> str:
    """Refund 200.00 of a customer's 500.00, of which 400.00 are spent; returns its event's id."""
    top_up = fund_wallet(world, customer)
    spend(world, customer, "400.00")
    refund_at_razorpay(world, top_up)
    return world.events_of("refund.processed")[-1]


def refund_of_spent_money(world: World) -> Run:
    """The money of a refund made in the dashboard is spent already: what the wallet no longer has is owed."""
    customer = world.customer()
    event_id = _refund_of_spent_money(world, customer)
    lose_events(world)
    world.acknowledged.remove(event_id)
    return Run(lambda: world.deliver(event_id), lambda: wallet_is(world, customer, 0, 0, 10_000))


def refund_to_wallet_that_owes(world: World) -> Run:
    """A refund to a wallet pays none of its debts."""
    customer = world.customer()
    assert world.deliver(_refund_of_spent_money(world, customer)).status == 200
    spent = next(row for row in world.rows(PAYMENTS) if row["source"] == "wallet")
    return run_checking_reply(
        lambda: ask(world, spent),
        lambda reply: reply.status == 201 and wallet_is(world, customer, 20_000, 0, 10_000),
    )


def top_up_recovers_owed(world: World) -> Run:
    """The next top-up pays first what the wallet owes."""
    customer = world.customer()
    assert world.deliver(_refund_of_spent_money(world, customer)).status == 200
    assert wallet_is(world, customer, 0, 0, 10_000)
    world.pay(start_top_up(world, customer)["gateway_order_id"])
    event_id = world.events_of("payment.captured")[-1]
    lose_events(world)
    world.acknowledged.remove(event_id)
    return Run(lambda: world.deliver(event_id), lambda: wallet_is(world, customer, 40_000))


REFUND_FLOWS: Mapping[str, Flow] = {
    "refund, processed": Flow(refund_of_top_up("processed"), (APP,)),
    "refund, pending": Flow(refund_of_top_up("pending"), (APP,)),
    "refund, failed": Flow(refund_of_top_up("failed"), (APP,)),
    "refund of a payment for an order": Flow(refund_of_order_payment, (APP,)),
    "refund of a wallet payment": Flow(refund_of_wallet_payment, (APP,)),
    "refund to a new wallet": Flow(refund_to_new_wallet, (APP,)),
    "refund to a wallet that owes": Flow(refund_to_wallet_that_owes, (APP,)),
    "reconcile, a refund without an answer": Flow(reconcile_unanswered_refund, (RECONCILER,)),
    "reconcile, a refund looked up": Flow(look_up_unanswered_refund, (RECONCILER,)),
    "reconcile, a refund that was not sent": Flow(reconcile_unsent_refund, (RECONCILER,)),
    "reconcile, a refund by a poor account": Flow(refund_by_poor_account, (RECONCILER,)),
    "reconcile, a refund that was refunded meanwhile": Flow(refund_that_was_made_meanwhile, (RECONCILER,)),
    "reconcile, our refund processed": Flow(end_of_pending("processed", False), (RECONCILER,)),
    "reconcile, our refund failed": Flow(end_of_pending("failed", False), (RECONCILER,)),
    "webhook, our refund processed": Flow(end_of_pending("processed", True), (WEBHOOK, RECONCILER)),
    "webhook, our refund failed": Flow(end_of_pending("failed", True), (WEBHOOK, RECONCILER)),
    "webhook, a refund without an answer": Flow(webhook_of_unanswered_refund(True), (WEBHOOK, RECONCILER)),
    "webhook, a refund without answer and notes": Flow(webhook_of_unanswered_refund(False), (WEBHOOK, RECONCILER)),
    "webhook, a pending refund": Flow(pending_elsewhere, (WEBHOOK,)),
    "webhook, a pending refund processed": Flow(end_of_refund_elsewhere("processed"), (WEBHOOK, RECONCILER)),
    "webhook, a pending refund failed": Flow(end_of_refund_elsewhere("failed"), (WEBHOOK, RECONCILER)),
    "webhook, a refund returned": Flow(end_of_refund_elsewhere("processed", "failed"), (WEBHOOK,)),
    "webhook, a failed refund in a wallet that owes": Flow(
        refund_that_fails_in_a_wallet_that_owes, (WEBHOOK, RECONCILER)
    ),
    "webhook, a refund of spent money": Flow(refund_of_spent_money, (WEBHOOK,)),
    "webhook, refunds beyond the capture": Flow(refunds_beyond_capture, (WEBHOOK, RECONCILER)),
    "webhook, a top-up that recovers": Flow(top_up_recovers_owed, (WEBHOOK, RECONCILER)),
}
