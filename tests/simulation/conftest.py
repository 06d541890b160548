"""The harness is installed per test module, and removed before any other module runs."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.simulation.harness import HARNESS, harness
from tests.simulation.world import World

# `make test` runs the same examples every time; `make prove` runs more, and new ones.
COMMON: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
settings.register_profile("test", max_examples=40, stateful_step_count=25, derandomize=True, database=None, **COMMON)
settings.register_profile("prove", max_examples=1_000, stateful_step_count=50, **COMMON)
settings.load_profile("test")


@pytest.fixture(scope="module", name="harness")
def installed_harness() -> Iterator[None]:
    with harness():
        yield


@pytest.fixture
def world() -> World:
    """A warm process and a world with one customer."""
    new_world = World("cases")
    HARNESS.warm()
    new_world.customer()
    return new_world
