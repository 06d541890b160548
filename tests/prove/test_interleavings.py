"""Requests that meet, in every order of their calls that could make a difference."""

from collections.abc import Sequence
from functools import partial

import pytest

from tests.prove.faults import Call
from tests.prove.interleavings import ALL, MEETINGS, Choice, distinct_orders, every_order, follow, orders


@pytest.mark.usefixtures("on_stage")
@pytest.mark.parametrize("meeting", MEETINGS)
def test_requests_that_meet_in_any_order_leave_money_exact(meeting: str) -> None:
    runs = list(every_order(meeting))
    found = [text for run in runs for text in run]
    assert len(runs) > 3 and not found, "\n".join(found[:20])


WRITE, ELSEWHERE, READ = Call("aws", "PutItem", "a"), Call("aws", "PutItem", "b"), Call("aws", "Query", "a")


def steps(prefix: Sequence[int], calls: tuple[Call, Call]) -> list[Choice]:
    """Five steps of one and five of another, each the same call."""
    choose, left, trace, running = follow(prefix), [5, 5], [], None
    while any(left):
        options = tuple(number for number in (0, 1) if left[number])
        chosen = choose(options, running, len(trace))
        trace.append(Choice(options, running, chosen, calls))
        left[chosen] -= 1
        running = chosen
    return trace


def test_the_orders_of_five_and_five_steps_are_all_seen_and_each_once() -> None:
    run = partial(steps, calls=(WRITE, WRITE))
    every = [tuple(order) for order in orders(run, ALL)]
    few = [tuple(order) for order in orders(run, 3)]
    assert len(every) == len(set(every)) == 252  # ten over five
    assert set(few) < set(every) and len(few) == len(set(few)) == sum(switches(order) <= 3 for order in every)


@pytest.mark.parametrize(
    ("calls", "count"), [((WRITE, WRITE), 252), ((WRITE, READ), 252), ((READ, READ), 1), ((WRITE, ELSEWHERE), 1)]
)
def test_orders_that_differ_in_nothing_that_matters_are_seen_once(calls: tuple[Call, Call], count: int) -> None:
    every = [tuple(order) for order in distinct_orders(partial(steps, calls=calls))]
    assert len(every) == len(set(every)) == count


def test_three_with_calls_that_matter_to_one_another_meet_in_as_many_ways_as_there_are() -> None:
    """One writes twice, two write once each, on the same table: four over two, times the two."""
    calls, counts = (WRITE, WRITE, WRITE), (2, 1, 1)

    def run(prefix: Sequence[int]) -> list[Choice]:
        choose, left, trace, running = follow(prefix), list(counts), [], None
        while any(left):
            options = tuple(number for number in (0, 1, 2) if left[number])
            chosen = choose(options, running, len(trace))
            trace.append(Choice(options, running, chosen, calls))
            left[chosen] -= 1
            running = chosen
        return trace

    assert len(set(map(tuple, distinct_orders(run)))) == 12
    calls = (WRITE, WRITE, ELSEWHERE)  # the third meets nobody: three over one
    assert len(set(map(tuple, distinct_orders(run)))) == 3


def switches(order: Sequence[int]) -> int:
    """Changes of who runs, less the one where a run had simply ended."""
    changes = [place for place in range(1, 10) if order[place] != order[place - 1]]
    return sum(order[:place].count(order[place - 1]) < 5 for place in changes)
