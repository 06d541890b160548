"""`make cost`: what a million top-ups and a million photos cost, from units metered on the real handlers.

One top-up is played through the handlers against the local stand-ins. Every request to DynamoDB is sized by AWS's
rules, indexes included, and every byte that is logged is counted. Beside it stands the tutorial way: the same work
as guides build it, with idempotency and balance rows of their own, x86, 1 GB and everything logged. Its verify
answers with the payment alone, so its app asks for the balance as well: a fifth request, which ours does not need.
"""

import contextlib
import importlib
import io
import json
import math
import os
import re
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.cloud import CREDENTIALS, Cloud
from local.gateway import StandIn, serve
from local.template import ROOT, Template
from local.workers import Context

# Dollars in ap-south-1: per million, and per GB.
PRICES = {
    "requests": 3.50,  # REST API; an HTTP API would be 1.05
    "invocations": 0.20,
    "gb_s_arm": 13.33,
    "gb_s_x86": 16.67,
    "write_units": 0.71,
    "read_units": 0.1425,
    "log_gb": 0.67,
    "put": 5.00,
    "get": 0.40,
    "storage_gb_month": 0.025,
}
NETWORK_MS = 6  # of one call to DynamoDB inside a region, which the stand-in's is not
S3_MS = 18  # of one call to S3: the 60 of the tutorial's compressor are three of these and a call to DynamoDB
GATEWAY_MS = 120  # of one call to the gateway
COLD_SHARE, COLD_MS = 0.01, 204
LOG_EVENT_BYTES = 26  # CloudWatch's own, for each line
GATEWAY_CALLS_OF_TUTORIAL = 1  # it opens an order; verify believes the signature and asks nobody
AUDIT_BATCH = 12  # changes a batch of half a minute holds at a million top-ups a month


@dataclass
class Units:
    """What one piece of work consumed."""

    requests: int = 0
    invocations: float = 0
    gb_ms: float = 0
    write_units: float = 0
    read_units: float = 0
    log_bytes: float = 0
    put: int = 0
    get: int = 0
    storage_mb_months: float = 0
    gb_s_price: str = "gb_s_arm"

    def per_million(self) -> dict[str, float]:
        """Dollars a million of these cost, by what they go to."""
        return {
            "API requests": self.requests * PRICES["requests"],
            "Lambda": self.invocations * PRICES["invocations"] + self.gb_ms / 1_000 * PRICES[self.gb_s_price],
            "writes": self.write_units * PRICES["write_units"],
            "reads": self.read_units * PRICES["read_units"],
            "logs": self.log_bytes / 1e9 * 1e6 * PRICES["log_gb"],
            "S3": self.put * PRICES["put"] + self.get * PRICES["get"],
            "storage": self.storage_mb_months / 1e3 * 1e6 * PRICES["storage_gb_month"],
        }


# The tutorial way. Writes: an idempotency record (2) and an order (1); then twice (verify and webhook) an idempotency
# record (2) and a transaction over wallet, entry and order (3 items, 2 each). Logs: the whole event, each time.
TUTORIAL_TOP_UP = Units(
    requests=5,
    invocations=5,
    gb_ms=3 * (15 + 4.0 * 1.73)
    + 2 * (8 + 2.5 * 1.73)
    + GATEWAY_CALLS_OF_TUTORIAL * GATEWAY_MS
    + 5 * COLD_SHARE * 560,
    write_units=19,
    read_units=3.5,
    log_bytes=5 * 3_000,
    gb_s_price="gb_s_x86",
)


# A photo of 12 megapixels, 2.1 MB: the original is kept, two JPEGs of 0.39 MB are made by decoding all of it.
TUTORIAL_PHOTO = Units(
    requests=2,
    invocations=3,
    gb_ms=0.5 * 2 * (8 + 0.5 * 3.5) + 1.73 * (340 + 60) + 0.02 * 1.73 * 500,
    write_units=2,
    read_units=1,
    log_bytes=3 * 3_000,
    put=3,
    get=1,
    storage_mb_months=2.14 + 0.39,
    gb_s_price="gb_s_x86",
)


TUTORIAL_FORMATS = "jpeg"  # what the tutorial way makes, so that like is priced beside like
SHIPPED_FORMATS = Template().document["Parameters"]["ImageFormats"]["Default"]


class Meter:
    """Sizes every request of pynamodb by AWS's rules; indexes are those of the template."""

    def __init__(self, template: Template, client: Any) -> None:
        self.tables = template.of_type("AWS::DynamoDB::Table")
        self.client = client
        self.units = Units()

    def __enter__(self) -> "Meter":
        from pynamodb.connection.base import Connection

        self._real = Connection._make_api_call
        meter = self

        def metered(connection: Any, operation: str, asked: dict[str, Any], *more: Any) -> Any:
            return meter.call(operation, asked, lambda: meter._real(connection, operation, asked, *more))

        Connection._make_api_call = metered  # type: ignore[method-assign]
        return self

    def __exit__(self, *raised: object) -> None:
        from pynamodb.connection.base import Connection

        Connection._make_api_call = self._real  # type: ignore[method-assign]

    def call(self, operation: str, asked: dict[str, Any], act: Any) -> Any:
        self.calls += 1
        if operation in ("GetItem", "Query", "BatchGetItem"):
            answer = act()
            self.units.read_units += read_units(asked, answer)
            return answer
        writes = [next(iter(one.values())) for one in asked.get("TransactItems", [])] or [asked]
        factor = 2 if "TransactItems" in asked else 1
        places = [(one["TableName"], self._key(one)) for one in writes]
        before = [self._item(*place) for place in places]
        answer = act()
        for (table, key), old in zip(places, before, strict=True):
            new = self._item(table, key)
            self.units.write_units += factor * blocks_of(max(size(old), size(new), 1))
            self.units.write_units += sum(index_units(index, old, new) for index in self._indexes(table))
        return answer

    calls = 0

    def _key(self, one: dict[str, Any]) -> dict[str, Any]:
        names = [key["AttributeName"] for key in self.tables[one["TableName"]]["KeySchema"]]
        return {name: (one.get("Key") or one["Item"])[name] for name in names}

    def _item(self, table: str, key: dict[str, Any]) -> dict[str, Any]:
        return dict(self.client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {}))

    def _indexes(self, table: str) -> list[dict[str, Any]]:
        schema = self.tables[table]["KeySchema"]
        kinds = ("LocalSecondaryIndexes", "GlobalSecondaryIndexes")
        return [{"schema": schema, **one} for kind in kinds for one in self.tables[table].get(kind, [])]


def read_units(asked: dict[str, Any], answer: dict[str, Any]) -> float:
    """What a read consumes: one item or a query its bytes together, a batch each item by itself."""
    if "RequestItems" in asked:
        ((table, wanted),) = asked["RequestItems"].items()
        reads = [{"Items": [item]} for item in answer["Responses"][table]]
        return sum(read_units(wanted, one) for one in reads)
    items = answer.get("Items", [answer["Item"]] if "Item" in answer else [])
    blocks = max(math.ceil(sum(size(item) for item in items) / 4_096), 1)
    return blocks * (1 if asked.get("ConsistentRead") else 0.5)


def blocks_of(size_bytes: int) -> int:
    return math.ceil(size_bytes / 1_024)


def index_units(index: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> int:
    """What a change of the item writes into an index: nothing where nothing that it holds has changed."""
    keys = [key["AttributeName"] for key in index["KeySchema"]]
    held = {*keys, *(key["AttributeName"] for key in index["schema"])}
    held |= set(index["Projection"].get("NonKeyAttributes", ()))

    def held_of(item: dict[str, Any]) -> dict[str, Any]:
        if not all(name in item for name in keys):
            return {}
        whole = index["Projection"]["ProjectionType"] == "ALL"
        return item if whole else {name: value for name, value in item.items() if name in held}

    before, after = held_of(old), held_of(new)
    if before == after:
        return 0
    moved = before and after and any(before[name] != after[name] for name in keys)
    if moved:
        return blocks_of(size(before)) + blocks_of(size(after))
    return blocks_of(max(size(before), size(after)))


def size(item: dict[str, Any]) -> int:
    """Bytes of an item as DynamoDB counts them: names, and values by their kind."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: dict[str, Any]) -> int:
    ((kind, inner),) = value.items()
    match kind:
        case "S":
            return len(inner.encode())
        case "N":
            return math.ceil(len(inner.strip("-0.") or "0") / 2) + 1
        case "M":
            return 3 + sum(len(name.encode()) + _size(one) + 1 for name, one in inner.items())
        case "L":
            return 3 + sum(_size(one) + 1 for one in inner)
    return 1  # NULL and BOOL


class Bench:
    """The handlers in this process, against the stand-ins, each call metered."""

    def __init__(self, template: Template, meter: Meter, gateway: StandIn) -> None:
        self.template, self.meter, self.gateway = template, meter, gateway
        self.customer = str(uuid.uuid4())
        self.steps: list[tuple[str, Units]] = []

    def call(
        self, step: str, route: str, body: Any = None, headers: dict[str, str] | None = None, **path: str
    ) -> Any:
        """One request through its handler, as API Gateway would bring it."""
        method, _, resource = route.partition(" ")
        (found,) = [one for one in self.template.routes if (one.method, one.path) == (method, resource)]
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        event = {
            "resource": resource,
            "path": resource.format(**path) + "/",
            "httpMethod": method,
            "headers": {"Content-Type": "application/json", "Host": "api", **(headers or {})},
            "queryStringParameters": None,
            "pathParameters": path or None,
            "requestContext": {"requestId": str(uuid.uuid4()), "authorizer": {"sub": self.customer}},
            "body": text,
            "isBase64Encoded": False,
        }
        answer = self.invoke(step, found.function, event, requests=1)
        assert answer["statusCode"] < 300, answer
        return json.loads(answer["body"])

    def memory_gb(self, function: str) -> float:
        return float(self.template.of_type("AWS::Serverless::Function")[function].get("MemorySize", 512) / 1_024)

    def invoke(self, step: str, function: str, event: Any, requests: int = 0, share: float = 1) -> Any:
        """`share` of an invocation: one that serves a batch serves each of its changes by a part."""
        described = self.template.functions[function]
        module, _, name = described.handler.rpartition(".")
        handler = getattr(importlib.import_module(module), name)
        self.meter.units, self.meter.calls = Units(requests=requests, invocations=share), 0
        written = io.StringIO()
        started_ns = time.process_time_ns()
        with contextlib.redirect_stdout(written), _logger_to(written):
            answer = handler(event, Context(function, 10))
        cpu_ms = (time.process_time_ns() - started_ns) / 1e6
        lines = written.getvalue().splitlines()
        units = self.meter.units
        asked_gateway = sum(json.loads(line).get("GatewayCalls", 0) for line in lines)
        memory_gb = self.memory_gb(function)
        stretched_ms = cpu_ms * max(1_769 / 1_024 / memory_gb, 1)
        took_ms = stretched_ms + self.meter.calls * NETWORK_MS + asked_gateway * GATEWAY_MS
        units.gb_ms = memory_gb * (took_ms + COLD_SHARE * COLD_MS) * share
        units.read_units *= share
        units.log_bytes = (sum(len(line.encode()) + 1 for line in lines) + LOG_EVENT_BYTES * len(lines)) * share
        self.steps.append((step, units))
        return answer


@contextlib.contextmanager
def _logger_to(written: io.StringIO) -> Iterator[None]:
    from shared import telemetry

    handler: Any = telemetry.logger.registered_handler
    before, handler.stream = handler.stream, written
    try:
        yield
    finally:
        handler.stream = before


def total(steps: list[tuple[str, Units]]) -> Units:
    names = ("requests", "invocations", "gb_ms", "write_units", "read_units", "log_bytes", "put", "get")
    whole = Units()
    for _, one in steps:
        for name in (*names, "storage_mb_months"):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
    return whole


def top_up(bench: Bench) -> Units:
    """Add money, pay, verify, the webhook, then the entries: what an app does. Verify answers with the balance."""
    started = bench.call("add-money", "POST /api/payments/wallets/add-money", {"amount": "500.00"})
    paid = bench.gateway.pay(started["gateway_order_id"], "upi", "success")
    event = captured_event(bench.gateway, paid["razorpay_payment_id"])
    bench.call("verify", "POST /api/payments/payments/{id}/verify", paid, id=started["id"])
    signature = {"X-Razorpay-Signature": bench.gateway.sign(bench.gateway.webhook_secret, event.encode())}
    bench.call("webhook", "POST /api/payments/webhooks/razorpay", event, signature)
    bench.call("transactions", "GET /api/payments/wallets/transactions")
    # The authorizer's answer holds for five minutes, which is one call for all of these.
    bench.steps.append(("authorizer", Units(invocations=1, gb_ms=0.5 * (5 + COLD_SHARE * COLD_MS))))
    audit(bench, started["id"])
    return total(bench.steps)


def audit(bench: Bench, payment_id: str) -> None:
    """The auditors' part in it: they get their changes in batches."""
    from shared import store, wallet

    bench.meter.units = Units()  # what is read here is read by nobody but this sheet
    payment = store.payment(bench.customer, payment_id)
    assert payment
    newest = wallet.newest(bench.customer).serialize()
    after = payment.serialize()
    before = after | {"status": {"S": "created"}}
    for step, function, images in (
        ("audit the entry", "AuditWallets", {"NewImage": newest}),
        ("audit the top-up", "AuditPayments", {"OldImage": before, "NewImage": after}),
    ):
        event = {"Records": [{"dynamodb": images}] * AUDIT_BATCH}
        bench.invoke(step, function, event, share=1 / AUDIT_BATCH)


def captured_event(gateway: StandIn, payment_id: str) -> str:
    entity = gateway.payments[payment_id]
    return json.dumps({"event": "payment.captured", "payload": {"payment": {"entity": entity}}})


def photo(bench: Bench, data: bytes, formats: str) -> Units:
    """A ticket, the upload, S3's event to the compressor, and one look at the photo, finished in these formats."""
    import boto3

    from shared import bucket
    from shared.settings import settings

    os.environ["IMAGE_FORMATS"] = formats
    settings.cache_clear()
    ticket = bench.call("ticket", "POST /api/mobile/upload-image", {"content_type": "image/jpeg"})
    uploads = bench.template.bucket("UploadsBucket")
    key = ticket["upload"]["fields"]["key"]
    stored = boto3.client("s3").put_object(Bucket=uploads, Key=key, Body=data, ContentType="image/jpeg")
    told = {"key": key, "size": len(data), "versionId": stored["VersionId"], "sequencer": "00"}
    event = {"Records": [{"eventName": "ObjectCreated:Post", "s3": {"bucket": {"name": uploads}, "object": told}}]}
    asked: list[str] = []
    events = bucket.client().meta.events
    events.register("before-call.s3", lambda model, **_: asked.append(model.name), unique_id="cost")
    bench.invoke("compress", "CompressImage", event)
    events.unregister("before-call.s3", unique_id="cost")
    units = bench.steps[-1][1]
    units.put = 1 + sum(
        name.startswith(("Put", "List")) for name in asked
    )  # the upload's own, and a list costs the same
    units.get = sum(name.startswith("Get") for name in asked)
    units.gb_ms += len(asked) * S3_MS * bench.memory_gb("CompressImage")
    shown = bench.call("look", "GET /api/mobile/images/{id}", id=ticket["id"])
    assert shown["status"] == "ready", shown
    assert {one["format"] for one in shown["variants"]} == set(formats.split(",")), shown
    # An upload that is compressed stays for a day; the variants stay.
    kept = sum(one["bytes"] for one in shown["variants"]) + len(data) / 30
    bench.steps.append(("stored", Units(storage_mb_months=kept / 1e6)))
    return total(bench.steps)


def phone_photo() -> bytes:
    """12 megapixels of about 2 MB: smooth shapes with a sensor's noise on them."""
    from PIL import Image

    width, height = 4_032, 3_024
    shapes = Image.radial_gradient("L").resize((width, height))
    other = Image.linear_gradient("L").resize((width, height))
    picture = Image.merge("RGB", (shapes, other, shapes.transpose(Image.Transpose.ROTATE_180)))
    noise = Image.effect_noise((width, height), 18).convert("RGB")
    written = io.BytesIO()
    Image.blend(picture, noise, 0.18).save(written, "JPEG", quality=90)
    return written.getvalue()


def table(name: str, ours: Units, tutorial: Units) -> str:
    mine, theirs = ours.per_million(), tutorial.per_million()
    lines = [f"A million {name}, dollars in ap-south-1      ours  tutorial   ratio"]
    for kind in mine:
        if mine[kind] or theirs[kind]:
            ratio = f"{mine[kind] / theirs[kind]:8.2f}" if theirs[kind] else "       -"
            lines.append(f"  {kind:<38}{mine[kind]:9.2f}{theirs[kind]:10.2f}{ratio}")
    whole = sum(mine.values()) / sum(theirs.values())
    lines.append(f"  {'all':<38}{sum(mine.values()):9.2f}{sum(theirs.values()):10.2f}{whole:8.2f}")
    return "\n".join(lines)


def photo_sheet(bench: Bench, data: bytes, formats: str) -> Units:
    """Print what a photo in these formats consumes, and a million of them cost."""
    bench.steps.clear()
    ours = photo(bench, data, formats)
    size_mb = len(data) / 1e6
    print(f"\none photo of {size_mb:.1f} MB, ImageFormats={formats}")
    print(f"{'':<20}write units  read units  PUTs  GETs     GB-ms  MB kept a month")
    for step, units in bench.steps:
        kept = f"{units.storage_mb_months:17.2f}" if units.storage_mb_months else ""
        counts = f"{units.write_units:>11}{units.read_units:>12}{units.put:>6}{units.get:>6}{units.gb_ms:>10.0f}"
        print(f"  {step:<18}{counts}{kept}")
    print("\n" + table(f"photos ({formats})", ours, TUTORIAL_PHOTO))
    return ours


def avif_sheet(alike: Units, shipped: Units) -> str:
    """What the second format costs, from two plays that differ in nothing else."""
    before, after = alike.per_million(), shipped.per_million()
    parts = {kind: after[kind] - before[kind] for kind in ("S3", "Lambda", "storage")}
    told = ", ".join(f"{kind} {dollars:.2f}" for kind, dollars in parts.items())
    return f"AVIF beside JPEG, a million photos: {sum(parts.values()):.2f} dollars ({told})"


# What is paid for a choice, a million times (top-ups or, where it says so, pages and photos): dollars; what they buy.
CHOICES = (
    (
        4 * (PRICES["requests"] - 1.05),
        "a REST API, not an HTTP API",
        "paths that end in a slash, answers in Django's words, WAF",
    ),
    (1 * PRICES["write_units"], "an index of payments by time", "a list that has what was written a moment ago"),
    (
        20 * PRICES["read_units"],
        "a page of twenty payments, read row by row",
        f"that index holds keys alone, and a payment that changes does not write it: {PRICES['write_units']} less",
    ),
    (2 * PRICES["write_units"], "an index of open payments", "a reconciler, so that no webhook is needed"),
    (
        1 * PRICES["write_units"] + 0.5 * PRICES["read_units"],
        "an index by gateway order",
        "a webhook that finds its payment without asking the gateway",
    ),
    (
        2 * PRICES["write_units"],
        "one transaction, not two writes",
        "the entry and what justifies it, together or not at all",
    ),
    (
        GATEWAY_MS * 0.5 / 1_000 * PRICES["gb_s_arm"],
        "asking the gateway in verify",
        "money that is credited only when it is there",
    ),
    (PRICES["put"], "a list of an upload's versions", "the first one is the photo, whatever the order of events"),
    (3 * PRICES["write_units"], "a photo's row that is listed and swept", "a list, and an end for what got stuck"),
    (
        PRICES["write_units"] + PRICES["read_units"],
        "a row that counts tickets",
        "fifty valid ones a customer, however fast he asks",
    ),
    (PRICES["write_units"], "a stage between claim and end", "progress; a deletion that is noticed before storing"),
)


# Dollars a month for each, whatever the traffic; three dashboards are free.
MONTHLY = {
    "metrics of our own": 0.30,
    "AWS::CloudWatch::Alarm": 0.10,
    "AWS::CloudWatch::CompositeAlarm": 0.50,
    "AWS::KMS::Key": 1.00,
    "AWS::SecretsManager::Secret": 0.40,
}


def monthly(template: Template) -> dict[str, tuple[int, float]]:
    """How many there are of what is paid for by the month, and what they cost."""
    shown = json.dumps(template.of_type("AWS::CloudWatch::Dashboard"))
    counts = {kind: len(template.of_type(kind)) for kind in MONTHLY}
    counts["metrics of our own"] = len(set(re.findall(r'"GarmentPay", "(\w+)"', shown)))
    return {kind: (count, count * MONTHLY[kind]) for kind, count in counts.items()}


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """The stand-ins, started on free ports and stopped again, and the handlers' environment, taken back as well."""
    template, environment = Template(), dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(Path(folder))
        stand_in = StandIn("rzp_test_Cost", "cost_key_secret", "whsec_cost", lambda: int(time.time()))
        gateway = serve(stand_in)
        try:
            os.environ.update(template.environment({"RAZORPAY_BASE_URL": gateway.url}))
            os.environ.update({**CREDENTIALS, "AWS_ENDPOINT_URL": cloud.url})
            sys.path[:0] = [str(ROOT / "functions")]
            cloud.wait()
            secrets = {
                "GatewayKey": {"key_id": "rzp_test_Cost", "key_secret": "cost_key_secret"},
                "WebhookSecrets": {"active": ["whsec_cost"]},
            }
            cloud.make(template, secrets, "")
            import boto3

            stand_in.webhook_url = ""
            stand_in.control("hold", {"hold": True})
            with Meter(template, boto3.client("dynamodb")) as meter:
                yield Bench(template, meter, stand_in)
        finally:
            stand_in.close()
            cloud.stop()
            os.environ.clear()
            os.environ.update(environment)


def main() -> int:
    with bench() as running:
        top_up(running)  # the first touch of the wallet, and everything imported
        running.steps.clear()
        ours = top_up(running)
        print("one top-up        write units  read units  log bytes")
        for step, units in running.steps:
            print(f"  {step:<18}{units.write_units:>8}{units.read_units:>12}{units.log_bytes:>11.0f}")
        print("\n" + table("top-ups", ours, TUTORIAL_TOP_UP))
        running.steps.clear()
        data = phone_photo()
        photo(running, data, SHIPPED_FORMATS)
        alike, shipped = (photo_sheet(running, data, formats) for formats in (TUTORIAL_FORMATS, SHIPPED_FORMATS))
        print("\n" + avif_sheet(alike, shipped))
        print("\nWhat choices cost, and what they buy")
        for dollars, choice, bought in CHOICES:
            print(f"  {dollars:6.2f}  {choice}: {bought}")
        print("\nA month, whatever the traffic")
        for kind, (count, dollars) in monthly(running.template).items():
            print(f"  {dollars:6.2f}  {count} {kind.split('::')[-1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
