"""Reviews: every reason has an action that ends it, once, with who and why."""

from typing import Any

import pytest

from shared.desk import review_record as resolving
from shared.desk import reviews as finding
from shared.desk.models import get_review, review_id
from shared.desk.resolve import resolve
from shared.desk.review_serializers import serialize_review
from shared.desk.reviews import ACTIONS, ReviewItem, list_reviews, reviews_of
from shared.errors import Conflict, NotFound, ServiceUnavailable, ValidationError
from shared.payments.apply import apply_attempt
from shared.payments.models import Payment, count_in_review, list_in_review
from shared.payments.review import REASONS, flag_for_review
from shared.razorpay.entities import GatewayRefund
from shared.refunds.apply import apply_refund
from shared.staff.payment_record import get_record
from shared.staff.serializers import serialize_staff_payment
from tests.unit.conftest import Razorpay, an_attempt
from tests.unit.payments.support import (
    ATTEMPT_ID,
    SECOND_ATTEMPT_ID,
    balance,
    credited,
    forward,
    stored,
    top_up,
)
from tests.unit.refunds.support import as_stored, ask

RITA, SUNIL = "rita", "sunil"
WHY = "The customer paid twice"
MOVING = ("accept_amount", "refund_attempt", "apply_again")


def act(item: ReviewItem | str, action: str, staff: str = RITA, assignee: str = "") -> ReviewItem:
    review = item if isinstance(item, str) else item.id
    return resolve(staff, review, {"action": action, "reason": WHY, "assignee": assignee})


def refused(item: ReviewItem, action: str, staff: str = SUNIL) -> str:
    with pytest.raises(Conflict) as error:
        act(item, action, staff)
    return error.value.code


def flagged(reason: str, gateway_id: str = ATTEMPT_ID, payment: Payment | None = None) -> ReviewItem:
    payment = payment or top_up()
    flag_for_review(payment, gateway_id, reason)
    (item,) = [item for item in reviews_of(stored(payment)) if item.reason == reason]
    return item


def mismatched(razorpay: Razorpay, amount_paise: int = 40_000, **values: Any) -> ReviewItem:
    """A top-up of 500.00 for which another amount arrived."""
    payment = top_up()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, amount_paise, **values)
    assert apply_attempt(payment, razorpay.payments[ATTEMPT_ID], "test").flagged == "amount_mismatch"
    (item,) = reviews_of(stored(payment))
    return item


def twice_captured(razorpay: Razorpay) -> ReviewItem:
    payment = credited()
    razorpay.payments[SECOND_ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000, id=SECOND_ATTEMPT_ID)
    assert apply_attempt(payment, razorpay.payments[SECOND_ATTEMPT_ID], "test").flagged == "second_capture"
    (item,) = reviews_of(stored(payment))
    return item


def staffs_items(payment: Payment) -> list[tuple[str, str | None, str | None]]:
    timeline = serialize_staff_payment(get_record(payment.id))["timeline"]
    return [(item["what"], item["by"], item["why"]) for item in timeline if item["by"]]


def test_every_reason_has_an_action_that_ends_it() -> None:
    assert set(ACTIONS) == set(REASONS)
    assert all("dismiss" in actions and "assign" in actions for actions in ACTIONS.values())
    assert {action for actions in ACTIONS.values() for action in actions} == {*MOVING, "waive", "dismiss", "assign"}


@pytest.mark.parametrize(
    ("reason", "action"),
    [(reason, action) for reason, actions in ACTIONS.items() for action in actions if action in ("dismiss", "waive")],
)
def test_action_without_money_ends_its_reason_once(reason: str, action: str) -> None:
    item = flagged(reason)
    assert [row.id for row in list_reviews({})] == [item.id] and count_in_review() == 1
    ended = act(item, action)
    assert not ended.is_open and ended.row and (ended.row.action, ended.row.resolved_by) == (action, RITA)
    assert refused(item, action, RITA) == refused(item, "dismiss") == "already_resolved"
    assert list_reviews({}) == [] and count_in_review() == 0 and not stored(item.payment).in_review
    assert staffs_items(item.payment) == [(action, RITA, WHY)]
    assert [row.id for row in list_reviews({"status": "resolved"})] == [item.id]


def test_newest_resolved_reviews_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than a list shows; a time finds the older ones."""
    monkeypatch.setattr("shared.desk.models.LISTED_MAX", 2)
    payment = top_up()
    items = [flagged(reason, payment=payment) for reason in list(REASONS)[:3]]
    for item in items:
        act(item, "dismiss")
    first, second, third = items
    assert [row.id for row in list_reviews({"status": "resolved"})] == [second.id, third.id]
    until = {"status": "resolved", "to": third.created_at_us}
    assert [row.id for row in list_reviews(until)] == [first.id, second.id]
    since = {"status": "resolved", "from": second.created_at_us, "to": third.created_at_us}
    assert [row.id for row in list_reviews(since)] == [second.id]


@pytest.mark.parametrize(
    ("reason", "action"),
    [(reason, action) for reason in REASONS for action in sorted({*MOVING, "waive"} - {*ACTIONS[reason]})],
)
def test_action_of_another_reason_is_refused(reason: str, action: str) -> None:
    item = flagged(reason)
    with pytest.raises(ValidationError):
        act(item, action)
    assert get_review(item.id) is None


def test_resolved_reason_is_not_flagged_again_and_others_stay() -> None:
    payment = credited()
    first, second = (
        flagged("second_capture", SECOND_ATTEMPT_ID, payment),
        flagged("gateway_unclear", payment=stored(payment)),
    )
    act(first, "dismiss")
    assert stored(payment).in_review and [row.id for row in list_reviews({})] == [second.id]
    assert flag_for_review(stored(payment), SECOND_ATTEMPT_ID, "second_capture").flagged == ""
    act(second, "dismiss")
    assert not stored(payment).in_review


def test_assigned_review_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    item = flagged("gateway_unclear")
    for _ in range(2):
        assigned = act(item, "assign", assignee=SUNIL)
    assert assigned.is_open and list_reviews({"assigned_to": RITA}) == []
    assert [row.id for row in list_reviews({"assigned_to": SUNIL, "reason": "gateway_unclear"})] == [item.id]
    assert staffs_items(item.payment) == [("assign", RITA, WHY)]
    with pytest.raises(ValidationError):
        act(item, "assign")
    act(item, "dismiss", SUNIL)


def test_filters_of_age_are_half_open() -> None:
    item = flagged("gateway_unclear")
    at_us = item.created_at_us
    assert len(list_reviews({"from": at_us})) == len(list_reviews({"to": at_us + 1})) == 1
    assert list_reviews({"to": at_us}) == list_reviews({"from": at_us + 1}) == []


def test_unknown_review_is_not_found() -> None:
    with pytest.raises(NotFound):
        act(review_id("a", "b", "c"), "dismiss")


# --- what moves money


def test_accepted_amount_is_credited_once(razorpay: Razorpay) -> None:
    item = mismatched(razorpay)
    ended = act(item, "accept_amount")
    payment = stored(item.payment)
    assert not ended.is_open and payment.status == "captured" and not payment.in_review
    assert (payment.paid_paise, payment.discount_paise, payment.refundable_paise) == (40_000, 10_000, 40_000)
    assert refused(item, "accept_amount") == "already_resolved" and balance() == "400.00"
    assert staffs_items(payment) == [("accept_amount", RITA, WHY)]


def test_review_says_what_its_action_moved(razorpay: Razorpay) -> None:
    item = mismatched(razorpay)
    before, after = serialize_review(item), serialize_review(act(item, "accept_amount"))
    assert (before["amount"], after["amount"]) == (None, "400.00")


def test_more_than_the_order_is_credited_as_it_arrived(razorpay: Razorpay) -> None:
    item = mismatched(razorpay, 60_000)
    act(item, "accept_amount")
    assert balance() == "600.00" and stored(item.payment).discount_paise == 0


def test_amount_of_an_attempt_that_was_not_captured_is_not_accepted(razorpay: Razorpay) -> None:
    item = mismatched(razorpay, status="authorized")
    assert refused(item, "accept_amount") == "not_captured"
    assert act(item, "dismiss").row.begun is None  # type: ignore[union-attr]  # what was refused has not begun


def test_attempt_that_was_not_credited_goes_back_once(razorpay: Razorpay) -> None:
    item = twice_captured(razorpay)
    act(item, "refund_attempt")
    (made,) = razorpay.refunds
    assert (made.payment, made.amount_paise, balance()) == (SECOND_ATTEMPT_ID, 50_000, "500.00")
    assert refused(item, "refund_attempt") == "already_resolved" and len(razorpay.refunds) == 1


def test_credited_attempt_is_not_sent_back(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    assert refused(flagged("order_mismatch", payment=payment), "refund_attempt") == "attempt_credited"
    assert razorpay.refunds == []


def test_lost_answer_leaves_the_refund_begun_and_made_once(razorpay: Razorpay) -> None:
    from tests.unit.conftest import AnswerLost

    item = twice_captured(razorpay)
    razorpay.refund_faults = [AnswerLost()]
    with pytest.raises(ServiceUnavailable):
        act(item, "refund_attempt")
    assert refused(item, "dismiss") == "action_begun" and len(razorpay.refunds) == 1
    ended = act(item, "refund_attempt", SUNIL)
    assert len(razorpay.refunds) == 1 and ended.row and ended.row.resolved_by == SUNIL
    assert staffs_items(item.payment) == [("refund_attempt", RITA, WHY)]


def test_apply_again_ends_what_fits_now(razorpay: Razorpay) -> None:
    payment = top_up()
    item = flagged("gateway_unclear", str(payment.gateway_order), payment)
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    assert not act(item, "apply_again").is_open and balance() == "500.00"


def test_apply_again_keeps_what_does_not_fit(razorpay: Razorpay) -> None:
    item = mismatched(razorpay)
    assert refused(item, "apply_again") == "still_unclear"
    assert [row.id for row in list_reviews({})] == [item.id] and balance() == "0.00"


def test_apply_again_follows_a_refund_by_our_id(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = credited()
    razorpay.refund_faults = [ServiceUnavailable()] * 2
    refund = ask(payment, 20_000).refund
    item = flagged("gateway_unclear", refund.id, payment)
    forward(61, monkeypatch)
    assert refused(item, "apply_again") == "still_unclear" and as_stored(refund).status == "sending"
    forward(130, monkeypatch)
    assert not act(item, "apply_again").is_open and as_stored(refund).status == "processed"


def test_apply_again_follows_a_pending_refund_by_our_id(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_status = "pending"
    refund = ask(payment, 20_000).refund
    item = flagged("gateway_unclear", refund.id, payment)
    assert refused(item, "apply_again") == "still_unclear"
    razorpay.change_refund(str(as_stored(refund).gateway_refund), "failed")
    assert not act(item, "apply_again").is_open and as_stored(refund).status == "failed"


@pytest.mark.parametrize("second", ["accept_amount", "dismiss"])
def test_two_at_once_one_wins(second: str, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one begins between the first one's read and write."""
    item = mismatched(razorpay)
    new_action, others = resolving.new_action, []

    def other_first(*values: str) -> Any:
        if not others:
            others.append(None)
            act(item, second, SUNIL)
        return new_action(*values)

    monkeypatch.setattr(resolving, "new_action", other_first)
    assert refused(item, "accept_amount", RITA) == "already_resolved"
    row = get_review(item.id)
    assert row and (row.action, row.resolved_by) == (second, SUNIL)
    assert balance() == ("400.00" if second == "accept_amount" else "0.00")


def test_review_resolved_while_it_is_looked_for_is_found(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the desk's rows and the list of what is in review, somebody ended it."""
    item = mismatched(razorpay)

    def resolved_first() -> list[Payment]:
        monkeypatch.setattr(finding, "list_in_review", list_in_review)
        act(item, "dismiss", RITA)
        return list_in_review()

    monkeypatch.setattr(finding, "list_in_review", resolved_first)
    assert refused(item, "dismiss", SUNIL) == "already_resolved"


# --- what later facts end


def later_refund(payment: Payment) -> Any:
    return an_attempt(payment.gateway_order, 50_000, "refunded", id=SECOND_ATTEMPT_ID, was_captured=True)


def test_second_capture_that_was_refunded_leaves_by_itself(razorpay: Razorpay) -> None:
    item = twice_captured(razorpay)
    apply_attempt(stored(item.payment), later_refund(item.payment), "test")
    assert not stored(item.payment).in_review and list_reviews({}) == []
    assert refused(item, "dismiss") == "already_resolved"
    (ended,) = list_reviews({"status": "resolved"})
    assert (ended.id, ended.row and ended.row.action, ended.row and ended.row.resolved_by) == (item.id, None, None)


def test_refund_reported_of_a_second_capture_ends_its_review(razorpay: Razorpay) -> None:
    """A refund's report may be all that ever tells of it: the attempt is too old for the lists."""
    item = twice_captured(razorpay)
    reported = GatewayRefund("rfnd_00000000000001", SECOND_ATTEMPT_ID, 50_000, "INR", "processed")
    apply_refund(stored(item.payment), later_refund(item.payment), reported, "evt_1")
    assert not stored(item.payment).in_review and list_reviews({}) == []


def test_refund_reported_of_a_wrong_amount_ends_its_review(razorpay: Razorpay) -> None:
    item = mismatched(razorpay)
    returned = an_attempt(item.payment.gateway_order, 40_000, "refunded", was_captured=True)
    reported = GatewayRefund("rfnd_00000000000001", ATTEMPT_ID, 40_000, "INR", "processed")
    apply_refund(stored(item.payment), returned, reported, "evt_1")
    assert not stored(item.payment).in_review and list_reviews({}) == []


def test_assigned_review_that_ended_by_itself_is_resolved(razorpay: Razorpay) -> None:
    item = twice_captured(razorpay)
    act(item, "assign", assignee=SUNIL)
    apply_attempt(stored(item.payment), later_refund(item.payment), "test")
    assert refused(item, "dismiss") == "already_resolved"


def test_refused_action_resolves_what_ended_meanwhile(razorpay: Razorpay) -> None:
    """The attempt went back at Razorpay, which the action learns first: it is refused, and the review has ended."""
    item = mismatched(razorpay)
    returned = an_attempt(item.payment.gateway_order, 40_000, "refunded", was_captured=True)
    razorpay.payments[ATTEMPT_ID] = returned
    assert refused(item, "accept_amount") == "not_acceptable"
    (ended,) = list_reviews({"status": "resolved"})
    assert (ended.id, ended.is_open, ended.row and ended.row.resolved_by) == (item.id, False, None)


def test_report_leaves_a_begun_row_and_resolves_the_others(razorpay: Razorpay) -> None:
    payment = top_up()
    unclear = flagged("gateway_unclear", str(payment.gateway_order), payment)
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 40_000)
    apply_attempt(stored(payment), razorpay.payments[ATTEMPT_ID], "test")
    (wrong,) = [item for item in reviews_of(stored(payment)) if item.reason == "amount_mismatch"]
    act(wrong, "accept_amount")
    rows = [get_review(item.id) for item in (unclear, wrong)]
    assert [row and (row.state, row.resolved_by) for row in rows] == [
        ("review:resolved", None),
        ("review:resolved", RITA),
    ]


def test_capture_ends_what_was_unclear() -> None:
    payment = top_up()
    item = flagged("gateway_unclear", str(payment.gateway_order), payment)
    apply_attempt(stored(payment), an_attempt(payment.gateway_order, 50_000), "test")
    assert not stored(payment).in_review and balance() == "500.00"
    assert [row.is_open for row in reviews_of(stored(payment))] == [False] and item.id


def test_capture_leaves_what_it_does_not_answer(razorpay: Razorpay) -> None:
    item = twice_captured(razorpay)
    apply_attempt(stored(item.payment), an_attempt(item.payment.gateway_order, 50_000), "test")
    assert stored(item.payment).in_review
