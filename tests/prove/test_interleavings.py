"""Requests that meet, in every order of their calls; `make prove` runs more switches than these."""

from collections.abc import Sequence

import pytest

from tests.prove.interleavings import ALL, MEETINGS, TRIPLES, Choice, every_order, follow, orders

SWITCHES_OF_TWO, SWITCHES_OF_THREE = 3, 1


@pytest.mark.usefixtures("on_stage")
@pytest.mark.parametrize("meeting", MEETINGS)
def test_requests_that_meet_in_any_order_leave_money_exact(meeting: str) -> None:
    switches = SWITCHES_OF_THREE if meeting in TRIPLES else SWITCHES_OF_TWO
    runs = list(every_order(meeting, switches))
    found = [text for run in runs for text in run]
    assert len(runs) > 5 and not found, "\n".join(found[:20])


def test_the_orders_of_five_and_five_steps_are_all_seen_and_each_once() -> None:
    def run(prefix: Sequence[int]) -> list[Choice]:
        choose, left, trace, running = follow(prefix), [5, 5], [], None
        while any(left):
            options = tuple(number for number in (0, 1) if left[number])
            chosen = choose(options, running, len(trace))
            trace.append(Choice(options, running, chosen))
            left[chosen] -= 1
            running = chosen
        return trace

    every = [tuple(order) for order in orders(run, ALL)]
    few = [tuple(order) for order in orders(run, 3)]
    assert len(every) == len(set(every)) == 252  # ten over five
    assert set(few) < set(every) and len(few) == len(set(few)) == sum(switches(order) <= 3 for order in every)


def switches(order: Sequence[int]) -> int:
    """Changes of who runs, less the one where a run had simply ended."""
    changes = [place for place in range(1, 10) if order[place] != order[place - 1]]
    return sum(order[:place].count(order[place - 1]) < 5 for place in changes)
