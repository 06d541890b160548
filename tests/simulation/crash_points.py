"""Every flow with every fault at every call: one run to number the calls, then one run per call and fault."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.simulation.faults import FAULTS, Call
from tests.simulation.flows.flow import APP, DAY_S, MINUTE_S, RECONCILER, WEBHOOK, Run
from tests.simulation.flows.registry import FLOWS
from tests.simulation.harness import HARNESS
from tests.simulation.invariants.registry import violations
from tests.simulation.world import World

APP_PAUSE_S = 3  # before the app asks again, as Retry-After says
CASES_MAX = 16  # of a flow in a sample
ATTEMPTS_MAX = 4  # of a recovery: more than any fault lasts


@dataclass(frozen=True)
class Case:
    """One fault at one call of one flow, and who recovers."""

    flow: str
    call: int
    fault: str
    recovery: str
    cold: bool = False  # a new process, which has yet to fetch its secrets

    def __str__(self) -> str:
        cold = " in a cold process" if self.cold else ""
        return f"{self.flow}: {self.fault} at call {self.call}{cold}, recovered by {self.recovery}"


def calls_of_flow(name: str, cold: bool = False) -> list[Call]:
    """The calls that a flow makes when nothing fails, in order."""
    world = World(name)
    run = FLOWS[name].prepare(world)
    _start_process(cold)
    world.wire.arm({})
    run.act()
    assert run.done(), f"{name} does not reach its goal"
    return list(world.wire.calls)


def cases(name: str, cold: bool = False) -> Iterator[Case]:
    """Every call, fault and recovery of a flow; in a cold process only the calls that a warm one does not make."""
    for number, call in enumerate(calls_of_flow(name, cold)):
        if cold and call.operation != "GetSecretValue":
            continue
        for fault_name, fault in FAULTS.items():
            if fault.where == call.where and (not fault.operations or call.operation in fault.operations):
                for recovery in FLOWS[name].recovered_by:
                    yield Case(name, number, fault_name, recovery, cold)


def check(case: Case) -> list[str]:
    """The violations of a case: at once, after its recovery, and after all other actors have recovered too."""
    world = World(str(case))
    flow = FLOWS[case.flow]
    run = flow.prepare(world)
    _start_process(case.cold)
    world.wire.arm({case.call: case.fault})
    run.act()
    found = violations(world)
    world.wire.arm({})
    recover(world, run, case.recovery)
    if not run.done():
        found.append(f"{case.recovery} did not finish it")
    found += violations(world)
    for other in (WEBHOOK, RECONCILER, *((APP,) if APP in flow.recovered_by else ())):
        recover(world, run, other)
    for event_id in world.event_ids:  # Razorpay delivers at least once, so also twice
        world.deliver(event_id)
    for wait_s in (MINUTE_S, MINUTE_S, DAY_S):  # the second run deletes a card that the first one marked for deletion
        world.advance(wait_s)
        world.reconcile()
    world.sweep()
    if not run.done():
        found.append("the other recoveries undid it")
    if not run.ended():
        found.append("the recoveries together did not end it")
    return [f"{case}: {text}" for text in [*found, *violations(world, at_rest=True)]]


def recover(world: World, run: Run, actor: str) -> None:
    """Retry as this actor does, until the outcome is definite."""
    for _ in range(ATTEMPTS_MAX):
        if actor == APP:
            world.advance(APP_PAUSE_S)
            reply = run.act()
            if reply.is_definite and "Retry-After" not in reply.headers:
                return
        elif actor == WEBHOOK:
            for event_id in world.undelivered:
                world.deliver(event_id)
        else:
            world.advance(run.pause_s)
            world.reconcile()
            world.sweep()
            if run.done():
                return


def _start_process(cold: bool) -> None:
    HARNESS.cold() if cold else HARNESS.warm()


def sampled_cases(name: str) -> list[Case]:
    """Every call and fault of a flow with one of its recoveries, in turn; of a long flow CASES_MAX of them."""
    recoveries = FLOWS[name].recovered_by
    found = []
    for number, case in enumerate([*cases(name), *cases(name, cold=True)]):
        place, turn = divmod(number, len(recoveries))
        if turn == place % len(recoveries):
            found.append(case)
    return found if len(found) <= CASES_MAX else random.Random(name).sample(found, CASES_MAX)
