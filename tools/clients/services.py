"""What the generated clients are run against: a Razorpay stand-in, and the whole service."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.razorpay.fake import FakeRazorpay
from local.razorpay.server import serve
from tools.child_service import ChildService


@contextmanager
def stand_in() -> Iterator[dict[str, str]]:
    """A stand-in on a free port, gone at the end; where it is and its keys, as variables of the environment."""
    fake = FakeRazorpay("rzp_test_clients", "clients_secret", "clients_webhook_secret", lambda: int(time.time()))
    fake.holding = True  # nobody listens to webhooks
    server = serve(fake)
    try:
        yield {
            "RAZORPAY_URL": server.url,
            "RAZORPAY_KEY_ID": fake.key_id,
            "RAZORPAY_KEY_SECRET": fake.key_secret,
        }
    finally:
        fake.close()
        server.shutdown()
        server.server_close()


@contextmanager
def service() -> Iterator[dict[str, Any]]:
    """`make run` on free ports, gone at the end; its ready line. RuntimeError if it does not start."""
    with tempfile.TemporaryDirectory() as state:
        child = ChildService(Path(state))
        try:
            yield child.ready
        finally:
            child.stop()
