"""The auditors: a sound ledger counts nothing bad, and whatever breaks one is counted."""

import copy
from typing import Any

import pytest

from shared.audit import audit_entries, audit_top_ups
from shared.payments.apply import apply_attempt
from shared.payments.create import add_balance, create_payment
from shared.payments.models import get_or_404, get_payments, list_payment_ids
from shared.triggers import Change
from shared.wallets import ledger
from shared.wallets.models import append, entry_from, list_entries
from shared.wallets.wallet import open_wallet, wallet_id
from tests.unit.conftest import Razorpay, an_attempt

pytestmark = pytest.mark.usefixtures("tables")
CUSTOMER = "asha"

Image = dict[str, Any]


@pytest.fixture
def images(tables: None, razorpay: Razorpay) -> list[Image]:
    """A wallet's entries after two top-ups and a payment, as the stream delivers them."""
    for number, amount_paise in enumerate((50_000, 20_000), 1):
        created = add_balance(CUSTOMER, None, {"amount": amount_paise, "description": ""}, None)
        payment = get_or_404(CUSTOMER, created.payment.id)
        captured = an_attempt(payment.gateway_order, amount_paise, id=f"pay_{number:014d}")
        apply_attempt(payment, captured, "test")
    body = {"amount": 60_000, "source": "wallet", "payment_method": None, "reference": "", "description": ""}
    create_payment(CUSTOMER, body | {"contact": ""}, "key-1")
    entries = list_entries(wallet_id(CUSTOMER), 0, 9, newest_first=False)
    assert len(entries) == 4
    return [entry.serialize() for entry in entries]


def inserted(*images: Image) -> list[Change]:
    return [Change(None, image) for image in images]


def test_sound_ledger_has_no_drift(images: list[Image]) -> None:
    assert audit_entries(inserted(*images)) == {
        "EntriesAudited": 4,
        "WalletCreditedPaise": 70_000,
        "WalletDebitedPaise": 60_000,
        "OwedPaise": 0,
        "OwedEndedPaise": 0,
        "LedgerEntryChanged": 0,
        "LedgerDrift": 0,
        "EntryNotJustified": 0,
    }


def test_owed_money_is_counted_until_it_is_recovered(images: list[Image]) -> None:
    """10,000 of 20,000 paise are there. A forced debit takes them, the rest is owed, and a top-up recovers it."""
    head = entry_from(images[-1])
    debit = ledger.next_entry(head, ledger.DEBIT, "refund", 20_000, ledger.by_refund("a", "b"), forced=True)
    credit = ledger.next_entry(debit, ledger.CREDIT, "top_up", 4_000, ledger.by_payment("c"))
    counts = audit_entries(inserted(images[-1], debit.serialize(), credit.serialize()))
    assert (counts["OwedPaise"], counts["OwedEndedPaise"]) == (10_000, 4_000)


def test_entry_is_checked_against_earlier_batch(images: list[Image]) -> None:
    for image in images:
        assert audit_entries(inserted(image))["LedgerDrift"] == 0


@pytest.mark.parametrize("name", ["amount_paise", "cash_paise", "at_us", "opened_at_us"])
def test_number_that_is_off_by_one_is_drift(images: list[Image], name: str) -> None:
    forged = copy.deepcopy(images[2])
    forged[name]["N"] = str(int(forged[name]["N"]) + 1)
    assert audit_entries(inserted(forged))["LedgerDrift"] == 1


def test_entry_that_skips_a_number_is_drift(images: list[Image]) -> None:
    forged = copy.deepcopy(images[3])
    forged["seq"]["N"] = "7"
    assert audit_entries(inserted(forged))["LedgerDrift"] == 1


def test_changed_and_removed_entries_are_counted(images: list[Image]) -> None:
    changes = [Change(images[1], images[1]), Change(images[2], None)]
    assert audit_entries(changes)["LedgerEntryChanged"] == 2


# --- top-ups


def captures() -> list[Change]:
    """The stream's record of each captured payment: created before, captured after."""
    changes = []
    for payment in get_payments(CUSTOMER, list_payment_ids(CUSTOMER)):
        after = payment.serialize()
        changes.append(Change(after | {"status": {"S": "created"}}, after))
    return changes


@pytest.mark.usefixtures("images")
def test_credited_top_ups_pass_and_payments_are_ignored() -> None:
    assert audit_top_ups(captures()) == {"TopUpsAudited": 2, "TopUpNotCredited": 0}


@pytest.mark.usefixtures("razorpay")
def test_captured_top_up_without_entry_is_counted() -> None:
    add_balance(CUSTOMER, None, {"amount": 50_000, "description": ""}, None)
    (change,) = captures()
    assert change.after
    forged = Change(change.before, change.after | {"status": {"S": "captured"}})
    assert audit_top_ups([forged]) == {"TopUpsAudited": 1, "TopUpNotCredited": 1}


@pytest.mark.usefixtures("images")
def test_top_up_credited_twice_or_with_other_amount_is_counted() -> None:
    payments = get_payments(CUSTOMER, list_payment_ids(CUSTOMER))
    first = next(payment for payment in payments if payment.purpose == "top_up" and payment.amount_paise == 50_000)
    again = ledger.next_entry(open_wallet(CUSTOMER), ledger.CREDIT, "top_up", 50_000, ledger.by_payment(first.id))
    assert append(again) == []
    assert audit_top_ups(captures())["TopUpNotCredited"] == 1
    other = next(change for change in captures() if change.after and change.after["amount_paise"]["N"] == "20000")
    assert other.before and other.after
    forged = Change(other.before, other.after | {"paid_paise": {"N": "20001"}})
    assert audit_top_ups([forged])["TopUpNotCredited"] == 1


@pytest.mark.usefixtures("images")
def test_change_after_capture_is_not_audited_again() -> None:
    changes = [Change(change.after, change.after) for change in captures()]
    assert audit_top_ups(changes)["TopUpsAudited"] == 0
