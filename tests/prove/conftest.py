"""The proofs' stage is set once for each module, and taken down before anything else runs."""

from collections.abc import Iterator

import pytest

from tests.prove.world import stage


@pytest.fixture(scope="module")
def on_stage() -> Iterator[None]:
    with stage():
        yield
