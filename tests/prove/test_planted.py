"""The list of planted bugs fits the code, and the hunt bites; `make planted` hunts every one of them."""

import ast

import pytest

from tests.prove.planted import PLANTED, hunt_in_a_copy, patched


def test_there_are_at_least_fifteen_ways_to_get_money_wrong() -> None:
    assert len(PLANTED) >= 15


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_still_fits_the_code(bug: str) -> None:
    for name, text in patched(bug).items():
        ast.parse(text, name)


@pytest.mark.parametrize(
    "bug", ["a key names another payment each time", "a wallet payment does not look for its key first"]
)
def test_a_planted_bug_is_caught(bug: str) -> None:
    caught = hunt_in_a_copy(bug)
    assert caught.by and caught.runs < 200
