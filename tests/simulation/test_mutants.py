"""Every mutant still matches the code, and the search kills two of them; `make planted` kills all of them."""

import ast

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.mutation import kill_in_copy, mutated_files


def test_there_are_at_least_thirty_mutants() -> None:
    assert len(MUTANTS) >= 30


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutant_matches_the_code(mutant: str) -> None:
    for name, text in mutated_files(mutant).items():
        ast.parse(text, name)


@pytest.mark.parametrize("mutant", ["key names a new payment each time", "wallet payment does not look up its key"])
def test_search_kills_mutant(mutant: str) -> None:
    result = kill_in_copy(mutant)
    assert result.by and result.runs < 200
