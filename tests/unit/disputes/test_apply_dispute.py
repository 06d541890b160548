"""Disputes that Razorpay reports: held, released, captured and owed, whatever arrives and how often."""

import pytest

from shared.disputes.models import Dispute, list_disputes, nearest_answer_us
from shared.payments.apply import apply_attempt
from shared.payments.create import create_payment
from shared.payments.models import Payment, get_or_404
from shared.razorpay.entities import UnexpectedPayload
from shared.refunds.models import list_refunds
from tests.unit.conftest import an_attempt
from tests.unit.disputes.support import (
    DISPUTE_ID,
    OPENED_AT_S,
    RESPOND_BY_S,
    SECOND_DISPUTE_ID,
    a_dispute,
    bring,
    contested,
    dispute,
    only_dispute,
)
from tests.unit.payments.support import (
    ASHA,
    SECOND_ATTEMPT_ID,
    THROUGH_RAZORPAY,
    a_refund,
    credited,
    entries,
    stored,
    top_up,
)
from tests.unit.refunds.support import moves, report, spend, wallet

ENDS = ("won", "lost", "closed")


def paid_through_razorpay() -> Payment:
    created = create_payment(ASHA, THROUGH_RAZORPAY | {"amount": 50_000}, "order").payment
    payment = get_or_404(ASHA, created.id)
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000), "test")
    return payment


# --- opened


@pytest.mark.parametrize(
    ("amount_paise", "spent_paise", "held_paise"),
    [
        (50_000, 0, 50_000),
        (50_000, 1, 49_999),
        (30_000, 20_000, 30_000),  # just what is there
        (30_000, 20_001, 29_999),
        (50_000, 50_000, 0),
        (1, 0, 1),
    ],
)
def test_open_dispute_holds_what_cash_there_is(amount_paise: int, spent_paise: int, held_paise: int) -> None:
    payment = credited()
    if spent_paise:
        spend(spent_paise)
    before = len(entries())
    result = dispute(payment, amount_paise=amount_paise)
    found = only_dispute(payment)
    assert (found.status, found.held_paise, found.owed_paise) == ("open", held_paise, 0)
    assert moves()[before - 1 :] == ([("hold", held_paise)] if held_paise else [])
    assert contested(payment) == (amount_paise, 0, 50_000 - amount_paise)
    assert result.disputed == "open" and result.counts == {"DisputeChanged": 1}


def test_record_of_a_dispute_says_what_razorpay_said() -> None:
    payment = credited()
    dispute(payment, amount_paise=30_000)
    found = only_dispute(payment)
    assert (found.id, found.phase, found.reason, found.first) == (
        DISPUTE_ID,
        "chargeback",
        "goods_or_services_not_received",
        None,
    )
    assert (found.opened_at_us, found.respond_by_us) == (OPENED_AT_S * 1_000_000, RESPOND_BY_S * 1_000_000)
    assert entries()[-1].by == f"d:{payment.id}/{DISPUTE_ID}" and entries()[-1].category == "dispute"
    assert [item.split(" ", 1)[1] for item in found.timeline] == ["dispute dispute_open evt"]
    assert stored(payment).timeline[-1].endswith("dispute dispute_open evt")


def test_dispute_puts_no_payment_in_review() -> None:
    payment = credited()
    for status in ("open", "under_review", "lost"):
        assert dispute(payment, status).flagged == ""
    assert stored(payment).in_review is None and not list(stored(payment).review)


def test_dispute_is_no_refund() -> None:
    payment = credited()
    report(payment, a_refund(10_000))
    dispute(payment, amount_paise=20_000)
    assert len(list_refunds(payment.id)) == len(list_disputes(payment.id)) == 1


# --- ended


@pytest.mark.parametrize("status", ["won", "closed"])
@pytest.mark.parametrize("reviewed", [False, True])
def test_dispute_that_is_not_lost_releases_its_hold(status: str, reviewed: bool) -> None:
    payment = credited()
    dispute(payment, amount_paise=30_000)
    if reviewed:
        dispute(payment, "under_review", 30_000)
    dispute(payment, status, 30_000)
    assert wallet() == ("500.00", "0.00", "0.00") and moves()[1:] == [("hold", 30_000), ("release", 30_000)]
    assert contested(payment) == (0, 0, 50_000) and only_dispute(payment).held_paise == 0


@pytest.mark.parametrize(
    ("deducted_paise", "spent_after_paise", "expected"),
    [
        (30_000, 0, [("capture", 30_000)]),
        (29_999, 0, [("capture", 29_999)]),
        (1, 0, [("capture", 1)]),
        (30_001, 0, [("capture", 30_000), ("debit", 1)]),
        (50_000, 0, [("capture", 30_000), ("debit", 20_000)]),
        (50_000, 20_000, [("capture", 30_000), ("debit", 20_000)]),
        (0, 0, [("release", 30_000)]),
    ],
)
def test_lost_dispute_takes_what_razorpay_deducted(
    deducted_paise: int, spent_after_paise: int, expected: list[tuple[str, int]]
) -> None:
    """The held part first, then cash, and the rest is owed. What was held beyond it is spendable again."""
    payment = credited()
    dispute(payment, amount_paise=30_000)
    if spent_after_paise:
        spend(spent_after_paise)
    before = len(entries())
    dispute(payment, "lost", 30_000, amount_deducted=deducted_paise)
    assert moves()[before - 1 :] == expected
    last = entries()[-1]
    cash_paise = 50_000 - spent_after_paise - deducted_paise
    assert (last.cash_paise, last.held_paise, last.owed_paise) == (max(0, cash_paise), 0, max(0, -cash_paise))
    found = only_dispute(payment)
    assert (found.counted_paise, found.owed_paise) == (deducted_paise, max(0, -cash_paise))
    assert contested(payment) == (0, deducted_paise, 50_000 - deducted_paise)


def test_lost_dispute_of_spent_money_is_owed_and_recovered() -> None:
    payment = credited()
    spend(40_000)
    dispute(payment)
    assert wallet() == ("0.00", "100.00", "0.00")
    dispute(payment, "lost")
    assert wallet() == ("0.00", "0.00", "400.00") and moves()[-2:] == [("capture", 10_000), ("debit", 40_000)]
    credited(amount_paise=50_000, attempt_id=SECOND_ATTEMPT_ID)
    assert wallet() == ("100.00", "0.00", "0.00")


def test_two_entries_of_a_loss_name_the_dispute_and_follow_each_other() -> None:
    payment = credited()
    spend(40_000)
    for status in ("open", "lost"):
        dispute(payment, status)
    capture, debit = entries()[-2:]
    assert (debit.seq, debit.by) == (capture.seq + 1, capture.by) and debit.by == f"d:{payment.id}/{DISPUTE_ID}"


@pytest.mark.parametrize(("status", "expected"), [("won", []), ("closed", []), ("lost", [("debit", 50_000)])])
def test_dispute_first_heard_of_when_it_ended(status: str, expected: list[tuple[str, int]]) -> None:
    payment = credited()
    dispute(payment, status)
    assert moves()[1:] == expected and only_dispute(payment).open is None


@pytest.mark.parametrize("deducted", [{}, {"amount_deducted": None}])
def test_lost_dispute_without_a_deducted_amount_has_lost_it_all(deducted: dict[str, None]) -> None:
    payment = credited()
    dispute(payment)
    entity = a_dispute("lost")
    del entity["amount_deducted"]
    bring(payment, entity | deducted)
    assert wallet() == ("0.00", "0.00", "0.00") and contested(payment) == (0, 50_000, 0)


@pytest.mark.parametrize("end", ENDS)
def test_nothing_changes_a_dispute_that_has_ended(end: str) -> None:
    payment = credited()
    dispute(payment, end)
    before = (wallet(), moves(), contested(payment))
    for status in ("open", "under_review", *ENDS):
        assert dispute(payment, status).counts == {}
    assert (wallet(), moves(), contested(payment)) == before and only_dispute(payment).status == end


def test_older_event_does_not_take_a_dispute_back() -> None:
    payment = credited()
    dispute(payment, "under_review")
    assert dispute(payment, "open").disputed == "" and only_dispute(payment).status == "under_review"
    assert moves()[1:] == [("hold", 50_000)]


# --- of which payments


def test_dispute_of_a_payment_moves_no_wallet() -> None:
    """But it cannot be refunded besides."""
    credited(attempt_id=SECOND_ATTEMPT_ID)
    payment = paid_through_razorpay()
    for status, expected in (("open", (50_000, 0, 0)), ("lost", (0, 50_000, 0))):
        dispute(payment, status)
        assert contested(payment) == expected and wallet() == ("500.00", "0.00", "0.00")
    assert moves() == [("credit", 50_000)] and only_dispute(payment).held_paise == 0


def test_dispute_before_its_capture_credits_and_holds() -> None:
    payment = top_up()
    result = dispute(payment)
    assert result.captured and result.disputed == "open" and moves() == [("credit", 50_000), ("hold", 50_000)]


@pytest.mark.parametrize("end", ENDS)
def test_dispute_of_another_attempt_is_recorded_and_moves_nothing(end: str) -> None:
    payment = credited()
    for status in ("open", end):
        dispute(payment, status, payment_id=SECOND_ATTEMPT_ID)
    found = only_dispute(payment)
    assert (found.status, found.gateway_payment, found.counted_paise) == (end, SECOND_ATTEMPT_ID, 0)
    assert moves() == [("credit", 50_000)] and contested(payment) == (0, 0, 50_000)
    assert list(stored(payment).review) == [f"{SECOND_ATTEMPT_ID}:second_capture"]


def test_dispute_in_another_currency_moves_nothing() -> None:
    payment = credited()
    dispute(payment, currency="USD")
    assert moves() == [("credit", 50_000)] and contested(payment) == (0, 0, 50_000)


def test_dispute_that_names_another_payment_is_malformed() -> None:
    payment = credited()
    with pytest.raises(UnexpectedPayload):
        bring(payment, a_dispute(), attempt_id=SECOND_ATTEMPT_ID)
    assert list_disputes(payment.id) == []


# --- phases


def test_later_phase_is_a_record_that_names_the_first() -> None:
    payment = credited()
    for status in ("open", "won"):
        dispute(payment, status)
    for status in ("open", "lost"):
        dispute(payment, status, id=SECOND_DISPUTE_ID, phase="pre_arbitration", created_at=OPENED_AT_S + 86_400)
    assert moves()[1:] == [("hold", 50_000), ("release", 50_000), ("hold", 50_000), ("capture", 50_000)]
    assert [(row.id, row.first, row.status) for row in list_disputes(payment.id)] == [
        (DISPUTE_ID, None, "won"),
        (SECOND_DISPUTE_ID, DISPUTE_ID, "lost"),
    ]


def test_later_phase_under_the_same_id_is_a_record_of_its_own() -> None:
    payment = credited()
    for status in ("open", "won"):
        dispute(payment, status)
    for status in ("open", "open", "lost", "lost"):
        dispute(payment, status, phase="arbitration")
    dispute(payment, "won")  # the first phase again
    assert moves()[1:] == [("hold", 50_000), ("release", 50_000), ("hold", 50_000), ("capture", 50_000)]
    rows = [(row.id, row.first, row.status) for row in list_disputes(payment.id)]
    assert rows == [(DISPUTE_ID, None, "won"), (f"{DISPUTE_ID}.arbitration", DISPUTE_ID, "lost")]


def test_phase_that_advances_before_its_end_stays_one_record() -> None:
    payment = credited()
    dispute(payment)
    dispute(payment, phase="pre_arbitration")
    dispute(payment, "won")  # of the phase before
    assert (only_dispute(payment).phase, only_dispute(payment).status) == ("pre_arbitration", "open")
    dispute(payment, "lost", phase="pre_arbitration")
    assert moves()[1:] == [("hold", 50_000), ("capture", 50_000)]


# --- the time until which the bank waits


def answer(payment: Payment) -> tuple[int | None, bool]:
    found: Dispute = only_dispute(payment)
    is_awaited = found.awaits_answer is not None
    assert nearest_answer_us() == (found.respond_by_us if is_awaited else None)
    return found.respond_by_us and found.respond_by_us // 1_000_000, is_awaited


def test_action_required_sets_the_time_only() -> None:
    payment = credited()
    dispute(payment)
    before = moves()
    result = dispute(payment, respond_by=RESPOND_BY_S + 86_400)
    assert answer(payment) == (RESPOND_BY_S + 86_400, True) and result.disputed == ""
    dispute(payment)  # an older event
    assert answer(payment) == (RESPOND_BY_S + 86_400, True) and moves() == before


def test_answered_dispute_waits_for_nobody_until_it_is_asked_again() -> None:
    payment = credited()
    dispute(payment)
    dispute(payment, "under_review")
    assert answer(payment) == (RESPOND_BY_S, False)
    dispute(payment)  # an older event
    assert answer(payment) == (RESPOND_BY_S, False)
    dispute(payment, respond_by=RESPOND_BY_S + 60)
    assert answer(payment) == (RESPOND_BY_S + 60, True) and only_dispute(payment).status == "under_review"
    dispute(payment, "under_review", respond_by=RESPOND_BY_S + 60)
    assert answer(payment) == (RESPOND_BY_S + 60, False)


@pytest.mark.parametrize("end", ENDS)
def test_ended_dispute_waits_for_nobody(end: str) -> None:
    payment = credited()
    dispute(payment)
    dispute(payment, end)
    assert answer(payment) == (RESPOND_BY_S, False)


def test_dispute_without_a_time_waits_for_nobody() -> None:
    payment = credited()
    dispute(payment, respond_by=None)
    assert answer(payment) == (None, False)
