"""`retrying`: how often and how long a read and the write that depends on it are tried."""

from typing import Any

import pytest

from shared import clock
from shared.aws.dynamodb import PAUSE_S, TRIES_MAX, retrying
from shared.aws.dynamodb_errors import TransactionConflict
from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.telemetry import journal


class Tries:
    """A function with these outcomes in turn, the last one repeated: a value to return or an error to raise."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = outcomes
        self.count = 0

    def __call__(self) -> Any:
        outcome = self.outcomes[min(self.count, len(self.outcomes) - 1)]
        self.count += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, each as long as it may be, on a clock that moves with them alone."""
    slept: list[float] = []
    now_us = clock.now_us()
    monkeypatch.setattr(clock, "now_us", lambda: now_us + round(sum(slept) * 1_000_000))
    monkeypatch.setattr(clock, "jitter", lambda seconds_max: seconds_max)
    monkeypatch.setattr(clock, "sleep", slept.append)
    return slept


def test_first_result_needs_no_retry(pauses: list[float]) -> None:
    assert retrying(list) == [] and pauses == []  # empty, but not None


def test_none_and_conflict_are_retried_with_growing_pauses(pauses: list[float]) -> None:
    journal.drain()
    tries = Tries(None, TransactionConflict(), None, "result")
    assert retrying(tries) == "result" and tries.count == 4
    assert pauses == [PAUSE_S, 2 * PAUSE_S, 4 * PAUSE_S]
    assert journal.drain()[0] == {"TransactionRetried": 3}


@pytest.mark.parametrize("outcome", [None, TransactionConflict()])
def test_retries_end_after_eight_tries(outcome: Any, pauses: list[float]) -> None:
    tries = Tries(outcome)
    with pytest.raises(ServiceUnavailable):
        retrying(tries)
    assert tries.count == TRIES_MAX == 8


@pytest.mark.parametrize("outcome", [None, TransactionConflict()])
def test_retries_end_before_a_pause_beyond_the_deadline(outcome: Any, pauses: list[float]) -> None:
    """Pauses of 0.02 and 0.04 seconds fit into 0.1 seconds, and the next one of 0.08 does not."""
    tries = Tries(outcome)
    with Deadline(seconds=0.1), pytest.raises(ServiceUnavailable):
        retrying(tries)
    assert tries.count == 3 and pauses == [PAUSE_S, 2 * PAUSE_S]


def test_other_errors_are_not_retried(pauses: list[float]) -> None:
    tries = Tries(KeyError("x"))
    with pytest.raises(KeyError):
        retrying(tries)
    assert tries.count == 1 and pauses == []
