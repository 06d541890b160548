"""The proofs' stage is set once for each module, and taken down before anything else runs."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.prove.world import stage

# The same examples every time in `make test`; more and new ones in `make prove`.
COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
settings.register_profile("test", max_examples=40, stateful_step_count=25, derandomize=True, database=None, **COMMON)
settings.register_profile("prove", max_examples=1_000, stateful_step_count=50, **COMMON)
settings.load_profile("test")


@pytest.fixture(scope="module")
def on_stage() -> Iterator[None]:
    with stage():
        yield
