"""Every flow with every fault at every call: run once to number its calls, then once for each pair."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.prove.drivers import APP, DAY_S, MINUTE_S, RECONCILER, WEBHOOK, Run
from tests.prove.faults import FAULTS, Call
from tests.prove.flows import FLOWS
from tests.prove.invariants import violations
from tests.prove.world import STAGE, World

ATTEMPTS = 4  # of a recovery: more than any fault lasts


@dataclass(frozen=True)
class Case:
    """One fault at one call of one flow, and who recovers."""

    flow: str
    call: int
    fault: str
    recovery: str
    cold: bool = False  # whether the process has yet to fetch its secrets

    def __str__(self) -> str:
        return (
            f"{self.flow}: {self.fault} at call {self.call}{' from cold' * self.cold}, recovered by {self.recovery}"
        )


def calls_of(name: str, cold: bool = False) -> list[Call]:
    """The calls that a flow makes when nothing fails, in order."""
    world = World(name)
    run = FLOWS[name].prepare(world)
    _warm(cold)
    world.wire.arm({})
    run.act()
    assert run.done(), f"{name} does not do what it is for"
    return list(world.wire.calls)


def cases(name: str, cold: bool = False) -> Iterator[Case]:
    """Every call and fault of a flow; from cold only the calls that a warm process does not make."""
    for number, call in enumerate(calls_of(name, cold)):
        if cold and call.operation != "GetSecretValue":
            continue
        for fault, what in FAULTS.items():
            if what.where == call.where and (not what.operations or call.operation in what.operations):
                for recovery in FLOWS[name].recovered_by:
                    yield Case(name, number, fault, recovery, cold)


def check(case: Case) -> list[str]:
    """What the case violates: at once, after its recovery, and after all the others have tried as well."""
    world = World(str(case))
    flow = FLOWS[case.flow]
    run = flow.prepare(world)
    _warm(case.cold)
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
    for event in world.events:  # at least once is also twice
        world.deliver(event)
    for wait_s in (MINUTE_S, MINUTE_S, DAY_S):  # a card that the first run gives back is forgotten by the second
        world.forward(wait_s)
        world.reconcile()
    world.sweep()
    if not run.done():
        found.append("the other recoveries undid it")
    return [f"{case}: {text}" for text in [*found, *violations(world, settled=True)]]


def recover(world: World, run: Run, by: str) -> None:
    """Try again as this one does, until a definite answer."""
    for _ in range(ATTEMPTS):
        if by == APP:
            if run.act().is_definite:
                return
        elif by == WEBHOOK:
            for event in world.waiting:
                world.deliver(event)
        else:
            world.forward(MINUTE_S)
            world.reconcile()
            world.sweep()
            if run.done():
                return


def _warm(cold: bool) -> None:
    STAGE.cold() if cold else STAGE.warm()


def each_once(name: str) -> Iterator[Case]:
    """Every call and fault of a flow with one of its recoveries, in turn."""
    recoveries = FLOWS[name].recovered_by
    for number, case in enumerate([*cases(name), *cases(name, cold=True)]):
        place, turn = divmod(number, len(recoveries))
        if turn == place % len(recoveries):
            yield case


def every_case() -> Iterator[Case]:
    for name in FLOWS:
        yield from cases(name)
        yield from cases(name, cold=True)
