"""The history of a wallet: filtered and in pages, and right even when DynamoDB's reads are stale."""

from typing import Any

import pytest
from pynamodb.connection import Connection

from shared.errors import NotFound
from shared.wallets import ledger
from shared.wallets.history import get_history
from shared.wallets.models import Entry, append
from shared.wallets.wallet import open_wallet, wallet_id

pytestmark = pytest.mark.usefixtures("tables")
ASHA, BILAL = "asha", "bilal"


def move(amount: int, category: str) -> Entry:
    """Append an entry to Asha's wallet: a credit above zero, a debit below."""
    kind = ledger.CREDIT if amount > 0 else ledger.DEBIT
    entry = ledger.next_entry(open_wallet(ASHA), kind, category, abs(amount), "")
    assert append(entry) == []
    return entry


def amounts(filters: dict[str, Any], offset: int = 0, limit: int = 20) -> list[int]:
    return [entry.amount_paise for entry in get_history(ASHA, None, filters).page(offset, limit)]


def test_stale_read_that_lacks_entries_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """An eventually consistent read may lack the newest entries, so it is used only when it is complete."""
    move(50_000, "top_up")
    move(-20_000, "payment")
    real = Connection._make_api_call

    def stale(self: Connection, operation_name: str, sent: dict[str, Any], *more: Any) -> Any:
        response = real(self, operation_name, sent, *more)
        if not sent.get("ConsistentRead") and "Items" in response:
            response["Items"], response["Count"] = response["Items"][1:], response["Count"] - 1
        elif not sent.get("ConsistentRead"):
            response.pop("Item", None)
        return response

    monkeypatch.setattr(Connection, "_make_api_call", stale)
    for filters, expected in (({}, [20_000, 50_000]), ({"type": "credit"}, [50_000])):
        history = get_history(ASHA, None, filters)
        assert [entry.amount_paise for entry in history.page(0, 20)] == expected
        assert history.count == len(expected)


def test_pages_of_filtered_entries_are_newest_first() -> None:
    for amount, category in ((500, "top_up"), (-100, "payment"), (50, "refund"), (-60, "payment"), (700, "top_up")):
        move(amount, category)
    assert amounts({}) == [700, 60, 50, 100, 500]
    assert (amounts({}, 0, 2), amounts({}, 2, 2), amounts({}, 4, 2), amounts({}, 5, 2)) == (
        [700, 60],
        [50, 100],
        [500],
        [],
    )
    assert amounts({"type": "debit"}, 1, 1) == [100]
    assert amounts({"type": "credit", "category": "refund"}) == [50]
    assert amounts({"category": "cashback"}) == [] and get_history(ASHA, None, {"type": "credit"}).count == 3


def test_time_range_includes_start_and_excludes_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for second in (1, 2, 3):
        monkeypatch.setattr("shared.clock.now_us", lambda second=second: second * 1_000_000)
        move(second, "top_up")
    assert amounts({"from": 2_000_000}) == [3, 2] and amounts({"to": 2_000_000}) == [1]
    assert amounts({"from": 2_000_000, "to": 3_000_000}) == [2]
    assert amounts({"from": 4_000_000}) == amounts({"from": 3_000_000, "to": 2_000_000}) == []


def test_history_of_other_wallet_is_not_found() -> None:
    assert get_history(ASHA, wallet_id(ASHA), {}).count == 0
    with pytest.raises(NotFound):
        get_history(ASHA, wallet_id(BILAL), {})


@pytest.mark.parametrize("filters", [{}, {"type": "credit"}, {"category": "payment"}])
def test_pages_of_a_long_history_are_the_ledger(filters: dict[str, Any]) -> None:
    moves = [move(1_000 + n, "top_up") if n % 3 else move(-1, "payment") for n in range(1, 70)]
    matching = [
        entry
        for entry in reversed(moves)
        if filters.get("type") in (None, entry.kind) and filters.get("category") in (None, entry.category)
    ]
    history = get_history(ASHA, None, filters)
    pages = [history.page(offset, 20) for offset in range(0, history.count, 20)]
    assert [entry.seq for page in pages for entry in page] == [entry.seq for entry in matching]
    assert all(len(page) == 20 for page in pages[:-1]) and history.count == len(matching)
