"""What a flow is, and what several of them begin with.

A driver prepares a fresh world and answers what to do: `act` is the flow under test, called once with faults and
then again by whoever retries it. Recovery is by the `app` sending it again, by the gateway's `webhook` delivered
again, and by the `reconciler` with the sweeper; a flow says which of them, alone, must bring it to its end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.prove.world import Customer, Reply, World

API = "/api/payments"
APP, WEBHOOK, RECONCILER = "app", "webhook", "reconciler"
MINUTE_S, DAY_S = 61, 86_400


@dataclass(frozen=True)
class Run:
    """A prepared flow: what to do, and whether what it is for has come about."""

    act: Callable[[], Reply]
    done: Callable[[], bool]


@dataclass(frozen=True)
class Flow:
    """A driver, and the recoveries that alone suffice to finish what it started."""

    prepare: Callable[[World], Run]
    recovered_by: tuple[str, ...]


def answered(act: Callable[[], Reply], done: Callable[[Reply], bool]) -> Run:
    """A run whose end is told by its last answer as well."""
    answers: list[Reply] = []

    def remembered() -> Reply:
        answers.append(act())
        return answers[-1]

    return Run(remembered, lambda: done(answers[-1]))


def scheduled(world: World, done: Callable[[], bool]) -> Run:
    """A run of the schedule, a minute later."""
    world.forward(MINUTE_S)

    def act() -> Reply:
        answer = world.reconcile()
        return Reply(0) if answer is None else Reply(200, answer)

    return Run(act, done)


def started_top_up(world: World, customer: Customer, amount: str = "500.00") -> dict[str, Any]:
    reply = world.call(customer, "POST", f"{API}/wallets/add-money/", {"amount": amount}, f"top-{len(world.replies)}")
    assert reply.status == 201, reply
    return dict(reply.body)


def funded(world: World, customer: Customer, amount: str = "500.00") -> dict[str, Any]:
    """A captured top-up of an earlier day."""
    payment = started_top_up(world, customer, amount)
    world.pay(payment["gateway_order_id"])
    captured = [one for one, told in world.gateway.events.items() if told["event"] == "payment.captured"]
    assert world.deliver(captured[-1]).status == 200
    world.forward(DAY_S)
    return payment


def settled(world: World, payment: dict[str, Any]) -> bool:
    """Whether the payment is captured and, for a top-up, in the ledger exactly once."""
    row = next(one for one in world.rows("PaymentsTable") if one["id"] == payment["id"])
    entries = [one for one in world.rows("WalletEntriesTable") if one["payment"] == payment["id"]]
    return row["status"] == "captured" and len(entries) == (1 if row["purpose"] == "top_up" else 0)
