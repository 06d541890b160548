"""The hourly look at the payments of five days: what was captured late is found, and no round loses its place."""

from typing import Any

import pytest

from shared import clock
from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.payments import reconcile_recent
from shared.payments.models import RecentLook, get_recent_look
from shared.payments.reconcile import reconcile
from shared.payments.reconcile_recent import LOOK_BACK_S, LOOK_EVERY_S
from shared.razorpay import api
from shared.refunds.apply import apply_refund
from shared.refunds.report import apply_report
from tests.unit.conftest import Razorpay, an_attempt
from tests.unit.payments.support import (
    ATTEMPT_ID,
    BILAL,
    SECOND_ATTEMPT_ID,
    a_refund,
    balance,
    credited,
    forward,
    payment_entity,
    stored,
    top_up,
)

DAY_S = 86_400


@pytest.fixture(autouse=True)
def recent_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the lists of new entities, which would find the same, and without the checks of open payments."""
    monkeypatch.setattr("shared.payments.reconcile.LOOKS", (reconcile_recent.read_recent_payments,))
    monkeypatch.setattr("shared.payments.reconcile.list_due", lambda until_us, limit: [])


def list_attempt(
    razorpay: Razorpay, order: str | None, age_s: int, attempt_id: str = ATTEMPT_ID, **sent: Any
) -> None:
    """Put a payment that was created some time ago into Razorpay's list, newest first."""
    entity = payment_entity(an_attempt(order, 50_000, id=attempt_id), created_at=clock.now_s() - age_s, **sent)
    listed = razorpay.listed["payments"]
    listed.append(entity)
    listed.sort(key=lambda payment: -int(payment["created_at"]))


def pages_read(razorpay: Razorpay) -> int:
    return razorpay.calls.count("list of payments")


def look() -> RecentLook:
    found = get_recent_look("recent:payments")
    assert found
    return found


def is_done() -> bool:
    return look().place_s == look().started_s - LOOK_BACK_S


def test_second_capture_hours_after_its_creation_is_flagged(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = credited()
    list_attempt(razorpay, payment.gateway_order, 60, SECOND_ATTEMPT_ID, status="created", captured=False)
    assert reconcile()["ReconcileFlagged"] == 0
    razorpay.listed["payments"][0] |= {"status": "captured", "captured": True}
    forward(LOOK_EVERY_S, monkeypatch)
    assert reconcile()["ReconcileFlagged"] == 1
    assert stored(payment).in_review and balance() == "500.00"


def test_late_capture_and_refund_without_webhooks_are_applied(razorpay: Razorpay) -> None:
    late, refunded = top_up(), credited(BILAL, attempt_id=SECOND_ATTEMPT_ID)
    list_attempt(razorpay, late.gateway_order, 4 * DAY_S)
    list_attempt(razorpay, refunded.gateway_order, 3 * DAY_S, SECOND_ATTEMPT_ID, amount_refunded=20_000)
    razorpay.refunds.append(a_refund(20_000, payment=SECOND_ATTEMPT_ID))
    assert reconcile()["ReconcileCredited"] == 1
    assert (balance(), balance(BILAL)) == ("500.00", "300.00") and stored(refunded).status == "partially_refunded"


@pytest.mark.parametrize(("age_s", "is_found"), [(14 * DAY_S - 60, True), (14 * DAY_S + 60, False)])
def test_refund_that_a_bank_returned_is_found_for_fourteen_days(
    age_s: int, is_found: bool, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.payments.reconcile.LOOKS", (reconcile_recent.read_returned_refunds,))
    payment = credited()
    for refund in (a_refund(20_000), a_refund(10_000, id="rfnd_00000000000002")):
        apply_refund(payment, an_attempt(payment.gateway_order, 50_000), refund, "evt")
    assert balance() == "200.00"
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000, refunded_paise=10_000)
    entity = {"id": "rfnd_00000000000001", "payment_id": ATTEMPT_ID, "amount": 20_000, "currency": "INR"}
    processed = {"id": "rfnd_00000000000002", "payment_id": ATTEMPT_ID, "status": "processed"}
    returned = entity | {"status": "failed", "created_at": clock.now_s() - age_s}
    razorpay.listed["refunds"] = [processed | {"created_at": clock.now_s()}, returned]
    for _ in range(2):
        reconcile()
    assert balance() == ("400.00" if is_found else "200.00")
    assert razorpay.calls.count("list of refunds") == 1, "once a day"


def test_look_is_taken_once_an_hour(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """In between a round asks Razorpay nothing for it."""
    for after_s, pages in ((0, 1), (60, 1), (LOOK_EVERY_S - 1, 1), (LOOK_EVERY_S, 2), (LOOK_EVERY_S + 60, 2)):
        now_us = 1_800_000_000_000_000 + after_s * 1_000_000
        monkeypatch.setattr(clock, "now_us", lambda now_us=now_us: now_us)
        reconcile()
        assert pages_read(razorpay) == pages


@pytest.mark.parametrize(("age_s", "is_found"), [(LOOK_BACK_S - 5, True), (LOOK_BACK_S + 60, False)])
def test_look_goes_back_five_days(age_s: int, is_found: bool, razorpay: Razorpay) -> None:
    payment = top_up()
    list_attempt(razorpay, payment.gateway_order, age_s)
    reconcile()
    assert (balance() == "500.00") == is_found and is_done()


@pytest.mark.parametrize("count", [0, 99, 100, 101, 250])
def test_look_reads_every_page_once(count: int, razorpay: Razorpay) -> None:
    """Two payments of one second may be on two pages: then the second is read again."""
    payment = top_up()
    for number in range(count):
        list_attempt(razorpay, None, 10 * number, f"pay_{number:014d}")
    list_attempt(razorpay, payment.gateway_order, 4 * DAY_S)
    reconcile()
    assert balance() == "500.00" and is_done() and pages_read(razorpay) <= count // 99 + 1


def test_more_payments_in_one_second_than_a_page_has_are_all_read(razorpay: Razorpay) -> None:
    payment = top_up()
    for number in range(250):
        list_attempt(razorpay, None, 60, f"pay_{number:014d}")
    list_attempt(razorpay, payment.gateway_order, 61)
    reconcile()
    assert balance() == "500.00" and is_done() and pages_read(razorpay) <= 5


def test_round_without_time_leaves_the_rest_to_the_next(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next rounds go on at the payment where the time ran out, though the hour is not over."""
    payments = [top_up(amount_paise=50_000) for _ in range(5)]
    for number, payment in enumerate(payments):
        list_attempt(razorpay, payment.gateway_order, 1_000 * number, f"pay_{number:014d}")
    now_us, spent, real, applied = clock.now_us(), [0], apply_report, []
    monkeypatch.setattr(clock, "now_us", lambda: now_us + spent[0])

    def slow(*args: Any) -> Any:
        spent[0] += 2_000_000
        applied.append(args[1].id)
        return real(*args)

    monkeypatch.setattr(reconcile_recent, "apply_report", slow)
    for credits in (1, 2, 3, 4, 5):
        with Deadline(seconds=9.0):  # half of it is the cards'; in the rest the second one does not end in time
            reconcile()
        assert sum(stored(payment).is_paid for payment in payments) == credits and is_done() == (credits == 5)
    assert len(applied) == 9


def test_payment_that_takes_all_the_time_stops_no_other(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, other = top_up(), top_up(BILAL)
    list_attempt(razorpay, slow.gateway_order, 1_000)
    list_attempt(razorpay, other.gateway_order, 2_000, SECOND_ATTEMPT_ID)
    now_us, spent, real = clock.now_us(), [0], apply_report
    monkeypatch.setattr(clock, "now_us", lambda: now_us + spent[0])

    def hang(payment: Any, *rest: Any) -> Any:
        if payment.id == slow.id:
            spent[0] += 20_000_000
            raise ServiceUnavailable
        return real(payment, *rest)

    monkeypatch.setattr(reconcile_recent, "apply_report", hang)
    for _ in range(2):
        with Deadline(seconds=20.0):
            reconcile()
    assert balance(BILAL) == "500.00" and balance() == "0.00" and is_done()


def test_failing_payment_does_not_stop_the_look(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it and after it are others; the next look tries it again."""
    payments = [top_up() for _ in range(3)]
    for number, payment in enumerate(payments):
        list_attempt(razorpay, payment.gateway_order, 1_000 * number, f"pay_{number:014d}")
    razorpay.listed["payments"].insert(1, {"id": 1, "status": "captured", "created_at": clock.now_s() - 10})
    razorpay.listed["payments"].insert(1, None)
    monkeypatch.setattr(razorpay, "_page", None)
    monkeypatch.setattr(api, "list_payments", lambda from_s, to_s, skip: razorpay.listed["payments"])
    real = apply_report

    def fail_for_second(payment: Any, *rest: Any) -> Any:
        if payment.id == payments[1].id:
            raise KeyError
        return real(payment, *rest)

    monkeypatch.setattr(reconcile_recent, "apply_report", fail_for_second)
    counts = reconcile()
    assert (counts["ReconcileFailed"], counts["ReconcileCredited"]) == (2, 2) and is_done()
    monkeypatch.setattr(reconcile_recent, "apply_report", real)
    forward(LOOK_EVERY_S, monkeypatch)
    assert reconcile()["ReconcileCredited"] == 1


@pytest.mark.parametrize("silent", ["list", "refunds"])
def test_silent_razorpay_moves_no_place(silent: str, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    refunded = credited(attempt_id=SECOND_ATTEMPT_ID)
    list_attempt(razorpay, refunded.gateway_order, 60, SECOND_ATTEMPT_ID, amount_refunded=20_000)
    razorpay.refunds.append(a_refund(20_000, payment=SECOND_ATTEMPT_ID))

    def fail(*args: Any) -> Any:
        raise ServiceUnavailable(is_silence=True)

    with monkeypatch.context() as patch:
        patch.setattr(
            *((api, "list_payments", fail) if silent == "list" else (reconcile_recent, "apply_report", fail))
        )
        patch.setattr("shared.payments.reconcile_round.SILENCES_MAX", 1)
        assert reconcile()["ReconcileFailed"] == 1
    assert not is_done()
    reconcile()
    assert is_done() and balance() == "300.00"


def test_orders_of_another_shop_cost_no_question(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "fetch_order", lambda order: pytest.fail("asked"))
    for number, order in enumerate(("order_ofAnotherShop", None, "x")):
        list_attempt(razorpay, order, number, f"pay_{number:014d}")
    counts = reconcile()
    assert counts["ReconcileFailed"] == 0 and len(razorpay.calls) == 1


def test_reconciler_that_lost_does_not_move_the_place_back(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconcile()
    forward(LOOK_EVERY_S, monkeypatch)
    real, is_nested = razorpay.list_payments, [False]

    def list_payments(*args: int) -> list[Any]:
        if not is_nested[0]:  # meanwhile another reconciler has its whole round, and later
            is_nested[0] = True
            forward(LOOK_EVERY_S + 30, monkeypatch)
            reconcile()
            moved.append(look().started_s)
        return real(*args)

    moved: list[int] = []
    monkeypatch.setattr(api, "list_payments", list_payments)
    reconcile()
    assert is_done() and look().started_s == moved[0]


def test_clock_that_was_ahead_does_not_end_the_looks(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up()
    forward(30 * DAY_S, monkeypatch)
    reconcile()
    forward(60, monkeypatch)
    list_attempt(razorpay, payment.gateway_order, 30)
    reconcile()
    assert balance() == "500.00"
