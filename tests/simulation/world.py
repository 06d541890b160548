"""One simulated world per seed: customers, tables, buckets, Razorpay and a clock.

Requests go through the real handlers and the real SDKs, called as API Gateway and Lambda call them. The world keeps
every reply and everything that is logged.
"""

import base64
import copy
import json
import random
import urllib.parse
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, TypeVar

from local.razorpay.fake import FakeRazorpay
from shared.errors import ServiceUnavailable
from shared.staff.groups import GROUPS
from tests.fakes.dynamodb import FakeDynamoDB
from tests.fakes.dynamodb_values import Item, to_python
from tests.fakes.s3 import FakeS3
from tests.simulation.faults import Killed, Wire
from tests.simulation.harness import HARNESS, KEY_ID, KEY_SECRET, WEBHOOK_SECRET

START_US = 1_767_960_000_000_000  # a Friday in January 2026
WEBHOOK_PATH = "/api/payments/webhooks/razorpay/"


@dataclass
class Customer:
    """A caller, with personal data that must never appear elsewhere. One with `groups` is a member of staff."""

    id: str
    vpa: str
    phone: str
    name: str
    groups: str | None = None

    @property
    def context(self) -> dict[str, str]:
        """What an authorizer says of them."""
        more = {"phone": self.phone} if self.groups is None else {"groups": self.groups}
        return {"sub": self.id, "principalId": self.id, **more}


@dataclass
class Reply:
    """What a caller received; status 0 if the process died or timed out before it answered."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def is_definite(self) -> bool:
        """Whether the caller knows the outcome."""
        return 0 < self.status < 500


@dataclass(frozen=True)
class Request:
    """A customer's request, so that it can be repeated unchanged."""

    customer: Customer
    method: str
    path: str
    body: Any = None
    key: str | None = None


class NumberedIds:
    """Ids of Razorpay's entities in sequence, so that a seed always produces the same history."""

    count = 0

    def __call__(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}_{self.count:014d}"


class OutOfTime(Killed):
    """The function passed its timeout: Lambda stops it wherever it is."""


class Context:
    """Lambda's context object, by the world's clock."""

    def __init__(self, function: str, ends_at_us: int, now_us: Callable[[], int]) -> None:
        self.function_name = function
        self.memory_limit_in_mb = 512
        self.invoked_function_arn = f"arn:aws:lambda:ap-south-1:000000000000:function:{function}"
        self.aws_request_id = "00000000-0000-4000-8000-000000000000"
        self.ends_at_us, self.now_us = ends_at_us, now_us

    def get_remaining_time_in_millis(self) -> int:
        return max(self.ends_at_us - self.now_us(), 0) // 1_000


Growing = TypeVar("Growing", str, list[Any])


class World:
    """Everything of one run. The world made last is the current one."""

    def __init__(self, seed: int | str = 0) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        random.seed(seed)  # the SDK's back-off
        self.clock_us = START_US
        self.ids_made = 0
        self.dynamodb = FakeDynamoDB(HARNESS.tables, lambda: self.clock_us)
        self.razorpay_ids = NumberedIds()
        self.razorpay_s = 0
        self.razorpay = FakeRazorpay(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, self.razorpay_now_s, self.razorpay_ids)
        self.razorpay.holding = True
        self.s3 = FakeS3()
        self.wire = Wire(self.dynamodb, self.s3, self.razorpay, HARNESS.secrets, self.tick)
        self.customers: list[Customer] = []
        self.log = StringIO()
        self.replies: list[tuple[Request | None, Reply]] = []
        self.acknowledged: set[str] = set()  # events answered with 2xx, which Razorpay does not send again
        self.unreported_uploads: list[str] = []  # keys of uploads whose S3 event is due, one entry per event
        self.reads_lists = True  # False leaves out the reconciler's lists, which multiply the orders of a race
        self.timeouts = 0
        self.lost_wallets: set[str] = set()  # whose entries a restore lost, and whose owner it kept
        self.went_back = False  # whether the clock was ever set back
        self._read_up_to: dict[str, int] = {}
        self._rows: dict[int, tuple[Item, dict[str, Any]]] = {}
        self._wallet_ids: dict[str, str] = {}  # by customer
        HARNESS.world = self

    # --- time and chance

    def tick(self, us: int) -> None:
        """Let time pass inside an invocation, and end it at its timeout."""
        self.clock_us += us
        ends_at_us = getattr(HARNESS.invocation, "ends_at_us", None)
        if ends_at_us is not None and self.clock_us > ends_at_us:
            self.timeouts += 1
            raise OutOfTime

    def razorpay_now_s(self) -> int:
        """Razorpay's clock, which does not go back with ours."""
        self.razorpay_s = max(self.razorpay_s, self.clock_us // 1_000_000)
        return self.razorpay_s

    def advance(self, seconds: int) -> None:
        """Let time pass between invocations; negative seconds set our clock back, and not Razorpay's."""
        self.razorpay_now_s()
        self.clock_us += seconds * 1_000_000
        self.went_back = self.went_back or seconds < 0

    def new_id(self) -> str:
        self.ids_made += 1
        return str(uuid.UUID(int=(self.ids_made << 64) + 0x8000_0000_0000_0000, version=4))

    def snapshot(self) -> Callable[[], None]:
        """Return a function that restores this world to its present state."""
        dynamodb, razorpay = self.dynamodb, self.razorpay.snapshot()
        partitions = {name: _copied(table.partitions) for name, table in dynamodb.tables.items()}
        journal, tokens = len(dynamodb.journal), dict(dynamodb.tokens)
        acknowledged, unreported_uploads = set(self.acknowledged), list(self.unreported_uploads)
        objects, first = copy.deepcopy(self.s3.buckets), dict(self.s3.first)
        razorpay_ids, ids = self.razorpay_ids.count, self.ids_made
        clock_us, razorpay_s, chance = self.clock_us, self.razorpay_s, self.random.getstate()
        replies, log, rows = len(self.replies), self.log.tell(), dict(self._rows)

        def restore() -> None:
            for name, table in dynamodb.tables.items():
                table.partitions = _copied(partitions[name])
            del dynamodb.journal[journal:], self.replies[replies:]
            dynamodb.tokens = dict(tokens)
            self.razorpay.restore(razorpay)
            self.razorpay_ids.count = razorpay_ids
            self.clock_us, self.ids_made, self.acknowledged = clock_us, ids, set(acknowledged)
            self.razorpay_s = razorpay_s
            self.unreported_uploads = list(unreported_uploads)
            self.s3.buckets, self.s3.first = copy.deepcopy(objects), dict(first)
            self.random.setstate(chance)
            self.log.seek(log)
            self.log.truncate()
            self._read_up_to.clear()
            self._rows = dict(rows)
            self.wire.arm({})

        return restore

    def unread(self, name: str, everything: Growing) -> Growing:
        """The part of a growing text or list that was added since the last call with this name."""
        start = self._read_up_to.get(name, 0)
        self._read_up_to[name] = len(everything)
        return everything[start:]

    # --- callers

    def customer(self) -> Customer:
        """Add a customer."""
        number = len(self.customers) + 1
        customer = Customer(
            str(uuid.UUID(int=number, version=4)),
            f"canary.vpa{number}@okaxis",
            f"+9198765{number:05d}",
            f"canary-nickname-{number}",
        )
        self.customers.append(customer)
        return customer

    @staticmethod
    def staff(*groups: str, who: str = "staff-1") -> Customer:
        """A member of staff in these groups, by default in all."""
        return Customer(who, "", "", "staff", " ".join(groups or GROUPS))

    def call(self, customer: Customer, method: str, path: str, body: Any = None, key: str | None = None) -> Reply:
        return self.send(Request(customer, method, path, body, key))

    def send(self, request: Request) -> Reply:
        """Send a request of a customer's app through the API."""
        raw = None if request.body is None else json.dumps(request.body)
        headers = {"Content-Type": "application/json", "Host": "api.test"}
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        reply = self.request(request.method, request.path, raw, headers, request.customer)
        self.replies.append((request, reply))
        return reply

    def request(
        self,
        method: str,
        path: str,
        body: str | None,
        headers: dict[str, str],
        customer: Customer | None,
        raw: bytes | None = None,
    ) -> Reply:
        """Send a request as it is on the wire, its body as text or bytes; unknown routes get API Gateway's 404."""
        url = urllib.parse.urlsplit(path)
        for route in HARNESS.routes:
            values = route.match(method, url.path)
            if values is not None:
                break
        else:
            return Reply(404, {"detail": "Not found."})
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        event: dict[str, Any] = {
            "resource": route.path,
            "path": url.path,
            "httpMethod": method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": query or None,
            "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
            "pathParameters": {name: urllib.parse.unquote(value) for name, value in values.items()} or None,
            "requestContext": {"path": url.path, "requestId": self.new_id(), "stage": "prove"},
            "body": base64.b64encode(raw).decode() if raw else body,
            "isBase64Encoded": bool(raw),
        }
        if customer is not None and not route.is_open:
            event["requestContext"]["authorizer"] = customer.context
        response = self.invoke(route.function, event)
        if response is None:
            return Reply(0)
        received = {name: values[-1] for name, values in (response.get("multiValueHeaders") or {}).items()}
        text = response["body"] or ""
        return Reply(response["statusCode"], json.loads(text) if text else None, received, text)

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """The function's result; None if it died or, on a schedule, failed: the next run is its retry."""
        HARNESS.invocation.ends_at_us = ends_at_us = self.clock_us + HARNESS.timeouts_us[function]
        try:
            return HARNESS.handlers[function](event, Context(function, ends_at_us, lambda: self.clock_us))
        except Killed:
            return None
        except ServiceUnavailable:
            if "httpMethod" in event:
                raise
            return None
        finally:
            HARNESS.invocation.ends_at_us = None

    # --- Razorpay's side

    def pay(self, order: str, outcome: str = "success", **choice: Any) -> dict[str, Any]:
        """Pay in checkout, by UPI or a card chosen there; returns the fields that checkout gives the app."""
        return dict(self.razorpay.pay(order, "card" if "customer_id" in choice else "upi", outcome, **choice))

    @property
    def event_ids(self) -> list[str]:
        """The ids of all webhook events so far, oldest first."""
        return list(self.razorpay.events)

    @property
    def undelivered(self) -> list[str]:
        """The events that no 2xx has acknowledged yet."""
        return [event_id for event_id in self.event_ids if event_id not in self.acknowledged]

    def events_of(self, name: str) -> list[str]:
        """The ids of the events called `name`, oldest first."""
        return [event_id for event_id, event in self.razorpay.events.items() if event["event"] == name]

    def deliver(self, event_id: str, secret: str = WEBHOOK_SECRET) -> Reply:
        body = self.razorpay.events[event_id]["body"]
        signature = self.razorpay.sign(secret, body.encode())
        headers = {
            "Content-Type": "application/json",
            "X-Razorpay-Signature": signature,
            "x-razorpay-event-id": event_id,
        }
        reply = self.request("POST", WEBHOOK_PATH, body, headers, None)
        self.replies.append((None, reply))
        if 200 <= reply.status < 300:
            self.acknowledged.add(event_id)
        return reply

    def reconcile(self) -> dict[str, int] | None:
        """Run the reconciler once; None if it died."""
        counts = self.invoke("ReconcilePayments", {"source": "aws.events"})
        return None if counts is None else dict(counts)

    # --- photos

    def upload(self, created: dict[str, Any], data: bytes) -> Reply:
        """Upload a photo as the app does, and report it to the compressor as S3 does."""
        return self.report_upload(self.put_upload(created, data))

    def put_upload(self, created: dict[str, Any], data: bytes) -> str:
        """Upload a photo under the key of its presigned form, which is returned; S3 has yet to report it."""
        key = str(created["upload"]["fields"]["key"])
        self.s3.put(HARNESS.uploads, key, data)
        self.unreported_uploads.append(key)
        return key

    def report_upload(self, key: str) -> Reply:
        """Invoke the compressor with S3's event for this key."""
        record = {"bucket": {"name": HARNESS.uploads}, "object": {"key": urllib.parse.quote_plus(key, safe="/")}}
        event = {"Records": [{"eventName": "ObjectCreated:Post", "s3": record}]}
        try:
            result = self.invoke("CompressImage", event)
        except RuntimeError:  # to be retried: S3's event comes again
            return Reply(503)
        if result is None:
            return Reply(0)
        if key in self.unreported_uploads:
            self.unreported_uploads.remove(key)
        return Reply(200, result)

    def sweep(self) -> None:
        """Run the image sweeper once."""
        self.invoke("SweepImages", {"source": "aws.events"})

    # --- stored rows, read without the code under test

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The table's rows; of the payments' table, those that are payments."""
        rows = [self._row(item) for item in self.dynamodb.tables[table].items]
        return [row for row in rows if table != "PaymentsTable" or "purpose" in row]

    def row(self, table: str, partition: str, name: str) -> dict[str, Any] | None:
        """The row with this id, also of those that lie beside a table's own."""
        items = self.dynamodb.tables[table].partitions.get(partition, {})
        return next((row for row in map(self._row, items.values()) if row["id"] == name), None)

    def payment_row(self, payment_id: str) -> dict[str, Any]:
        return next(row for row in self.rows("PaymentsTable") if row["id"] == payment_id)

    def entries(self, customer: Customer) -> list[dict[str, Any]]:
        """The customer's ledger, oldest first."""
        wallet_id = self._wallet_id(customer.id)
        items = self.dynamodb.tables["WalletEntriesTable"].partitions.get(wallet_id, {})
        return sorted((self._row(item) for item in items.values()), key=lambda entry: int(entry["seq"]))

    def _wallet_id(self, customer: str) -> str:
        """Cached: it is a hash, and every invariant asks for it."""
        from shared.wallets.wallet import wallet_id

        if customer not in self._wallet_ids:
            self._wallet_ids[customer] = wallet_id(customer)
        return self._wallet_ids[customer]

    def _row(self, item: Item) -> dict[str, Any]:
        """An item as plain values, cached: items never change in place, and every step reads all of them."""
        cached = self._rows.get(id(item))
        if cached is None:  # the item is stored with its row, so that no other item gets its id()
            cached = self._rows[id(item)] = item, {name: to_python(value) for name, value in item.items()}
        return cached[1]

    def balance_paise(self, customer: Customer) -> int:
        entries = self.entries(customer)
        return int(entries[-1]["cash_paise"]) if entries else 0


def _copied(partitions: dict[str, dict[str, Item]]) -> dict[str, dict[str, Item]]:
    return {name: dict(rows) for name, rows in partitions.items()}
