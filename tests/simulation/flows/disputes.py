"""The flows of disputes: each phase and status by its event, out of order, or learnt by the reconciler alone."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation.flows.flow import (
    DAY_S,
    MINUTE_S,
    RECONCILER,
    WEBHOOK,
    Flow,
    Run,
    fund_wallet,
    scheduled_run,
    start_top_up,
)
from tests.simulation.flows.refunds import (
    attempt_of,
    lose_events,
    pay_for_an_order,
    refund_at_razorpay,
    spend,
    wallet_is,
)
from tests.simulation.invariants.check import dispute_rows
from tests.simulation.world import Customer, World

CHECK_PAUSE_S = 3_600  # of the reconciler, between two questions about a dispute
LIST_OVERLAP_S = 600  # of two looks at Razorpay's lists
CASH_PAISE = {"won": 50_000, "closed": 50_000, "lost": 30_000}  # after a dispute of 200.00 about a top-up of 500.00


def dispute(
    world: World,
    payment: Mapping[str, Any],
    status: str = "created",
    amount_paise: int = 20_000,
    dispute_id: str | None = None,
) -> str:
    """The bank begins or continues a dispute about the payment; returns Razorpay's id of it."""
    sent = {"payment_id": attempt_of(world, payment)["id"], "status": status}
    sent |= {"dispute_id": dispute_id} if dispute_id else {"amount": amount_paise}
    return str(world.razorpay.control("dispute", sent)["id"])


def disputes_are(world: World, *statuses: str) -> bool:
    """Whether our records of disputes have these statuses, in the order of Razorpay's ids."""
    return [row["status"] for row in sorted(dispute_rows(world), key=lambda row: str(row["id"]))] == list(statuses)


def _only_newest(world: World) -> str:
    """Lose all events but the newest, which is returned."""
    event_id = world.event_ids[-1]
    lose_events(world)
    world.acknowledged.remove(event_id)
    return event_id


def opened(status: str) -> Callable[[World], Run]:
    """The first report of a dispute about a top-up: what it contests is held until it ends."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        dispute(world, fund_wallet(world, customer), status)
        event_id = _only_newest(world)
        expected = "open" if status in ("created", "action_required") else status
        return Run(
            lambda: world.deliver(event_id),
            lambda: disputes_are(world, expected) and wallet_is(world, customer, 30_000, 20_000),
        )

    return prepare


def ended(status: str, by_webhook: bool) -> Callable[[World], Run]:
    """A dispute whose amount is held ends: by its event, or without any."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        top_up = fund_wallet(world, customer)
        dispute_id = dispute(world, top_up)
        assert world.deliver(world.event_ids[-1]).status == 200 and wallet_is(world, customer, 30_000, 20_000)
        world.advance(LIST_OVERLAP_S + MINUTE_S)
        world.reconcile()  # which has seen the dispute in Razorpay's list, and reads it there no more
        dispute(world, top_up, status, dispute_id=dispute_id)
        world.advance(CHECK_PAUSE_S)

        def done() -> bool:
            return disputes_are(world, status) and wallet_is(world, customer, CASH_PAISE[status])

        if not by_webhook:
            lose_events(world)
            return scheduled_run(world, done, CHECK_PAUSE_S)
        event_id = _only_newest(world)
        return Run(lambda: world.deliver(event_id), done)

    return prepare


def under_review(world: World, customer: Customer) -> tuple[dict[str, Any], str]:
    """A top-up whose dispute was answered, which the reconciler knows; returns the top-up and the dispute's id."""
    top_up = fund_wallet(world, customer)
    dispute_id = dispute(world, top_up, "under_review")
    assert world.deliver(world.event_ids[-1]).status == 200 and disputes_are(world, "under_review")
    world.advance(LIST_OVERLAP_S + MINUTE_S)
    world.reconcile()
    return top_up, dispute_id


def evidence_required_again(world: World) -> Run:
    """The bank wants more evidence, and no event says so: the reconciler's question shows it."""
    customer = world.customer()
    top_up, dispute_id = under_review(world, customer)
    dispute(world, top_up, "action_required", dispute_id=dispute_id)
    world.advance(CHECK_PAUSE_S)
    lose_events(world)

    def done() -> bool:
        (row,) = dispute_rows(world)
        return disputes_are(world, "open") and "awaits_answer" in row and wallet_is(world, customer, 30_000, 20_000)

    return scheduled_run(world, done, CHECK_PAUSE_S)


def lost_at_once(world: World) -> Run:
    """The event of the loss comes first. That of the opening arrives afterwards and changes nothing."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    dispute(world, top_up, "lost", dispute_id=dispute(world, top_up))
    event_id = _only_newest(world)
    return Run(
        lambda: world.deliver(event_id), lambda: disputes_are(world, "lost") and wallet_is(world, customer, 30_000)
    )


def lost_before_its_capture(world: World) -> Run:
    """The event of a lost dispute overtakes the capture that it is about."""
    customer = world.customer()
    top_up = start_top_up(world, customer)
    world.pay(top_up["gateway_order_id"])
    dispute(world, top_up, "lost")
    event_id = _only_newest(world)
    return Run(
        lambda: world.deliver(event_id), lambda: disputes_are(world, "lost") and wallet_is(world, customer, 30_000)
    )


def _of_spent_money(world: World, customer: Customer) -> tuple[dict[str, Any], str]:
    """A dispute about all of a top-up of which 400.00 were spent; returns the top-up and the dispute's id."""
    top_up = fund_wallet(world, customer)
    spend(world, customer, "400.00")
    dispute_id = dispute(world, top_up, amount_paise=50_000)
    assert world.deliver(world.event_ids[-1]).status == 200 and wallet_is(world, customer, 0, 10_000)
    return top_up, dispute_id


def lost_of_spent_money(world: World) -> Run:
    """What the wallet no longer has of a lost dispute is owed."""
    customer = world.customer()
    top_up, dispute_id = _of_spent_money(world, customer)
    world.advance(CHECK_PAUSE_S)
    dispute(world, top_up, "lost", dispute_id=dispute_id)
    event_id = _only_newest(world)
    return Run(
        lambda: world.deliver(event_id),
        lambda: disputes_are(world, "lost") and wallet_is(world, customer, 0, 0, 40_000),
    )


def closed_after_a_refund(world: World) -> Run:
    """The merchant settles a dispute by a refund in the dashboard. What was held pays what the wallet owes for it."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    dispute_id = dispute(world, top_up, amount_paise=50_000)
    assert world.deliver(world.event_ids[-1]).status == 200
    refund_at_razorpay(world, top_up, 50_000)
    assert world.deliver(world.event_ids[-1]).status == 200 and wallet_is(world, customer, 0, 50_000, 50_000)
    world.advance(CHECK_PAUSE_S)
    dispute(world, top_up, "closed", dispute_id=dispute_id)
    event_id = _only_newest(world)
    return Run(
        lambda: world.deliver(event_id), lambda: disputes_are(world, "closed") and wallet_is(world, customer, 0)
    )


def credit_after_loss(world: World) -> Run:
    """The next top-up pays first what a lost dispute left the wallet owing."""
    customer = world.customer()
    top_up, dispute_id = _of_spent_money(world, customer)
    dispute(world, top_up, "lost", dispute_id=dispute_id)
    assert world.deliver(world.event_ids[-1]).status == 200
    world.pay(start_top_up(world, customer)["gateway_order_id"])
    lose_events(world)
    event_id = world.events_of("payment.captured")[-1]
    world.acknowledged.remove(event_id)
    return Run(lambda: world.deliver(event_id), lambda: wallet_is(world, customer, 10_000))


def of_order_payment(status: str) -> Callable[[World], Run]:
    """A dispute about a payment for an order touches no wallet, and is noted on the payment."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        payment = pay_for_an_order(world, customer)
        dispute(world, payment, status)
        event_id = _only_newest(world)

        def done() -> bool:
            row = world.payment_row(payment["id"])
            amounts = (row.get("disputed_paise"), row.get("lost_paise"), row["refundable_paise"])
            expected = (None, 20_000, 30_000) if status == "lost" else (20_000, None, 30_000)
            return amounts == expected and not world.entries(customer)

        return Run(lambda: world.deliver(event_id), done)

    return prepare


def next_phase(world: World) -> Run:
    """The bank disputes the rest again after the first phase was lost: no more than what is left is held."""
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    dispute(world, top_up, "lost")
    assert world.deliver(world.event_ids[-1]).status == 200
    dispute(world, top_up, amount_paise=50_000)
    event_id = _only_newest(world)
    return Run(
        lambda: world.deliver(event_id),
        lambda: disputes_are(world, "lost", "open") and wallet_is(world, customer, 0, 30_000),
    )


def next_phase_without_events(world: World) -> Run:
    """A dispute that was won weeks ago goes into its next phase under the same id. Its events are lost.

    One that cannot be applied waits for the next look, a day later.
    """
    customer = world.customer()
    top_up = fund_wallet(world, customer)
    dispute_id = dispute(world, top_up, "won")
    assert world.deliver(world.event_ids[-1]).status == 200
    world.advance(30 * DAY_S)
    world.reconcile()
    world.advance(DAY_S)
    dispute(world, top_up, dispute_id=dispute_id)
    lose_events(world)
    return scheduled_run(
        world,
        lambda: disputes_are(world, "won", "open") and wallet_is(world, customer, 30_000, 20_000),
        pause_s=DAY_S + MINUTE_S,
    )


def listed(status: str) -> Callable[[World], Run]:
    """No event of a dispute ever arrives: Razorpay's list reports it."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        top_up = fund_wallet(world, customer)
        world.reconcile()
        world.advance(900)
        dispute(world, top_up, status)
        lose_events(world)
        cash_paise, held_paise = (30_000, 20_000) if status == "created" else (30_000, 0)
        return scheduled_run(
            world, lambda: len(dispute_rows(world)) == 1 and wallet_is(world, customer, cash_paise, held_paise)
        )

    return prepare


def listed_at_the_first_look(world: World) -> Run:
    """The reconciler looks for the first time days after a dispute whose events were lost."""
    customer = world.customer()
    dispute(world, fund_wallet(world, customer))
    lose_events(world)
    world.advance(4 * DAY_S)
    return scheduled_run(world, lambda: disputes_are(world, "open") and wallet_is(world, customer, 30_000, 20_000))


DISPUTE_FLOWS: Mapping[str, Flow] = {
    "dispute, created": Flow(opened("created"), (WEBHOOK, RECONCILER)),
    "dispute, action required": Flow(opened("action_required"), (WEBHOOK, RECONCILER)),
    "dispute, under review": Flow(opened("under_review"), (WEBHOOK, RECONCILER)),
    "dispute, won": Flow(ended("won", True), (WEBHOOK, RECONCILER)),
    "dispute, lost": Flow(ended("lost", True), (WEBHOOK, RECONCILER)),
    "dispute, closed": Flow(ended("closed", True), (WEBHOOK, RECONCILER)),
    "dispute, lost at once": Flow(lost_at_once, (WEBHOOK, RECONCILER)),
    "dispute, lost before its capture": Flow(lost_before_its_capture, (WEBHOOK, RECONCILER)),
    "dispute, lost of spent money": Flow(lost_of_spent_money, (WEBHOOK, RECONCILER)),
    "dispute, closed after a refund": Flow(closed_after_a_refund, (WEBHOOK, RECONCILER)),
    "dispute, a credit after the loss": Flow(credit_after_loss, (WEBHOOK, RECONCILER)),
    "dispute of a payment for an order": Flow(of_order_payment("created"), (WEBHOOK, RECONCILER)),
    "dispute of a payment for an order, lost": Flow(of_order_payment("lost"), (WEBHOOK, RECONCILER)),
    "dispute, the next phase": Flow(next_phase, (WEBHOOK, RECONCILER)),
    "reconcile, a dispute won": Flow(ended("won", False), (RECONCILER,)),
    "reconcile, a dispute lost": Flow(ended("lost", False), (RECONCILER,)),
    "reconcile, a dispute closed": Flow(ended("closed", False), (RECONCILER,)),
    "reconcile, a dispute that requires evidence again": Flow(evidence_required_again, (RECONCILER,)),
    "reconcile, a listed dispute": Flow(listed("created"), (RECONCILER,)),
    "reconcile, a dispute before the first look": Flow(listed_at_the_first_look, (RECONCILER,)),
    "reconcile, the next phase of a dispute": Flow(next_phase_without_events, (RECONCILER,)),
    "reconcile, a listed loss": Flow(listed("lost"), (RECONCILER,)),
}
