"""Two reports of one dispute at once: the later one reads again what the first one did."""

import pytest

from shared.refunds import entries
from shared.wallets.models import Entry
from tests.unit.disputes.support import dispute, only_dispute
from tests.unit.payments.support import credited
from tests.unit.refunds.support import moves, wallet


@pytest.mark.parametrize(("status", "cash"), [("won", "500.00"), ("lost", "0.00")])
def test_report_that_meets_its_twin_moves_nothing_more(
    status: str, cash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin ends the hold after the dispute was read, and before the wallet is."""
    payment = credited()
    dispute(payment)
    assert wallet() == ("0.00", "500.00", "0.00")
    twins, open_wallet = [lambda: dispute(payment, status)], entries.open_wallet

    def meet(customer: str) -> Entry:
        if twins:
            twins.pop()()
        return open_wallet(customer)

    monkeypatch.setattr(entries, "open_wallet", meet)
    dispute(payment, status)
    assert only_dispute(payment).status == status and wallet() == (cash, "0.00", "0.00")
    assert [kind for kind, _ in moves()] == ["credit", "hold", "release" if status == "won" else "capture"]
