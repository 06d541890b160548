"""The whole service under one seed: customers, Razorpay, webhooks, photos, S3, schedules, the clock, and faults.

A history is a few dozen steps. Each step is one to three actions at once, in an order that the seed decides. Then the
history is brought to rest and the invariants are checked. The same seed always produces the same history;
`make prove SEED=…` prints it.

Every tenth seed runs the reconciler for the five days that it checks an unpaid payment, up to its last check. The
other histories end earlier: once each open payment was checked once more after the last event, and the money did not
change for two rounds. Every third seed delivers all of its events again at the end, in another order.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from random import Random

from tests.simulation.actions.registry import ACTIONS, ALWAYS_POSSIBLE, SUBJECT_FACTOR, SUBJECTS, Action
from tests.simulation.at_rest import bring_to_rest
from tests.simulation.faults import FAULTS, Call
from tests.simulation.harness import HARNESS
from tests.simulation.history import Act, History
from tests.simulation.invariants.photos import photo_violations
from tests.simulation.invariants.registry import violations
from tests.simulation.scheduler import Scheduler
from tests.simulation.world import World

FAULT_RATES = (0.0, 0.0, 0.02, 0.1, 0.3)
LAST_CHECK_EVERY, REDELIVERY_EVERY = 10, 3  # seeds
FAULTS_OF = {
    where: [name for name, fault in FAULTS.items() if fault.where == where]
    for where in {fault.where for fault in FAULTS.values()}
}


@dataclass(frozen=True)
class Outcome:
    """The result of one history."""

    violations: list[str]
    calls: int
    faults: int
    lines: list[str]  # its log


def simulate(seed: int) -> Outcome:
    """Run the history of this seed."""
    world = World(seed)
    HARNESS.warm()
    chance = world.random
    history = History(
        world,
        [world.customer() for _ in range(chance.randint(1, 3))],
        waits_for_last_check=seed % LAST_CHECK_EVERY == 0,
        redelivers_events=seed % REDELIVERY_EVERY == 0,
    )
    rate, actions_at_once = chance.choice(FAULT_RATES), chance.choice((1, 1, 2, 3))
    weights = _weights(chance, chance.choice(SUBJECTS))
    found: list[str] = []
    for _ in range(chance.randint(8, 30)):
        world.wire.choose_fault = _faults_at_rate(world, rate)
        actions = chance.choices(list(ACTIONS), weights, k=actions_at_once)
        acts = [act for act in (action(history) for action in actions) if act is not None]
        if len(acts) == 1:
            acts[0]()
        elif acts:
            _run_at_once(world, acts)
        if found := [*violations(world), *photo_violations(world)]:
            break
    calls = len(world.wire.calls)
    found = found or bring_to_rest(history)
    return Outcome(found, calls, sum(world.wire.injected.values()), history.lines)


def _weights(chance: Random, subject: Collection[Action]) -> list[int]:
    """The weight of each action; a fifth of the actions never happens, so that histories differ more."""
    weights = {action: weight if chance.random() < 0.8 else 0 for action, weight in ACTIONS.items()}
    weights |= {action: ACTIONS[action] for action in ALWAYS_POSSIBLE}
    weights |= {action: ACTIONS[action] * SUBJECT_FACTOR for action in subject}
    return list(weights.values())


def _faults_at_rate(world: World, rate: float) -> Callable[[Call], str | None]:
    def choose_fault(call: Call) -> str | None:
        if world.random.random() >= rate:
            return None
        return world.random.choice(FAULTS_OF[call.where])

    return choose_fault


def _run_at_once(world: World, acts: list[Act]) -> None:
    scheduler = Scheduler(lambda options, running, place, next_calls: world.random.choice(options))
    world.wire.before_call = scheduler.wait_for_turn
    scheduler.run(acts)
    world.wire.before_call = lambda call: None
