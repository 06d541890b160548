"""The reconciler and disputes: what no webhook reported is learnt, and an answer that is due is measured."""

import pytest

from shared import clock
from shared.aws.dynamodb import Update, execute
from shared.disputes.lifecycle import CHECK_PAUSE_US
from shared.disputes.models import list_disputes, list_due
from shared.payments.models import Payment
from shared.payments.reconcile import reconcile
from shared.payments.reconcile_recent import read_recent_disputes
from shared.razorpay import api
from tests.unit.conftest import AnswerLost, Razorpay, an_attempt
from tests.unit.disputes.support import (
    DISPUTE_ID,
    SECOND_DISPUTE_ID,
    a_dispute,
    a_listed_dispute,
    bring,
    only_dispute,
)
from tests.unit.payments.support import ATTEMPT_ID, BILAL, SECOND_ATTEMPT_ID, credited, entries, forward
from tests.unit.refunds.support import moves, wallet

HOUR_S = CHECK_PAUSE_US // 1_000_000


def disputed(razorpay: Razorpay) -> Payment:
    """A top-up with an open dispute, which the window of the list has passed."""
    payment = credited()
    bring(payment, a_listed_dispute())
    razorpay.listed["disputes"].append(a_listed_dispute(created_at=1))
    return payment


def decide(razorpay: Razorpay, status: str) -> None:
    razorpay.listed["disputes"][0] |= {"status": status, "amount_deducted": 50_000 if status == "lost" else 0}


@pytest.mark.parametrize(
    ("status", "expected"),
    [("won", ("release", 50_000)), ("lost", ("capture", 50_000)), ("closed", ("release", 50_000))],
)
def test_end_that_no_webhook_reported_is_learnt_within_the_hour(
    status: str, expected: tuple[str, int], razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = disputed(razorpay)
    decide(razorpay, status)
    forward(HOUR_S - 5, monkeypatch)
    assert reconcile().get("DisputeChanged", 0) == 0 and only_dispute(payment).status == "open"
    forward(HOUR_S + 5, monkeypatch)
    assert reconcile()["DisputeChanged"] == 1
    assert only_dispute(payment).status == status and moves()[-1] == expected
    forward(3 * HOUR_S, monkeypatch)
    razorpay.calls.clear()
    reconcile()
    assert f"dispute {DISPUTE_ID}" not in razorpay.calls


@pytest.mark.parametrize(("age_s", "is_found"), [(180 * 86_400 - 60, True), (180 * 86_400 + 60, False)])
def test_next_phase_of_an_old_dispute_is_found(
    age_s: int, is_found: bool, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dispute that was won keeps its id and its time of creation in its next phase."""
    payment = credited()
    created_at = clock.now_s() - age_s
    bring(payment, a_dispute("won", created_at=created_at))
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    razorpay.listed["disputes"].append(a_dispute(phase="pre_arbitration", created_at=created_at))
    monkeypatch.setattr("shared.payments.reconcile.LOOKS", (read_recent_disputes,))
    for _ in range(2):
        reconcile()
    assert [row.status for row in list_disputes(payment.id)] == (["won", "open"] if is_found else ["won"])
    assert wallet() == (("0.00", "500.00", "0.00") if is_found else ("500.00", "0.00", "0.00"))
    assert razorpay.calls.count("list of disputes") == 1, "once a day"


def test_open_dispute_is_asked_about_every_hour(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    disputed(razorpay)
    for hours in (1, 2, 3):
        forward(hours * HOUR_S + 10 * hours, monkeypatch)
        for _ in range(2):
            reconcile()
    assert razorpay.calls.count(f"dispute {DISPUTE_ID}") == 3


def test_answer_at_razorpay_ends_the_wait(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = disputed(razorpay)
    decide(razorpay, "under_review")
    forward(HOUR_S + 5, monkeypatch)
    reconcile()
    assert only_dispute(payment).awaits_answer is None and wallet() == ("0.00", "500.00", "0.00")
    assert "DisputeAnswerDueSeconds" not in reconcile()


def test_answer_that_the_bank_refused_is_awaited_again(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = disputed(razorpay)
    bring(payment, razorpay.listed["disputes"][0] | {"status": "under_review"})
    assert "DisputeAnswerDueSeconds" not in reconcile()
    forward(HOUR_S + 5, monkeypatch)
    reconcile()
    assert reconcile()["DisputeAnswerDueSeconds"] > 0  # until the time that was known before
    assert only_dispute(payment).status == "open" and wallet() == ("0.00", "500.00", "0.00")
    bring(payment, razorpay.listed["disputes"][0] | {"status": "under_review"})  # an older event, for an hour at most
    forward(2 * HOUR_S + 10, monkeypatch)
    reconcile()
    assert reconcile()["DisputeAnswerDueSeconds"] > 0 and only_dispute(payment).status == "open"


def test_answer_can_bring_an_earlier_time(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = disputed(razorpay)
    earlier_s = clock.now_s() + 86_400
    bring(payment, razorpay.listed["disputes"][0] | {"respond_by": earlier_s})  # an event, which may be an old one
    assert only_dispute(payment).respond_by_us == razorpay.listed["disputes"][0]["respond_by"] * 1_000_000
    razorpay.listed["disputes"][0] |= {"respond_by": earlier_s}
    forward(HOUR_S + 5, monkeypatch)
    reconcile()
    assert only_dispute(payment).respond_by_us == earlier_s * 1_000_000


def test_answer_older_than_an_event_takes_nothing_back(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = disputed(razorpay)
    bring(payment, razorpay.listed["disputes"][0] | {"status": "under_review"})
    real = razorpay.fetch_dispute

    def answered_meanwhile(dispute_id: str) -> object:
        found = real(dispute_id)
        later = {"status": "under_review", "respond_by": clock.now_s() + 4 * 86_400}
        bring(payment, razorpay.listed["disputes"][0] | later)
        return found

    forward(HOUR_S + 5, monkeypatch)
    monkeypatch.setattr(api, "fetch_dispute", answered_meanwhile)
    reconcile()
    assert only_dispute(payment).status == "under_review"


def test_dispute_that_razorpay_does_not_answer_for_holds_up_no_other(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    disputed(razorpay)
    other = credited(BILAL, attempt_id=SECOND_ATTEMPT_ID)
    bring(other, a_listed_dispute(id=SECOND_DISPUTE_ID, payment_id=SECOND_ATTEMPT_ID))
    razorpay.listed["disputes"].append(
        a_listed_dispute("won", id=SECOND_DISPUTE_ID, payment_id=SECOND_ATTEMPT_ID, created_at=1)
    )
    real = razorpay.fetch_dispute

    def silent_for_the_first(dispute_id: str) -> object:
        if dispute_id == DISPUTE_ID:
            raise AnswerLost
        return real(dispute_id)

    monkeypatch.setattr(api, "fetch_dispute", silent_for_the_first)
    forward(HOUR_S + 5, monkeypatch)
    assert reconcile()["ReconcileFailed"] == 1 and only_dispute(other).status == "won"
    assert list_due(clock.now_us(), 10) == []  # the first one waits for an hour


def test_two_reconcilers_ask_once(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.disputes import reconcile as following

    payment = disputed(razorpay)
    forward(HOUR_S + 5, monkeypatch)
    stale = only_dispute(payment)
    execute(Update(only_dispute(payment), {"checks": 1}))
    monkeypatch.setattr(following, "get_dispute", lambda *key: stale)
    reconcile()
    assert f"dispute {DISPUTE_ID}" not in razorpay.calls


def test_nearest_answer_is_measured(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "DisputeAnswerDueSeconds" not in reconcile()
    first, second = credited(), credited(BILAL, attempt_id=SECOND_ATTEMPT_ID)
    now_s = clock.now_s()
    bring(first, a_listed_dispute(respond_by=now_s + 200_000))
    later = a_listed_dispute(id=SECOND_DISPUTE_ID, payment_id=SECOND_ATTEMPT_ID, respond_by=now_s + 300_000)
    bring(second, later)
    assert reconcile()["DisputeAnswerDueSeconds"] == pytest.approx(200_000, abs=60)
    bring(first, a_listed_dispute("under_review", respond_by=now_s + 200_000))
    assert reconcile()["DisputeAnswerDueSeconds"] == pytest.approx(300_000, abs=60)
    forward(300_100, monkeypatch)
    assert reconcile()["DisputeAnswerDueSeconds"] == pytest.approx(-100, abs=60)


def test_disputes_and_refunds_share_a_table_and_no_work(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.refunds import models as refunds

    payment = disputed(razorpay)
    forward(2 * HOUR_S, monkeypatch)
    assert list_due(clock.now_us(), 10) == [(payment.customer, payment.id, DISPUTE_ID)]
    assert refunds.list_due(clock.now_us(), 10) == [] and len(entries()) == 3
