"""Plays a top-up, its refund and a photo through the real handlers, in this process, against the local stand-ins."""

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
from unittest.mock import patch

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
        self.customer, self.staff = str(uuid.uuid4()), str(uuid.uuid4())
        self.topped_up = ""  # the id of the last top-up
        self.steps: list[tuple[str, Usage]] = []

    def call(
        self,
        step: str,
        endpoint: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        groups: str | None = None,
        **path: str,
    ) -> Any:
        """Send one request to its handler and return the parsed body of the response.

        The caller is the customer, or with `groups` a member of staff.
        """
        method, _, resource = endpoint.partition(" ")
        caller = {"sub": self.customer} if groups is None else {"sub": self.staff, "groups": groups}
        functions = {(route.method, route.path): route.function for route in self.template.routes}
        event = {
            "resource": resource,
            "path": resource.format(**path) + "/",
            "httpMethod": method,
            "headers": {"Content-Type": "application/json", "Host": "api", **(headers or {})},
            "queryStringParameters": None,
            "pathParameters": path or None,
            "requestContext": {"requestId": str(uuid.uuid4()), "authorizer": caller},
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
    start = len(service.steps)
    created = service.call("add-money", "POST /api/payments/wallets/add-money", {"amount": "500.00"})
    paid = service.razorpay.pay(created["gateway_order_id"], "upi", "success")
    service.call("verify", "POST /api/payments/payments/{id}/verify", paid, id=created["id"])
    _webhook(service, "webhook", "payment.captured", payment=service.razorpay.payments[paid["razorpay_payment_id"]])
    service.call("transactions", "GET /api/payments/wallets/transactions")
    _authorize(service)
    _audit_entry(service, "audit the entry")
    _audit_payment(service, "audit the top-up", created["id"], {"status": {"S": "created"}})
    service.topped_up = created["id"]
    return total(service.steps[start:])


def start_without_limits(service: MeteredService) -> Usage:
    """What adding money consumes if no limit is checked and no start is counted. The payment stays unpaid."""
    with patch("shared.payments.starts.start"):
        service.call("without limits", "POST /api/payments/wallets/add-money", {"amount": "500.00"})
    return service.steps.pop()[1]


def refund(service: MeteredService) -> Usage:
    """What refunding the last top-up to its source takes: staff's request, Razorpay's two webhooks, and the audit.

    Razorpay's answer says that the refund is pending; the second webhook says that it is processed.
    """
    start = len(service.steps)
    service.razorpay.control("refund_status", {"status": "pending"})
    asked = service.call(
        "staff's request",
        "POST /api/staff/payments/{id}/refunds",
        {"reason": "Two shirts came back stained"},
        {"Idempotency-Key": str(uuid.uuid4())},
        groups="support",
        id=service.topped_up,
    )
    assert asked["status"] == "pending", asked
    _audit_entry(service, "audit the hold")
    for step in ("audit as requested", "audit as pending"):  # the payment changed twice
        _audit_payment(service, step, service.topped_up)
    reported = next(reversed(service.razorpay.refunds.values()))
    paid = service.razorpay.payments[reported["payment_id"]]
    _webhook(service, "refund created", "refund.created", refund=reported, payment=paid)
    service.razorpay.control("refund_status", {"refund_id": reported["id"], "status": "processed"})
    _webhook(service, "refund processed", "refund.processed", refund=reported, payment=paid)
    assert _payment(service, service.topped_up).status == "refunded"
    _audit_entry(service, "audit the capture")
    _authorize(service)
    return total(service.steps[start:])


def _webhook(service: MeteredService, step: str, name: str, **entities: Any) -> Any:
    event = json.dumps({"event": name, "payload": {kind: {"entity": entity} for kind, entity in entities.items()}})
    signature = service.razorpay.sign(service.razorpay.webhook_secret, event.encode())
    return service.call(step, "POST /api/payments/webhooks/razorpay", event, {"X-Razorpay-Signature": signature})


def _authorize(service: MeteredService) -> None:
    """API Gateway caches an authorizer's result for five minutes: one invocation for all of a caller's requests."""
    authorizer = Usage(invocations=1, gb_ms=0.5 * (5 + COLD_START_SHARE * COLD_START_MS))
    service.steps.append(("authorizer", authorizer))


def _audit_entry(service: MeteredService, step: str) -> None:
    """The auditor's share in the wallet's newest entry."""
    from shared.wallets.wallet import get_wallet

    service.meter.reset(Usage())  # this read is the report's own
    _audit(service, step, "AuditWallets", {"NewImage": get_wallet(service.customer).serialize()})


def _audit_payment(
    service: MeteredService, step: str, payment_id: str, before: dict[str, dict[str, str]] | None = None
) -> None:
    """The auditor's share in a change of a payment; `before` are the attributes that were different before it."""
    after = _payment(service, payment_id).serialize()
    _audit(service, step, "AuditPayments", {"OldImage": after | (before or {}), "NewImage": after})


def _payment(service: MeteredService, payment_id: str) -> Any:
    from shared.payments.models import get_or_404

    service.meter.reset(Usage())  # this read is the report's own
    return get_or_404(service.customer, payment_id)


def _audit(service: MeteredService, step: str, function: str, images: dict[str, Any]) -> None:
    """The streams deliver changes in batches."""
    service.invoke(step, function, {"Records": [{"dynamodb": images}] * AUDIT_BATCH}, share=1 / AUDIT_BATCH)


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
