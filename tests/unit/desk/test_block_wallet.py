"""A wallet that staff block: one entry with its record, however often and however many ask."""

import pytest

from shared.audit import audit_entries
from shared.aws.dynamodb import Insert
from shared.desk import actions
from shared.desk.actions import block_wallet
from shared.desk.models import Action, get_action
from shared.errors import Conflict, ValidationError, WalletBlocked
from shared.payments.create import create_payment
from shared.triggers import Change
from shared.wallets import ledger
from shared.wallets.models import Entry, append, get_head
from shared.wallets.wallet import wallet_id
from tests.unit.payments.support import ASHA, FROM_WALLET, credited, entries, top_up

WALLET = wallet_id(ASHA)
WHY = "The customer reported a stolen phone"


def block(what: str = "block", staff: str = "rita") -> Entry:
    wallet = block_wallet(staff, WALLET, what, WHY)
    assert wallet.customer == ASHA
    return wallet.head


def not_justified() -> int:
    return audit_entries([Change(None, entry.serialize()) for entry in entries()])["EntryNotJustified"]


def test_block_is_an_entry_with_its_record() -> None:
    credited()
    entry = block()
    assert (entry.kind, entry.amount_paise, entry.is_blocked, entry.cash_paise) == ("block", 0, True, 50_000)
    action = get_action(ledger.record_of(entry)[2])
    assert action and (action.what, action.subject, action.by, action.reason) == ("block", WALLET, "rita", WHY)
    assert not_justified() == 0


def test_blocked_wallet_refuses_what_its_customer_starts_until_unblocked() -> None:
    credited()
    block()
    for start in (lambda: create_payment(ASHA, FROM_WALLET, "k-1"), top_up):
        with pytest.raises(WalletBlocked):
            start()
    block("unblock")
    assert create_payment(ASHA, FROM_WALLET, "k-1").payment.status == "captured"
    assert not_justified() == 0


def test_second_block_writes_nothing() -> None:
    credited()
    first = block()
    assert block(staff="sunil").seq == first.seq == get_head(WALLET).seq  # type: ignore[union-attr]
    assert block("unblock").seq == block("unblock").seq == first.seq + 1


@pytest.mark.parametrize("what", ["block", "unblock"])
def test_wallet_that_was_never_opened_needs_its_customer(what: str) -> None:
    with pytest.raises(Conflict) as refused:
        block(what)
    assert refused.value.code == "wallet_not_opened" and get_head(WALLET) is None


def test_wallet_that_was_never_opened_is_opened_to_be_blocked() -> None:
    blocked = block_wallet("rita", WALLET, "block", WHY, ASHA)
    assert (blocked.customer, blocked.head.is_blocked) == (ASHA, True)
    assert [entry.kind for entry in entries()] == ["opening", "block"] and not_justified() == 0
    with pytest.raises(WalletBlocked):
        top_up()


def test_wallet_is_not_opened_for_another_customer() -> None:
    with pytest.raises(ValidationError):
        block_wallet("rita", WALLET, "block", WHY, "somebody else")
    assert get_head(WALLET) is None


def test_spend_between_read_and_block_is_in_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    credited()
    new_action, spent = actions.new_action, []

    def spend_first(*values: str) -> Action:
        if not spent:
            spent.append(create_payment(ASHA, FROM_WALLET, "k-1"))
        return new_action(*values)

    monkeypatch.setattr(actions, "new_action", spend_first)
    entry = block()
    assert (entry.cash_paise, [row.kind for row in entries()[1:]]) == (30_000, ["credit", "debit", "block"])


def test_two_at_once_block_once(monkeypatch: pytest.MonkeyPatch) -> None:
    credited()
    new_action, others = actions.new_action, []

    def another_first(*values: str) -> Action:
        if not others:
            others.append(None)
            block(staff="sunil")
        return new_action(*values)

    monkeypatch.setattr(actions, "new_action", another_first)
    block()
    assert [row.kind for row in entries()[1:]] == ["credit", "block"]


# --- what the auditor says of other entries by staff


def forge(kind: str, record: str, action: Action | None = None) -> None:
    head = get_head(WALLET)
    assert head
    entry = ledger.next_entry(head, kind, "", 0, ledger.by_staff(record))
    assert append(entry, *([Insert(action)] if action else [])) == []


def test_block_without_a_record_is_counted() -> None:
    credited()
    forge("block", "invented")
    assert not_justified() == 1


def test_block_by_the_record_of_another_wallet_is_counted() -> None:
    credited()
    action = actions.new_action("rita", "block", "another", WHY)
    forge("block", action.id, action)
    assert not_justified() == 1


def test_unblock_by_the_record_of_a_block_is_counted() -> None:
    credited()
    action = actions.new_action("rita", "block", WALLET, WHY)
    forge("unblock", action.id, action)
    assert not_justified() == 1


def test_second_block_by_one_record_is_counted() -> None:
    credited()
    entry = block()
    block("unblock")
    forge("block", ledger.record_of(entry)[2])
    assert not_justified() == 1
