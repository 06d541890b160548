"""Signed webhooks that cannot be used: each is kept once, as it came, for 30 days. Others are not kept."""

import json
from typing import Any

import pytest

from shared import clock
from shared.aws import dynamodb
from shared.disputes.models import list_disputes
from shared.errors import NotAuthenticated, ServiceUnavailable
from shared.payments import unusable_webhooks
from shared.payments.models import UnusableWebhook
from shared.payments.results import WebhookResult
from shared.payments.unusable_webhooks import KEEP_S
from shared.payments.webhook import handle_webhook
from tests.unit.conftest import an_attempt
from tests.unit.disputes.support import a_dispute
from tests.unit.payments.support import (
    WEBHOOK_SECRETS,
    a_refund,
    balance,
    credited,
    deliver,
    hmac_sha256,
    payment_entity,
    top_up,
)


def receive(body: bytes, event_id: str = "evt_1") -> WebhookResult:
    return handle_webhook(body, hmac_sha256(WEBHOOK_SECRETS[0], body), event_id)


def kept() -> list[UnusableWebhook]:
    return list(UnusableWebhook.scan())


def about(name: str, **entities: Any) -> bytes:
    payload = {kind: {"entity": entity} for kind, entity in entities.items()}
    return json.dumps({"event": name, "payload": payload}).encode()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b'{"event":', "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"[]", "the body is not an object"),
        (b"{}", "an event without a name"),
        (b'{"event": 1, "payload": {}}', "an event without a name"),
        (b'{"event": "order.paid", "payload": []}', "an event without a payload"),
        (about("payment.captured"), "not a payment"),
        (
            about("payment.captured", payment={"id": "pay_1", "status": "captured", "amount": 1.5}),
            "a payment without",
        ),
        (about("payment.dispute.lost", payment={}), "not a payment"),
        (about("token.initiated", token={}), "a token event without a token"),
    ],
)
def test_unusable_webhook_is_kept_as_it_came(body: bytes, problem: str) -> None:
    now_s = clock.now_s()
    assert receive(body).outcome == "unusable"
    (row,) = kept()
    assert (row.body, row.event_id, row.signature) == (body, "evt_1", hmac_sha256(WEBHOOK_SECRETS[0], body))
    assert row.problem.startswith(problem)
    assert now_s <= row.received_at_us // 1_000_000 <= now_s + 60
    assert row.expires_at_s == pytest.approx(now_s + 30 * 86_400, abs=60) and KEEP_S == 30 * 86_400


@pytest.mark.parametrize(
    "entity",
    [None, {}, {"id": "rfnd_1"}, a_dispute(amount=0), a_dispute(amount="500"), a_dispute(status="new_status")],
)
def test_dispute_event_without_a_dispute_is_kept(entity: Any) -> None:
    payment = credited()
    attempt = payment_entity(an_attempt(payment.gateway_order, 50_000))
    assert receive(about("payment.dispute.created", payment=attempt, dispute=entity)).outcome == "unusable"
    assert balance() == "500.00" and list_disputes(payment.id) == []


@pytest.mark.parametrize("entity", [None, {}, {"id": "rfnd_1"}, {"id": "rfnd_1", "amount": 1, "payment_id": "x"}])
def test_refund_event_without_a_refund_is_kept(entity: Any) -> None:
    payment = top_up()
    attempt = payment_entity(an_attempt(payment.gateway_order, 50_000))
    assert receive(about("refund.processed", payment=attempt, refund=entity)).outcome == "unusable"
    assert [row.problem for row in kept()] and balance() == "0.00"


def test_redelivery_of_unusable_webhook_adds_no_row() -> None:
    """The signature does not cover the event id, so a replay under other ids fills no table either."""
    for event_id in ("evt_1", "evt_1", "evt_2"):
        assert receive(b"[1]", event_id).outcome == "unusable"
    assert receive(b"[2]").outcome == "unusable"
    assert sorted((row.body, row.event_id) for row in kept()) == [(b"[1]", "evt_1"), (b"[2]", "evt_1")]


def test_longest_webhook_fits_its_row() -> None:
    """The HTTP adapter takes 256 KiB, DynamoDB 400 KB."""
    assert receive(b'"' + b"x" * (256 * 1024 - 2) + b'"', "e" * 1_000).outcome == "unusable"
    assert [len(row.body) for row in kept()] == [256 * 1024]


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("settlement.processed", {}),
        ("payment.captured", {"payment": payment_entity(an_attempt("order_ofAnotherShop", 100))}),
        ("token.initiated", {"token": {"id": "token_ofAnotherShop"}}),
    ],
)
def test_webhook_about_nothing_of_ours_is_not_kept(name: str, payload: dict[str, Any]) -> None:
    assert deliver(name, payload).outcome == "ignored" and kept() == []


def test_usable_and_forged_webhooks_are_not_kept() -> None:
    payment = top_up()
    attempt = payment_entity(an_attempt(payment.gateway_order, 50_000))
    refund = {
        "id": a_refund(1).id,
        "payment_id": attempt["id"],
        "amount": 100,
        "currency": "INR",
        "status": "pending",
    }
    assert deliver("payment.captured", {"payment": attempt}).outcome == "applied"
    assert deliver("refund.created", {"payment": attempt, "refund": refund}).outcome == "applied"
    with pytest.raises(NotAuthenticated):
        handle_webhook(b"[1]", "0" * 64, "evt")
    assert kept() == []


def test_webhook_that_cannot_be_kept_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is acknowledged only once it is stored: Razorpay sends it again after a 503."""

    def fail(write: dynamodb.Insert) -> bool:
        raise ServiceUnavailable

    monkeypatch.setattr(unusable_webhooks, "execute", fail)
    with pytest.raises(ServiceUnavailable):
        receive(b"[1]")
