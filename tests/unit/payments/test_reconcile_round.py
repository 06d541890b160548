"""A round of the reconciler with several workers: steps at a time, exact counts, one deadline."""

from functools import partial
from threading import Barrier

import pytest

from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.payments.reconcile_round import SILENCES_MAX, Round
from shared.telemetry import journal

WAIT_S = 10  # for the others: only a step that runs alone waits as long


def test_workers_run_steps_at_the_same_time() -> None:
    meeting = Barrier(4)
    work = Round(workers=4)

    def meet() -> None:
        meeting.wait(WAIT_S)

    work.run_each(meet for _ in range(8))
    assert work.counts["ReconcileFailed"] == 0 and not meeting.broken


def test_counts_of_workers_add_up() -> None:
    work = Round(workers=4)

    def step() -> None:
        for value in range(100):
            work.count("ReconcileAsked")
            work.count_most("ReconcileLagSeconds", value)
            journal.count("GatewayCalls")

    work.run_each(step for _ in range(200))
    assert (work.counts["ReconcileAsked"], work.counts["ReconcileLagSeconds"]) == (20_000, 99)
    assert journal.drain()[0] == {"GatewayCalls": 20_000}


def test_workers_see_the_deadline_and_stop_at_it() -> None:
    seen: list[float] = []
    work = Round(workers=4)
    with Deadline(seconds=5):
        work.run_each(lambda: seen.append(Deadline.current().remaining_s) for _ in range(8))
    with Deadline(seconds=0):
        work.run_each(lambda: seen.append(0) for _ in range(8))
    assert len(seen) == 8 and all(0 < remaining_s <= 5 for remaining_s in seen)


@pytest.mark.parametrize("workers", [1, 4])
def test_silence_ends_the_round_of_all_workers(workers: int) -> None:
    work, tried = Round(workers), []

    def silent() -> None:
        tried.append(1)
        raise ServiceUnavailable(is_silence=True)

    work.run_each(silent for _ in range(100))
    assert SILENCES_MAX <= len(tried) < SILENCES_MAX + workers
    assert work.counts["ReconcileFailed"] == len(tried)


def test_step_that_fails_stops_no_worker() -> None:
    work, done = Round(workers=4), list[int]()

    def step(number: int) -> None:
        if number % 2 == 0:
            raise ZeroDivisionError
        done.append(number)

    work.run_each(partial(step, number) for number in range(20))
    assert sorted(done) == list(range(1, 20, 2)) and work.counts["ReconcileFailed"] == 10
    assert journal.drain()[0] == {"UnexpectedError": 10}
