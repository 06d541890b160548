"""Races in every order of their calls that can make a difference, and the scheduler's own tests.

The races in SAMPLED run in some orders with one switch; `make prove` runs them in all that could matter, or with two.
"""

from collections.abc import Sequence
from functools import partial
from itertools import islice

import pytest

from tests.simulation.faults import Call
from tests.simulation.interleavings import every_order
from tests.simulation.races.registry import RACES, SAMPLED
from tests.simulation.scheduler import ALL_SWITCHES, Choice, Trace, distinct_orders, follow, orders

SAMPLE = 24  # orders of each race in SAMPLED


@pytest.mark.usefixtures("harness")
@pytest.mark.parametrize("race", RACES)
def test_race_leaves_money_exact_in_any_order(race: str) -> None:
    runs = list(islice(every_order(race, 1), SAMPLE) if race in SAMPLED else every_order(race))
    found = [text for run in runs for text in run]
    assert len(runs) > 1 and not found, "\n".join(found[:20])


WRITE, WRITE_ELSEWHERE, READ = Call("aws", "PutItem", "a"), Call("aws", "PutItem", "b"), Call("aws", "Query", "a")
PUT, PUT_BESIDE = (Call("aws", "PutItem", "a", frozenset([f"a/partition/{row}"])) for row in ("one", "two"))
QUERY, QUERY_INDEX = (Call("aws", "Query", "a", frozenset([place])) for place in ("a/partition/", "a/"))


def run_steps(
    prefix: Sequence[int], asleep: frozenset[int] = frozenset(), *, calls: Sequence[Call], counts: Sequence[int]
) -> Trace:
    """A run of requests that each make the same call as many times as `counts` says; returns its trace."""
    choose, left, running = follow(prefix, asleep), list(counts), None
    trace: list[Choice] = []
    while any(left):
        options = tuple(number for number, count in enumerate(left) if count)
        chosen = choose(options, running, len(trace), tuple(calls))
        if chosen is None:
            return Trace(trace, {number: calls[number] for number in options})
        trace.append(Choice(options, running, chosen, tuple(calls)))
        left[chosen] -= 1
        running = chosen
    return Trace(trace, {})


def test_orders_of_five_and_five_steps_occur_once_each() -> None:
    run = partial(run_steps, calls=(WRITE, WRITE), counts=(5, 5))
    every = [tuple(order) for order in orders(run, ALL_SWITCHES)]
    few = [tuple(order) for order in orders(run, 3)]
    assert len(every) == len(set(every)) == 252  # ten over five
    assert set(few) < set(every) and len(few) == len(set(few)) == sum(switches(order) <= 3 for order in every)


@pytest.mark.parametrize(
    ("calls", "count"),
    [
        ((WRITE, WRITE), 252),
        ((WRITE, READ), 252),
        ((READ, READ), 1),
        ((WRITE, WRITE_ELSEWHERE), 1),
        ((PUT, PUT), 252),
        ((PUT, PUT_BESIDE), 1),
        ((PUT, QUERY), 252),
        ((PUT, QUERY_INDEX), 252),
    ],
)
def test_orders_of_independent_calls_run_once(calls: tuple[Call, Call], count: int) -> None:
    every = [tuple(order) for order in distinct_orders(partial(run_steps, calls=calls, counts=(5, 5)))]
    assert len(every) == len(set(every)) == count


def test_three_dependent_requests_run_in_every_order() -> None:
    """One writes twice and two write once each, on the same table: four over two, times two."""
    run = partial(run_steps, calls=(WRITE, WRITE, WRITE), counts=(2, 1, 1))
    assert len(set(map(tuple, distinct_orders(run)))) == 12
    run = partial(run_steps, calls=(WRITE, WRITE, WRITE_ELSEWHERE), counts=(2, 1, 1))
    assert len(set(map(tuple, distinct_orders(run)))) == 3  # the third is independent: three over one


def switches(order: Sequence[int]) -> int:
    """How often the running request changes, not counting when the one before had ended."""
    changes = [place for place in range(1, 10) if order[place] != order[place - 1]]
    return sum(order[:place].count(order[place - 1]) < 5 for place in changes)
