"""The reconciler: what no webhook reported is applied, the timetable ends, and a failing payment blocks no other."""

from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from pynamodb.exceptions import GetError

from shared import clock
from shared.aws.dynamodb import Update, execute
from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.payments.lifecycle import CHECK_AGES_S
from shared.payments.models import Payment, count_in_review
from shared.payments.reconcile import reconcile
from shared.payments.reconcile_round import take_turns
from shared.payments.serializers import serialize_payment
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayPayment, UnexpectedPayload
from shared.refunds.report import apply_report
from shared.telemetry import journal
from tests.unit.conftest import Razorpay, an_attempt
from tests.unit.payments.support import (
    ASHA,
    ATTEMPT_ID,
    BILAL,
    SECOND_ATTEMPT_ID,
    balance,
    credited,
    forward,
    payment_entity,
    stored,
    top_up,
)


def test_unreported_authorization_is_captured_and_credited(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is checked a minute after the payment started, and never again once it is paid."""
    payment = top_up()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000, "authorized")
    assert reconcile()["ReconcileAsked"] == 0
    forward(61, monkeypatch)
    assert reconcile()["ReconcileCredited"] == 1 and balance() == "500.00"
    forward(10 * 86_400, monkeypatch)
    assert reconcile()["ReconcileAsked"] == 0


def test_unpaid_payment_expires_and_is_checked_ten_times(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up()
    asked = 0
    for age_s in CHECK_AGES_S:
        forward(age_s + 61, monkeypatch)
        asked += reconcile()["ReconcileAsked"]
    forward(30 * 86_400, monkeypatch)
    assert asked == 10 and reconcile()["ReconcileAsked"] == 0
    assert stored(payment).status == "expired"


@pytest.mark.parametrize(
    "error", [RazorpayRejected(400, "input_validation_failed", ""), UnexpectedPayload("not a payment")]
)
def test_order_that_razorpay_rejects_ends_in_review(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Razorpay has answered, though not usefully, so it is asked as often as about any other payment."""

    def fail(order_id: str) -> list[GatewayPayment]:
        raise error

    payment = top_up()
    monkeypatch.setattr(api, "list_order_payments", fail)
    counts: Counter[str] = Counter()
    for age_s in CHECK_AGES_S:
        for minutes in (1, 2):
            forward(age_s + 61 * minutes, monkeypatch)
            counts.update(reconcile())
    forward(30 * 86_400, monkeypatch)
    counts.update(reconcile())
    assert (counts["ReconcileAsked"], counts["ReconcileFailed"]) == (10, 10)
    body = serialize_payment(stored(payment))
    assert (body["status"], body["in_review"]) == ("expired", True) and count_in_review() == 1


def test_unavailable_razorpay_uses_up_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(order_id: str) -> list[GatewayPayment]:
        raise ServiceUnavailable

    payment = top_up()
    monkeypatch.setattr(api, "list_order_payments", unavailable)
    forward(61, monkeypatch)
    for _ in range(2):
        assert reconcile()["ReconcileFailed"] == 1
    assert stored(payment).checks == 0


def test_payment_that_cannot_be_read_blocks_no_other(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payments = [top_up(customer) for customer in (ASHA, BILAL)]
    for number, order in enumerate(razorpay.orders):
        attempt_id = f"pay_{number:014d}"
        razorpay.payments[attempt_id] = an_attempt(order["id"], 50_000, id=attempt_id)
    now_us = clock.now_us() + 61_000_000
    monkeypatch.setattr(clock, "now_us", lambda: now_us)
    real, left = Payment.get.__func__, [1]  # type: ignore[attr-defined]

    def late_once(model: type[Payment], *args: Any, **kwargs: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise GetError("late", ReadTimeoutError(endpoint_url="http://x"))
        return real(model, *args, **kwargs)

    monkeypatch.setattr(Payment, "get", classmethod(late_once))
    with Deadline(seconds=5.0):
        counts = reconcile()
    assert (counts["ReconcileFailed"], counts["ReconcileCredited"]) == (1, 1) and len(payments) == 2


def test_reconciler_stops_at_deadline(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """The payment that was begun is finished; the other is left for the next run."""
    for customer in (ASHA, BILAL):
        top_up(customer)
    forward(61, monkeypatch)
    real = razorpay.list_order_payments

    def slow(order_id: str) -> list[GatewayPayment]:
        forward(61 + 6, monkeypatch)
        return real(order_id)

    monkeypatch.setattr(api, "list_order_payments", slow)
    with Deadline(seconds=5.0):
        counts = reconcile()
    assert counts["ReconcileAsked"] == 1


def test_status_of_a_newer_version_blocks_no_other(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer version wrote the status and was rolled back. This version leaves what it cannot judge alone."""
    newer, other = top_up(ASHA), top_up(BILAL)
    assert execute(Update(newer, {"status": "on_hold"}))
    for payment, attempt_id in ((newer, ATTEMPT_ID), (other, SECOND_ATTEMPT_ID)):
        razorpay.payments[attempt_id] = an_attempt(payment.gateway_order, 50_000, id=attempt_id)
    forward(61, monkeypatch)
    counts = reconcile()
    assert (counts["ReconcileFailed"], counts["ReconcileCredited"]) == (1, 1)
    assert balance(BILAL) == "500.00" and stored(newer).status == "on_hold"


@pytest.mark.parametrize("error", [KeyError(), TypeError(), AssertionError(), RecursionError(), ValueError()])
def test_unexpected_error_in_one_payment_blocks_no_other(
    error: Exception, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, other = top_up(ASHA), top_up(BILAL)
    razorpay.payments[ATTEMPT_ID] = an_attempt(other.gateway_order, 50_000)
    list_order_payments = api.list_order_payments

    def fail_once(order_id: str) -> list[GatewayPayment]:
        if order_id == broken.gateway_order:
            raise error
        return list_order_payments(order_id)

    monkeypatch.setattr(api, "list_order_payments", fail_once)
    forward(61, monkeypatch)
    journal.drain()
    counts = reconcile()
    assert (counts["ReconcileFailed"], counts["ReconcileCredited"]) == (1, 1)
    assert journal.drain()[0]["UnexpectedError"] == 1


def test_payment_nobody_checks_any_more_offers_no_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Money paid after the last check would be noticed by a webhook alone."""
    payment = top_up()
    assert serialize_payment(payment)["checkout"]
    for age_s in CHECK_AGES_S:
        forward(age_s + 61, monkeypatch)
        reconcile()
    assert serialize_payment(stored(payment))["checkout"] is None


# --- silence, fairness and orders that cannot be read


def test_three_silences_in_a_row_end_the_round(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may have waited for seven seconds. The counts are returned all the same, and the cards are left alone."""
    for _ in range(5):
        top_up()

    def silent(order_id: str) -> list[GatewayPayment]:
        raise ServiceUnavailable(is_silence=True)

    monkeypatch.setattr(api, "list_order_payments", silent)
    monkeypatch.setattr("shared.payment_methods.card_sync.reconcile", lambda: pytest.fail("cards"))
    forward(61, monkeypatch)
    counts = reconcile()
    assert (counts["ReconcileAsked"], counts["ReconcileFailed"]) == (3, 3) and razorpay.calls == []


@pytest.mark.parametrize("answer", ["credit", "rejection"])
def test_answer_between_silences_lets_the_round_go_on(
    answer: str, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payments = [top_up() for _ in range(5)]
    real, asked = razorpay.list_order_payments, []

    def silent(order_id: str) -> list[GatewayPayment]:
        asked.append(order_id)
        if len(asked) != 3:
            raise ServiceUnavailable(is_silence=True)
        if answer == "rejection":
            raise RazorpayRejected(400, "", "")
        return real(order_id)

    monkeypatch.setattr(api, "list_order_payments", silent)
    forward(61, monkeypatch)
    assert reconcile()["ReconcileAsked"] == len(payments)


def test_round_with_a_silence_starts_nothing_after_21_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second call hangs for seven seconds, so that no three in a row do; the round ends within 30 seconds."""
    for number in range(20):
        top_up(f"customer-{number}")
    now_us, spent, asked = clock.now_us() + 61_000_000, [0], []
    monkeypatch.setattr(clock, "now_us", lambda: now_us + spent[0])

    def hang(*args: Any) -> list[Any]:
        asked.append(args)
        if len(asked) % 2:
            spent[0] += 7_000_000
            raise ServiceUnavailable(is_silence=True)
        return []

    for name in ("list_order_payments", "list_payments", "list_refunds", "list_disputes"):
        monkeypatch.setattr(api, name, hang)
    with Deadline(seconds=49.0):
        counts = reconcile()
    assert counts["ReconcileAsked"] == len(asked) and spent[0] <= 28_000_000


def test_round_without_silence_uses_all_its_time(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payments = [top_up() for _ in range(8)]
    now_us, spent, real = clock.now_us() + 61_000_000, [0], razorpay.list_order_payments
    monkeypatch.setattr(clock, "now_us", lambda: now_us + spent[0])

    def slow(order_id: str) -> list[GatewayPayment]:
        spent[0] += 3_500_000
        return real(order_id)

    monkeypatch.setattr(api, "list_order_payments", slow)
    with Deadline(seconds=49.0):
        assert reconcile()["ReconcileAsked"] == len(payments)


@pytest.mark.parametrize("unreadable", ["count_in_review", "list_due"])
def test_index_that_cannot_be_read_ends_no_round(
    unreadable: str, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counts are returned in any case, and the lists are read."""
    payment = top_up()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    entity = payment_entity(razorpay.payments[ATTEMPT_ID], created_at=clock.now_s())
    razorpay.listed["payments"].append(entity)

    def fail(*args: Any) -> Any:
        raise ServiceUnavailable

    monkeypatch.setattr(f"shared.payments.reconcile.{unreadable}", fail)
    counts = reconcile()
    assert counts["ReconcileFailed"] == 1 and counts["ReconcileCredited"] == 1 and balance() == "500.00"


def test_answered_list_ends_a_row_of_silences(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two silences, the list of payments, one more silence: not three in a row."""
    for _ in range(2):
        top_up()
    payment = credited(BILAL)
    entity = payment_entity(an_attempt(payment.gateway_order, 50_000), amount_refunded=1, created_at=clock.now_s())
    for number in range(2):
        razorpay.listed["payments"].append(entity | {"id": f"pay_{number:014d}", "order_id": "order_ofAnotherShop"})

    def silent(order_id: str) -> Any:
        raise ServiceUnavailable(is_silence=True)

    monkeypatch.setattr(api, "list_order_payments", silent)
    monkeypatch.setattr(api, "fetch_order", silent)
    forward(61, monkeypatch)
    counts = reconcile()
    assert (counts["ReconcileAsked"], counts["ReconcileFailed"]) == (2, 4)


def test_idle_round_asks_razorpay_for_one_page_a_list(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payment that is not due costs nothing; recent payments are read again once an hour, the others once a day."""
    top_up()
    reconcile()
    assert Counter(razorpay.calls) == {"list of payments": 2, "list of refunds": 2, "list of disputes": 2}
    for minute in range(1, 4):
        razorpay.calls.clear()
        forward(minute * 15, monkeypatch)
        reconcile()
        assert Counter(razorpay.calls) == {f"list of {name}": 1 for name in ("payments", "refunds", "disputes")}


def test_round_asks_once_for_each_due_payment(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payments = [top_up(customer) for customer in (ASHA, BILAL, ASHA)]
    forward(61, monkeypatch)
    reconcile()
    asked = [call for call in razorpay.calls if call.startswith("payments of")]
    assert sorted(asked) == sorted(f"payments of {payment.gateway_order}" for payment in payments)


def test_trouble_with_tables_is_no_silence_of_razorpay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A status of a newer version raises the same error, and there may be many of them."""
    payments = [top_up() for _ in range(5)]
    for payment in payments[:4]:
        assert execute(Update(payment, {"status": "on_hold"}))
    forward(61, monkeypatch)
    assert reconcile()["ReconcileAsked"] == 5


def test_counts_survive_a_round_that_runs_out_of_time(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Razorpay hangs, each call for as long as its timeouts allow."""
    for _ in range(5):
        top_up()
    now_us, spent_us = clock.now_us() + 61_000_000, [0]
    monkeypatch.setattr(clock, "now_us", lambda: now_us + spent_us[0])

    def hang(*args: Any) -> list[Any]:
        connect_s, read_s = Deadline.current().timeouts(2.0, 5.0)
        spent_us[0] += int((connect_s + read_s) * 1_000_000)
        raise ServiceUnavailable(is_silence=True)

    for name in ("list_order_payments", "list_payments", "list_refunds", "list_disputes"):
        monkeypatch.setattr(api, name, hang)
    with Deadline(seconds=49.0):
        counts = reconcile()
        assert counts["ReconcileFailed"] == 3 and not Deadline.current().has_passed
    with Deadline(seconds=10.0):
        counts = reconcile()
        assert 1 <= counts["ReconcileFailed"] <= 3 and spent_us[0] <= 31_000_000


def test_many_payments_of_one_customer_do_not_hold_up_another(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        top_up(BILAL, 100)
    payment = top_up(ASHA)
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    real, asked = razorpay.list_order_payments, [0]

    def slow(order_id: str) -> list[GatewayPayment]:
        asked[0] += 1
        forward(61 + asked[0], monkeypatch)
        return real(order_id)

    forward(61, monkeypatch)
    monkeypatch.setattr(api, "list_order_payments", slow)
    with Deadline(seconds=8.0):
        counts = reconcile()
    assert counts["ReconcileAsked"] < 8 and balance(ASHA) == "500.00"


def test_round_goes_on_after_the_first_listing(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payment that fails stays due, and is asked about once a round."""
    for customer in (ASHA, BILAL):
        for _ in range(3):
            top_up(customer, 100)
    failing = top_up()
    real = razorpay.list_order_payments

    def fail_once(order_id: str) -> list[GatewayPayment]:
        if order_id == failing.gateway_order:
            raise ServiceUnavailable
        return real(order_id)

    monkeypatch.setattr(api, "list_order_payments", fail_once)
    monkeypatch.setattr("shared.payments.reconcile.DUE_MAX", 3)
    forward(61, monkeypatch)
    counts = reconcile()
    assert (counts["ReconcileAsked"], counts["ReconcileFailed"]) == (7, 1)


def test_customers_take_turns_and_each_is_first_once(monkeypatch: pytest.MonkeyPatch) -> None:
    due = [("a", "1"), ("a", "2"), ("b", "3"), ("a", "4"), ("c", "5"), ("b", "6")]
    firsts = set()
    for minute in range(3):
        monkeypatch.setattr(clock, "now_us", lambda minute=minute: minute * 60_000_000)
        turns = take_turns(due)
        assert sorted(turns) == sorted(due) and {customer for customer, _ in turns[:3]} == {"a", "b", "c"}
        assert [payment_id for customer, payment_id in turns if customer == "a"] == ["1", "2", "4"]
        firsts.add(turns[0][0])
    assert firsts == {"a", "b", "c"} and take_turns([]) == []


def test_trouble_with_cards_keeps_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ServiceUnavailable

    monkeypatch.setattr("shared.payment_methods.card_sync.reconcile", fail)
    assert reconcile()["ReconcileFailed"] == 0


def test_paid_payment_that_razorpay_rejects_is_retried_then_reviewed(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its refunds could not be read: it is not closed at the first rejection, and not followed for ever."""
    payment = credited()

    def rejected(gateway_id: str) -> list[Any]:
        raise RazorpayRejected(400, "", "")

    monkeypatch.setattr(api, "list_order_payments", rejected)
    monkeypatch.setattr(api, "fetch_refunds", rejected)
    apply_report(payment, an_attempt(payment.gateway_order, 50_000, refunded_paise=20_000), "test")
    asked = 0
    for day in range(1, 15):
        forward(day * 86_460, monkeypatch)
        asked += reconcile()["ReconcileAsked"]
    assert asked == len(CHECK_AGES_S) and stored(payment).open is None and stored(payment).in_review
