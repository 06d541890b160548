"""Everything a Razorpay account holds: keys, entities, webhook events and the faults to come."""

import copy
import hashlib
import hmac
import queue
import secrets
import string
import threading
import time
from collections.abc import Callable
from typing import Any

from local.razorpay.responses import NO_SUCH_ID, Rejected

LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
EPOCH_S = 1_388_534_400  # ids count nanoseconds from 2014

Entity = dict[str, Any]

SAVED_ATTRIBUTES = ("orders", "payments", "refunds", "disputes", "customers", "tokens")
CHANGING_ATTRIBUTES = (
    *SAVED_ATTRIBUTES,
    "refund_keys",
    "refund_status",
    "balance_paise",
    "saved_cards",
    "events",
    "held",
    "holding",
    "faults",
)


def sortable_id(prefix: str) -> str:
    """An id in Razorpay's shape that sorts by time: ten letters of nanoseconds, four random ones."""
    number, text = time.time_ns() - EPOCH_S * 1_000_000_000, ""
    for _ in range(10):
        number, place = divmod(number, 62)
        text = LETTERS[place] + text
    return f"{prefix}_{text}{''.join(secrets.choice(LETTERS) for _ in range(4))}"


class State:
    """The account's data, by id. The caller holds `lock` while it reads or changes them."""

    def __init__(
        self,
        key_id: str,
        key_secret: str,
        webhook_secret: str,
        now_s: Callable[[], int],
        new_id: Callable[[str], str] = sortable_id,
    ) -> None:
        self.key_id, self.key_secret, self.webhook_secret = key_id, key_secret, webhook_secret
        self.now_s, self.new_id = now_s, new_id
        self.webhook_url = ""
        self.lock = threading.RLock()
        self.orders: dict[str, Entity] = {}
        self.payments: dict[str, Entity] = {}
        self.refunds: dict[str, Entity] = {}
        self.refund_keys: dict[str, tuple[str, Any, str]] = {}  # idempotency key to payment id, fields and refund id
        self.keys_in_progress: set[str] = set()  # of the refunds that took effect and are not answered yet
        self.refund_status = "processed"  # what a refund is when the API creates it
        self.balance_paise: int | None = None  # what the account can refund; None is enough for everything
        self.disputes: dict[str, Entity] = {}
        self.customers: dict[str, Entity] = {}
        self.tokens: dict[str, Entity] = {}
        self.saved_cards = True  # a feature that Razorpay enables per account
        self.events: dict[str, dict[str, Any]] = {}
        self.held: list[str] = []  # ids of the events that wait for `deliver`
        self.holding = False
        self.faults: list[dict[str, Any]] = []
        self.outbox: queue.Queue[str | None] = queue.Queue()  # ids of the events to send; None ends the delivery
        self.closing = threading.Event()

    def find(self, entities: dict[str, Entity], entity_id: str) -> Entity:
        if entity_id not in entities:
            raise Rejected(NO_SUCH_ID)
        return entities[entity_id]

    @staticmethod
    def sign(secret: str, message: bytes) -> str:
        return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()

    def dump(self) -> dict[str, Any]:
        """The entities, as `make run` saves them between runs."""
        with self.lock:
            return {name: getattr(self, name) for name in SAVED_ATTRIBUTES}

    def load(self, saved: dict[str, Any]) -> None:
        self.orders, self.payments, self.refunds = saved["orders"], saved["payments"], saved["refunds"]
        self.disputes = saved.get("disputes", {})
        self.customers, self.tokens = saved.get("customers", {}), saved.get("tokens", {})

    def snapshot(self) -> dict[str, Any]:
        """A copy of everything that requests change, for `restore`."""
        with self.lock:
            return copy.deepcopy({name: getattr(self, name) for name in CHANGING_ATTRIBUTES})

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Return to a snapshot, which stays valid for another restore."""
        with self.lock:
            vars(self).update(copy.deepcopy(snapshot))
