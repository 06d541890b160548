"""The check of a wallet: every link, and the record of every entry."""

import pytest

from shared.deadline import Deadline
from shared.desk.actions import block_wallet
from shared.desk.check import check_wallet
from shared.desk.wallet_serializers import serialize_check
from shared.errors import NotFound
from shared.payments.create import create_payment
from shared.refunds.apply import apply_refund
from shared.wallets import ledger
from shared.wallets.models import append, get_head
from shared.wallets.wallet import wallet_id
from tests.unit.conftest import an_attempt
from tests.unit.payments.support import ASHA, FROM_WALLET, a_refund, credited

WALLET = wallet_id(ASHA)


def test_wallet_of_real_flows_is_sound() -> None:
    payment = credited()
    create_payment(ASHA, FROM_WALLET, "k-1")
    apply_refund(payment, an_attempt(payment.gateway_order, 50_000), a_refund(10_000), "evt")
    block_wallet("rita", WALLET, "block", "A stolen phone")
    body = serialize_check(check_wallet(WALLET))
    assert body["is_sound"] and body["faults"] == [] and body["customer"] == ASHA
    assert body["checked"] == body["entries"] == 5 and body["state"]["balance"] == "200.00"


def test_entry_without_a_record_is_named() -> None:
    credited()
    head = get_head(WALLET)
    assert head
    append(ledger.next_entry(head, ledger.CREDIT, "adjustment", 100, ledger.by_staff("invented")))
    check = check_wallet(WALLET)
    assert not check.is_sound and check.faults == ["entry 2: no record justifies it"]


def test_entry_that_does_not_follow_is_named() -> None:
    payment = credited("chitra")
    head = get_head(wallet_id("chitra"))
    assert head
    entry = ledger.next_entry(head, ledger.DEBIT, "refund", 100, ledger.by_payment(payment.id))
    entry.cash_paise += 1
    append(entry)
    assert "entry 2: the balance is not the sum" in check_wallet(head.wallet).faults


def test_check_says_how_far_it_came() -> None:
    credited()
    with Deadline(0.9):
        check = check_wallet(WALLET)
    assert (check.entries, check.checked, check.faults, check.is_sound) == (2, 0, [], False)


def test_wallet_that_was_never_opened_is_not_found() -> None:
    with pytest.raises(NotFound):
        check_wallet(WALLET)
