"""Every flow, and a sample of its calls, faults and recoveries; `make prove` runs every combination."""

import pytest

from tests.simulation import crash_points
from tests.simulation.flows.registry import FLOWS

pytestmark = pytest.mark.usefixtures("harness")


@pytest.mark.parametrize("flow", FLOWS)
def test_flow_completes_exactly_once_after_any_fault(flow: str) -> None:
    cases = crash_points.sampled_cases(flow)
    found = [text for case in cases for text in crash_points.check(case)]
    assert cases and not found, "\n".join(found[:20])


def test_money_moving_flows_make_no_extra_calls() -> None:
    flows = ("webhook, captured", "verify")
    calls = {flow: [call.operation for call in crash_points.calls_of_flow(flow)] for flow in flows}
    assert calls["webhook, captured"] == ["Query", "GetItem", "Query", "TransactWriteItems"]
    assert calls["verify"] == ["GetItem", "GET", "Query", "TransactWriteItems"]
