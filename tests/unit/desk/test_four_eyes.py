"""What one member of staff gives back alone, and what needs a second one."""

from typing import Any

import pytest

from shared import settings as settings_module
from shared.desk import four_eyes
from shared.desk.decisions import decide
from shared.desk.effects import apply_effect
from shared.desk.models import Proposal, get_proposal
from shared.desk.proposals import Proposed
from shared.desk.resolve import resolve
from shared.desk.reviews import ReviewItem, list_reviews
from shared.errors import Conflict, ServiceUnavailable
from shared.refunds.models import list_refunds
from shared.refunds.request import RequestedRefund
from shared.staff.refunds import refund
from tests.unit.conftest import AnswerLost, Razorpay
from tests.unit.desk.test_reviews import WHY, mismatched, refused, staffs_items, twice_captured
from tests.unit.payments.support import ATTEMPT_ID, SECOND_ATTEMPT_ID, balance, credited, stored
from tests.unit.refunds.support import DECLINED

RITA, SUNIL = "rita", "sunil"
LIMIT_PAISE = 30_000


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    small = settings_module.settings()._replace(four_eyes_paise=LIMIT_PAISE)
    monkeypatch.setattr(four_eyes, "settings", lambda: small)


def ask(payment: Any, amount_paise: int, key: str, staff: str = RITA, dry_run: bool = False) -> Any:
    body = {"amount": amount_paise, "destination": None, "reason": WHY}
    return refund(staff, payment.id, body, key, dry_run)


def act(item: Any, action: str, staff: str = RITA) -> Any:
    return resolve(staff, item.id, {"action": action, "reason": WHY, "assignee": ""})


def test_refunds_of_one_payment_count_together(razorpay: Razorpay) -> None:
    payment = credited()
    assert isinstance(ask(payment, 20_000, "k-1"), RequestedRefund)
    assert isinstance(ask(payment, 10_000, "k-2", SUNIL), RequestedRefund)
    proposed = ask(payment, 100, "k-3")
    assert isinstance(proposed, Proposed) and proposed.proposal.amount_paise == 100
    assert sum(row.amount_paise for row in list_refunds(payment.id)) == LIMIT_PAISE


def test_refund_that_failed_is_not_counted(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_faults.append(DECLINED)
    assert ask(payment, 30_000, "k-1").refund.status == "failed"
    assert isinstance(ask(payment, 30_000, "k-2"), RequestedRefund)


def test_dry_run_of_a_large_refund_shows_the_proposal(razorpay: Razorpay) -> None:
    payment = credited()
    shown = ask(payment, 30_001, "k-1", dry_run=True)
    assert isinstance(shown, Proposed) and (shown.proposal.what, shown.proposal.amount_paise) == ("refund", 30_001)
    assert get_proposal(shown.proposal.id) is None and list_refunds(payment.id) == []


@pytest.mark.parametrize("action", ["accept_amount", "refund_attempt"])
def test_large_action_about_a_review_is_proposed_once(action: str, razorpay: Razorpay) -> None:
    item = mismatched(razorpay)
    proposals = [act(item, action, staff) for staff in (RITA, RITA, SUNIL)]
    assert [made.replayed for made in proposals] == [False, True, True]
    assert len({made.proposal.id for made in proposals}) == 1
    assert balance() == "0.00" and razorpay.refunds == [] and stored(item.payment).in_review


@pytest.mark.parametrize(("action", "after"), [("accept_amount", "400.00"), ("refund_attempt", "0.00")])
def test_approved_action_is_done_once(action: str, after: str, razorpay: Razorpay) -> None:
    item = mismatched(razorpay)
    proposal = act(item, action).proposal
    for _ in range(2):
        done = decide(SUNIL, proposal.id, "approve", "")
        assert done.stored_status == "done"
    assert balance() == after and len(razorpay.refunds) == (action == "refund_attempt")
    assert list_reviews({}) == [] and staffs_items(item.payment)[0] == (action, RITA, WHY)
    assert refused(item, action) == "already_resolved"


def test_small_second_refund_of_an_attempt_counts_the_first(razorpay: Razorpay) -> None:
    item = mismatched(razorpay, 20_000)
    act(item, "refund_attempt")
    assert four_eyes.needs_approval(stored(item.payment), 10_001)
    assert not four_eyes.needs_approval(stored(item.payment), 10_000)


def test_rejected_action_can_be_proposed_again(razorpay: Razorpay) -> None:
    item = mismatched(razorpay)
    first = act(item, "accept_amount").proposal
    decide(SUNIL, first.id, "reject", "No")
    second = act(item, "accept_amount")
    assert not second.replayed and second.proposal.id != first.id


def test_approval_of_a_review_that_has_ended_is_refused(razorpay: Razorpay) -> None:
    item = mismatched(razorpay)
    proposal = act(item, "accept_amount").proposal
    act(item, "dismiss", SUNIL)
    with pytest.raises(Conflict) as error:
        decide(SUNIL, proposal.id, "approve", "")
    assert error.value.code == "already_resolved" and balance() == "0.00"
    assert decide(SUNIL, proposal.id, "reject", "Ended").stored_status == "rejected"


def refund_elsewhere(razorpay: Razorpay, attempt_id: str, refunded_paise: int) -> None:
    razorpay.payments[attempt_id] = razorpay.payments[attempt_id]._replace(refunded_paise=refunded_paise)


def test_approval_of_an_amount_that_has_changed_is_refused(razorpay: Razorpay) -> None:
    item = twice_captured(razorpay)
    old = act(item, "refund_attempt").proposal
    refund_elsewhere(razorpay, SECOND_ATTEMPT_ID, 10_000)
    with pytest.raises(Conflict) as error:
        decide(SUNIL, old.id, "approve", "")
    assert error.value.code == "amount_changed" and razorpay.refunds == []
    new = act(item, "refund_attempt").proposal
    assert new.id != old.id and new.amount_paise == 40_000
    assert decide(SUNIL, new.id, "approve", "").stored_status == "done"
    assert [refund.amount_paise for refund in razorpay.refunds] == [40_000]


@pytest.mark.parametrize("action", ["accept_amount", "refund_attempt"])
def test_amount_that_changes_after_the_approval_is_not_moved(
    action: str, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.desk import effects

    item = mismatched(razorpay)
    proposal, checked = act(item, action).proposal, effects.move_and_end

    def change_first(*values: Any, **more: Any) -> Any:
        razorpay.payments[ATTEMPT_ID] = razorpay.payments[ATTEMPT_ID]._replace(
            refunded_paise=5_000, fee_paise=5_000, is_fee_on_customer=True
        )
        return checked(*values, **more)

    monkeypatch.setattr(effects, "move_and_end", change_first)
    with pytest.raises(Conflict) as error:
        decide(SUNIL, proposal.id, "approve", "")
    assert error.value.code == "amount_changed" and razorpay.refunds == [] and balance() == "0.00"
    assert not act(item, "dismiss").is_open, "what was refused has not begun"


def unanswered_approval(razorpay: Razorpay) -> tuple[ReviewItem, Proposal]:
    """The refund of a second capture was approved, and Razorpay's answer to it is lost."""
    item = twice_captured(razorpay)
    proposal = act(item, "refund_attempt").proposal
    razorpay.refund_faults = [AnswerLost()]
    with pytest.raises(ServiceUnavailable):
        decide(SUNIL, proposal.id, "approve", "")
    return item, proposal


def test_refund_that_was_sent_before_is_finished(razorpay: Razorpay) -> None:
    """Razorpay made it, its answer was lost, and nothing of the attempt is left."""
    item, proposal = unanswered_approval(razorpay)
    refund_elsewhere(razorpay, SECOND_ATTEMPT_ID, 50_000)
    assert decide(SUNIL, proposal.id, "approve", "").stored_status == "done"
    assert len(razorpay.refunds) == 1 and not stored(item.payment).in_review


def test_approval_without_razorpays_answer_is_finished_by_another(razorpay: Razorpay) -> None:
    item, proposal = unanswered_approval(razorpay)
    again = act(item, "refund_attempt", SUNIL)
    assert again.replayed and again.proposal.id == proposal.id, "nobody does it alone meanwhile"
    assert decide("mira", proposal.id, "approve", "").stored_status == "done"
    assert len(razorpay.refunds) == 1 and not stored(item.payment).in_review


def test_two_approvals_at_once_do_it_once(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.desk import review_record

    item = mismatched(razorpay)
    proposal = act(item, "accept_amount").proposal
    move, others = review_record.move, []

    def other_first(*values: Any) -> None:
        move(*values)
        if not others:
            others.append(None)
            assert apply_effect(proposal_now()).stored_status == "done"

    def proposal_now() -> Any:
        return get_proposal(proposal.id)

    monkeypatch.setattr(review_record, "move", other_first)
    assert decide(SUNIL, proposal.id, "approve", "").stored_status == "done"
    assert balance() == "400.00" and len(staffs_items(item.payment)) == 1
