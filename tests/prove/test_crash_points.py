"""Every flow, every call, every fault, and one recovery each in turn; `make prove` runs every one of them."""

import pytest

from tests.prove import crashes
from tests.prove.flows import FLOWS

pytestmark = pytest.mark.usefixtures("on_stage")


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_that_meets_any_fault_at_any_call_is_finished_once(flow: str) -> None:
    cases = list(crashes.each_once(flow))
    found = [text for case in cases for text in crashes.check(case)]
    assert cases and not found, "\n".join(found[:20])


def test_money_moving_flows_make_no_more_calls_than_they_need() -> None:
    calls = {flow: [call.operation for call in crashes.calls_of(flow)] for flow in ("webhook, captured", "verify")}
    assert calls["webhook, captured"] == ["Query", "GetItem", "Query", "TransactWriteItems"]
    assert calls["verify"] == ["GetItem", "GET", "Query", "TransactWriteItems"]
