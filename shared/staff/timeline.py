"""What happened to a payment, its refunds and its disputes, in one order: who reported it, and when."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from shared.desk.models import Action, get_actions
from shared.disputes.models import Dispute
from shared.payments.models import Payment
from shared.refunds.lifecycle import STAFF
from shared.refunds.models import Refund

# Sources of items as they are stored. Webhook events have their own name, such as `payment.captured`.
SOURCES: Mapping[str, str] = {
    "app": "app",
    "gateway": "app",
    "wallet": "app",
    "verify": "app",
    "sync": "sync",
    "reconcile": "reconciler",
    "list": "reconciler",
    "staff": "staff",
}


class TimelineItem(NamedTuple):
    """`source` is app, webhook, sync, reconciler, staff, or service: what this service concluded by itself.

    `by` is a member of staff, who said `why`.
    """

    at: str
    source: str
    what: str
    event_id: str | None = None
    by: str | None = None
    why: str | None = None


def timeline_of(payment: Payment, refunds: Iterable[Refund], disputes: Iterable[Dispute]) -> list[TimelineItem]:
    """The items, oldest first. Those of refunds have names such as `refund_processed`."""
    own = [str(item) for item in payment.timeline]
    of_disputes = [str(item) for dispute in disputes for item in dispute.timeline]
    of_refunds = [(str(item), refund) for refund in refunds for item in refund.timeline]
    actions = get_actions(_action_ids([*own, *(text for text, _ in of_refunds)]))
    items = [_refund_item(text, refund, actions) for text, refund in of_refunds]
    # What a dispute did is in its payment's timeline, too.
    items += [_item(text, actions) for text in dict.fromkeys([*of_disputes, *own])]
    return sorted(items, key=lambda item: item.at)


def _action_ids(texts: Iterable[str]) -> list[str]:
    words = (text.split(" ") for text in texts)
    return list(dict.fromkeys(parts[3] for parts in words if parts[1] == "staff" and len(parts) == 4))


def _item(text: str, actions: Mapping[str, Action]) -> TimelineItem:
    """An item as `shared.payments.lifecycle.timeline_item` writes it. One of staff names their action."""
    at, source, what, reference, *_ = [*text.split(" "), ""]
    if "." in source or (source in ("refund", "dispute") and reference):
        return TimelineItem(at, "webhook", what, reference or None)
    action = actions.get(reference) if source == "staff" else None
    said: dict[str, Any] = {"by": action.by, "why": action.reason} if action else {}
    return TimelineItem(at, SOURCES.get(source, "service"), what, **said)


def _refund_item(text: str, refund: Refund, actions: Mapping[str, Action]) -> TimelineItem:
    """An item of a refund. One of staff without an action is of who asked for the refund."""
    item = _item(text, actions)
    by, why = item.by, item.why
    if item.source == "staff" and not by and refund.asked_by.startswith(STAFF):
        by, why = refund.asked_by.removeprefix(STAFF), refund.reason if item.what == "requested" else None
    return TimelineItem(item.at, item.source, f"refund_{item.what}", item.event_id, by, why)
