"""Entries of disputes before the auditor, in the app's list, and as staff see them."""

import pytest

from shared.audit import audit_entries
from shared.aws.dynamodb import Update, execute
from shared.disputes import apply
from shared.payments.models import Payment
from shared.staff.payment_record import get_record
from shared.staff.serializers import serialize_staff_payment
from shared.transactions.rows import Transactions
from shared.triggers import Change
from shared.wallets import ledger
from shared.wallets.ledger import CAPTURE, CREDIT, DEBIT, HOLD, RELEASE
from shared.wallets.models import Entry, append
from shared.wallets.wallet import get_wallet
from tests.unit.disputes.support import DISPUTE_ID, contested, dispute, only_dispute
from tests.unit.payments.support import ASHA, SECOND_ATTEMPT_ID, a_refund, credited, entries, stored
from tests.unit.refunds.support import report, spend


def not_justified(*audited: Entry) -> int:
    counts = audit_entries([Change(None, entry.serialize()) for entry in audited])
    assert counts["LedgerDrift"] == 0
    return counts["EntryNotJustified"]


def forge(payment: Payment, kind: str, amount_paise: int, hold_paise: int = 0, category: str = "dispute") -> Entry:
    """Append an entry that names the dispute and follows from the one before, and change no record."""
    by = ledger.by_dispute(payment.id, DISPUTE_ID)
    entry = ledger.next_entry(get_wallet(ASHA), kind, category, amount_paise, by, hold_paise=hold_paise)
    assert append(entry) == []
    return entry


@pytest.mark.parametrize("spent_paise", [0, 20_000, 50_000])
@pytest.mark.parametrize(
    "reports",
    [
        [("open", 0)],
        [("open", 0), ("under_review", 0), ("won", 0)],
        [("open", 0), ("closed", 0)],
        [("open", 0), ("lost", 50_000)],
        [("open", 0), ("lost", 1)],
        [("open", 0), ("lost", 0)],
        [("lost", 50_000)],
    ],
    ids=str,
)
def test_entries_of_real_disputes_are_justified(reports: list[tuple[str, int]], spent_paise: int) -> None:
    payment = credited()
    if spent_paise:
        spend(spent_paise)
    for status, deducted_paise in reports:
        dispute(payment, status, amount_deducted=deducted_paise)
    assert not_justified(*entries()) == 0
    assert sum(not_justified(entry) for entry in entries()) == 0, "each in a batch of its own"


def test_loss_of_a_payment_refunded_meanwhile_is_justified() -> None:
    payment = credited()
    dispute(payment)
    report(payment, a_refund(50_000))
    dispute(payment, "lost")
    assert contested(payment) == (0, 0, 0) and not_justified(*entries()) == 0
    hold = next(row for row in Transactions(ASHA, None, {}).page(0, 20) if row.entry.kind == HOLD)
    assert hold.status == "reversed", "nothing of it was taken"


@pytest.mark.parametrize(
    ("status", "kind", "amount_paise"),
    [
        ("open", HOLD, 50_000),  # a second one
        ("open", RELEASE, 50_000),
        ("open", CAPTURE, 50_000),
        ("open", DEBIT, 50_000),
        ("open", CREDIT, 50_000),
        ("won", RELEASE, 50_000),
        ("won", DEBIT, 50_000),
        ("lost", CAPTURE, 50_000),
        ("lost", DEBIT, 1),
        ("lost", CREDIT, 50_000),
    ],
)
def test_entry_against_its_dispute_is_counted(status: str, kind: str, amount_paise: int) -> None:
    """Another customer's hold, or another one of this customer, is no matter of the dispute."""
    payment = credited()
    credited(attempt_id=SECOND_ATTEMPT_ID, amount_paise=190_000)
    for reported in dict.fromkeys(("open", status)):
        dispute(payment, reported)
    other = ledger.next_entry(get_wallet(ASHA), HOLD, "refund", 50_000, ledger.by_refund(payment.id, "other"))
    assert append(other) == []
    forged = forge(payment, kind, amount_paise, hold_paise=amount_paise)
    assert not_justified(forged) == 1


@pytest.mark.parametrize("paise", [29_999, 30_001])
def test_loss_of_another_amount_is_counted(paise: int) -> None:
    payment = credited()
    dispute(payment, "lost", 30_000)
    execute(Update(only_dispute(payment), {"counted_paise": paise}))
    assert not_justified(entries()[-1]) == 1


def test_entry_of_no_dispute_is_counted() -> None:
    assert not_justified(forge(credited(), HOLD, 50_000)) == 1


def test_dispute_of_another_category_is_counted() -> None:
    payment = credited()
    dispute(payment, "lost")
    credited(attempt_id=SECOND_ATTEMPT_ID)
    assert not_justified(forge(payment, HOLD, 1, category="refund")) == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("open", [("hold", "pending")]),
        ("under_review", [("hold", "pending")]),
        ("won", [("release", "completed"), ("hold", "reversed")]),
        ("closed", [("release", "completed"), ("hold", "reversed")]),
        ("lost", [("hold", "completed")]),
    ],
)
def test_row_of_a_hold_has_its_dispute_status(status: str, expected: list[tuple[str, str]]) -> None:
    payment = credited()
    for reported in dict.fromkeys(("open", status)):
        dispute(payment, reported)
    rows = Transactions(ASHA, None, {"category": "dispute"}).page(0, 20)
    assert [(row.entry.kind, row.status) for row in rows] == expected
    assert {(row.payment, row.description) for row in rows} == {(payment.id, "Wallet top-up")}


def test_staff_see_disputes_with_their_entries() -> None:
    payment = credited()
    spend(40_000)
    for status in ("open", "lost"):
        dispute(payment, status)
    body = serialize_staff_payment(get_record(payment.id))
    (found,) = body["disputes"]
    assert (found["id"], found["status"], found["answer_due"]) == (DISPUTE_ID, "lost", False)
    amounts = (found["amount"], found["amount_deducted"], found["held"], found["owed"])
    assert amounts == ("500.00", "500.00", "0.00", "400.00")
    assert [entry["kind"] for entry in body["entries"]] == ["credit", "hold", "capture", "debit"]
    assert [(item["source"], item["what"]) for item in body["timeline"][-2:]] == [
        ("webhook", "dispute_open"),
        ("webhook", "dispute_lost"),
    ]


@pytest.mark.parametrize("other_hold", [False, True])
def test_report_that_read_too_early_reads_again(other_hold: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dispute ends between a report's read of it and its read of the wallet."""
    payment = credited()
    dispute(payment)
    if other_hold:
        credited(attempt_id=SECOND_ATTEMPT_ID)
        by = ledger.by_refund(payment.id, "other")
        assert append(ledger.next_entry(get_wallet(ASHA), HOLD, "refund", 50_000, by)) == []
    before_payment, before_dispute = stored(payment), only_dispute(payment)
    dispute(payment, "lost")
    stale_disputes, stale_payments = [[before_dispute]], [before_payment]
    read_disputes = apply.list_disputes
    monkeypatch.setattr(
        apply, "list_disputes", lambda key: stale_disputes.pop() if stale_disputes else read_disputes(key)
    )
    monkeypatch.setattr(apply, "get_or_404", lambda *key: stale_payments.pop() if stale_payments else stored(payment))
    assert dispute(payment, "won").disputed == ""
    assert [entry.kind for entry in entries() if entry.category == "dispute"] == ["hold", "capture"]
    assert only_dispute(payment).status == "lost" and stale_disputes == stale_payments == []
