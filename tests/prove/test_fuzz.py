"""Some of the ugly bytes; `make fuzz` sends a hundred thousand."""

import pytest

from tests.prove.fuzz import fuzz


@pytest.mark.usefixtures("on_stage")
def test_no_input_escapes_costs_much_or_moves_money() -> None:
    found = fuzz(seed=1, count=3_000)
    assert found.inputs == 3_000 and not found.wrong, "\n".join(found.wrong[:5])
    assert {"200", "400", "401", "404", "415"} <= set(found.statuses)  # they get past the door, and some do not
