"""Every flow of saved cards, every call, every fault, every recovery; then the invariants, and those of cards."""

import pytest

from tests.prove import crashes
from tests.prove.card_flows import CARD_FLOWS, card_violations
from tests.prove.flows import FLOWS, MINUTE_S
from tests.prove.world import STAGE

pytestmark = pytest.mark.usefixtures("on_stage")


@pytest.mark.parametrize("flow", CARD_FLOWS)
def test_a_flow_of_saved_cards_that_meets_any_fault_at_any_call_is_finished_once(
    flow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FLOWS, flow, CARD_FLOWS[flow])  # type: ignore[arg-type]
    cases = list(crashes.cases(flow))
    found = []
    for case in cases:
        found += crashes.check(case)
        for _ in range(2):  # a card given back in the first run is forgotten by the second
            STAGE.world.forward(MINUTE_S)
            STAGE.world.reconcile()
        found += [f"{case}: {text}" for text in card_violations(STAGE.world)]
    assert cases and not found, "\n".join(found[:20])
