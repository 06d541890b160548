"""Proposals: somebody else decides, once, and what was approved is done once."""

from typing import Any

import pytest

from shared.audit import audit_entries
from shared.aws.dynamodb import Delete, Update, execute
from shared.desk import decisions, effects
from shared.desk.decisions import decide
from shared.desk.models import PROPOSAL, Proposal, get_or_404, get_proposal
from shared.desk.proposals import Proposed, list_proposals, propose_adjustment, propose_waiver, status_of
from shared.errors import Conflict, NotFound, PermissionDenied, ServiceUnavailable
from shared.payments.models import Payment
from shared.refunds.models import list_refunds
from shared.staff.refunds import refund
from shared.triggers import Change
from shared.wallets import ledger
from shared.wallets.models import append, get_head
from shared.wallets.wallet import open_wallet, wallet_id
from tests.unit.conftest import Razorpay
from tests.unit.payments.support import ASHA, balance, credited, entries, forward, stored, wallet_body
from tests.unit.refunds.support import report, spend
from tests.unit.refunds.support import wallet as wallet_texts

WALLET = wallet_id(ASHA)
FARAH, AMIT, ANITA = "farah", "amit", "anita"  # of finance, and two approvers
HOUR_S = 3_600


def propose(amount_paise: int = 20_000, kind: str = "credit", key: str | None = None, staff: str = FARAH) -> Proposal:
    body = {"amount": amount_paise, "type": kind, "reason": "Goodwill"}
    return propose_adjustment(staff, WALLET, body, key).proposal


def propose_large_refund(payment: Payment, key: str = "key") -> Proposal:
    asked = refund(FARAH, payment.id, {"amount": None, "destination": None, "reason": "Cancelled"}, key)
    assert isinstance(asked, Proposed)
    return asked.proposal


def approve(proposal: Proposal, staff: str = AMIT) -> Proposal:
    return decide(staff, proposal.id, "approve", "Checked")


def reject(proposal: Proposal, staff: str = AMIT) -> Proposal:
    return decide(staff, proposal.id, "reject", "Not ours")


def as_stored(proposal: Proposal) -> Proposal:
    return get_or_404(Proposal, PROPOSAL, proposal.id)


def moves() -> list[tuple[str, str, int]]:
    return [(entry.kind, entry.category, entry.amount_paise) for entry in entries()[2:]]


def refused(decision: Any, proposal: Proposal, staff: str = AMIT) -> str:
    with pytest.raises((Conflict, PermissionDenied)) as error:
        decision(proposal, staff)
    return str(error.value.code)


def not_justified() -> int:
    return audit_entries([Change(None, entry.serialize()) for entry in entries()])["EntryNotJustified"]


def owe(owed_paise: int) -> None:
    """Let the wallet owe this: a refund at Razorpay after the money was spent."""
    payment = credited()
    spend(50_000)
    reported = Razorpay().create_refund(payment.gateway_payment or "pay_00000000000001", owed_paise, "")
    report(payment, reported)
    assert wallet_body()["owed"] == f"{owed_paise / 100:.2f}"


# --- adjustments


@pytest.mark.parametrize(("kind", "expected"), [("credit", "700.00"), ("debit", "300.00")])
def test_approved_adjustment_moves_the_wallet_once(kind: str, expected: str) -> None:
    credited()
    proposal = propose(kind=kind)
    assert balance() == "500.00" and status_of(proposal) == "proposed"
    done = approve(proposal)
    assert (status_of(done), done.decided_by, done.decision_reason) == ("done", AMIT, "Checked")
    assert status_of(approve(proposal)) == "done" and balance() == expected
    assert moves() == [(kind, "adjustment", 20_000)] and not_justified() == 0


def lose_entries() -> None:
    """As a restore to a minute before the wallet was opened: its owner stays, in another table."""
    open_wallet(ASHA)
    for entry in entries():
        execute(Delete(entry))


def test_approved_adjustment_opens_a_wallet_without_entries() -> None:
    lose_entries()
    proposal = propose()
    assert get_head(WALLET) is None, "a proposal opens no wallet"
    assert status_of(approve(proposal)) == "done" and balance() == "200.00"
    assert [entry.kind for entry in entries()] == ["opening", "credit"] and not_justified() == 0


def test_debit_of_a_wallet_without_entries_is_refused() -> None:
    lose_entries()
    assert refused(approve, propose(kind="debit")) == "insufficient_funds" and get_head(WALLET) is None


def test_maker_decides_nothing() -> None:
    credited()
    proposal = propose()
    assert refused(approve, proposal, FARAH) == refused(reject, proposal, FARAH) == "own_proposal"
    assert moves() == [] and status_of(as_stored(proposal)) == "proposed"


def test_condition_of_the_write_refuses_the_maker_too() -> None:
    credited()
    proposal = propose()
    assert not execute(decisions._decision(proposal, FARAH, "approved", ""))
    assert execute(decisions._decision(proposal, AMIT, "approved", ""))


def test_second_approver_comes_too_late() -> None:
    credited()
    proposal = propose()
    approve(proposal)
    assert refused(approve, proposal, ANITA) == refused(reject, proposal, ANITA) == "already_decided"
    assert refused(reject, proposal, AMIT) == "already_decided" and len(moves()) == 1


def test_rejected_proposal_moves_nothing() -> None:
    credited()
    proposal = propose()
    assert status_of(reject(proposal)) == status_of(reject(proposal)) == "rejected"
    assert refused(approve, proposal) == refused(reject, proposal, ANITA) == "already_decided"
    assert moves() == []


def test_two_at_once_decide_once(monkeypatch: pytest.MonkeyPatch) -> None:
    credited()
    proposal = propose()
    check, rejected = decisions.check_effect, []

    def reject_first(checked: Proposal) -> None:
        check(checked)
        if not rejected:
            rejected.append(reject(proposal, ANITA))

    monkeypatch.setattr(decisions, "check_effect", reject_first)
    assert refused(approve, proposal) == "already_decided"
    assert moves() == [] and status_of(as_stored(proposal)) == "rejected"


def test_proposal_lapses_after_72_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    credited()
    early, late = propose(), propose()
    forward(72 * HOUR_S - 60, monkeypatch)
    assert status_of(approve(early)) == "done"
    forward(72 * HOUR_S + 60, monkeypatch)
    assert refused(approve, late) == refused(reject, late) == "proposal_lapsed" and len(moves()) == 1
    assert status_of(approve(early)) == "done", "what is done does not lapse"


def test_debit_beyond_cash_is_refused_at_approval() -> None:
    credited()
    proposal = propose(50_001, "debit")
    assert refused(approve, proposal) == "insufficient_funds"
    assert status_of(as_stored(proposal)) == "proposed" and moves() == []
    approve(propose(50_000, "debit"))
    assert balance() == "0.00"


def test_crash_before_the_effect_is_finished_by_approving_again(monkeypatch: pytest.MonkeyPatch) -> None:
    credited()
    proposal = propose()

    def crash(*writes: Any) -> Any:
        raise ServiceUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(effects, "append", crash)
        with pytest.raises(ServiceUnavailable):
            approve(proposal)
    assert status_of(as_stored(proposal)) == "approved" and moves() == []
    assert refused(reject, proposal) == "already_decided"
    assert status_of(approve(proposal, ANITA)) == "done" and len(moves()) == 1


def test_effect_needs_the_approval(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry's transaction is conditioned on it: whatever was read before, a proposal is done once."""
    credited()
    proposal = propose()
    approve(proposal)
    head = get_head(WALLET)
    assert head
    again = ledger.next_entry(head, ledger.CREDIT, "adjustment", 20_000, ledger.by_staff(proposal.id))
    assert append(again, effects._done(as_stored(proposal))) != []
    assert len(moves()) == 1


def test_key_makes_one_proposal() -> None:
    credited()
    assert propose(key="k-1").id == propose(key="k-1").id != propose().id
    assert propose(key="k-1", staff=ANITA).id != propose(key="k-1").id, "a key is its person's"
    with pytest.raises(Conflict, match="different amount"):
        propose(1, key="k-1")


def test_dry_run_stores_nothing() -> None:
    credited()
    body = {"amount": 20_000, "type": "credit", "reason": "Goodwill"}
    assert get_proposal(propose_adjustment(FARAH, WALLET, body, "k-1", dry_run=True).proposal.id) is None


def test_unknown_wallet_is_not_found() -> None:
    with pytest.raises(NotFound):
        propose()


def test_lists_are_by_status_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    credited()
    first, second, third = propose(), propose(), propose()
    approve(second)
    assert [row.id for row in list_proposals()] == [first.id, third.id]
    assert [row.id for row in list_proposals("done", "adjustment")] == [second.id]
    assert list_proposals("done", "waiver") == list_proposals("lapsed") == []
    forward(72 * HOUR_S + 60, monkeypatch)
    assert list_proposals() == [] and [row.id for row in list_proposals("lapsed")] == [first.id, third.id]


def test_newest_decided_and_oldest_open_proposals_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.desk.models.LISTED_MAX", 2)
    credited()
    decided, waiting = [propose() for _ in range(3)], [propose() for _ in range(3)]
    for proposal in decided:
        reject(proposal)
    assert [row.id for row in list_proposals("rejected")] == [proposal.id for proposal in decided[1:]]
    assert [row.id for row in list_proposals()] == [proposal.id for proposal in waiting[:2]]


# --- waivers


def test_waiver_takes_from_what_is_owed_and_gives_no_cash() -> None:
    owe(30_000)
    waiver = propose_waiver(FARAH, WALLET, {"amount": 10_000, "reason": "Too small"}, None).proposal
    assert status_of(approve(waiver)) == "done" and wallet_texts() == ("0.00", "0.00", "200.00")
    assert not_justified() == 0


def test_waiver_beyond_what_is_owed_is_refused_at_approval() -> None:
    owe(30_000)
    waiver = propose_waiver(FARAH, WALLET, {"amount": 30_001, "reason": "Too small"}, None).proposal
    assert refused(approve, waiver) == "owed_less" and wallet_body()["owed"] == "300.00"


# --- what the auditor says of entries without their proposal


@pytest.mark.parametrize(
    ("kind", "amount_paise", "state"),
    [("debit", 20_000, "done"), ("credit", 19_999, "done"), ("credit", 20_000, "approved")],
)
def test_entry_that_its_proposal_does_not_say_is_counted(kind: str, amount_paise: int, state: str) -> None:
    credited()
    proposal = propose()
    execute(Update(proposal, {"state": f"proposal:{state}"}))
    head = get_head(WALLET)
    assert head
    append(ledger.next_entry(head, kind, "adjustment", amount_paise, ledger.by_staff(proposal.id)))
    assert not_justified() == 1


# --- large refunds


def test_large_refund_is_made_once_after_approval(razorpay: Razorpay) -> None:
    payment = credited(amount_paise=2_000_000)
    proposal = propose_large_refund(payment)
    assert propose_large_refund(payment).id == proposal.id and list_refunds(payment.id) == []
    done = approve(proposal)
    assert status_of(approve(proposal)) == status_of(done) == "done"
    (made,) = list_refunds(payment.id)
    assert (made.id, made.asked_by, made.status) == (done.refund, f"staff:{FARAH}", "processed")
    assert len(razorpay.refunds) == 1 and stored(payment).refundable_paise == 0 and not_justified() == 0


def test_refund_that_no_longer_fits_is_refused_at_approval() -> None:
    payment = credited(amount_paise=2_000_000)
    proposal = propose_large_refund(payment)
    spend(1)
    assert refused(approve, proposal) == "insufficient_funds"
    assert status_of(as_stored(proposal)) == "proposed" and list_refunds(payment.id) == []


def test_refund_is_recorded_with_the_proposal_turning_done(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = credited(amount_paise=2_000_000)
    proposal = propose_large_refund(payment)

    def crash(*values: Any) -> Any:
        raise ServiceUnavailable

    monkeypatch.setattr("shared.refunds.request.send", crash)
    with pytest.raises(ServiceUnavailable):
        approve(proposal)
    (made,) = list_refunds(payment.id)
    assert made.status == "requested" and as_stored(proposal).refund == made.id
    assert status_of(approve(proposal)) == "done" and len(list_refunds(payment.id)) == 1
