"""A scheduler that runs two or three requests at once, in every order of their calls.

The requests run in threads, but only one at a time: at each outgoing call the scheduler decides who continues. A run
follows a list of choices, and after it whoever is running keeps running. The trace of a run gives the next lists,
each with one choice changed, until every order with at most so many switches, or every order that can make a
difference, has been run.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from random import Random
from typing import Any

from tests.simulation.faults import RAZORPAY, Call

ALL_SWITCHES = 1_000  # more than any run has
STUCK_TIMEOUT_S = 30

Next = tuple[Call | None, ...]  # the call that each request makes when it continues; None before its first call
# Who continues, given who could, who was running, how many choices were made before, and what each does next. None
# stops the run, because another run covers whatever follows.
Choose = Callable[[tuple[int, ...], int | None, int, Next], int | None]


class Stopped(BaseException):
    """The run was stopped before its end. No code of ours may catch it."""


@dataclass(frozen=True)
class Choice:
    """Who could continue, who had been running, and who did continue."""

    options: tuple[int, ...]
    running: int | None
    chosen: int
    next: Next = ()

    @property
    def is_switch(self) -> bool:
        """Whether a request was paused that could have continued."""
        return self.running in self.options and self.chosen != self.running


@dataclass(frozen=True)
class Trace:
    """The choices of one run, and what the requests waited to do where it was stopped, if it was."""

    choices: list[Choice]
    waiting: Mapping[int, Call | None]


class Scheduler:
    """Runs requests one call at a time; `choose` picks who continues."""

    def __init__(self, choose: Choose) -> None:
        self.choose = choose
        self.trace: list[Choice] = []
        self.is_stopped = False
        self.waiting: dict[int, Call | None] = {}  # what the requests waited to do when the run was stopped
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
            if self.is_stopped:
                raise Stopped

    def run(self, acts: Sequence[Callable[[], Any]]) -> list[Any]:
        """The result of each act; Stopped if `choose` stopped the run."""
        results: list[Any] = [None] * len(acts)
        self._left = list(range(len(acts)))
        self._go = [threading.Lock() for _ in acts]
        self._next = [None] * len(acts)
        done = threading.Lock()

        def runner(number: int) -> None:
            self._number.value = number
            self._go[number].acquire()
            try:
                results[number] = Stopped() if self.is_stopped else acts[number]()
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
        """Who continues; once the run is stopped, one after the other, to end where they are."""
        options, next_calls = tuple(self._left), tuple(self._next)
        if not self.is_stopped:
            chosen = self.choose(options, running, len(self.trace), next_calls)
            if chosen is not None:
                self.trace.append(Choice(options, running, chosen, next_calls))
                return chosen
            self.is_stopped = True
            self.waiting = {number: next_calls[number] for number in options}
        return running if running is not None and running in options else options[0]


def follow(prefix: Sequence[int], asleep: Iterable[int] = ()) -> Choose:
    """Choose as `prefix` says; after its end let whoever is running continue.

    A request that is asleep then continues only after a call that depends on its own, and if all are, the run stops.
    """
    sleeping = frozenset(asleep)

    def choose(options: tuple[int, ...], running: int | None, place: int, next_calls: Next) -> int | None:
        nonlocal sleeping
        if place < len(prefix):
            return prefix[place]
        awake = [number for number in options if number not in sleeping]
        if not awake:
            return None
        chosen = running if running is not None and running in awake else awake[0]
        sleeping = _still_asleep(sleeping, next_calls, chosen)
        return chosen

    return choose


def orders(run: Callable[[Sequence[int]], Trace], switches_max: int) -> Iterator[list[int]]:
    """Every order with at most `switches_max` switches, as its choices; `run` runs one and returns its trace.

    They come mixed, so that the first of them are a fair sample of all.
    """
    waiting: list[list[int]] = [[]]
    chance = Random(0)
    while waiting:
        prefix = waiting.pop(chance.randrange(len(waiting)))
        trace = run(prefix).choices
        chosen = [choice.chosen for choice in trace]
        yield chosen
        switches = [sum(choice.is_switch for choice in trace[:place]) for place in range(len(trace))]
        for place in range(len(prefix), len(trace)):
            choice = trace[place]
            for other in choice.options:
                another = Choice(choice.options, choice.running, other)
                if other != choice.chosen and switches[place] + another.is_switch <= switches_max:
                    waiting.append([*chosen[:place], other])


@dataclass
class Place:
    """A place of the order that is searched: its choice, and who is asleep there, was tried, or must be tried."""

    choice: Choice
    asleep: frozenset[int]
    tried: set[int] = field(default_factory=set)
    wanted: set[int] = field(default_factory=set)
    follows: int = 0  # the places that happen before it, and its own, as bits

    def choose(self, number: int) -> frozenset[int]:
        """Try this request here; returns who is asleep after it."""
        asleep = _still_asleep(self.asleep | self.tried, self.choice.next, number)
        self.choice = replace(self.choice, chosen=number)
        self.tried.add(number)
        return asleep


def distinct_orders(run: Callable[[Sequence[int], frozenset[int]], Trace]) -> Iterator[list[int]]:
    """Every order, where orders that differ only in independent calls are run once.

    This is dynamic partial-order reduction with sleep sets. Another request is tried at a place only if it later
    makes a call that depends on the one made there. A request that was tried at some place stays asleep in the other
    orders from that place, until a call comes that depends on its own. `run` gets the choices, and who is asleep
    after them.
    """
    places: list[Place] = []
    asleep = frozenset[int]()
    while True:
        first_new = max(len(places) - 1, 0)
        trace = run([place.choice.chosen for place in places], asleep)
        for choice in trace.choices[len(places) :]:
            places.append(Place(choice, asleep))
            asleep = places[-1].choose(choice.chosen)
        for number in range(first_new, len(places)):
            choice = places[number].choice
            places[number].follows = (
                _follows(places[:number], choice.chosen, choice.next[choice.chosen]) | 1 << number
            )
        for request, call in trace.waiting.items():
            _follows(places, request, call)
        if not trace.waiting:
            yield [place.choice.chosen for place in places]
        while places and not places[-1].wanted - places[-1].tried - places[-1].asleep:
            places.pop()
        if not places:
            return
        asleep = places[-1].choose(min(places[-1].wanted - places[-1].tried - places[-1].asleep))


def _follows(places: Sequence[Place], request: int, call: Call | None) -> int:
    """The places that happen before a call of this request, as bits.

    If the call could have come before the last of them on which it depends, the request must be tried there too.
    """
    own = next((place.follows for place in reversed(places) if place.choice.chosen == request), 0)
    follows, is_wanted = own, False
    for number in reversed(range(len(places))):
        choice = places[number].choice
        if not follows >> number & 1 and _depend(choice.next[choice.chosen], call):
            follows |= places[number].follows
            if not is_wanted and not own >> number & 1:
                places[number].wanted.add(request)
                is_wanted = True
    return follows


def _still_asleep(asleep: Iterable[int], next_calls: Next, chosen: int) -> frozenset[int]:
    call = next_calls[chosen]
    return frozenset(number for number in asleep if number != chosen and not _depend(next_calls[number], call))


def _depend(first: Call | None, second: Call | None) -> bool:
    """Whether the order of two calls can make a difference."""
    if first is None or second is None or first.where != second.where or (first.is_read and second.is_read):
        return False
    places = [(one, other) for one in first.places for other in second.places]
    return first.where == RAZORPAY or any(one.startswith(other) or other.startswith(one) for one, other in places)
