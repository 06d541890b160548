"""Webhooks: the signature, events about nothing of ours, redeliveries, and Razorpay's irregular envelopes."""

from typing import Any

import pytest

from shared import clock
from shared.deadline import Deadline
from shared.errors import NotAuthenticated, ServiceUnavailable
from shared.payments.models import Payment, count_in_review, list_payment_ids
from shared.payments.reconcile import reconcile
from shared.payments.serializers import serialize_payment
from shared.payments.webhook import handle_webhook
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import UnexpectedPayload
from shared.settings import settings
from shared.telemetry import journal
from tests.support.dynamodb_calls import recorded_calls
from tests.unit.conftest import ACCOUNT_ID, Razorpay, an_attempt
from tests.unit.disputes.support import a_dispute, only_dispute
from tests.unit.payments.support import (
    ASHA,
    ATTEMPT_ID,
    SECOND_ATTEMPT_ID,
    WEBHOOK_SECRETS,
    a_refund,
    balance,
    credited,
    deliver,
    deliver_json,
    entries,
    forward,
    hmac_sha256,
    payment_entity,
    response_body,
    stored,
    top_up,
)


def test_webhook_without_valid_signature_is_refused() -> None:
    for signature in ("", "0" * 64, hmac_sha256("other", b"{}"), hmac_sha256("new", b"{}").upper(), "é"):
        with pytest.raises(NotAuthenticated):
            handle_webhook(b"{}", signature, "")


@pytest.mark.parametrize(
    ("secret", "metric"),
    [(WEBHOOK_SECRETS[0], "WebhookSignedWithNewSecret"), (WEBHOOK_SECRETS[1], "WebhookSignedWithOldSecret")],
)
def test_webhook_counts_which_secret_signed_it(secret: str, metric: str) -> None:
    """The old one is removed from the list when nothing was signed with it for days."""
    journal.drain()
    assert handle_webhook(b'{"event":"x"}', hmac_sha256(secret, b'{"event":"x"}'), "").outcome == "ignored"
    assert journal.drain()[0] == {metric: 1}


@pytest.mark.parametrize("account", ["acc_OfAnotherShop", "", None, ["acc_GC00000000001A"]])
def test_event_of_another_account_is_ignored_and_counted(account: Any) -> None:
    payment = top_up()
    payload = {"payment": {"entity": payment_entity(an_attempt(payment.gateway_order, 50_000))}}
    event = {"event": "payment.captured", "payload": payload}
    journal.drain()
    assert deliver_json(event | {"account_id": account}).outcome == "ignored"
    assert journal.drain()[0]["WebhookOfAnotherAccount"] == 1 and balance() == "0.00"
    assert deliver_json(event | {"account_id": ACCOUNT_ID}).outcome == "applied"
    assert balance() == "500.00" and "WebhookOfAnotherAccount" not in journal.drain()[0]


def test_account_is_not_compared_without_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAZORPAY_ACCOUNT_ID", "")
    settings.cache_clear()
    payload = {"payment": {"entity": payment_entity(an_attempt(top_up().gateway_order, 50_000))}}
    event = {"event": "payment.captured", "account_id": "acc_Any", "payload": payload}
    assert deliver_json(event).outcome == "applied"


def test_second_webhook_credits_nothing() -> None:
    payment = top_up()
    payload = {"payment": payment_entity(an_attempt(payment.gateway_order, 50_000))}
    assert deliver("payment.captured", payload).outcome == "applied"
    assert deliver("order.paid", payload).outcome == "unchanged"
    assert balance() == "500.00" and len(entries()) == 2


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("settlement.processed", {}),
        ("payment.downtime.started", {"payment.downtime": {}}),
        ("payment.captured", {"payment": payment_entity(an_attempt("order_ofAnotherShop", 100))}),
        ("payment.captured", {"payment": payment_entity(an_attempt(None, 100))}),
    ],
)
def test_events_about_nothing_of_ours_are_ignored(name: str, payload: dict[str, Any]) -> None:
    assert deliver(name, payload).outcome == "ignored"


@pytest.mark.parametrize(
    "entity", [None, [], "x", {}, {"id": "pay_1"}, {"id": "pay_1", "amount": True, "status": "captured"}]
)
def test_malformed_payment_is_acknowledged_as_unusable(entity: Any) -> None:
    """It is signed, so it is counted; a redelivery would be the same."""
    assert deliver("payment.captured", {"payment": entity}).outcome == "unusable"


def test_capture_without_stored_payment_is_put_in_review(razorpay: Razorpay) -> None:
    notes = {"payment_id": "p-1", "customer": ASHA, "purpose": "top_up"}
    order = razorpay.create_order(500, "p-1", notes)
    result = deliver("payment.captured", {"payment": payment_entity(an_attempt(order, 500))})
    assert result.applied and response_body(result.applied)["in_review"] and balance() == "0.00"


def test_webhook_costs_three_reads_and_one_transaction() -> None:
    """A redelivery costs two reads and writes nothing."""
    payment = top_up()
    payload = {"payment": payment_entity(an_attempt(payment.gateway_order, 50_000))}
    with recorded_calls() as calls:
        deliver("payment.captured", payload)
    assert [call.operation for call in calls] == ["Query", "GetItem", "Query", "TransactWriteItems"]
    with recorded_calls() as calls:
        deliver("payment.captured", payload)
    assert [call.operation for call in calls] == ["Query", "GetItem"]


# --- Razorpay's irregular envelopes


def test_failed_payment_marked_captured_is_failed() -> None:
    payment = top_up()
    failed = an_attempt(payment.gateway_order, 50_000, "failed")
    entity = payment_entity(failed, captured=True, error_code="", error_reason="")
    assert deliver("payment.failed", {"payment": entity}).applied
    failure = serialize_payment(stored(payment))["failure"]
    assert failure and failure["code"] == "payment_failed" and balance() == "0.00"


def test_authorized_payment_marked_captured_is_not_credited() -> None:
    payment = top_up()
    entity = payment_entity(an_attempt(payment.gateway_order, 50_000, "authorized"), captured=True)
    deliver("payment.authorized", {"payment": entity})
    assert stored(payment).status == "authorized" and balance() == "0.00"


@pytest.mark.parametrize(
    "event",
    [
        {"event": {"name": "token.service_provider.failed", "payload": {}}},
        {"event": "token.initiated", "payload": {"token": {"entity": {}}}},
        {"event": "payment.downtime.started", "payload": {"payment.downtime": {"entity": {}}}},
        {"event": "payment.captured", "payload": {"created_at": 1}, "contains": ["refund"]},
        {"event": "payment.captured", "payload": []},
        {"event": None},
        {},
        [],
    ],
)
def test_envelope_of_any_shape_is_acknowledged(event: Any) -> None:
    assert deliver_json(event).outcome in ("ignored", "unusable")


def test_order_paid_event_without_error_fields_credits() -> None:
    payment = top_up()
    entity = payment_entity(an_attempt(payment.gateway_order, 50_000))
    order = {"id": payment.gateway_order, "entity": "order", "amount": 50_000, "status": "paid"}
    assert deliver("order.paid", {"payment": entity, "order": order}).outcome == "applied"
    assert balance() == "500.00"


def test_order_of_another_receipt_is_ignored(razorpay: Razorpay) -> None:
    """Its notes name a payment of ours, but another system on the same account created it."""
    order = razorpay.create_order(500, "their-receipt", {"payment_id": "p-1", "customer": ASHA, "purpose": "top_up"})
    result = deliver("payment.captured", {"payment": payment_entity(an_attempt(order, 500))})
    assert result.outcome == "ignored" and count_in_review() == 0


def test_capture_without_stored_payment_is_in_no_list(razorpay: Razorpay) -> None:
    """No route returns it: it waits for a person."""
    order = razorpay.create_order(500, "p-1", {"payment_id": "p-1", "customer": ASHA, "purpose": "top_up"})
    deliver("payment.captured", {"payment": payment_entity(an_attempt(order, 500))})
    payment = top_up()
    assert list_payment_ids(ASHA) == [payment.id] and count_in_review() == 1


# --- refunds that no webhook reported


def refunded_entity(payment: Payment, **values: Any) -> dict[str, Any]:
    """The captured attempt, of which 200.00 is refunded."""
    return payment_entity(an_attempt(payment.gateway_order, 50_000), amount_refunded=20_000, **values)


def test_webhook_that_tells_of_a_refund_applies_it(razorpay: Razorpay) -> None:
    """The capture's event comes late, or any other event of the payment does."""
    payment = top_up()
    razorpay.refunds.append(a_refund(20_000))
    for name in ("payment.captured", "order.paid"):
        deliver(name, {"payment": refunded_entity(payment)})
    assert balance() == "300.00" and razorpay.calls == [f"refunds of {ATTEMPT_ID}"]


def test_refund_webhook_applies_the_lost_one_before_it(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refunds += [a_refund(20_000), a_refund(10_000, id="rfnd_00000000000002")]
    second = {"id": "rfnd_00000000000002", "payment_id": ATTEMPT_ID, "amount": 10_000, "currency": "INR"}
    entity = payment_entity(an_attempt(payment.gateway_order, 50_000), amount_refunded=30_000)
    for _ in range(2):
        deliver("refund.processed", {"payment": entity, "refund": second | {"status": "processed"}})
    assert balance() == "200.00" and razorpay.calls == [f"refunds of {ATTEMPT_ID}"]


def test_webhook_of_a_refund_is_applied_once() -> None:
    payment = credited()
    entity = payment_entity(an_attempt(payment.gateway_order, 50_000))
    refund = {"id": "rfnd_00000000000001", "payment_id": ATTEMPT_ID, "amount": 20_000, "currency": "INR"}
    for status, outcome in (("pending", "applied"), ("processed", "applied"), ("processed", "unchanged")):
        delivered = deliver("refund.created", {"payment": entity, "refund": refund | {"status": status}})
        assert delivered.outcome == outcome


@pytest.mark.parametrize("word", ["created", "under_review", "action_required", "won", "lost", "closed", "new_word"])
def test_dispute_event_goes_by_the_dispute_in_it(word: str) -> None:
    payment = credited()
    entity = payment_entity(an_attempt(payment.gateway_order, 50_000))
    for outcome in ("applied", "unchanged"):
        delivered = deliver(f"payment.dispute.{word}", {"payment": entity, "dispute": a_dispute("open", 20_000)})
        assert delivered.outcome == outcome
    assert balance() == "300.00" and only_dispute(payment).status == "open"


def test_dispute_webhook_that_tells_of_a_refund_applies_it(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refunds.append(a_refund(20_000))
    event = {"payment": refunded_entity(payment), "dispute": a_dispute("won", 30_000)}
    assert deliver("payment.dispute.won", event).applied
    assert balance() == "300.00" and only_dispute(payment).status == "won"


@pytest.mark.parametrize("name", ["created", "processed", "failed", "speed_changed", "arn_updated"])
@pytest.mark.parametrize("status", ["pending", "processed", "failed"])
def test_refund_event_goes_by_the_refund_in_it(name: str, status: str, razorpay: Razorpay) -> None:
    """The event's name moves nothing: a pending refund holds the money, one that has failed leaves it."""
    payment = credited()
    refund = {"id": a_refund(1).id, "payment_id": ATTEMPT_ID, "amount": 20_000, "currency": "INR", "status": status}
    entity = payment_entity(an_attempt(payment.gateway_order, 50_000))
    for _ in range(2):
        deliver(f"refund.{name}", {"payment": entity, "refund": refund})
    assert balance() == ("500.00" if status == "failed" else "300.00") and len(entries()) <= 3


def test_refunds_of_another_attempt_are_not_fetched(razorpay: Razorpay) -> None:
    payment = credited(attempt_id=SECOND_ATTEMPT_ID)
    deliver("payment.captured", {"payment": refunded_entity(payment)})
    assert razorpay.calls == [] and balance() == "500.00" and stored(payment).in_review


@pytest.mark.parametrize(
    "error",
    [ServiceUnavailable(is_silence=True), RazorpayRejected(400, "", ""), UnexpectedPayload("not a refund")],
)
def test_refunds_that_cannot_be_fetched_are_left_to_the_reconciler(
    error: Exception, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The capture is applied and acknowledged: Razorpay disables a webhook that fails for a day."""
    payment = top_up()

    def fail(payment_id: str) -> list[Any]:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(api, "fetch_refunds", fail)
        assert deliver("payment.captured", {"payment": refunded_entity(payment)}).outcome == "applied"
    assert balance() == "500.00" and stored(payment).open
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000, refunded_paise=20_000)
    razorpay.refunds.append(a_refund(20_000))
    forward(61, monkeypatch)
    reconcile()
    assert balance() == "300.00" and stored(payment).open is None


def test_slow_refunds_leave_time_to_reopen_the_payment(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment, now_us = top_up(), [clock.now_us()]
    monkeypatch.setattr(clock, "now_us", lambda: now_us[0])

    def hang(payment_id: str) -> list[Any]:
        now_us[0] += int(Deadline.current().remaining_s * 1_000_000)
        raise ServiceUnavailable(is_silence=True)

    monkeypatch.setattr(api, "fetch_refunds", hang)
    with Deadline(seconds=3.0):
        assert deliver("payment.captured", {"payment": refunded_entity(payment)}).outcome == "applied"
        assert not Deadline.current().has_passed
    assert balance() == "500.00" and stored(payment).open
