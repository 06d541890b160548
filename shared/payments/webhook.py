"""Razorpay's webhook: the signature, the dispatch by event, and the payment that an event is about."""

import json
from collections.abc import Mapping
from typing import Any

from shared import clock
from shared.aws.dynamodb import OPEN, Insert, execute
from shared.errors import NotAuthenticated
from shared.payment_methods import card_sync
from shared.payments.apply import apply_attempt
from shared.payments.lifecycle import GATEWAY
from shared.payments.models import Payment, find_by_gateway_order, get_payment
from shared.payments.refunds import apply_dispute, apply_refund
from shared.payments.results import ApplyResult, WebhookResult
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayPayment, UnexpectedPayload, is_id, payment_from, refund_from
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
    payment = _find_payment(attempt)
    if payment is None:
        return None
    if name.startswith("refund."):
        return apply_refund(payment, attempt, refund_from(_entity_of(payload, "refund")), event_id)
    if name.startswith("payment.dispute."):
        return apply_dispute(payment, attempt, name)
    return apply_attempt(payment, attempt, name, event_id)


def _entity_of(payload: Mapping[str, Any], kind: str) -> Any:
    wrapper = payload.get(kind)
    return wrapper.get("entity") if isinstance(wrapper, dict) else None


def _find_payment(attempt: GatewayPayment) -> Payment | None:
    """The payment of the attempt's order. Razorpay is asked if the index does not know the order (yet)."""
    if not is_id(attempt.order, "order"):
        return None
    if payment := find_by_gateway_order(attempt.order):
        return payment
    try:
        order = api.fetch_order(attempt.order)
    except RazorpayRejected:
        return None
    notes = order.get("notes")
    notes = notes if isinstance(notes, dict) else {}
    customer, payment_id = notes.get("customer"), notes.get("payment_id")
    if not isinstance(customer, str) or not isinstance(payment_id, str) or order.get("receipt") != payment_id:
        return None  # another system's order on the same account
    payment = get_payment(customer, payment_id)
    if payment and payment.gateway_order == attempt.order:
        return payment
    return _record_unknown_payment(customer, payment_id, attempt) if attempt.status == "captured" else None


def _record_unknown_payment(customer: str, payment_id: str, attempt: GatewayPayment) -> Payment:
    """Record a capture on one of our orders that has no payment, for review, under the order's id."""
    at_us = clock.now_us()
    payment = Payment(
        customer,
        attempt.order,
        purpose="unknown",
        source=GATEWAY,
        status="created",
        amount_paise=attempt.amount_paise,
        reference=payment_id,
        review={f"{attempt.id}:payment_unknown": clock.iso(at_us)},
        in_review=OPEN,
        created_at_us=at_us,
        updated_at_us=at_us,
    )
    execute(Insert(payment))
    return payment
