"""A scheduler that runs two or three requests at once, in every order of their calls.

The requests run in threads, but only one at a time: at each outgoing call the scheduler decides who continues. A run
follows a list of choices, and after it whoever is running keeps running. The trace of a run gives the next lists,
each with one choice changed, until every order with at most so many switches has been run.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from tests.simulation.faults import RAZORPAY, READS, Call

ALL_SWITCHES = 1_000  # more than any run has
STUCK_TIMEOUT_S = 30


@dataclass(frozen=True)
class Choice:
    """Who could continue, who had been running, and who did continue."""

    options: tuple[int, ...]
    running: int | None
    chosen: int
    next: tuple[Call | None, ...] = ()  # the call that each one makes when it continues; None before its first call

    @property
    def is_switch(self) -> bool:
        """Whether a request was paused that could have continued."""
        return self.running in self.options and self.chosen != self.running


class Scheduler:
    """Runs requests one call at a time; `choose` picks who continues."""

    def __init__(self, choose: Callable[[tuple[int, ...], int | None, int], int]) -> None:
        self.choose = choose
        self.trace: list[Choice] = []
        self._left: list[int] = []
        self._go: list[threading.Lock] = []
        self._next: list[Call | None] = []
        self._number = threading.local()

    def wait_for_turn(self, call: Call) -> None:
        """The wire's hook before each call: wait until it is this thread's turn again."""
        number = getattr(self._number, "value", None)
        if number is not None:
            self._next[number] = call
            chosen = self._choose_next(number)
            if chosen != number:
                self._go[chosen].release()
                self._go[number].acquire()

    def run(self, acts: Sequence[Callable[[], Any]]) -> list[Any]:
        results: list[Any] = [None] * len(acts)
        self._left = list(range(len(acts)))
        self._go = [threading.Lock() for _ in acts]
        self._next = [None] * len(acts)
        done = threading.Lock()

        def runner(number: int) -> None:
            self._number.value = number
            self._go[number].acquire()
            try:
                results[number] = acts[number]()
            except BaseException as error:
                results[number] = error
            self._left.remove(number)
            (self._go[self._choose_next(number)] if self._left else done).release()

        for lock in (done, *self._go):
            lock.acquire()
        threads = [threading.Thread(target=runner, args=(number,), daemon=True) for number in range(len(acts))]
        output, sys.stdout = sys.stdout, StringIO()  # each Razorpay call redirects it, and here the calls overlap
        try:
            for thread in threads:
                thread.start()
            self._go[self._choose_next(None)].release()
            if not done.acquire(timeout=STUCK_TIMEOUT_S):
                raise RuntimeError("a request neither makes a call nor ends")
            for thread in threads:
                thread.join()
        finally:
            sys.stdout = output
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results

    def _choose_next(self, running: int | None) -> int:
        options = tuple(self._left)
        chosen = self.choose(options, running, len(self.trace))
        self.trace.append(Choice(options, running, chosen, tuple(self._next)))
        return chosen


def follow(prefix: Sequence[int]) -> Callable[[tuple[int, ...], int | None, int], int]:
    """Choose as `prefix` says; after its end let whoever is running continue."""

    def choose(options: tuple[int, ...], running: int | None, place: int) -> int:
        if place < len(prefix):
            return prefix[place]
        return running if running in options and running is not None else options[0]

    return choose


def orders(run: Callable[[Sequence[int]], list[Choice]], switches_max: int) -> Iterator[list[int]]:
    """Every order with at most `switches_max` switches, as its choices; `run` runs one and returns its trace."""
    waiting: list[list[int]] = [[]]
    while waiting:
        prefix = waiting.pop()
        trace = run(prefix)
        chosen = [choice.chosen for choice in trace]
        yield chosen
        switches = [sum(choice.is_switch for choice in trace[:place]) for place in range(len(trace))]
        for place in range(len(prefix), len(trace)):
            choice = trace[place]
            for other in choice.options:
                another = Choice(choice.options, choice.running, other)
                if other != choice.chosen and switches[place] + another.is_switch <= switches_max:
                    waiting.append([*chosen[:place], other])


def distinct_orders(run: Callable[[Sequence[int]], list[Choice]]) -> Iterator[list[int]]:
    """Every order, where orders that differ only in independent calls are run once.

    A request that has already been continued at some place stays asleep in the other orders from that place, until a
    call comes that depends on its own.
    """
    waiting: list[tuple[list[int], frozenset[int]]] = [([], frozenset())]
    while waiting:
        prefix, asleep = waiting.pop()
        trace = run(prefix)
        chosen = [choice.chosen for choice in trace]
        for place in range(len(prefix), len(trace)):
            choice = trace[place]
            done = {*asleep, choice.chosen}
            for other in choice.options:
                if other not in done:
                    waiting.append(([*chosen[:place], other], _still_asleep(done, choice, other)))
                    done.add(other)
            if choice.chosen in asleep:
                break  # the rest of this order was run before
            asleep = _still_asleep(asleep, choice, choice.chosen)
        else:
            yield chosen


def _still_asleep(asleep: Iterable[int], choice: Choice, chosen: int) -> frozenset[int]:
    call = choice.next[chosen]
    return frozenset(number for number in asleep if number != chosen and not _depend(choice.next[number], call))


def _depend(first: Call | None, second: Call | None) -> bool:
    """Whether the order of two calls can make a difference."""
    if first is None or second is None or first.where != second.where:
        return False
    if all(call.operation in (*READS, "GET") for call in (first, second)):
        return False
    return first.where == RAZORPAY or bool(set(first.target.split("+")) & set(second.target.split("+")))
