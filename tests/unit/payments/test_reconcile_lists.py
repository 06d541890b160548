"""The reconciler and Razorpay's lists: what no webhook reported is applied, and no window is lost."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from shared import clock
from shared.aws.dynamodb import Update, execute
from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.payments.apply import apply_attempt
from shared.payments.models import ListPosition, get_position
from shared.payments.reconcile import reconcile
from shared.payments.reconcile_lists import FAILED_ROUNDS_MAX, FIRST_LOOK_S, LISTS, OVERLAP_S, follow_list
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayPayment, GatewayRefund, UnexpectedPayload
from tests.unit.conftest import Razorpay, an_attempt
from tests.unit.disputes.support import a_listed_dispute, only_dispute
from tests.unit.payments.support import (
    ASHA,
    ATTEMPT_ID,
    BILAL,
    SECOND_ATTEMPT_ID,
    a_refund,
    balance,
    credited,
    entries,
    forward,
    payment_entity,
    stored,
    top_up,
)

LISTS_LOOKS = tuple(partial(follow_list, name) for name in LISTS)
OTHER_SHOP = "order_ofAnotherShop"


@pytest.fixture(autouse=True)
def lists_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the hourly look, which would find what a list has missed."""
    monkeypatch.setattr("shared.payments.reconcile.LOOKS", LISTS_LOOKS)


def list_payment(razorpay: Razorpay, attempt: GatewayPayment, created_s: int | None = None) -> None:
    """Put the attempt in Razorpay's list of payments, and wherever it can be fetched."""
    razorpay.payments[attempt.id] = attempt
    created_at = clock.now_s() if created_s is None else created_s
    razorpay.listed["payments"].insert(0, payment_entity(attempt, created_at=created_at))


def list_refund(razorpay: Razorpay, refund: GatewayRefund) -> None:
    """Put the refund in Razorpay's list of refunds, and in that of its payment."""
    razorpay.refunds.append(refund)
    entity = {
        "id": refund.id,
        "payment_id": refund.payment,
        "amount": refund.amount_paise,
        "currency": refund.currency,
        "status": refund.status,
        "created_at": clock.now_s(),
    }
    razorpay.listed["refunds"].insert(0, entity)


def list_dispute(razorpay: Razorpay, payment_id: str = ATTEMPT_ID, status: str = "open") -> None:
    entity = a_listed_dispute(status, id=f"disp_{payment_id[4:]}", payment_id=payment_id)
    razorpay.listed["disputes"].insert(0, entity)


def position(name: str) -> ListPosition:
    found = get_position(name)
    assert found
    return found


def test_listed_refund_without_webhook_is_taken_once(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000, refunded_paise=20_000)
    list_refund(razorpay, a_refund(20_000))
    for _ in range(3):
        reconcile()
    assert balance() == "300.00" and stored(payment).status == "partially_refunded"


def test_listed_capture_without_webhook_is_credited(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the payment's own check is due, and even if its order can no longer be asked about."""
    payment = top_up()
    monkeypatch.setattr(razorpay, "list_order_payments", None)
    list_payment(razorpay, an_attempt(payment.gateway_order, 50_000))
    counts = reconcile()
    assert (counts["ReconcileAsked"], counts["ReconcileCredited"]) == (0, 1) and balance() == "500.00"


def test_listed_second_capture_is_flagged(razorpay: Razorpay) -> None:
    payment = credited()
    list_payment(razorpay, an_attempt(payment.gateway_order, 50_000))
    list_payment(razorpay, an_attempt(payment.gateway_order, 50_000, id=SECOND_ATTEMPT_ID))
    assert reconcile()["ReconcileFlagged"] == 1
    assert stored(payment).in_review and balance() == "500.00"


def test_listed_refund_of_capture_without_webhook_moves_both(razorpay: Razorpay) -> None:
    payment = top_up()
    attempt = an_attempt(payment.gateway_order, 50_000, "refunded", was_captured=True, refunded_paise=50_000)
    razorpay.payments[ATTEMPT_ID] = attempt
    list_refund(razorpay, a_refund(50_000))
    reconcile()
    assert [(entry.kind, entry.amount_paise) for entry in entries()[1:]] == [("credit", 50_000), ("debit", 50_000)]
    assert stored(payment).status == "refunded"


@pytest.mark.parametrize(
    ("status", "moves"),
    [
        ("open", [("hold", 50_000)]),
        ("under_review", [("hold", 50_000)]),
        ("won", []),
        ("lost", [("debit", 50_000)]),
        ("closed", []),
    ],
)
def test_listed_dispute_without_webhook_is_applied_once(
    status: str, moves: list[tuple[str, int]], razorpay: Razorpay
) -> None:
    payment = credited()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    list_dispute(razorpay, status=status)
    assert [reconcile().get("DisputeChanged", 0) for _ in range(2)] == [1, 0]
    assert [(entry.kind, entry.amount_paise) for entry in entries()[2:]] == moves
    assert only_dispute(payment).status == status


def test_listed_dispute_of_lost_capture_brings_the_credit(razorpay: Razorpay) -> None:
    payment = top_up()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    list_dispute(razorpay)
    counts = reconcile()
    assert (counts["ReconcileCredited"], counts["DisputeChanged"]) == (1, 1)
    assert [(entry.kind, entry.amount_paise) for entry in entries()[1:]] == [("credit", 50_000), ("hold", 50_000)]
    assert only_dispute(payment).held_paise == 50_000


@pytest.mark.parametrize("entity", [{}, {"id": "disp_1", "status": "open"}, {"id": "x", "payment_id": ATTEMPT_ID}])
def test_malformed_dispute_stops_neither_others_nor_lists(entity: dict[str, Any], razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    list_dispute(razorpay)
    razorpay.listed["disputes"].append({"created_at": clock.now_s(), "status": "open"} | entity)
    counts = reconcile()
    assert (counts["ReconcileFailed"], counts["DisputeChanged"]) == (1, 1)
    assert only_dispute(payment).held_paise == 50_000


@pytest.mark.parametrize("minute", range(len(LISTS)))
def test_list_that_takes_all_its_time_leaves_some_to_the_others(
    minute: int, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever list is first. The disputes are slow, the refund and the lost capture are learnt all the same."""
    refunded, lost = credited(BILAL, attempt_id=SECOND_ATTEMPT_ID), top_up()
    razorpay.payments[SECOND_ATTEMPT_ID] = an_attempt(
        refunded.gateway_order, 50_000, id=SECOND_ATTEMPT_ID, refunded_paise=20_000
    )
    list_refund(razorpay, a_refund(20_000, payment=SECOND_ATTEMPT_ID))
    list_payment(razorpay, an_attempt(lost.gateway_order, 50_000))
    for number in range(20):
        list_dispute(razorpay, f"pay_{number:013d}s")
    real, spent = razorpay.fetch_payment, [0]
    start_us = (clock.now_s() // 60 + 1) * 60_000_000
    start_us += 60_000_000 * ((minute - start_us // 60_000_000) % len(LISTS))
    monkeypatch.setattr(clock, "now_us", lambda: start_us + spent[0])
    monkeypatch.setattr("shared.payments.reconcile.list_due", lambda until_us, limit: [])

    def slow(payment_id: str) -> GatewayPayment:
        if payment_id.endswith("s"):
            spent[0] += 2_000_000
            raise ServiceUnavailable
        return real(payment_id)

    monkeypatch.setattr(api, "fetch_payment", slow)
    with Deadline(seconds=30.0):
        counts = reconcile()
        assert not Deadline.current().has_passed
    assert counts["ReconcileFailed"] > 1 and balance() == "500.00" and balance(BILAL) == "300.00"


@pytest.mark.parametrize("status", ["created", "authorized", "failed"])
def test_listed_payment_without_money_is_ignored(status: str, razorpay: Razorpay) -> None:
    payment = top_up()
    list_payment(razorpay, an_attempt(payment.gateway_order, 50_000, status))
    reconcile()
    assert stored(payment).status == "created" and balance() == "0.00"


def test_entities_of_another_shop_are_ignored(razorpay: Razorpay) -> None:
    for order in (OTHER_SHOP, None):
        list_payment(razorpay, an_attempt(order, 50_000))
        list_refund(razorpay, a_refund(50_000))
        list_dispute(razorpay)
        counts = reconcile()
        assert counts["ReconcileFailed"] == counts["ReconcileFlagged"] == 0 and entries() == []


def test_known_entity_is_not_asked_about_again(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each window overlaps the one before. Two rounds read the lists alone; a change of the payment counts as new."""
    payment = credited()
    list_payment(razorpay, an_attempt(payment.gateway_order, 50_000, refunded_paise=20_000))
    list_refund(razorpay, a_refund(20_000))
    reconcile()
    looked_up: list[str] = []
    monkeypatch.setattr("shared.payments.find.find_by_gateway_order", looked_up.append)
    razorpay.calls.clear()
    for minutes in (1, 2):
        forward(minutes * 60, monkeypatch)
        reconcile()
    assert Counter(razorpay.calls) == {f"list of {name}": 2 for name in ("payments", "refunds", "disputes")}
    assert looked_up == []
    razorpay.listed["payments"][0] |= {"amount_refunded": 30_000}
    reconcile()
    assert len(looked_up) == 1 and balance() == "300.00"


def test_late_entity_within_overlap_is_found(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment, now_s = top_up(), clock.now_s()
    reconcile()
    assert position("list:payments").until_s >= now_s
    list_payment(razorpay, an_attempt(payment.gateway_order, 50_000), created_s=now_s - OVERLAP_S + 5)
    reconcile()
    assert balance() == "500.00"


def test_first_look_goes_back_five_days_and_next_ones_do_not(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows: list[tuple[int, int]] = []
    real = razorpay.list_payments

    def list_payments(from_s: int, to_s: int, skip: int) -> list[Any]:
        windows.append((from_s, to_s))
        return real(from_s, to_s, skip)

    monkeypatch.setattr(api, "list_payments", list_payments)
    now_s = 1_800_000_000
    for later_s in (0, 60, 7_200):
        monkeypatch.setattr(clock, "now_us", lambda later_s=later_s: (now_s + later_s) * 1_000_000)
        reconcile()
    starts = [now_s - 5 * 86_400, now_s, now_s + 60]  # each begins where the one before ended
    ends = [now_s, now_s + 60, now_s + 7_200]
    assert windows == [(start - OVERLAP_S, end) for start, end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize(
    "error", [UnexpectedPayload(), RazorpayRejected(400, "", ""), KeyError(), ServiceUnavailable()]
)
def test_failing_entity_stops_neither_others_nor_window_permanently(
    error: Exception, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, other = top_up(), top_up(BILAL)
    list_payment(razorpay, an_attempt(broken.gateway_order, 50_000))
    list_payment(razorpay, an_attempt(other.gateway_order, 50_000, id=SECOND_ATTEMPT_ID))
    real, calls = apply_attempt, []

    def apply(payment: Any, attempt: GatewayPayment, *rest: Any) -> Any:
        if attempt.id == ATTEMPT_ID:
            calls.append(attempt.id)
            raise error
        return real(payment, attempt, *rest)

    monkeypatch.setattr("shared.refunds.report.apply_attempt", apply)
    started_s = clock.now_s()
    for number in range(1, FAILED_ROUNDS_MAX + 3):
        forward(number, monkeypatch)
        counts = reconcile()
        assert balance(BILAL) == "500.00"
        assert counts["ReconcileListFailed"] == (number == FAILED_ROUNDS_MAX)
        assert (position("list:payments").until_s >= started_s) == (number >= FAILED_ROUNDS_MAX)
    assert len(calls) == FAILED_ROUNDS_MAX and stored(broken).open  # its own checks go on


def test_unavailable_razorpay_counts_against_no_entity(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """The round ends after three silences in a row, and its failures say nothing about the refunds."""
    payment = credited()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000, refunded_paise=10_000)
    for number in range(10):
        list_refund(razorpay, a_refund(1_000, id=f"rfnd_{number:014d}"))
    asked: list[str] = []

    def silent(payment_id: str) -> GatewayPayment:
        asked.append(payment_id)
        raise ServiceUnavailable(is_silence=True)

    with monkeypatch.context() as patch:
        patch.setattr(api, "fetch_payment", silent)
        for _ in range(FAILED_ROUNDS_MAX + 2):
            counts = reconcile()
            assert (counts["ReconcileFailed"], counts["ReconcileListFailed"]) == (3, 0)
    assert len(asked) == 3 * (FAILED_ROUNDS_MAX + 2) and balance() == "500.00"
    reconcile()
    assert balance() == "400.00"


def test_window_that_the_deadline_cuts_goes_on_where_it_stopped(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The position stays, but what was handled is not handled again."""
    payments = [top_up(amount_paise=1_000 + number) for number in range(6)]
    for number, payment in enumerate(payments):
        list_payment(
            razorpay, an_attempt(payment.gateway_order, payment.amount_paise, id=f"pay_{number:014d}"), clock.now_s()
        )
    now_us, spent = clock.now_us(), [0]
    monkeypatch.setattr(clock, "now_us", lambda: now_us + spent[0])
    real, calls = apply_attempt, []

    def slow(payment: Any, attempt: GatewayPayment, *rest: Any) -> Any:
        calls.append(attempt.id)
        result = real(payment, attempt, *rest)
        spent[0] += 2_000_000
        return result

    monkeypatch.setattr("shared.refunds.report.apply_attempt", slow)
    monkeypatch.setattr("shared.payments.reconcile.LOOKS", LISTS_LOOKS[:1])
    for done in (3, 6):
        with Deadline(seconds=2 * 6.95):  # half of it is the cards'
            reconcile()
        assert len(calls) == done
    reconcile()
    assert len(calls) == len(set(calls)) == 6 and all(stored(payment).status == "captured" for payment in payments)


def test_two_reconcilers_at_once_lose_no_window(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower one read an older list; the position never passes what somebody has handled."""
    reconcile()
    payment = top_up()
    real, is_nested = razorpay.list_payments, [False]

    def list_payments(from_s: int, to_s: int, skip: int) -> list[Any]:
        page = real(from_s, to_s, skip)
        if not is_nested[0]:  # meanwhile a payment appears and another reconciler has its whole round
            is_nested[0] = True
            forward(600, monkeypatch)
            list_payment(razorpay, an_attempt(payment.gateway_order, 50_000))
            reconcile()
        return page

    monkeypatch.setattr(api, "list_payments", list_payments)
    reconcile()
    moved_s = position("list:payments").until_s
    assert balance() == "500.00" and moved_s <= clock.now_s() and moved_s >= clock.now_s() - 2
    assert entries()[-1].amount_paise == 50_000 and len(entries()) == 2


def test_reconciler_that_lost_does_not_move_the_position(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    reconcile()
    before = position("list:payments")

    def list_payments(from_s: int, to_s: int, skip: int) -> list[Any]:
        execute(Update(position("list:payments"), {"until_s": before.until_s + 1}))
        return []

    monkeypatch.setattr(api, "list_payments", list_payments)
    forward(600, monkeypatch)
    reconcile()
    assert position("list:payments").until_s == before.until_s + 1


def test_long_window_is_divided_and_caught_up(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an outage of the reconciler no single round has to handle everything."""
    monkeypatch.setattr("shared.payments.reconcile_lists.ENTITIES_MAX", 200)
    now_s, count = clock.now_s(), 400
    for number in range(count):
        attempt = an_attempt(OTHER_SHOP, 100, id=f"pay_{number:014d}")
        list_payment(razorpay, attempt, created_s=now_s - FIRST_LOOK_S + number * FIRST_LOOK_S // count)
    payment = top_up()
    list_payment(razorpay, an_attempt(payment.gateway_order, 50_000, id=SECOND_ATTEMPT_ID + "x"))
    monkeypatch.setattr("shared.payments.find.api.fetch_order", lambda order: {})
    rounds = 0
    while balance() == "0.00":
        rounds += 1
        assert rounds < 10
        reconcile()
    assert rounds > 1 and razorpay.calls.count("list of payments") < rounds * 40


def test_position_from_a_fast_clock_loses_nothing(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up()
    forward(86_400, monkeypatch)
    reconcile()
    forward(60, monkeypatch)
    list_payment(razorpay, an_attempt(payment.gateway_order, 50_000))
    reconcile()
    assert balance() == "500.00"


def test_list_that_razorpay_rejects_is_counted_and_stops_no_other(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = credited()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000, refunded_paise=20_000)
    list_refund(razorpay, a_refund(20_000))

    def rejected(from_s: int, to_s: int, skip: int) -> list[Any]:
        raise RazorpayRejected(400, "", "")

    monkeypatch.setattr(api, "list_payments", rejected)
    assert reconcile()["ReconcileFailed"] == 1
    assert balance() == "300.00" and get_position("list:payments") is None


@pytest.mark.parametrize("entity", [None, 1, "x", [], {}, {"id": 1, "status": "captured", "created_at": 1}])
def test_malformed_item_in_a_list_stops_nothing(
    entity: Any, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = top_up()
    list_payment(razorpay, an_attempt(payment.gateway_order, 50_000))
    page = [entity, *razorpay.listed["payments"]]
    monkeypatch.setattr(api, "list_payments", lambda from_s, to_s, skip: page)
    reconcile()
    assert balance(ASHA) == "500.00"
