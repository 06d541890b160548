"""The auditors: sound ledgers pass in silence, and whatever breaks one is counted."""

import copy
from typing import Any

import pytest

from shared import audit, payments, store, wallet
from shared.events import Changed
from tests.unit.conftest import Gateway, told

pytestmark = pytest.mark.usefixtures("tables")
CUSTOMER = "asha"

Image = dict[str, Any]


@pytest.fixture
def ledger(tables: None, fake_gateway: Gateway) -> list[Image]:
    """The images of a wallet's entries after two top-ups and a payment, as the stream would bring them."""
    for number, amount_paise in enumerate((50_000, 20_000), 1):
        started = payments.add_balance(CUSTOMER, None, {"amount": amount_paise, "description": ""}, None)
        payment = store.payment(CUSTOMER, started.payment["id"])
        assert payment
        captured = told(payment.gateway_order, amount_paise, id=f"pay_{number:014d}")
        payments.settle(payment, captured, "test", 2**60)
    wanted = {"amount": 60_000, "source": "wallet", "payment_method": None, "reference": "", "description": ""}
    payments.create(CUSTOMER, wanted | {"contact": ""}, "key-1")
    entries = store.entries(wallet.wallet_id(CUSTOMER), 0, 9, newest_first=False)
    assert len(entries) == 4
    return [entry.serialize() for entry in entries]


def inserted(*images: Image) -> list[Changed]:
    return [Changed(None, image) for image in images]


def test_a_sound_ledger_is_audited_in_silence(ledger: list[Image]) -> None:
    assert audit.entries(inserted(*ledger)) == {
        "EntriesAudited": 4,
        "WalletCreditedPaise": 70_000,
        "WalletDebitedPaise": 60_000,
        "LedgerEntryChanged": 0,
        "LedgerDrift": 0,
    }


def test_an_entry_is_checked_against_the_one_that_came_in_an_earlier_batch(ledger: list[Image]) -> None:
    for image in ledger:
        assert audit.entries(inserted(image))["LedgerDrift"] == 0


@pytest.mark.parametrize("name", ["amount_paise", "balance_paise", "created_at_us", "opened_at_us"])
def test_a_number_that_is_one_off_is_drift(ledger: list[Image], name: str) -> None:
    forged = copy.deepcopy(ledger[2])
    forged[name]["N"] = str(int(forged[name]["N"]) + 1)
    assert audit.entries(inserted(forged))["LedgerDrift"] == 1


def test_an_entry_that_skips_a_number_is_drift(ledger: list[Image]) -> None:
    forged = copy.deepcopy(ledger[3])
    forged["seq"]["N"] = "7"
    assert audit.entries(inserted(forged))["LedgerDrift"] == 1


def test_a_changed_and_a_removed_entry_are_each_counted(ledger: list[Image]) -> None:
    changes = [Changed(ledger[1], ledger[1]), Changed(ledger[2], None)]
    assert audit.entries(changes)["LedgerEntryChanged"] == 2


# --- top-ups


def turned_captured() -> list[Changed]:
    """What the payments' stream tells of each captured payment: created before, captured after."""
    found = []
    for payment in store.payments(CUSTOMER, store.payment_ids(CUSTOMER)):
        after = payment.serialize()
        found.append(Changed(after | {"status": {"S": "created"}}, after))
    return found


@pytest.mark.usefixtures("ledger")
def test_each_top_up_is_found_in_the_ledger_and_payments_are_none_of_its_business() -> None:
    assert audit.top_ups(turned_captured()) == {"TopUpsAudited": 2, "TopUpNotCredited": 0}


@pytest.mark.usefixtures("fake_gateway")
def test_a_captured_top_up_without_an_entry_is_counted() -> None:
    payments.add_balance(CUSTOMER, None, {"amount": 50_000, "description": ""}, None)
    (change,) = turned_captured()
    assert change.after
    forged = Changed(change.before, change.after | {"status": {"S": "captured"}})
    assert audit.top_ups([forged]) == {"TopUpsAudited": 1, "TopUpNotCredited": 1}


@pytest.mark.usefixtures("ledger")
def test_a_top_up_credited_twice_or_with_another_amount_is_counted() -> None:
    head = wallet.newest(CUSTOMER)
    listed = store.payments(CUSTOMER, store.payment_ids(CUSTOMER))
    first = next(one for one in listed if one.purpose == "top_up" and one.amount_paise == 50_000)
    again = wallet.following(head, wallet.CREDIT, "top_up", 50_000, payment=first.id)
    assert store.append(again) == []
    assert audit.top_ups(turned_captured())["TopUpNotCredited"] == 1
    other = next(one for one in turned_captured() if one.after and one.after["amount_paise"]["N"] == "20000")
    assert other.before and other.after
    forged = Changed(other.before, other.after | {"amount_paise": {"N": "20001"}})
    assert audit.top_ups([forged])["TopUpNotCredited"] == 1


@pytest.mark.usefixtures("ledger")
def test_a_payment_that_changes_again_after_its_capture_is_not_audited_again() -> None:
    changes = [Changed(one.after, one.after) for one in turned_captured()]
    assert audit.top_ups(changes)["TopUpsAudited"] == 0
