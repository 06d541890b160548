"""One world under one seed: customers, the handlers as API Gateway would call them, tables, gateway and clock.

`stage()` puts the world's parts in the place of what the code reaches for (the clock, AWS, the gateway's session);
each `World` then starts from nothing in under a millisecond. Requests go through the real handlers and the real
SDKs, and what they log is kept.
"""

import base64
import copy
import importlib
import importlib.metadata
import itertools
import json
import os
import random
import sys
import threading
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO
from typing import Any, TypeVar

import boto3
import botocore.endpoint
import botocore.parsers
import botocore.regions
import botocore.retries.quota
import botocore.signers
import botocore.useragent
from aws_lambda_powertools.utilities.parameters.base import DEFAULT_PROVIDERS, ExpirableValue
from aws_lambda_powertools.utilities.parameters.secrets import SecretsProvider

from local.gateway import StandIn
from local.template import ROOT, Template
from shared.errors import Unavailable
from tests.prove.engine import Engine, Item, plain
from tests.prove.faults import Adapter, Killed, Wire

START_US = 1_767_960_000_000_000  # a Friday in January 2026
KEY_ID, KEY_SECRET = "rzp_test_Prove", "canary-key-secret-5f0c"
WEBHOOK_SECRET, OLD_WEBHOOK_SECRET = "canary-webhook-secret-91aa", "canary-webhook-secret-old-77"
GATEWAY_URL = "http://gateway.test"
WEBHOOK_PATH = "/api/payments/webhooks/razorpay/"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "ap-south-1",
    "AWS_REGION": "ap-south-1",
    "AWS_ACCESS_KEY_ID": "prove",
    "AWS_SECRET_ACCESS_KEY": "prove",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class Customer:
    """A caller, with things of theirs that must never be seen elsewhere."""

    id: str
    vpa: str
    phone: str
    name: str


@dataclass
class Reply:
    """What came back to a caller; status 0 when the process died or ran out of time before answering."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def is_definite(self) -> bool:
        """Whether the caller knows what became of it."""
        return 0 < self.status < 500


@dataclass(frozen=True)
class Sent:
    """A request that a customer made, to be sent again as it was."""

    customer: Customer
    method: str
    path: str
    body: Any = None
    key: str | None = None


class Gateway(StandIn):
    """The stand-in with numbered ids, so that a seed always tells the same story."""

    made = 0

    def _new_id(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}_{self.made:014d}"


class OutOfTime(Killed):
    """The function passed its timeout: Lambda ends it in the middle of whatever it does."""


class Context:
    """What Lambda tells a handler, by the world's clock."""

    def __init__(self, function: str, ends_at_us: int, now_us: Callable[[], int]) -> None:
        self.function_name = function
        self.memory_limit_in_mb = 512
        self.invoked_function_arn = f"arn:aws:lambda:ap-south-1:000000000000:function:{function}"
        self.aws_request_id = "00000000-0000-4000-8000-000000000000"
        self.ends_at_us, self.now_us = ends_at_us, now_us

    def get_remaining_time_in_millis(self) -> int:
        return max(self.ends_at_us - self.now_us(), 0) // 1_000


Added = TypeVar("Added", str, list[Any])


class World:
    """Everything of one run; there is one at a time."""

    def __init__(self, seed: int | str = 0) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        random.seed(seed)  # the SDK's back-off
        self.clock_us = START_US
        self.ids = 0
        self.engine = Engine(STAGE.tables, lambda: self.clock_us)
        self.gateway = Gateway(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, lambda: self.clock_us // 1_000_000)
        self.gateway.holding = True
        self.wire = Wire(self.engine, self.gateway, STAGE.secrets, self.tick)
        self.customers: list[Customer] = []
        self.log = StringIO()
        self.looked_at: dict[str, int] = {}
        self.replies: list[tuple[Sent | None, Reply]] = []
        self.acknowledged: set[str] = set()  # the events that were answered with 2xx: not sent again
        self.untold: list[str] = []  # the keys of uploads of which S3 has yet to tell the compressor, once for each
        self.timeouts = 0
        self._rows: dict[int, tuple[Item, dict[str, Any]]] = {}
        STAGE.world = self

    # --- time and chance

    def tick(self, us: int) -> None:
        self.clock_us += us
        ends_at_us = getattr(STAGE.running, "ends_at_us", None)
        if ends_at_us is not None and self.clock_us > ends_at_us:
            self.timeouts += 1
            raise OutOfTime

    def forward(self, seconds: int) -> None:
        self.clock_us += seconds * 1_000_000

    def new_id(self) -> str:
        self.ids += 1
        return str(uuid.UUID(int=(self.ids << 64) + 0x8000_0000_0000_0000, version=4))

    def snapshot(self) -> Callable[[], None]:
        """What brings this world back to where it is now."""
        engine, gateway = self.engine, self.gateway
        partitions = {name: _copied(table.partitions) for name, table in engine.tables.items()}
        journal, tokens = len(engine.journal), dict(engine.tokens)
        kept = copy.deepcopy({name: value for name, value in vars(gateway).items() if isinstance(value, dict | list)})
        acknowledged, untold = set(self.acknowledged), list(self.untold)
        objects, first = copy.deepcopy(self.wire.objects.buckets), dict(self.wire.objects.first)
        made, clock_us, ids, chance = gateway.made, self.clock_us, self.ids, self.random.getstate()
        replies, log = len(self.replies), self.log.tell()

        def restore() -> None:
            for name, table in engine.tables.items():
                table.partitions = _copied(partitions[name])
            del engine.journal[journal:], self.replies[replies:]
            engine.tokens = dict(tokens)
            vars(gateway).update(copy.deepcopy(kept), made=made)
            self.clock_us, self.ids, self.acknowledged = clock_us, ids, set(acknowledged)
            self.untold = list(untold)
            self.wire.objects.buckets, self.wire.objects.first = copy.deepcopy(objects), dict(first)
            self.random.setstate(chance)
            self.log.seek(log)
            self.log.truncate()
            self.looked_at.clear()

        return restore

    def new(self, name: str, everything: Added) -> Added:
        """The part of what only grows that was not there when it was last asked for by this name."""
        seen = self.looked_at.get(name, 0)
        self.looked_at[name] = len(everything)
        return everything[seen:]

    # --- callers

    def customer(self) -> Customer:
        number = len(self.customers) + 1
        made = Customer(
            str(uuid.UUID(int=number, version=4)),
            f"canary.vpa{number}@okaxis",
            f"+9198765{number:05d}",
            f"canary-nickname-{number}",
        )
        self.customers.append(made)
        return made

    def call(self, customer: Customer, method: str, path: str, body: Any = None, key: str | None = None) -> Reply:
        return self.send(Sent(customer, method, path, body, key))

    def send(self, sent: Sent) -> Reply:
        """One request of a customer's app through the API."""
        raw = None if sent.body is None else json.dumps(sent.body)
        headers = {"Content-Type": "application/json", "Host": "api.test"}
        if sent.key is not None:
            headers["Idempotency-Key"] = sent.key
        reply = self.request(sent.method, sent.path, raw, headers, sent.customer)
        self.replies.append((sent, reply))
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
        """A request as it is on the wire, its body as text or raw; 404 by API Gateway where there is no route."""
        url = urllib.parse.urlsplit(path)
        for route in STAGE.routes:
            values = route.match(method, url.path)
            if values is not None:
                break
        else:
            return Reply(404, {"detail": "Not found."})
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        event = {
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
            event["requestContext"]["authorizer"] = {"sub": customer.id, "principalId": customer.id}
        answer = self.invoke(route.function, event)
        if answer is None:
            return Reply(0)
        many = {name: values[-1] for name, values in (answer.get("multiValueHeaders") or {}).items()}
        text = answer["body"] or ""
        return Reply(answer["statusCode"], json.loads(text) if text else None, many, text)

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """The function's answer; None when it died, or failed as a schedule's may: the next run is its retry."""
        STAGE.running.ends_at_us = self.clock_us + STAGE.timeouts_us[function]
        try:
            return STAGE.handlers[function](event, Context(function, STAGE.running.ends_at_us, lambda: self.clock_us))
        except Killed:
            return None
        except Unavailable:
            if "httpMethod" in event:
                raise
            return None
        finally:
            STAGE.running.ends_at_us = None

    # --- the gateway's side

    def pay(self, order: str, outcome: str = "success", **card: Any) -> dict[str, Any]:
        """Pay in checkout, by UPI or a card that is chosen there; the fields that checkout gives the app."""
        return dict(self.gateway.pay(order, "card" if card else "upi", outcome, **card))

    @property
    def events(self) -> list[str]:
        """The ids of all webhook events so far, oldest first."""
        return list(self.gateway.events)

    def deliver(self, event_id: str, secret: str = WEBHOOK_SECRET) -> Reply:
        body = self.gateway.events[event_id]["body"]
        signature = self.gateway.sign(secret, body.encode())
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

    @property
    def waiting(self) -> list[str]:
        """The events that the gateway has yet to be thanked for."""
        return [event for event in self.events if event not in self.acknowledged]

    def reconcile(self) -> dict[str, int] | None:
        """One run of the schedule; None when it died."""
        answer = self.invoke("ReconcilePayments", {"source": "aws.events"})
        return None if answer is None else dict(answer)

    # --- photos

    def upload(self, ticket: dict[str, Any], data: bytes) -> Reply:
        """The app puts its photo where the ticket says, and S3 tells the compressor."""
        return self.tell_of_upload(self.put_upload(ticket, data))

    def put_upload(self, ticket: dict[str, Any], data: bytes) -> str:
        """The app puts its photo where the ticket says, under the key that this answers; S3 has yet to tell of it."""
        key = str(ticket["upload"]["fields"]["key"])
        self.wire.objects.put(STAGE.uploads, key, data)
        self.untold.append(key)
        return key

    def tell_of_upload(self, key: str) -> Reply:
        told = {"bucket": {"name": STAGE.uploads}, "object": {"key": urllib.parse.quote_plus(key, safe="/")}}
        event = {"Records": [{"eventName": "ObjectCreated:Post", "s3": told}]}
        try:
            answer = self.invoke("CompressImage", event)
        except RuntimeError:  # put off: S3's event comes again
            return Reply(503)
        if answer is None:
            return Reply(0)
        if key in self.untold:
            self.untold.remove(key)
        return Reply(200, answer)

    def sweep(self) -> None:
        """One run of the schedule that brings photos to their end."""
        self.invoke("SweepImages", {"source": "aws.events"})

    # --- what is stored, read past the code

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [self._row(item) for item in self.engine.tables[table].items]

    def entries(self, customer: Customer) -> list[dict[str, Any]]:
        """The customer's ledger, oldest first."""
        from shared.wallet import wallet_id

        items = self.engine.tables["WalletEntriesTable"].partitions.get(wallet_id(customer.id), {})
        return sorted((self._row(item) for item in items.values()), key=lambda one: int(one["seq"]))

    def _row(self, item: Item) -> dict[str, Any]:
        """An item as plain values, made once: items never change in place, and every step asks for all of them."""
        kept = self._rows.get(id(item))
        if kept is None:  # the item is kept beside its row, so that its id stays its own
            kept = self._rows[id(item)] = item, {name: plain(value) for name, value in item.items()}
        return kept[1]

    def balance_paise(self, customer: Customer) -> int:
        entries = self.entries(customer)
        return int(entries[-1]["balance_paise"]) if entries else 0


def _copied(partitions: dict[str, dict[str, Item]]) -> dict[str, dict[str, Item]]:
    return {name: dict(rows) for name, rows in partitions.items()}


class Stage:
    """What all worlds share: handlers, tables as the template has them, and the world that is on."""

    def __init__(self) -> None:
        self.template = Template()
        self.tables = self.template.of_type("AWS::DynamoDB::Table")
        self.routes = self.template.routes
        functions = self.template.functions.values()
        self.timeouts_us = {one.id: int(one.timeout_s * 1_000_000) for one in functions}
        self.handlers: dict[str, Callable[..., Any]] = {}
        self.secrets = {
            "GatewayKey": json.dumps({"key_id": KEY_ID, "key_secret": KEY_SECRET}),
            "WebhookSecrets": json.dumps({"active": [WEBHOOK_SECRET, OLD_WEBHOOK_SECRET]}),
        }
        names = self.template.environment({})
        self.uploads, self.images = names["UPLOADS_BUCKET"], names["IMAGES_BUCKET"]
        self.world: World
        self.running = threading.local()

    def load(self) -> None:
        for folder in (str(ROOT), str(ROOT / "functions")):
            if folder not in sys.path:
                sys.path.insert(0, folder)
        for function in self.template.functions.values():
            module, _, name = function.handler.rpartition(".")
            self.handlers[function.id] = getattr(importlib.import_module(module), name)

    def warm(self) -> None:
        """Secrets are known, as in a process that has served before; they stay so for as long as worlds last."""
        store = self._secrets_known()
        for name, text in self.secrets.items():
            store[(name, "json", False)] = ExpirableValue(json.loads(text), datetime.max)

    def cold(self) -> None:
        """The next request fetches its secrets first."""
        self._secrets_known().clear()

    @staticmethod
    def _secrets_known() -> dict[Any, ExpirableValue]:
        return DEFAULT_PROVIDERS["secrets"].store  # type: ignore[no-any-return]


STAGE = Stage()


@contextmanager
def stage() -> Iterator[None]:
    """Put worlds in the place of AWS, the gateway and the clock, for as long as this lasts."""
    with _replaced() as replace:
        environment = STAGE.template.environment({"RAZORPAY_BASE_URL": GATEWAY_URL}) | ENVIRONMENT
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
            os.environ.pop(name, None)
        os.environ.update(environment)
        STAGE.load()
        _replace_clock(replace)
        _replace_sdks(replace)
        _replace_output(replace)
        yield


@contextmanager
def _replaced() -> Iterator[Callable[[Any, str, Any], None]]:
    before: list[tuple[Any, str, Any]] = []
    environment = dict(os.environ)

    def replace(owner: Any, name: str, value: Any) -> None:
        before.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    try:
        yield replace
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)
        os.environ.clear()
        os.environ.update(environment)
        _forget()


def _forget() -> None:
    """Everything that the code keeps between requests of one process."""
    from shared import bucket, gateway, settings, store

    for cached in (settings.settings, store._bind, store._connection, gateway._client, bucket.client):
        cached.cache_clear()
    for model in _models():
        model._connection = None
    DEFAULT_PROVIDERS.clear()
    boto3.DEFAULT_SESSION = None  # it remembers whose keys it found first


def _models() -> list[Any]:
    from pynamodb.models import Model

    from shared import models

    return [
        one
        for one in vars(models).values()
        if isinstance(one, type) and issubclass(one, Model) and one is not Model and hasattr(one, "Meta")
    ]


def _replace_clock(replace: Callable[[Any, str, Any], None]) -> None:
    from shared import clock

    replace(clock, "now_us", lambda: STAGE.world.clock_us)
    replace(clock, "new_id", lambda: STAGE.world.new_id())
    replace(clock, "pause", lambda seconds: STAGE.world.tick(int(seconds * 1_000_000)))
    replace(clock, "jitter", lambda seconds_max: STAGE.world.random.uniform(0, seconds_max))


def _replace_sdks(replace: Callable[[Any, str, Any], None]) -> None:
    from shared import bucket, gateway, store

    _forget()

    class Time:
        """botocore's back-off passes by the world's clock."""

        time = staticmethod(lambda: STAGE.world.clock_us / 1_000_000)
        sleep = staticmethod(lambda seconds: STAGE.world.tick(int(seconds * 1_000_000)))

    replace(botocore.endpoint, "time", Time)
    # The quota lives as long as a client, and here clients outlive worlds: each would start with another's rest.
    replace(botocore.retries.quota.RetryQuota, "acquire", lambda self, amount: True)
    _replace_sdk_costs(replace)

    def aws(request: Any, **more: Any) -> Any:
        return STAGE.world.wire.aws(request, **more)

    store._bind()
    connections = [store._connection(), *(model._get_connection().connection for model in _models())]
    for connection in connections:
        connection.client.meta.events.register_first("before-send.dynamodb", aws)
    bucket.client().meta.events.register_first(
        "before-send.s3", lambda request, **more: STAGE.world.wire.s3(request, **more)
    )
    secrets = DEFAULT_PROVIDERS["secrets"] = SecretsProvider()
    secrets.client.meta.events.register_first("before-send.secrets-manager", aws)
    STAGE.warm()
    client = gateway._client(KEY_ID, KEY_SECRET, GATEWAY_URL)
    client.session.mount("http://", Adapter(lambda request: STAGE.world.wire.razorpay(request)))


def _replace_sdk_costs(replace: Callable[[Any, str, Any], None]) -> None:
    """What the SDKs do anew for every call, is the same each time, is read by nobody here, and took a third of it."""
    versions: dict[str, str] = {}
    real_version = importlib.metadata.version
    replace(
        importlib.metadata,
        "version",
        lambda name: versions.get(name) or versions.setdefault(name, real_version(name)),
    )
    numbers = itertools.count()  # calls are told apart, and need no chance for it
    replace(uuid, "uuid4", lambda: next(numbers))
    # The signature of a call; links and forms are still signed.
    replace(botocore.signers.RequestSigner, "handler", lambda self, operation_name=None, request=None, **more: None)
    replace(botocore.useragent.UserAgentString, "to_string", lambda self: "prove")
    # A value of DynamoDB's is parsed into itself, as long as it holds no binary, which the engine does not speak.
    structure = botocore.parsers.BaseJSONParser._handle_structure
    replace(
        botocore.parsers.BaseJSONParser,
        "_handle_structure",
        lambda self, shape, value: value if shape.name == "AttributeValue" else structure(self, shape, value),
    )
    endpoints: dict[Any, Any] = {}
    construct = botocore.regions.EndpointRulesetResolver.construct_endpoint

    def endpoint(resolver: Any, operation_model: Any, call_args: dict[str, Any], request_context: Any) -> Any:
        """A bucket's name is part of its address; of the others one address serves every operation."""
        if "Bucket" in call_args:
            return construct(resolver, operation_model, call_args, request_context)
        if resolver not in endpoints:
            endpoints[resolver] = construct(resolver, operation_model, call_args, request_context)
        return endpoints[resolver]

    replace(botocore.regions.EndpointRulesetResolver, "construct_endpoint", endpoint)


def _replace_output(replace: Callable[[Any, str, Any], None]) -> None:
    """Logs and metrics go to the world that wrote them."""
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf import cloudwatch

    from shared import telemetry

    class Sink:
        write = staticmethod(lambda text: STAGE.world.log.write(text))
        flush = staticmethod(lambda: None)

    for handler in telemetry.logger.handlers:
        replace(handler, "stream", Sink)
    replace(telemetry.logger._logger, "propagate", False)
    cloudwatch.print = lambda *texts: STAGE.world.log.write(" ".join(map(str, texts)) + "\n")  # type: ignore[attr-defined]
