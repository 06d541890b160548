"""The rehearsal of a restore, as docs/operations.md describes it: tables of different moments, until they agree."""

from typing import Any

import boto3
import pytest

from shared.audit import audit_entries
from shared.desk.check import check_wallet
from shared.desk.decisions import decide
from shared.desk.proposals import propose_adjustment, status_of
from shared.payments.apply import apply_attempt
from shared.payments.create import create_payment
from shared.payments.models import count_in_review
from shared.payments.reconcile import reconcile
from shared.triggers import Change
from shared.wallets.models import get_head
from shared.wallets.wallet import wallet_id
from tests.unit.conftest import ENVIRONMENT, Razorpay, an_attempt
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
from tools.check_restored import differences, main, scan

CHITRA, DEV, ESHA = "chitra", "dev", "esha"
TABLES = ("payments", "refunds", "entries", "methods", "desk")


def copy(table: str) -> list[dict[str, Any]]:
    return list(boto3.client("dynamodb").scan(TableName=table)["Items"])


def restore(table: str, rows: list[dict[str, Any]]) -> None:
    client = boto3.client("dynamodb")
    keys = [key["AttributeName"] for key in client.describe_table(TableName=table)["Table"]["KeySchema"]]
    for row in copy(table):
        client.delete_item(TableName=table, Key={key: row[key] for key in keys})
    for row in rows:
        client.put_item(TableName=table, Item=row)


def found() -> list[str]:
    return differences(*map(scan, ("payments", "refunds", "entries")))


def adjust(customer: str, kind: str, amount_paise: int) -> None:
    """Two people of the staff correct a wallet."""
    body = {"amount": amount_paise, "type": kind, "reason": "Restore of 26 November"}
    proposal = propose_adjustment("farah", wallet_id(customer), body, None).proposal
    assert status_of(decide("amit", proposal.id, "approve", "Compared with the tables")) == "done"


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
    assert {line.split(" has no entry")[0] for line in found()} == in_lost_minute
    assert f"credit of 250.00 in wallet {wallet_id(ESHA)} of customer {ESHA}" in "".join(found())
    assert get_head(wallet_id(CHITRA)) is get_head(wallet_id(ESHA)) is None
    assert check_wallet(wallet_id(ASHA)).is_sound and main("payments", "refunds", "entries") == 1
    # Step 3: each difference is corrected by two people.
    adjust(ASHA, "debit", 10_000)
    adjust(BILAL, "credit", 30_000)
    adjust(ESHA, "credit", 25_000)
    # Step 4: the reconciler asks Razorpay for everything since.
    forward(0, monkeypatch)
    reconcile()
    assert stored(waiting).status == "captured" and count_in_review() == 1
    corrected = (ASHA, BILAL, CHITRA, ESHA)
    assert [balance(customer) for customer in corrected] == ["400.00", "300.00", "200.00", "250.00"]
    # Step 5: both checks again. Only what was corrected by hand is still named.
    assert {line.split(" has no entry")[0] for line in found()} == in_lost_minute
    changes = [Change(None, entry.serialize()) for who in corrected for entry in entries(who)]
    audited = audit_entries(changes)
    assert (audited["LedgerDrift"], audited["EntryNotJustified"]) == (0, 0)


def test_ledger_that_is_newer_than_its_records_is_found(razorpay: Razorpay) -> None:
    """Such tables must not be used: the reconciler would credit the top-up again."""
    old = copy("payments")
    payment = credited()
    restore("payments", old)
    (line,) = found()
    assert line.startswith("entry 1 of wallet") and line.endswith(f"credit of 500.00 by p:{payment.id}")


def test_agreeing_tables_have_no_differences(razorpay: Razorpay, capsys: pytest.CaptureFixture[str]) -> None:
    credited()
    create_payment(ASHA, FROM_WALLET, "key")
    assert main("payments", "refunds", "entries") == 0 and "Every record" in capsys.readouterr().out
    assert main() == 2
