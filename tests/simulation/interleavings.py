"""Each race in every order of its calls."""

from collections.abc import Iterator, Sequence

from tests.simulation.flows.flow import DAY_S, MINUTE_S
from tests.simulation.harness import HARNESS
from tests.simulation.invariants.registry import violations
from tests.simulation.races.registry import RACES, SWITCHES_MAX
from tests.simulation.scheduler import ALL_SWITCHES, Scheduler, Stopped, Trace, distinct_orders, follow, orders
from tests.simulation.world import World


class PreparedRace:
    """A race whose world is set up once and restored for each order."""

    def __init__(self, name: str) -> None:
        self.name, self.world = name, World(name)
        HARNESS.warm()
        self.race = RACES[name](self.world)
        self.restore = self.world.snapshot()

    def check(self, prefix: Sequence[int], asleep: frozenset[int] = frozenset()) -> tuple[Trace, list[str]]:
        """Run one order; returns its trace and its violations, at once and after everything was delivered again.

        A run that is stopped, because whatever follows is run in another order, has none.
        """
        world = HARNESS.world = self.world
        HARNESS.warm()
        self.restore()
        scheduler = Scheduler(follow(prefix, asleep))
        world.wire.before_call = scheduler.wait_for_turn
        try:
            replies = scheduler.run(self.race.acts)
        except Stopped:
            return Trace(scheduler.trace, scheduler.waiting), []
        found = [] if self.race.holds(replies) else [f"replied {[reply.status for reply in replies]}"]
        found += violations(world)
        for event_id in world.event_ids:
            world.deliver(event_id)
        world.advance(MINUTE_S)
        world.reconcile()
        world.advance(DAY_S)
        world.sweep()
        found += violations(world, at_rest=True)
        order = "".join(str(choice.chosen) for choice in scheduler.trace)
        return Trace(scheduler.trace, {}), [f"{self.name} in the order {order}: {text}" for text in found]


def every_order(name: str, switches_max: int | None = None) -> Iterator[list[str]]:
    """The violations of each order that can make a difference, or of each with at most so many switches.

    Without `switches_max`, SWITCHES_MAX decides.
    """
    prepared, found = PreparedRace(name), [[""]]
    switches_max = switches_max or SWITCHES_MAX.get(name, ALL_SWITCHES)

    def run(prefix: Sequence[int], asleep: frozenset[int] = frozenset()) -> Trace:
        trace, found[0] = prepared.check(prefix, asleep)
        return trace

    for _ in distinct_orders(run) if switches_max == ALL_SWITCHES else orders(run, switches_max):
        yield found[0]
