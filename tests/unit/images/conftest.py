"""Photos in memory, and a clock that stands still."""

from collections.abc import Callable
from typing import Any

import pytest

from shared import clock
from tests.unit.images.helpers import Buckets


@pytest.fixture
def buckets(photos: Any) -> Buckets:
    return Buckets(photos)


@pytest.fixture
def advance(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """`advance(seconds)` moves the clock, which stands still otherwise."""
    now_us = clock.now_us()
    monkeypatch.setattr(clock, "now_us", lambda: now_us)

    def move(seconds: float) -> None:
        nonlocal now_us
        now_us += int(seconds * 1_000_000)

    return move
