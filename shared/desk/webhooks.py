"""Webhooks that could not be used: staff apply them once the reason is gone."""

from shared.aws.dynamodb import OPEN, Insert, Update, retrying, transact
from shared.desk.actions import new_action
from shared.errors import Conflict, NotFound
from shared.payments.models import get_webhooks, list_webhooks
from shared.payments.results import WebhookResult
from shared.payments.webhook import apply_event
from shared.razorpay.entities import UnexpectedPayload

__all__ = ["list_webhooks", "replay_webhook"]


def replay_webhook(staff: str, webhook_id: str, reason: str) -> WebhookResult:
    """Apply a stored webhook that could not be used when it came.

    Conflict with code `already_replayed`, or `still_unusable` if it still cannot be used: it then stays in the list.
    """
    stored = get_webhooks(webhook_id)
    if not stored:
        raise NotFound("Webhook")
    webhook = stored[0]
    if webhook.open is None:
        raise Conflict("This webhook was replayed already.", code="already_replayed")
    try:
        result = apply_event(bytes(webhook.body), webhook.event_id)
    except UnexpectedPayload as error:
        raise Conflict(f"This webhook still cannot be used: {error}.", code="still_unusable") from None
    action = new_action(staff, "replay", webhook_id, reason)

    def try_record() -> WebhookResult:
        if transact(Update(webhook, {"open": None}, expect={"open": OPEN}), Insert(action)):
            raise Conflict("This webhook was replayed already.", code="already_replayed")
        return result

    return retrying(try_record)
