"""Plays a top-up and a photo through the real handlers, in this process, against the local stand-ins."""

import contextlib
import importlib
import io
import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from local.aws import CREDENTIALS, Ministack
from local.razorpay.fake import FakeRazorpay
from local.razorpay.server import serve
from local.template import ROOT, Template
from local.workers import Context
from tools.cost.meter import Meter
from tools.cost.prices import (
    AUDIT_BATCH,
    COLD_START_MS,
    COLD_START_SHARE,
    DYNAMODB_MS,
    FULL_CPU_GB,
    LOG_EVENT_BYTES,
    RAZORPAY_MS,
    S3_MS,
    Usage,
    total,
)

KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_Cost", "cost_key_secret", "whsec_cost"
TUTORIAL_FORMATS = "jpeg"  # the tutorial makes no other, so this compares the same work
SHIPPED_FORMATS: str = Template().document["Parameters"]["ImageFormats"]["Default"]


class MeteredService:
    """The handlers, called as API Gateway, S3 and the streams call them; `steps` has what each call consumed."""

    def __init__(self, template: Template, meter: Meter, razorpay: FakeRazorpay) -> None:
        self.template, self.meter, self.razorpay = template, meter, razorpay
        self.customer = str(uuid.uuid4())
        self.steps: list[tuple[str, Usage]] = []

    def call(
        self, step: str, endpoint: str, body: Any = None, headers: dict[str, str] | None = None, **path: str
    ) -> Any:
        """Send one request to its handler and return the parsed body of the response."""
        method, _, resource = endpoint.partition(" ")
        functions = {(route.method, route.path): route.function for route in self.template.routes}
        event = {
            "resource": resource,
            "path": resource.format(**path) + "/",
            "httpMethod": method,
            "headers": {"Content-Type": "application/json", "Host": "api", **(headers or {})},
            "queryStringParameters": None,
            "pathParameters": path or None,
            "requestContext": {"requestId": str(uuid.uuid4()), "authorizer": {"sub": self.customer}},
            "body": body if isinstance(body, str) or body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        response = self.invoke(step, functions[method, resource], event, requests=1)
        assert response["statusCode"] < 300, response
        return json.loads(response["body"])

    def memory_gb(self, function: str) -> float:
        return float(self.template.of_type("AWS::Serverless::Function")[function].get("MemorySize", 512) / 1_024)

    def invoke(self, step: str, function: str, event: Any, requests: int = 0, share: float = 1) -> Any:
        """Invoke a function and record a step. `share` is the part of the invocation that serves this work:
        one change in a batch of ten has a share of 0.1.
        """
        module, _, name = self.template.functions[function].handler.rpartition(".")
        handler = getattr(importlib.import_module(module), name)
        usage = Usage(requests=requests, invocations=share)
        self.meter.reset(usage)
        output = io.StringIO()
        started_ns = time.process_time_ns()
        with contextlib.redirect_stdout(output), _log_to(output):
            result = handler(event, Context(function, 10))
        cpu_ms = (time.process_time_ns() - started_ns) / 1e6
        lines = output.getvalue().splitlines()
        razorpay_calls = sum(json.loads(line).get("GatewayCalls", 0) for line in lines)
        memory_gb = self.memory_gb(function)
        duration_ms = cpu_ms * max(FULL_CPU_GB / memory_gb, 1)
        duration_ms += self.meter.calls * DYNAMODB_MS + razorpay_calls * RAZORPAY_MS
        usage.gb_ms = memory_gb * (duration_ms + COLD_START_SHARE * COLD_START_MS) * share
        usage.read_units *= share
        usage.log_bytes = share * sum(len(line.encode()) + 1 + LOG_EVENT_BYTES for line in lines)
        self.steps.append((step, usage))
        return result


@contextlib.contextmanager
def _log_to(output: io.StringIO) -> Iterator[None]:
    from shared.telemetry import log

    handler: Any = log.logger.registered_handler
    before, handler.stream = handler.stream, output
    try:
        yield
    finally:
        handler.stream = before


def top_up(service: MeteredService) -> Usage:
    """What an app does: add money, pay, verify, list the entries; and what follows by itself: webhook and audit."""
    created = service.call("add-money", "POST /api/payments/wallets/add-money", {"amount": "500.00"})
    paid = service.razorpay.pay(created["gateway_order_id"], "upi", "success")
    event = _captured_event(service.razorpay, paid["razorpay_payment_id"])
    service.call("verify", "POST /api/payments/payments/{id}/verify", paid, id=created["id"])
    signature = service.razorpay.sign(service.razorpay.webhook_secret, event.encode())
    service.call("webhook", "POST /api/payments/webhooks/razorpay", event, {"X-Razorpay-Signature": signature})
    service.call("transactions", "GET /api/payments/wallets/transactions")
    # API Gateway caches the authorizer's result for five minutes: one invocation for all of these requests.
    authorizer = Usage(invocations=1, gb_ms=0.5 * (5 + COLD_START_SHARE * COLD_START_MS))
    service.steps.append(("authorizer", authorizer))
    _audit(service, created["id"])
    return total(service.steps)


def _audit(service: MeteredService, payment_id: str) -> None:
    """The auditors' share: the streams deliver changes in batches."""
    from shared.payments.models import get_payment
    from shared.wallets.wallet import open_wallet

    service.meter.reset(Usage())  # these two reads are the report's own
    payment = get_payment(service.customer, payment_id)
    assert payment
    entry = open_wallet(service.customer).serialize()
    after = payment.serialize()
    before = after | {"status": {"S": "created"}}
    for step, function, images in (
        ("audit the entry", "AuditWallets", {"NewImage": entry}),
        ("audit the top-up", "AuditPayments", {"OldImage": before, "NewImage": after}),
    ):
        event = {"Records": [{"dynamodb": images}] * AUDIT_BATCH}
        service.invoke(step, function, event, share=1 / AUDIT_BATCH)


def _captured_event(razorpay: FakeRazorpay, payment_id: str) -> str:
    entity = razorpay.payments[payment_id]
    return json.dumps({"event": "payment.captured", "payload": {"payment": {"entity": entity}}})


def photo(service: MeteredService, data: bytes, formats: str) -> Usage:
    """Create an upload, store the photo, compress it into these formats, and read it once."""
    from shared.settings import settings

    os.environ["IMAGE_FORMATS"] = formats
    settings.cache_clear()
    upload = service.call("upload", "POST /api/mobile/upload-image", {"content_type": "image/jpeg"})
    operations = _compress(service, upload["upload"]["fields"]["key"], data)
    usage = service.steps[-1][1]
    # The upload itself is a PUT too, and a LIST costs the same.
    usage.put = 1 + sum(operation.startswith(("Put", "List")) for operation in operations)
    usage.get = sum(operation.startswith("Get") for operation in operations)
    usage.gb_ms += len(operations) * S3_MS * service.memory_gb("CompressImage")
    image = service.call("retrieve", "GET /api/mobile/images/{id}", id=upload["id"])
    assert image["status"] == "ready", image
    assert {variant["format"] for variant in image["variants"]} == set(formats.split(",")), image
    # The original stays for a day, the variants permanently.
    stored_bytes = sum(variant["bytes"] for variant in image["variants"]) + len(data) / 30
    service.steps.append(("storage", Usage(storage_mb_months=stored_bytes / 1e6)))
    return total(service.steps)


def _compress(service: MeteredService, key: str, data: bytes) -> list[str]:
    """Store an upload and run the compressor on S3's event. Return the S3 operations that the compressor called."""
    from shared.aws import s3

    uploads = service.template.bucket("UploadsBucket")
    stored = boto3.client("s3").put_object(Bucket=uploads, Key=key, Body=data, ContentType="image/jpeg")
    uploaded = {"key": key, "size": len(data), "versionId": stored["VersionId"], "sequencer": "00"}
    record = {"eventName": "ObjectCreated:Post", "s3": {"bucket": {"name": uploads}, "object": uploaded}}
    operations: list[str] = []
    hooks = s3.client().meta.events
    hooks.register("before-call.s3", lambda model, **_: operations.append(model.name), unique_id="cost")
    try:
        service.invoke("compress", "CompressImage", {"Records": [record]})
    finally:
        hooks.unregister("before-call.s3", unique_id="cost")
    return operations


def phone_photo() -> bytes:
    """A JPEG of 12 megapixels and about 2 MB: smooth shapes with a sensor's noise."""
    from PIL import Image

    width, height = 4_032, 3_024
    shapes = Image.radial_gradient("L").resize((width, height))
    other = Image.linear_gradient("L").resize((width, height))
    picture = Image.merge("RGB", (shapes, other, shapes.transpose(Image.Transpose.ROTATE_180)))
    noise = Image.effect_noise((width, height), 18).convert("RGB")
    output = io.BytesIO()
    Image.blend(picture, noise, 0.18).save(output, "JPEG", quality=90)
    return output.getvalue()


@contextlib.contextmanager
def metered_service() -> Iterator[MeteredService]:
    """Start the stand-ins on free ports and set the handlers' environment; stop and restore both at the end."""
    template, environment = Template(), dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        ministack = Ministack(Path(folder))
        razorpay = FakeRazorpay(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, lambda: int(time.time()))
        server = serve(razorpay)
        try:
            os.environ.update(template.environment({"RAZORPAY_BASE_URL": server.url, "RAZORPAY_KEY_ID": KEY_ID}))
            os.environ.update({**CREDENTIALS, "AWS_ENDPOINT_URL": ministack.url})
            sys.path[:0] = [str(ROOT / "functions")]
            ministack.wait()
            secrets = {
                "GatewayKey": {"key_id": KEY_ID, "key_secret": KEY_SECRET},
                "WebhookSecrets": {"active": [WEBHOOK_SECRET]},
            }
            ministack.create_resources(template, secrets)
            razorpay.webhook_url = ""
            razorpay.control("hold", {"hold": True})
            with Meter(template, boto3.client("dynamodb")) as meter:
                yield MeteredService(template, meter, razorpay)
        finally:
            razorpay.close()
            ministack.stop()
            os.environ.clear()
            os.environ.update(environment)
