"""What a flow is, and the steps that several flows begin with.

A flow prepares a fresh world and returns a run. `Run.act` is the request under test: it is called once with faults
and then again by whoever retries it. Three actors recover a flow: the `app` repeats its request, Razorpay redelivers
its `webhook`, and the `reconciler` runs together with the sweeper. Each flow names the actors that must be able to
finish it alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation.world import Customer, Reply, World

API = "/api/payments"
APP, WEBHOOK, RECONCILER = "app", "webhook", "reconciler"
MINUTE_S, DAY_S = 61, 86_400


@dataclass(frozen=True)
class Run:
    """A prepared flow: the action, and whether its goal is reached.

    `ended` says whether it has come to its end once all actors have recovered, if that is more than its goal.
    `pause_s` is how long the reconciler waits before it tries again.
    """

    act: Callable[[], Reply]
    done: Callable[[], bool]
    ended: Callable[[], bool] = lambda: True
    pause_s: int = MINUTE_S


@dataclass(frozen=True)
class Flow:
    """How to prepare the flow, and the actors that can each finish it alone."""

    prepare: Callable[[World], Run]
    recovered_by: tuple[str, ...]


def run_checking_reply(
    act: Callable[[], Reply], done: Callable[[Reply], bool], ended: Callable[[], bool] = lambda: True
) -> Run:
    """A run whose goal depends on its latest reply."""
    replies: list[Reply] = []

    def act_and_remember() -> Reply:
        replies.append(act())
        return replies[-1]

    return Run(act_and_remember, lambda: done(replies[-1]), ended)


def scheduled_run(world: World, done: Callable[[], bool], pause_s: int = MINUTE_S) -> Run:
    """A run of the reconciler, one minute later."""
    world.advance(MINUTE_S)

    def act() -> Reply:
        counts = world.reconcile()
        return Reply(0) if counts is None else Reply(200, counts)

    return Run(act, done, pause_s=pause_s)


def start_top_up(world: World, customer: Customer, amount: str = "500.00") -> dict[str, Any]:
    """Start a top-up; returns the payment as the API serializes it."""
    reply = world.call(customer, "POST", f"{API}/wallets/add-money/", {"amount": amount}, f"top-{len(world.replies)}")
    assert reply.status == 201, reply
    return dict(reply.body)


def fund_wallet(world: World, customer: Customer, amount: str = "500.00") -> dict[str, Any]:
    """Capture a top-up and let a day pass; returns the payment."""
    payment = start_top_up(world, customer, amount)
    world.pay(payment["gateway_order_id"])
    assert world.deliver(world.events_of("payment.captured")[-1]).status == 200
    world.advance(DAY_S)
    return payment


def is_applied(world: World, payment: dict[str, Any]) -> bool:
    """Whether the payment is captured and, for a top-up, in the ledger exactly once."""
    row = world.payment_row(payment["id"])
    entries = [row for row in world.rows("WalletEntriesTable") if row["by"] == f"p:{payment['id']}"]
    return row["status"] == "captured" and len(entries) == (1 if row["purpose"] == "top_up" else 0)
