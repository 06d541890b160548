"""What the stateful models share: a world with two customers, and strategies for steps and faults.

A model is a state machine of everything that customers, Razorpay and S3 may do, with plain values as its oracle.
Hypothesis chooses the steps and which calls fail, and shortens what it finds.
"""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.simulation.faults import FAULTS
from tests.simulation.harness import HARNESS
from tests.simulation.world import Customer, Reply, World

# A fault plan: the number of a request's call, and the fault.
PLANS = st.dictionaries(st.integers(0, 6), st.sampled_from(sorted(FAULTS)), max_size=2)
INDEXES = st.integers(0, 10**6)  # of an item in a list, modulo its length


class Model(RuleBasedStateMachine):
    """A world with two customers."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World("stateful")
        HARNESS.warm()
        self.customers = [self.world.customer(), self.world.customer()]

    def until_definite(self, act: Any, plan: dict[int, str]) -> Reply:
        """Run `act` once with faults, then without, until its reply is definite."""
        self.world.wire.arm(plan)
        reply: Reply = act()
        self.world.wire.arm({})
        for _ in range(3):
            if reply.is_definite:
                return reply
            reply = act()
        raise AssertionError(f"no definite reply without faults: {reply}")

    def pick(self, items: list[Any], index: int) -> Any:
        return items[index % len(items)]

    def read(self, customer: Customer, path: str) -> Any:
        """The body of a GET."""
        reply = self.world.call(customer, "GET", path)
        assert reply.status == 200, reply
        return reply.body

    def other(self, customer: Customer) -> Customer:
        return next(other for other in self.customers if other is not customer)
