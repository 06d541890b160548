"""One round of the reconciler: whose turn it is, what it counts, and when it ends."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import zip_longest
from threading import Lock
from typing import TypeVar

from shared import clock
from shared.deadline import Deadline
from shared.errors import NotFound, ServiceUnavailable
from shared.payments.results import ApplyResult
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import UnexpectedPayload
from shared.telemetry import journal

DUE_MAX = 2_000  # due rows whose customers take turns
SILENCES_MAX = 3  # in a row: then Razorpay is unavailable, and each further call may wait for seven seconds
SILENT_ROUND_US = 21 * 1_000_000  # a round with any silence starts nothing after this: one call more ends within 30 s

Due = TypeVar("Due", bound=tuple[str, ...])  # the customer first
Step = Callable[[], ApplyResult | None]


def take_turns(due: Sequence[Due]) -> list[Due]:
    """What is due with its customers in turn, so that one customer's many do not hold up another's.

    Who is first changes with every minute: the round may end early, and at the same customers each time.
    """
    by_customer: dict[str, list[Due]] = {}
    for row in due:
        by_customer.setdefault(row[0], []).append(row)
    customers = list(by_customer.values())
    first = clock.now_s() // 60 % len(customers) if customers else 0
    turns = zip_longest(*customers[first:], *customers[:first])
    return [row for turn in turns for row in turn if row is not None]


class Round:
    """The counts of a round, by the name of their metric, and Razorpay's silences.

    With several `workers`, as many steps run at a time, in threads. Each sees the deadline of the thread that began.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers, self._lock = workers, Lock()
        self.counts = Counter({"ReconcileAsked": 0, "ReconcileCredited": 0, "ReconcileFlagged": 0})
        self.counts.update({"ReconcileFailed": 0, "ReconcileLagSeconds": 0, "ReconcileListFailed": 0})
        self._started_us = clock.now_us()
        self._silences = self._silences_in_a_row = 0

    @property
    def is_silent(self) -> bool:
        """Whether Razorpay seems to be unavailable."""
        is_late = clock.now_us() - self._started_us >= SILENT_ROUND_US
        return self._silences_in_a_row >= SILENCES_MAX or (self._silences > 0 and is_late)

    @property
    def is_over(self) -> bool:
        return self.is_silent or Deadline.current().has_passed

    def note_answer(self) -> None:
        """Razorpay has answered: that ends a row of silences."""
        self._silences_in_a_row = 0

    def count(self, name: str, value: int = 1) -> None:
        with self._lock:
            self.counts[name] += value

    def count_most(self, name: str, value: int) -> None:
        """Count this value if it is the largest so far."""
        with self._lock:
            self.counts[name] = max(self.counts[name], value)

    def run_each(self, steps: Iterable[Step]) -> None:
        """Run steps that ask Razorpay, several at a time, until the round is over."""
        waiting = iter(steps)
        if self._workers == 1:
            return self._run_waiting(waiting)
        with ThreadPoolExecutor(self._workers) as pool:
            running = [pool.submit(copy_context().run, self._run_waiting, waiting) for _ in range(self._workers)]
        for worker in running:
            worker.result()
        return None

    def _run_waiting(self, waiting: Iterator[Step]) -> None:
        while not self.is_over:
            with self._lock:
                step = next(waiting, None)
            if step is None:
                return
            self.run(step)

    def run(self, step: Step) -> bool:
        """Run a step that asks Razorpay, and count what it did; False if it failed."""
        is_done = self.guard(step)
        if is_done:
            self.note_answer()
        return is_done

    def guard(self, step: Step) -> bool:
        """Run a step, which may run others, and count what it did; False if it failed.

        A failure never ends the round of the others.
        """
        try:
            result = step()
        except ServiceUnavailable as error:
            with self._lock:
                self._silences += error.is_silence
                self._silences_in_a_row += error.is_silence
            self.count("ReconcileFailed")
            return False
        except (RazorpayRejected, UnexpectedPayload, NotFound):
            self.note_answer()
            self.count("ReconcileFailed")
            return False
        except Exception as error:
            journal.unexpected(error)
            self.count("ReconcileFailed")
            return False
        if result is not None:
            with self._lock:
                self.counts.update(result.counts)
            self.count("ReconcileCredited", result.captured)
            self.count("ReconcileFlagged", bool(result.flagged))
        return True
