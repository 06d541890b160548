"""The test harness: the real handlers in this process, with a simulated world in place of AWS, Razorpay and time.

`harness()` installs it. Each `World` made inside then starts empty, in under a millisecond, and is the current one.
"""

import importlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from local.template import ROOT, Template
from tests.simulation import patches

if TYPE_CHECKING:
    from tests.simulation.world import World

KEY_ID, KEY_SECRET = "rzp_test_Prove", "canary-key-secret-5f0c"
WEBHOOK_SECRET, OLD_WEBHOOK_SECRET = "canary-webhook-secret-91aa", "canary-webhook-secret-old-77"
RAZORPAY_URL = "http://gateway.test"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "ap-south-1",
    "AWS_REGION": "ap-south-1",
    "AWS_ACCESS_KEY_ID": "prove",
    "AWS_SECRET_ACCESS_KEY": "prove",
    "AWS_EC2_METADATA_DISABLED": "true",
    "TOP_UP_REFUND_DAYS": "180",  # so that customers' requests reach the rules
}


class Harness:
    """What all worlds share: the handlers, the template's tables and routes, and which world is current."""

    def __init__(self) -> None:
        self.template = Template()
        self.tables = self.template.of_type("AWS::DynamoDB::Table")
        self.routes = self.template.routes
        functions = self.template.functions.values()
        self.timeouts_us = {function.id: int(function.timeout_s * 1_000_000) for function in functions}
        self.handlers: dict[str, Callable[..., Any]] = {}
        self.secrets = {
            "GatewayKey": json.dumps({"key_id": KEY_ID, "key_secret": KEY_SECRET}),
            "WebhookSecrets": json.dumps({"active": [WEBHOOK_SECRET, OLD_WEBHOOK_SECRET]}),
        }
        names = self.template.environment({})
        self.uploads, self.images = names["UPLOADS_BUCKET"], names["IMAGES_BUCKET"]
        self.world: World
        self.invocation = threading.local()  # `ends_at_us` while a handler runs

    def load_handlers(self) -> None:
        for folder in (str(ROOT), str(ROOT / "functions")):
            if folder not in sys.path:
                sys.path.insert(0, folder)
        for function in self.template.functions.values():
            module, _, name = function.handler.rpartition(".")
            self.handlers[function.id] = getattr(importlib.import_module(module), name)

    def warm(self) -> None:
        """Continue as a process that has served requests before and holds its secrets."""
        patches.cache_secrets(self.secrets)

    def cold(self) -> None:
        """Continue as a new process: the next request fetches its secrets first."""
        patches.forget_secrets()


HARNESS = Harness()


@contextmanager
def harness() -> Iterator[None]:
    """Run the handlers against the current world until the block ends."""
    before = dict(os.environ)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        os.environ.pop(name, None)
    settings = HARNESS.template.environment({"RAZORPAY_BASE_URL": RAZORPAY_URL, "RAZORPAY_KEY_ID": KEY_ID})
    os.environ.update(settings | ENVIRONMENT)
    try:
        HARNESS.load_handlers()
        with patches.patched(lambda: HARNESS.world, KEY_ID, KEY_SECRET, RAZORPAY_URL):
            HARNESS.warm()
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)
