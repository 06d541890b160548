"""Razorpay's webhook: the signature, the dispatch by event, and the payment that an event is about."""

import json
from collections.abc import Mapping
from typing import Any

from shared.aws import secrets
from shared.disputes.apply import apply_dispute
from shared.errors import NotAuthenticated
from shared.payment_methods import card_sync
from shared.payments.find import find_payment
from shared.payments.results import ApplyResult, WebhookResult
from shared.payments.unusable_webhooks import keep_webhook
from shared.razorpay.entities import UnexpectedPayload, dispute_from, payment_from, refund_from
from shared.razorpay.signatures import webhook_signer
from shared.refunds.apply import apply_refund
from shared.refunds.report import apply_report, apply_unknown_refunds
from shared.settings import settings
from shared.telemetry import journal

EVENT_ID_LENGTH_MAX = 40
DISPUTE = "payment.dispute."
EVENTS = (
    "payment.authorized",
    "payment.captured",
    "payment.failed",
    DISPUTE,
    "order.paid",
    "refund.",
)


def prepare() -> None:
    """Called while the function is initialized: no event is answered without the secrets that may have signed it."""
    secrets.prepare_client()


def handle_webhook(body: bytes, signature: str, event_id: str) -> WebhookResult:
    """Check the signature over the raw bytes and apply the event. An event about nothing of ours is ignored."""
    signer = webhook_signer(body, signature)
    if signer is None:
        journal.count("WebhookRefused")
        raise NotAuthenticated
    journal.count("WebhookSignedWithOldSecret" if signer else "WebhookSignedWithNewSecret")
    event_id = event_id[:EVENT_ID_LENGTH_MAX]
    try:
        return apply_event(body, event_id)
    except UnexpectedPayload as error:  # a redelivery would be the same: it is kept, and a person looks at it
        keep_webhook(body, signature, event_id, str(error))
        return WebhookResult("unusable")


def apply_event(body: bytes, event_id: str) -> WebhookResult:
    """Apply an event whose signature was checked; UnexpectedPayload if it cannot be used."""
    return _handle(_event_in(body), event_id)


def _event_in(body: bytes) -> Mapping[str, Any]:
    """The event's envelope; UnexpectedPayload if it is none."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise UnexpectedPayload("the body is not JSON") from None
    if not isinstance(event, dict):
        raise UnexpectedPayload("the body is not an object")
    return event


def _handle(event: Mapping[str, Any], event_id: str) -> WebhookResult:
    if _is_of_another_account(event):
        journal.count("WebhookOfAnotherAccount")
        return WebhookResult("ignored")
    if (card_event := card_sync.event_in(event)) is not None:
        return WebhookResult(card_sync.handle_event(card_event))
    applied = _dispatch(event, event_id)
    if applied is None:
        return WebhookResult("ignored")
    return WebhookResult("applied" if applied.is_news else "unchanged", applied)


def _is_of_another_account(event: Mapping[str, Any]) -> bool:
    """Whether the event names another Razorpay account than the setting: its webhook was given our secret."""
    account = settings().razorpay_account_id
    return bool(account) and event.get("account_id", account) != account


def _dispatch(event: Mapping[str, Any], event_id: str) -> ApplyResult | None:
    """Apply an event to its payment; None if it concerns no payment of ours.

    UnexpectedPayload if the event is about a payment, but what it contains is none.
    """
    name, payload = event.get("event"), event.get("payload")
    if not isinstance(name, str):
        raise UnexpectedPayload("an event without a name")
    if not name.startswith(EVENTS):
        return None
    if not isinstance(payload, dict):
        raise UnexpectedPayload("an event without a payload")
    attempt = payment_from(_entity_of(payload, "payment"))
    payment = find_payment(attempt)
    if payment is None:
        return None
    if name.startswith("refund."):
        result = apply_refund(payment, attempt, refund_from(_entity_of(payload, "refund")), event_id, name)
        return apply_unknown_refunds(result, attempt, name)
    if name.startswith(DISPUTE):
        return apply_dispute(payment, attempt, dispute_from(_entity_of(payload, "dispute")), event_id, name)
    return apply_report(payment, attempt, name, event_id)


def _entity_of(payload: Mapping[str, Any], kind: str) -> Any:
    wrapper = payload.get(kind)
    return wrapper.get("entity") if isinstance(wrapper, dict) else None
