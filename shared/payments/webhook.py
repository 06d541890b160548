"""Razorpay's webhook: the signature, the dispatch by event, and the payment that an event is about."""

import json
from collections.abc import Mapping
from typing import Any

from shared.errors import NotAuthenticated
from shared.payment_methods import card_sync
from shared.payments.find import find_payment
from shared.payments.refunds import apply_dispute, apply_refund
from shared.payments.report import apply_report, apply_unknown_refunds
from shared.payments.results import ApplyResult, WebhookResult
from shared.razorpay.entities import UnexpectedPayload, payment_from, refund_from
from shared.razorpay.signatures import webhook_signature_matches
from shared.telemetry import journal

EVENT_ID_LENGTH_MAX = 40
EVENTS = (
    "payment.authorized",
    "payment.captured",
    "payment.failed",
    "payment.dispute.",
    "order.paid",
    "refund.",
)


def handle_webhook(body: bytes, signature: str, event_id: str) -> WebhookResult:
    """Check the signature over the raw bytes and apply the event. An event about nothing of ours is ignored."""
    if not webhook_signature_matches(body, signature):
        journal.count("WebhookRefused")
        raise NotAuthenticated
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return WebhookResult("unusable")  # signed, so it is counted and looked at; a redelivery would not help
    try:
        if (card_event := card_sync.event_in(event)) is not None:
            return WebhookResult(card_sync.handle_event(card_event))
        applied = _dispatch(event, event_id[:EVENT_ID_LENGTH_MAX]) if isinstance(event, dict) else None
    except UnexpectedPayload:
        return WebhookResult("unusable")
    if applied is None:
        return WebhookResult("ignored")
    return WebhookResult("applied" if applied.counts else "unchanged", applied)


def _dispatch(event: Mapping[str, Any], event_id: str) -> ApplyResult | None:
    """Apply an event to its payment; None if it concerns no payment of ours.

    UnexpectedPayload if the event is about a payment, but what it contains is none.
    """
    name, payload = event.get("event"), event.get("payload")
    if not isinstance(name, str) or not isinstance(payload, dict) or not name.startswith(EVENTS):
        return None
    attempt = payment_from(_entity_of(payload, "payment"))
    payment = find_payment(attempt)
    if payment is None:
        return None
    if name.startswith("refund."):
        result = apply_refund(payment, attempt, refund_from(_entity_of(payload, "refund")), event_id)
        return apply_unknown_refunds(result, attempt)
    if name.startswith("payment.dispute."):
        return apply_dispute(payment, attempt, name)
    return apply_report(payment, attempt, name, event_id)


def _entity_of(payload: Mapping[str, Any], kind: str) -> Any:
    wrapper = payload.get(kind)
    return wrapper.get("entity") if isinstance(wrapper, dict) else None
