"""Three thousand malformed inputs; `make fuzz` sends as many as asked."""

import pytest

from tests.simulation.fuzz import fuzz


@pytest.mark.usefixtures("harness")
def test_no_input_escapes_costs_cpu_or_moves_money() -> None:
    result = fuzz(seed=1, count=3_000)
    assert result.inputs == 3_000 and not result.wrong, "\n".join(result.wrong[:5])
    assert {"200", "400", "401", "404", "415"} <= set(result.statuses)  # some inputs reach the rules, some do not
