"""What the generated clients are run against: a Razorpay stand-in, and the whole service."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.razorpay.fake import FakeRazorpay
from local.razorpay.server import serve
from local.template import ROOT


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
    """`make run` on free ports with a state of its own; its ready line."""
    with tempfile.TemporaryDirectory() as state:
        variables = {"JSON": "1", "PORT": "0", "SCHEDULES": "off", "STATE": state}
        process = subprocess.Popen(
            [str(ROOT / ".venv" / "bin" / "python"), "-m", "local"],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout
            line = process.stdout.readline()
            if not line.startswith("{"):
                print(line, file=sys.stderr)
                raise subprocess.CalledProcessError(1, ["make run"])
            yield json.loads(line)
        finally:
            process.terminate()
            process.wait(10)
