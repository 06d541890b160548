import threading

import pytest

from shared import clock
from shared.deadline import CALL_S_MIN, Deadline
from shared.errors import ServiceUnavailable


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A clock that the test sets, in microseconds."""
    now_us = [1_000_000_000]
    monkeypatch.setattr(clock, "now_us", lambda: now_us[0])
    return now_us


def test_outside_of_any_deadline_time_never_runs_out(at: list[int]) -> None:
    at[0] += 10**15
    assert not Deadline.current().has_passed
    assert Deadline.current().timeouts(2.0, 5.0) == (2.0, 5.0)


def test_deadline_passes_when_no_call_fits(at: list[int]) -> None:
    with Deadline(seconds=2.0) as deadline:
        at[0] += int((2.0 - CALL_S_MIN) * 1_000_000)
        assert not deadline.has_passed
        at[0] += 1
        assert deadline.has_passed
        at[0] += int(CALL_S_MIN * 1_000_000)
        assert deadline.has_passed and deadline.remaining_s == 0


def test_inner_deadline_never_extends_the_outer(at: list[int]) -> None:
    with Deadline(seconds=2.0):
        with Deadline(seconds=60.0):
            assert Deadline.current().remaining_s == 2.0
        with Deadline(seconds=1.0):
            assert Deadline.current().remaining_s == 1.0
        assert Deadline.current().remaining_s == 2.0


def test_timeouts_of_a_call_end_before_the_deadline(at: list[int]) -> None:
    with Deadline(seconds=3.0) as deadline:
        assert deadline.timeouts(2.0, 5.0) == (1.0, 2.0)
        assert deadline.timeouts(0.5, 1.0) == (0.5, 1.0)


def test_call_without_time_left_is_refused(at: list[int]) -> None:
    with Deadline(seconds=1.0) as deadline:
        at[0] += int((1.0 - CALL_S_MIN) * 1_000_000)
        assert sum(deadline.timeouts(2.0, 5.0)) == pytest.approx(CALL_S_MIN)
        at[0] += 1
        with pytest.raises(ServiceUnavailable):
            deadline.timeouts(2.0, 5.0)


def test_deadline_ends_with_its_block_even_on_an_error(at: list[int]) -> None:
    with pytest.raises(KeyError), Deadline(seconds=1.0):
        raise KeyError
    assert Deadline.current().remaining_s > 10**9


def test_threads_do_not_share_a_deadline() -> None:
    seen: list[float] = []
    with Deadline(seconds=1.0):
        thread = threading.Thread(target=lambda: seen.append(Deadline.current().remaining_s))
        thread.start()
        thread.join()
    assert seen[0] > 10**9
