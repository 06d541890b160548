"""Webhooks from Razorpay's test mode to this machine, which Razorpay itself cannot reach.

It asks Razorpay for its payments, refunds and disputes, and sends a webhook of its own for every change, signed with
the local secret. Razorpay's own webhooks differ in details: they may repeat, come in another order or stay out.
"""

import base64
import hashlib
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.addresses import CannotStart
from local.razorpay.state import State
from local.razorpay.webhooks import post_event
from local.rzp.trigger import line

TIMEOUT_S = 15
PAGE_COUNT, PAGES_MAX = 100, 20
# The status of an entity -> the event that reports it. A payment that was refunded was captured before.
PAYMENT_EVENTS = {
    "authorized": "payment.authorized",
    "captured": "payment.captured",
    "refunded": "payment.captured",
    "failed": "payment.failed",
}
REFUND_EVENTS = {"pending": "refund.created", "processed": "refund.processed", "failed": "refund.failed"}
DISPUTE_EVENTS = {
    "open": "payment.dispute.created",
    **{status: f"payment.dispute.{status}" for status in ("under_review", "won", "lost", "closed")},
}
KINDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "payment": ("/v1/payments", PAYMENT_EVENTS),
    "refund": ("/v1/refunds", REFUND_EVENTS),
    "dispute": ("/v1/disputes", DISPUTE_EVENTS),
}

Entity = dict[str, Any]


@dataclass
class Listener:
    """What was seen of an account, and where its webhooks go."""

    base_url: str
    key_id: str
    key_secret: str
    webhook_url: str
    webhook_secret: str
    since_s: int  # how far back it looks
    now_s: Callable[[], float] = time.time
    seen: dict[str, str] = field(default_factory=dict)  # an entity's id to its status

    def poll(self) -> Iterator[str]:
        """Look once and send a webhook for every change; a line for each delivery.

        A change whose webhook is not taken is sent again at the next look.
        """
        for kind, (path, events) in KINDS.items():
            for entity in self._list(path):
                status, entity_id = str(entity["status"]), str(entity["id"])
                event = events.get(status)
                if event and self.seen.get(entity_id) != status:
                    delivered = self._send(event, kind, entity)
                    if 200 <= delivered < 300:
                        self.seen[entity_id] = status
                    yield line(delivered, event, entity_id)

    def _send(self, event: str, kind: str, entity: Entity) -> int:
        entities = {kind: entity}
        if kind != "payment":
            entities = {"payment": self._get(f"/v1/payments/{entity['payment_id']}", {}), **entities}
        body = {
            "entity": "event",
            "account_id": "acc_listening00001",
            "event": event,
            "contains": list(entities),
            "payload": {name: {"entity": value} for name, value in entities.items()},
            "created_at": int(self.now_s()),
        }
        payload = json.dumps(body, separators=(",", ":")).encode()
        event_id = hashlib.sha256(f"{entity['id']} {event}".encode()).hexdigest()[:14]
        return post_event(self.webhook_url, payload, State.sign(self.webhook_secret, payload), event_id)

    def _list(self, path: str) -> list[Entity]:
        """What was created in the time it looks back, oldest first."""
        now_s = int(self.now_s())
        window = {"from": now_s - self.since_s, "to": now_s, "count": PAGE_COUNT}
        found: list[Entity] = []
        for page in range(PAGES_MAX):
            items = self._get(path, {**window, "skip": page * PAGE_COUNT})["items"]
            found += items
            if len(items) < PAGE_COUNT:
                break
        return found[::-1]

    def _get(self, path: str, query: Mapping[str, Any]) -> Any:
        """Razorpay's answer; CannotStart if it refuses the keys, OSError if it does not answer."""
        pair = base64.b64encode(f"{self.key_id}:{self.key_secret}".encode()).decode()
        url = f"{self.base_url}{path}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(url, headers={"Authorization": f"Basic {pair}"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            if error.code == 401:
                raise CannotStart("Razorpay refuses RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET.") from None
            raise OSError(f"Razorpay answered {error.code} to {path}") from None
