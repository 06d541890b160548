"""Webhooks that were signed and could not be used, as staff list and replay them."""

from typing import Literal

from typing_extensions import TypedDict

from shared import clock
from shared.http.formats import Time
from shared.payments.models import UnusableWebhook


class StoredWebhookBody(TypedDict):
    """A signed webhook that could not be used, without its body, and the time until which it is stored."""

    id: str
    event_id: str
    problem: str
    received_at: Time
    expires_at: Time


class ReplayedBody(TypedDict):
    id: str
    outcome: Literal["applied", "unchanged", "ignored"]


def serialize_webhook(webhook: UnusableWebhook) -> StoredWebhookBody:
    return {
        "id": webhook.id,
        "event_id": webhook.event_id,
        "problem": webhook.problem,
        "received_at": clock.iso(webhook.received_at_us),
        "expires_at": clock.iso(webhook.expires_at_s * 1_000_000),
    }
