"""Verify and sync: the signature, which attempt is captured and applied, and the wallet in the response."""

from collections.abc import Callable

import pytest

from shared import clock
from shared.aws.dynamodb import Update, execute
from shared.errors import ApiError, Conflict, ServiceUnavailable, SignatureInvalid
from shared.payments.apply import apply_attempt
from shared.payments.create import create_payment
from shared.payments.results import wallet_entry_after
from shared.payments.verify import SYNC_PAUSE_S, _may_ask, sync, verify
from shared.razorpay import api
from shared.razorpay.client import NO_SUCH_ID, RazorpayRejected
from shared.razorpay.entities import GatewayPayment, UnexpectedPayload
from tests.unit.conftest import Razorpay, an_attempt
from tests.unit.payments.support import (
    ASHA,
    ATTEMPT_ID,
    FROM_WALLET,
    SECOND_ATTEMPT_ID,
    THROUGH_RAZORPAY,
    a_refund,
    balance,
    checkout_response,
    credited,
    entries,
    forward,
    response_body,
    stored,
    top_up,
    wallet_body,
)


def test_verify_checks_signature_over_stored_order(razorpay: Razorpay) -> None:
    """A genuine signature of a cheaper order does not pay for a dearer one."""
    cheap, dear = top_up(amount_paise=100), top_up(amount_paise=1_000_000)
    razorpay.payments[ATTEMPT_ID] = an_attempt(cheap.gateway_order, 100)
    genuine = checkout_response(cheap)
    with pytest.raises(SignatureInvalid):
        verify(ASHA, dear.id, genuine)
    assert verify(ASHA, cheap.id, genuine).captured and balance() == "1.00"


def test_verify_captures_authorized_attempt(razorpay: Razorpay) -> None:
    payment = top_up()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000, "authorized")
    assert verify(ASHA, payment.id, checkout_response(payment)).captured and balance() == "500.00"


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        (RazorpayRejected(400, "input_validation_failed", NO_SUCH_ID), Conflict, "gateway_refused"),
        (UnexpectedPayload("a payment without an id or amount"), ServiceUnavailable, "unavailable"),
    ],
)
def test_razorpay_errors_are_translated_for_the_app(
    error: Exception, expected: type[ApiError], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(asked_id: str) -> None:
        raise error

    payment = top_up()
    for name in ("fetch_payment", "list_order_payments"):
        monkeypatch.setattr(api, name, fail)
    calls: tuple[Callable[[], object], ...] = (
        lambda: verify(ASHA, payment.id, checkout_response(payment)),
        lambda: sync(ASHA, payment.id),
    )
    for call in calls:
        with pytest.raises(expected) as raised:
            call()
        assert raised.value.code == code
    assert stored(payment).status == "created" and balance() == "0.00"


def test_second_authorization_of_paid_order_is_not_captured(razorpay: Razorpay) -> None:
    """Razorpay refunds it by itself."""
    payment = credited()
    second = an_attempt(payment.gateway_order, 50_000, "authorized", id=SECOND_ATTEMPT_ID)
    razorpay.payments[second.id] = second
    result = verify(ASHA, payment.id, checkout_response(payment, second.id))
    assert response_body(result)["status"] == "captured"
    assert razorpay.payments[second.id].status == "authorized" and balance() == "500.00"


def test_refunded_attempt_does_not_hide_authorized_one(razorpay: Razorpay) -> None:
    payment = top_up()
    refunded = an_attempt(payment.gateway_order, 50_000, "refunded")
    authorized = an_attempt(payment.gateway_order, 50_000, "authorized", id=SECOND_ATTEMPT_ID)
    razorpay.payments |= {attempt.id: attempt for attempt in (refunded, authorized)}
    assert sync(ASHA, payment.id).captured and balance() == "500.00"


def test_mismatched_attempt_does_not_hide_valid_one(razorpay: Razorpay) -> None:
    payment = top_up()
    for attempt in (
        an_attempt(payment.gateway_order, 50_000, currency="USD"),
        an_attempt(payment.gateway_order, 50_000, "authorized", id=SECOND_ATTEMPT_ID),
        an_attempt(payment.gateway_order, 50_000, "failed", id="pay_00000000000003"),
    ):
        razorpay.payments[attempt.id] = attempt
    result = sync(ASHA, payment.id)
    assert result.captured and result.flagged == "currency_mismatch" and balance() == "500.00"


def test_repeated_verify_returns_current_wallet(razorpay: Razorpay) -> None:
    payment = top_up()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    for spent_before, expected in ((0, "500.00"), (20_000, "300.00"), (30_000, "0.00")):
        if spent_before:
            create_payment(ASHA, FROM_WALLET | {"amount": spent_before}, f"spend {spent_before}")
        body = response_body(verify(ASHA, payment.id, checkout_response(payment)))
        assert body["wallet"] == wallet_body() and balance() == expected


def test_sync_returns_wallet_after_credit(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up()
    assert response_body(sync(ASHA, payment.id))["wallet"] is None
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    for number in range(1, 3):
        forward(number * SYNC_PAUSE_S, monkeypatch)
        assert response_body(sync(ASHA, payment.id))["wallet"] == wallet_body()
    assert balance() == "500.00"


def test_payment_that_moves_no_wallet_returns_none(razorpay: Razorpay) -> None:
    credited()
    created = create_payment(ASHA, THROUGH_RAZORPAY, "through Razorpay")
    assert response_body(created)["wallet"] is None
    attempt = an_attempt(created.payment.gateway_order, 20_000, id=SECOND_ATTEMPT_ID)
    razorpay.payments[SECOND_ATTEMPT_ID] = attempt
    result = sync(ASHA, created.payment.id)
    assert result.captured and response_body(result)["wallet"] is None
    payment = top_up()
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "authorized"), "test")
    refunded = apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "refunded"), "test")
    assert response_body(refunded)["status"] == "refunded" and response_body(refunded)["wallet"] is None
    assert wallet_entry_after(refunded.payment) is None


def test_verify_of_second_capture_is_200_and_in_review(razorpay: Razorpay) -> None:
    payment = credited()
    second = an_attempt(payment.gateway_order, 50_000, id=SECOND_ATTEMPT_ID)
    razorpay.payments[second.id] = second
    result = verify(ASHA, payment.id, checkout_response(payment, second.id))
    assert not result.is_pending and result.flagged == "second_capture" and stored(payment).in_review
    assert balance() == "500.00"


def test_sync_asks_razorpay_at_most_every_few_seconds(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sooner one returns what is stored, also what another way in has changed meanwhile."""
    payment, other = top_up(), top_up()
    now_us = clock.now_us()

    def at(ms: int) -> None:
        monkeypatch.setattr(clock, "now_us", lambda: now_us + ms * 1_000)

    at(0)
    assert not sync(ASHA, payment.id).asked_recently and len(razorpay.calls) == 1
    captured = razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    at(SYNC_PAUSE_S * 1_000 - 1)
    result = sync(ASHA, payment.id)
    assert result.asked_recently and result.is_pending and len(razorpay.calls) == 1
    assert not sync(ASHA, other.id).asked_recently and len(razorpay.calls) == 2
    apply_attempt(payment, captured, "webhook")
    assert response_body(sync(ASHA, payment.id))["wallet"] == wallet_body() and len(razorpay.calls) == 2
    at(SYNC_PAUSE_S * 1_000)
    assert not sync(ASHA, payment.id).asked_recently and len(razorpay.calls) == 3
    at(-60_000)  # another machine's clock
    assert not sync(ASHA, payment.id).asked_recently and len(razorpay.calls) == 4


def test_of_two_syncs_at_once_one_asks_razorpay(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up()
    real, nested = api.list_order_payments, []

    def ask(order_id: str) -> list[GatewayPayment]:
        nested.append(sync(ASHA, payment.id).asked_recently)
        return real(order_id)

    monkeypatch.setattr(api, "list_order_payments", ask)
    assert not sync(ASHA, payment.id).asked_recently and nested == [True]
    stale = stored(payment)
    assert execute(Update(stored(payment), {"asked_at_us": 1}))
    assert not _may_ask(stale)


def test_sync_of_paid_payment_learns_its_refund(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000, refunded_paise=20_000)
    razorpay.refunds.append(a_refund(20_000))
    result = sync(ASHA, payment.id)
    assert (
        response_body(result)["status"] == "partially_refunded" and response_body(result)["wallet"] == wallet_body()
    )
    assert balance() == "300.00"


def test_sync_of_paid_payment_flags_second_capture(razorpay: Razorpay) -> None:
    payment = credited()
    for attempt_id in (ATTEMPT_ID, SECOND_ATTEMPT_ID):
        razorpay.payments[attempt_id] = an_attempt(payment.gateway_order, 50_000, id=attempt_id)
    assert sync(ASHA, payment.id).flagged == "second_capture" and balance() == "500.00"


@pytest.mark.parametrize("way", ["verify", "sync"])
def test_capture_that_was_refunded_before_is_credited_and_debited(way: str, razorpay: Razorpay) -> None:
    """Neither webhook arrived: the ledger is the same as if both had."""
    payment = top_up()
    refunded = an_attempt(payment.gateway_order, 50_000, "refunded", was_captured=True, refunded_paise=50_000)
    razorpay.payments[ATTEMPT_ID] = refunded
    razorpay.refunds += [a_refund(20_000), a_refund(30_000, id="rfnd_00000000000002")]
    result = verify(ASHA, payment.id, checkout_response(payment)) if way == "verify" else sync(ASHA, payment.id)
    assert response_body(result)["status"] == "refunded" and result.captured and not stored(payment).in_review
    assert [(entry.kind, entry.amount_paise) for entry in entries()[1:]] == [
        ("credit", 50_000),
        ("debit", 20_000),
        ("debit", 30_000),
    ]


def test_refunded_capture_without_refunds_is_reviewed(razorpay: Razorpay) -> None:
    payment = top_up()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000, "refunded", was_captured=True)
    assert sync(ASHA, payment.id).flagged == "refunded_before_credit" and balance() == "0.00"


def test_verify_after_refunded_authorization_credits_other_attempt(razorpay: Razorpay) -> None:
    payment = top_up()
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "authorized"), "test")
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "refunded"), "test")
    assert stored(payment).status == "refunded" and response_body(sync(ASHA, payment.id))["wallet"] is None
    second = an_attempt(payment.gateway_order, 50_000, "authorized", id=SECOND_ATTEMPT_ID)
    razorpay.payments[SECOND_ATTEMPT_ID] = second
    assert verify(ASHA, payment.id, checkout_response(payment, SECOND_ATTEMPT_ID)).captured
    assert balance() == "500.00"
