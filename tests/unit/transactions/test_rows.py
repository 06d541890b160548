"""The rows of a wallet: entries with their records' descriptions and statuses."""

from typing import Any

import pytest
from pynamodb.connection import Connection

from shared.aws.dynamodb import Insert, execute
from shared.errors import NotFound
from shared.payments.create import create_payment
from shared.refunds.models import Refund
from shared.transactions.rows import Row, Transactions
from shared.transactions.serializers import serialize_transaction
from shared.wallets import ledger
from shared.wallets.models import append
from shared.wallets.wallet import get_wallet, open_wallet, wallet_id
from tests.support.dynamodb_calls import recorded_calls
from tests.unit.payments.support import ASHA, BILAL, FROM_WALLET, credited

pytestmark = pytest.mark.usefixtures("tables", "razorpay")
REFUND_ID = "00000000-0000-4000-8000-000000000001"


def rows(filters: dict[str, Any] | None = None) -> list[Row]:
    return Transactions(ASHA, None, filters or {}).page(0, 20)


def statuses() -> list[tuple[str, str]]:
    return [(row.entry.kind, row.status) for row in rows()]


def move(kind: str, category: str, amount_paise: int, by: str = "", **values: Any) -> None:
    assert append(ledger.next_entry(open_wallet(ASHA), kind, category, amount_paise, by, **values)) == []


def a_refund(payment_id: str, status: str) -> Refund:
    values = {"customer": ASHA, "destination": "source", "asked_by": "customer", "amount_paise": 200}
    return Refund(payment_id, REFUND_ID, status=status, counted_paise=200, created_at_us=1, updated_at_us=1, **values)


def test_description_and_payment_come_from_the_record() -> None:
    top_up = credited()
    payment = create_payment(ASHA, FROM_WALLET, "key").payment
    found = [(row.description, row.payment, row.status) for row in rows()]
    assert found == [("Dry cleaning", payment.id, "completed"), ("Wallet top-up", top_up.id, "completed")]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("requested", "pending"),
        ("sending", "pending"),
        ("pending", "pending"),
        ("processed", "completed"),
        ("returned", "completed"),
        ("failed", "reversed"),
        ("cancelled", "reversed"),
    ],
)
def test_row_of_a_hold_has_its_refund_status(status: str, expected: str) -> None:
    payment = credited()
    assert execute(Insert(a_refund(payment.id, status)))
    move(ledger.HOLD, "refund", 200, ledger.by_refund(payment.id, REFUND_ID))
    assert statuses() == [("hold", expected), ("credit", "completed")]
    body = serialize_transaction(rows()[0])
    assert (body["type"], body["category"], body["amount"], body["status"]) == ("debit", "refund", "2.00", expected)
    assert (body["balance_after"], body["payment"], body["description"]) == ("498.00", payment.id, "Wallet top-up")


def test_hold_without_a_record_is_pending() -> None:
    payment = credited()
    move(ledger.HOLD, "dispute", 100, ledger.by_dispute(payment.id, "disp_1"))
    assert statuses() == [("hold", "pending"), ("credit", "completed")]


def test_release_is_a_completed_credit() -> None:
    payment = credited()
    by = ledger.by_refund(payment.id, REFUND_ID)
    assert execute(Insert(a_refund(payment.id, "failed")))
    move(ledger.HOLD, "refund", 200, by)
    move(ledger.RELEASE, "refund", 200, by)
    assert statuses() == [("release", "completed"), ("hold", "reversed"), ("credit", "completed")]
    assert serialize_transaction(rows()[0])["type"] == "credit"
    assert Transactions(ASHA, None, {"type": "credit"}).count == 2


def test_openings_captures_and_blocks_are_no_rows() -> None:
    payment = credited()
    by = ledger.by_refund(payment.id, REFUND_ID)
    move(ledger.HOLD, "refund", 200, by)
    move(ledger.BLOCK, "", 0, ledger.by_staff("1"))
    move(ledger.CAPTURE, "refund", 200, by, hold_paise=200)
    move(ledger.UNBLOCK, "", 0, ledger.by_staff("2"))
    for filters, count in (({}, 2), ({"type": "debit"}, 1), ({"category": "refund"}, 1), ({"from": 1}, 2)):
        found = Transactions(ASHA, None, filters)
        assert (found.count, len(found.page(0, 20))) == (count, count)


def test_staff_entry_has_no_payment() -> None:
    move(ledger.CREDIT, "adjustment", 100, ledger.by_staff("1"))
    assert [(row.payment, row.description) for row in rows()] == [(None, "")]


def test_reads_open_no_wallet() -> None:
    """An unopened wallet shows nothing at once, and is still unopened."""
    assert Transactions(ASHA, wallet_id(ASHA), {}).count == 0 and rows() == []
    assert rows({"type": "credit", "from": 1, "to": 2}) == []
    first, second = get_wallet(ASHA), get_wallet(ASHA)
    assert first.seq == second.seq == 0 and second.at_us > first.at_us
    with pytest.raises(NotFound):
        Transactions(ASHA, wallet_id(BILAL), {})


def test_record_that_a_stale_read_lacks_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    credited()
    real, batches = Connection._make_api_call, []

    def stale(self: Connection, operation: str, sent: dict[str, Any], *more: Any) -> Any:
        response = real(self, operation, sent, *more)
        if operation == "BatchGetItem":
            ((table, asked),) = sent["RequestItems"].items()
            batches.append(bool(asked.get("ConsistentRead")))
            if not batches[-1]:
                response["Responses"][table] = []
        return response

    monkeypatch.setattr(Connection, "_make_api_call", stale)
    assert [row.description for row in rows()] == ["Wallet top-up"] and batches == [False, True]


def test_page_reads_each_table_in_one_batch() -> None:
    payment = credited()
    assert execute(Insert(a_refund(payment.id, "pending")))
    for _ in range(5):
        move(ledger.HOLD, "refund", 1, ledger.by_refund(payment.id, REFUND_ID))
    with recorded_calls() as calls:
        assert len(rows()) == 6
    assert [call.operation for call in calls].count("BatchGetItem") == 2
