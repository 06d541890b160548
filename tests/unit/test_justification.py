"""Entries and their records: one that has none, another amount, or one that is in use already is counted."""

import uuid
from collections import Counter
from typing import Any

import pytest

from shared import clock, justification
from shared.audit import audit_entries, audit_top_ups
from shared.aws.dynamodb import Delete, Insert, Update, execute
from shared.payments.apply import apply_attempt
from shared.payments.create import add_balance, create_payment
from shared.payments.models import Payment, get_or_404
from shared.refunds.models import Refund
from shared.triggers import Change
from shared.wallets import ledger
from shared.wallets.ledger import BLOCK, CAPTURE, CREDIT, DEBIT, HOLD, RELEASE
from shared.wallets.models import Entry, WalletOwner, append, find_customer, list_entries
from shared.wallets.wallet import get_wallet, open_wallet, wallet_id
from tests.support.dynamodb_calls import Call, recorded_calls
from tests.unit.conftest import an_attempt

pytestmark = pytest.mark.usefixtures("tables", "razorpay")
ASHA, BILAL = "asha", "bilal"
ANY_ID = "8d0c3d4e-5f43-5b8e-9d5a-0c8a5e0f7b21"


def start_top_up(amount_paise: int = 50_000, customer: str = ASHA) -> Payment:
    created = add_balance(customer, None, {"amount": amount_paise, "description": ""}, None)
    return get_or_404(customer, created.payment.id)


def capture(payment: Payment) -> Payment:
    captured = an_attempt(payment.gateway_order, payment.amount_paise, id=f"pay_{uuid.uuid4().hex[:14]}")
    return apply_attempt(payment, captured, "test").payment


def spend(amount_paise: int) -> Payment:
    body = {"amount": amount_paise, "source": "wallet", "payment_method": None, "reference": "", "description": ""}
    return create_payment(ASHA, body | {"contact": ""}, clock.new_id()).payment


def forge(kind: str, category: str, amount_paise: int, by: str, hold_paise: int = 0) -> Entry:
    """Append an entry that follows from the one before it, and change no record."""
    entry = ledger.next_entry(open_wallet(ASHA), kind, category, amount_paise, by, hold_paise=hold_paise)
    assert append(entry) == []
    return entry


def entries() -> list[Entry]:
    return list_entries(wallet_id(ASHA), 0, get_wallet(ASHA).seq, newest_first=False)


def not_justified(*audited: Entry) -> int:
    """How many of these entries are counted. All of them follow from the ones before."""
    counts = audit_entries([Change(None, entry.serialize()) for entry in audited])
    assert counts["LedgerDrift"] == counts["LedgerEntryChanged"] == 0
    return counts["EntryNotJustified"]


def counted(calls: list[Call]) -> Counter[str]:
    """How many calls there are of each operation on each table."""
    return Counter(f"{call.operation} {call.sent['TableName']}" for call in calls)


def test_entries_of_real_flows_are_justified() -> None:
    capture(start_top_up(50_000))
    capture(start_top_up(20_000))
    spend(60_000)
    assert [entry.kind for entry in entries()] == ["opening", "credit", "credit", "debit"]
    assert not_justified(*entries()) == 0
    assert sum(not_justified(entry) for entry in entries()) == 0, "each in a batch of its own"


# --- entries that follow from the ones before, and move money all the same


def test_credit_of_an_invented_payment_is_counted() -> None:
    capture(start_top_up())
    assert not_justified(forge(CREDIT, "top_up", 50_000, ledger.by_payment(ANY_ID))) == 1


def test_second_credit_of_a_captured_payment_is_counted() -> None:
    payment = capture(start_top_up())
    again = forge(CREDIT, "top_up", 50_000, ledger.by_payment(payment.id))
    assert not_justified(again) == 1
    assert not_justified(*entries()) == 1, "the first one is right"


def test_refund_debit_without_a_refund_is_counted() -> None:
    payment = capture(start_top_up())
    assert not_justified(forge(DEBIT, "refund", 20_000, ledger.by_refund(payment.id, ANY_ID))) == 1


# --- payments


def test_second_credit_is_found_behind_other_entries() -> None:
    payment = capture(start_top_up())
    for _ in range(60):  # more than one page of the search
        spend(100)
    assert not_justified(forge(CREDIT, "top_up", 50_000, ledger.by_payment(payment.id))) == 1


@pytest.mark.parametrize("amount_paise", [49_999, 50_001])
def test_credit_of_another_amount_is_counted(amount_paise: int) -> None:
    payment = start_top_up()
    entry = ledger.next_entry(open_wallet(ASHA), CREDIT, "top_up", amount_paise, ledger.by_payment(payment.id))
    assert append(entry, captured(payment)) == [] and not_justified(entry) == 1


def captured(payment: Payment) -> Update:
    return Update(
        payment, {"status": "captured", "gateway_payment": "pay_00000000000001", "paid_paise": payment.amount_paise}
    )


def test_credit_is_what_was_paid_after_an_offer() -> None:
    payment = start_top_up()
    entry = ledger.next_entry(open_wallet(ASHA), CREDIT, "top_up", 45_000, ledger.by_payment(payment.id))
    paid = Update(payment, {"status": "captured", "gateway_payment": "pay_00000000000001", "paid_paise": 45_000})
    assert append(entry, paid) == [] and not_justified(entry) == 0
    change = Change(start_top_up().serialize(), paid.row.serialize())
    assert audit_top_ups([change]) == {"TopUpsAudited": 1, "TopUpNotCredited": 0}


def test_credit_of_an_unpaid_payment_is_counted() -> None:
    payment = start_top_up()
    assert not_justified(forge(CREDIT, "top_up", 50_000, ledger.by_payment(payment.id))) == 1


def test_credit_of_another_customers_payment_is_counted() -> None:
    payment = capture(start_top_up(customer=BILAL))
    assert not_justified(forge(CREDIT, "top_up", 50_000, ledger.by_payment(payment.id))) == 1


def test_debit_of_a_top_up_is_counted() -> None:
    payment = capture(start_top_up())
    assert not_justified(forge(DEBIT, "payment", 50_000, ledger.by_payment(payment.id))) == 1


def test_second_debit_of_a_payment_is_counted() -> None:
    capture(start_top_up())
    payment = spend(10_000)
    assert not_justified(forge(DEBIT, "payment", 10_000, ledger.by_payment(payment.id))) == 1


NO_RECORDS = ("", "p:", "p:" + "a" * 2_000, f"r:{ANY_ID}/", f"r:{ANY_ID}/{ANY_ID}", f"d:{ANY_ID}/disp_1")


@pytest.mark.parametrize("by", [*NO_RECORDS, f"s:{ANY_ID}", f"x:{ANY_ID}"])
def test_entry_by_no_record_is_counted(by: str) -> None:
    open_wallet(ASHA)
    assert not_justified(forge(CREDIT, "adjustment", 100, by)) == 1


def test_block_by_no_record_is_counted() -> None:
    open_wallet(ASHA)
    assert not_justified(forge(BLOCK, "", 0, ledger.by_staff(ANY_ID))) == 1


# --- refunds


def refund_of(payment: Payment, status: str, paise: int = 20_000, **values: Any) -> str:
    """Store a refund's record. Returns the text by which entries name it."""
    attributes: dict[str, Any] = {"destination": "source", "asked_by": "customer", "counted_paise": paise}
    record = Refund(payment.id, clock.new_id(), customer=payment.customer, status=status, amount_paise=paise)
    for name, value in {**attributes, "created_at_us": clock.now_us(), "updated_at_us": 0, **values}.items():
        setattr(record, name, value)
    assert execute(Insert(record))
    return ledger.by_refund(payment.id, record.id)


Move = tuple[str, int]  # a kind of entry and its amount in paise
HELD, CAPTURED, RELEASED, DEBITED = (HOLD, 20_000), (CAPTURE, 20_000), (RELEASE, 20_000), (DEBIT, 20_000)
CREDITED = (CREDIT, 20_000)
JUSTIFIED: list[tuple[str, str, list[Move]]] = [
    ("customer", "pending", [HELD]),
    ("customer", "processed", [HELD, CAPTURED]),
    ("customer", "failed", [HELD, RELEASED]),
    ("staff:1", "cancelled", [HELD, RELEASED]),
    ("customer", "returned", [HELD, CAPTURED, CREDITED]),
    ("gateway", "processed", [DEBITED]),
    ("gateway", "pending", [(HOLD, 5_000)]),
    ("gateway", "processed", [(HOLD, 5_000), (CAPTURE, 5_000), (DEBIT, 15_000)]),
]
# Of each list, the last entry alone is wrong.
NOT_JUSTIFIED: list[tuple[str, str, list[Move]]] = [
    ("customer", "processed", [(DEBIT, 19_999)]),
    ("customer", "pending", [DEBITED]),
    ("customer", "pending", [(HOLD, 5_000)]),
    ("gateway", "pending", [(HOLD, 20_001)]),
    ("customer", "pending", [HELD, HELD]),
    ("customer", "processed", [DEBITED, DEBITED]),
    ("customer", "processed", [HELD, CAPTURED, (DEBIT, 1)]),
    ("customer", "processed", [HELD, RELEASED]),
    ("customer", "processed", [HELD, (CAPTURE, 19_999)]),
    ("customer", "failed", [HELD, CAPTURED]),
    ("customer", "failed", [HELD, (RELEASE, 19_999)]),
    ("customer", "failed", [HELD, RELEASED, RELEASED]),
    ("customer", "processed", [HELD, CAPTURED, CREDITED]),
    ("customer", "returned", [HELD, CAPTURED, CREDITED, CREDITED]),
]


def append_moves(by: str, moves: list[Move]) -> list[Entry]:
    """Append entries that name one record."""
    return [forge(kind, "refund", paise, by, hold_paise=paise if kind == CAPTURE else 0) for kind, paise in moves]


def a_wallet_with_another_hold() -> Payment:
    payment = capture(start_top_up(90_000))
    forge(HOLD, "refund", 30_000, refund_of(payment, "pending", 30_000))
    return payment


@pytest.mark.parametrize("asked_by, status, moves", JUSTIFIED)
def test_entries_of_a_refund_are_justified(asked_by: str, status: str, moves: list[Move]) -> None:
    by = refund_of(a_wallet_with_another_hold(), status, asked_by=asked_by)
    assert not_justified(*append_moves(by, moves)) == 0


@pytest.mark.parametrize("asked_by, status, moves", NOT_JUSTIFIED)
def test_entry_against_its_refund_is_counted(asked_by: str, status: str, moves: list[Move]) -> None:
    by = refund_of(a_wallet_with_another_hold(), status, asked_by=asked_by)
    *_, last = append_moves(by, moves)
    assert not_justified(last) == 1


@pytest.mark.parametrize("counted_paise, kind, amount_paise", [(15_000, CAPTURE, 15_000), (0, RELEASE, 20_000)])
def test_refund_that_counts_less_than_it_held_is_justified(counted_paise: int, kind: str, amount_paise: int) -> None:
    by = refund_of(a_wallet_with_another_hold(), "processed", counted_paise=counted_paise)
    held, ended = forge(HOLD, "refund", 20_000, by), forge(kind, "refund", amount_paise, by, hold_paise=20_000)
    assert not_justified(held, ended) == 0


def test_refund_to_the_wallet_is_of_a_payment() -> None:
    top_up = capture(start_top_up())
    to_wallet = refund_of(spend(20_000), "processed", destination="wallet")
    assert not_justified(*append_moves(to_wallet, [CREDITED])) == 0
    assert not_justified(*append_moves(to_wallet, [CREDITED])) == 1, "twice"
    assert not_justified(*append_moves(refund_of(top_up, "processed", destination="wallet"), [CREDITED])) == 1
    assert not_justified(*append_moves(refund_of(spend(10_000), "processed"), [DEBITED])) == 1, "it was no top-up"


def test_refund_of_another_customers_payment_is_counted() -> None:
    capture(start_top_up())
    by = refund_of(capture(start_top_up(customer=BILAL)), "processed")
    assert not_justified(*append_moves(by, [DEBITED])) == 1


# --- the wallet's owner


def test_opening_writes_the_owner_of_the_wallet() -> None:
    get_wallet(ASHA)
    assert find_customer(wallet_id(ASHA)) is None, "reading opens nothing"
    open_wallet(ASHA)
    open_wallet(ASHA)
    assert find_customer(wallet_id(ASHA)) == ASHA and len(entries()) == 1


def test_wallet_without_an_owner_is_counted() -> None:
    capture(start_top_up())
    assert execute(Delete(WalletOwner(wallet_id(ASHA))))
    assert not_justified(*entries()) == 2


def test_wallet_of_another_owner_is_counted() -> None:
    capture(start_top_up())
    assert execute(Update(WalletOwner(wallet_id(ASHA)), {"owner": BILAL}))
    assert not_justified(*entries()) == 2


# --- what it reads


def test_audit_of_an_entry_reads_three_rows() -> None:
    """The entry before, the owner and the payment. It is newer than the entry before, so nothing is searched."""
    capture(start_top_up())
    later = clock.now_us() + 3_600_000_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now_us", lambda: later)
        capture(start_top_up(20_000))
    newest = get_wallet(ASHA)
    with recorded_calls() as calls:
        assert not_justified(newest) == 0
    assert counted(calls) == {"GetItem entries": 1, "GetItem methods": 1, "GetItem payments": 1}


def test_batch_reads_the_owner_once() -> None:
    for _ in range(3):
        capture(start_top_up())
    batch = entries()
    with recorded_calls() as calls:
        assert not_justified(*batch) == 0
    assert counted(calls)["GetItem methods"] == 1 and counted(calls)["GetItem payments"] == 3
    assert counted(calls)["Query entries"] == 2, (
        "the first credit has none before it, each other is searched from the last"
    )


def test_search_ends_at_its_limit_and_counts_the_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be searched is not shown to be right."""
    first = capture(start_top_up())
    for _ in range(8):
        spend(100)
    monkeypatch.setattr(justification, "ENTRIES_SEARCHED_MAX", 5)
    again = forge(CREDIT, "top_up", 50_000, ledger.by_payment(first.id))
    with recorded_calls() as calls:
        assert not_justified(again) == 1
    assert counted(calls)["Query entries"] == 1


def test_late_capture_is_justified_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    capture(start_top_up())
    late = start_top_up(30_000)
    for _ in range(8):
        spend(100)
        capture(start_top_up(100))
    capture(late)
    monkeypatch.setattr(justification, "ENTRIES_SEARCHED_MAX", 10)  # the other nine credits; the debits are not read
    assert not_justified(get_wallet(ASHA)) == 0
    monkeypatch.setattr(justification, "ENTRIES_SEARCHED_MAX", 9)
    assert not_justified(get_wallet(ASHA)) == 1


def test_late_hold_is_justified_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of refunds all entries since their request are searched: a capture is linked by no total."""
    by = refund_of(capture(start_top_up()), "pending")
    for _ in range(8):
        spend(100)
    late = forge(HOLD, "refund", 20_000, by)
    assert not_justified(late) == 0
    monkeypatch.setattr(justification, "ENTRIES_SEARCHED_MAX", 5)
    with recorded_calls() as calls:
        assert not_justified(late) == 1
    assert counted(calls)["Query entries"] == 1
