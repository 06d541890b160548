"""The rehearsal of a restore, as docs/operations.md describes it: tables of different moments, until they agree."""

from collections.abc import Callable, Mapping
from typing import Any

import boto3
import pytest

from shared.audit import audit_entries
from shared.desk.actions import block_wallet
from shared.desk.check import check_wallet
from shared.desk.decisions import decide
from shared.desk.proposals import propose_adjustment, propose_waiver, status_of
from shared.payments.apply import apply_attempt
from shared.payments.create import create_payment
from shared.payments.models import Payment, count_in_review
from shared.payments.reconcile import reconcile
from shared.triggers import Change
from shared.wallets.models import get_head
from shared.wallets.wallet import get_wallet, wallet_id
from tests.unit.conftest import ENVIRONMENT, Razorpay, an_attempt
from tests.unit.disputes.support import a_dispute, bring
from tests.unit.payments.support import (
    ASHA,
    BILAL,
    FROM_WALLET,
    REAL_NOW_US,
    balance,
    credited,
    entries,
    forward,
    payment_entity,
    stored,
    top_up,
)
from tests.unit.refunds.support import REFUND_ID, ask, report, spend, wallet
from tools.check_restored import Difference, differences, main, repair, scan

CHITRA, DEV, ESHA = "chitra", "dev", "esha"
TABLES = ("payments", "refunds", "entries", "methods", "desk")
NAMES = ("payments", "refunds", "methods", "desk", "entries")  # in the order of the command


def copy(table: str) -> list[dict[str, Any]]:
    return list(boto3.client("dynamodb").scan(TableName=table)["Items"])


def restore(table: str, rows: list[dict[str, Any]]) -> None:
    client = boto3.client("dynamodb")
    keys = [key["AttributeName"] for key in client.describe_table(TableName=table)["Table"]["KeySchema"]]
    for row in copy(table):
        client.delete_item(TableName=table, Key={key: row[key] for key in keys})
    for row in rows:
        client.put_item(TableName=table, Item=row)


def found() -> list[Difference]:
    return differences(*map(scan, NAMES))


def lacking() -> set[str]:
    """The records whose entries are lost."""
    return {difference.by for difference in found() if difference.record}


def adjust(customer: str, kind: str, amount_paise: int) -> None:
    """Two people of the staff correct a wallet."""
    body = {"amount": amount_paise, "type": kind, "reason": "The shop was closed"}
    proposal = propose_adjustment("farah", wallet_id(customer), body, None).proposal
    assert status_of(decide("amit", proposal.id, "approve", "As agreed")) == "done"


def faults_of(*customers: str) -> tuple[int, int]:
    """How many entries of these wallets do not follow, and how many no record justifies."""
    audited = audit_entries([Change(None, entry.serialize()) for who in customers for entry in entries(who)])
    return audited["LedgerDrift"], audited["EntryNotJustified"]


def test_restored_tables_are_made_to_agree(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ENVIRONMENT["WALLET_ENTRIES_TABLE"] == "entries"
    forward(-3_600, monkeypatch)
    credited(ASHA, 50_000, "pay_00000000000001")
    in_window = top_up(BILAL, 30_000)
    before = {"entries": copy("entries")}  # a minute before all others

    forward(-3_540, monkeypatch)
    apply_attempt(in_window, an_attempt(in_window.gateway_order, 30_000, id="pay_00000000000002"), "webhook")
    spent = create_payment(ASHA, FROM_WALLET | {"amount": 10_000}, "key").payment
    waiting, opened = top_up(CHITRA, 20_000), top_up(ESHA, 25_000)  # and with them two wallets
    apply_attempt(opened, an_attempt(opened.gateway_order, 25_000, id="pay_00000000000005"), "webhook")
    in_lost_minute = {f"p:{payment.id}" for payment in (in_window, spent, opened)}
    before |= {table: copy(table) for table in TABLES if table != "entries"}

    # Lost with the tables: the capture of a known top-up, and a whole payment with its order.
    captured = an_attempt(waiting.gateway_order, 20_000, id="pay_00000000000003")
    apply_attempt(waiting, captured, "webhook")
    lost = top_up(DEV, 40_000)
    unknown = an_attempt(lost.gateway_order, 40_000, id="pay_00000000000004")
    razorpay.payments |= {attempt.id: attempt for attempt in (captured, unknown)}
    created_at = (REAL_NOW_US() // 1_000_000) - 3_500
    razorpay.listed["payments"] = [payment_entity(unknown, created_at=created_at)]

    # Step 1: the tables of a moment, the ledger's a minute older than the rest.
    for table, rows in before.items():
        restore(table, rows)
    # Step 2: the check. What the ledger has is right, and it lacks what the last minute moved.
    assert lacking() == in_lost_minute and len(found()) == len(in_lost_minute)
    assert f"moved 250.00 and holds 0.00, it has no entry; wallet {wallet_id(ESHA)}" in "".join(map(str, found()))
    assert get_head(wallet_id(CHITRA)) is get_head(wallet_id(ESHA)) is None
    assert check_wallet(wallet_id(ASHA)).is_sound and main(*NAMES) == 1
    # Step 3: the lost entries are appended, once.
    for _ in range(2):
        repair(found())
    assert found() == [] and main(*NAMES) == 0
    # Step 4: the reconciler asks Razorpay for everything since.
    forward(0, monkeypatch)
    reconcile()
    assert stored(waiting).status == "captured" and count_in_review() == 1
    corrected = (ASHA, BILAL, CHITRA, ESHA)
    assert [balance(customer) for customer in corrected] == ["400.00", "300.00", "200.00", "250.00"]
    # Step 5: both checks again.
    assert found() == [] and faults_of(*corrected) == (0, 0)


def held_for_refund(razorpay: Razorpay) -> Payment:
    razorpay.refund_status = "pending"
    payment = credited()
    ask(payment, 20_000)
    return payment


def held_for_dispute(razorpay: Razorpay) -> Payment:
    payment = credited()
    bring(payment, a_dispute())
    return payment


def waived(razorpay: Razorpay) -> None:
    """A dispute of spent money is lost; two people waive what the customer owes."""
    payment = credited()
    spend(50_000)
    bring(payment, a_dispute("lost"))
    body = {"amount": 30_000, "reason": "The shop lost the coat"}
    proposal = propose_waiver("farah", wallet_id(ASHA), body, None).proposal
    assert status_of(decide("amit", proposal.id, "approve", "As agreed")) == "done"


def refunded_to_wallet(razorpay: Razorpay) -> None:
    credited()
    ask(spend(20_000), 10_000)


def refund_ended(status: str) -> Callable[[Razorpay], None]:
    def act(razorpay: Razorpay) -> None:
        report(held_for_refund(razorpay), razorpay.change_refund(REFUND_ID, status))

    return act


def dispute_ended(status: str) -> Callable[[Razorpay], None]:
    def act(razorpay: Razorpay) -> None:
        bring(held_for_dispute(razorpay), a_dispute(status))

    return act


def blocked(razorpay: Razorpay) -> None:
    credited()
    for what in ("block", "unblock", "block"):
        block_wallet("rita", wallet_id(ASHA), what, "The phone was stolen")


def adjusted(razorpay: Razorpay) -> None:
    credited()
    adjust(ASHA, "debit", 50_000)
    adjust(ASHA, "credit", 1_000)


HISTORIES: Mapping[str, Callable[[Razorpay], object]] = {
    "refund held": held_for_refund,
    "refund processed": refund_ended("processed"),
    "refund failed": refund_ended("failed"),
    "refund to the wallet": refunded_to_wallet,
    "dispute held": held_for_dispute,
    "dispute lost": dispute_ended("lost"),
    "dispute won": dispute_ended("won"),
    "dispute lost and waived": waived,
    "adjusted": adjusted,
    "blocked": blocked,
}


@pytest.mark.parametrize("history", HISTORIES)
def test_entries_lost_from_any_moment_on_are_appended(history: str, razorpay: Razorpay) -> None:
    """The ledger is cut after each of its entries in turn."""
    HISTORIES[history](razorpay)
    whole, state = copy("entries"), wallet()
    is_blocked = get_wallet(ASHA).is_blocked
    assert found() == [] and len(whole) > 2
    for count in range(len(whole)):
        restore("entries", [row for row in whole if int(row["seq"]["N"]) < count])
        assert count or found()
        repair(found())
        assert found() == [] and check_wallet(wallet_id(ASHA)).is_sound and faults_of(ASHA) == (0, 0), count
        assert (wallet(), get_wallet(ASHA).is_blocked) == (state, is_blocked), count


def test_ledger_that_is_newer_than_its_records_is_found(razorpay: Razorpay) -> None:
    """Such tables must not be used: the reconciler would credit the top-up again."""
    old = copy("payments")
    payment = credited()
    restore("payments", old)
    (difference,) = found()
    assert str(difference) == f"p:{payment.id} has no record: its entries moved 500.00 and holds 0.00"
    repair(found())
    assert [entry.kind for entry in entries()] == ["opening", "credit"], "nothing is repaired without a record"


def test_agreeing_tables_have_no_differences(razorpay: Razorpay, capsys: pytest.CaptureFixture[str]) -> None:
    credited()
    create_payment(ASHA, FROM_WALLET, "key")
    assert main(*NAMES) == 0 and "Every record" in capsys.readouterr().out
    assert main() == 2
