"""The local stack as a child process, started as `make run` starts it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from local.issuer import Issuer
from local.template import ROOT
from tests.support.canaries import ServiceUnderTest

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30  # half a second on an idle machine


class LocalStack(ServiceUnderTest):
    """`python -m local` as a child process, with the addresses and keys of its ready line.

    It writes to a file, not to a pipe: a line that a function wrote before its response is there with the response.
    """

    def __init__(self, state: Path, **environment: str) -> None:
        super().__init__()
        self.state = state
        self._output = tempfile.TemporaryFile("ab+")  # noqa: SIM115 - open until stop()
        self._output_at_stop: str | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            cwd=ROOT,
            env={**os.environ, "JSON": "1", "PORT": "0", "SCHEDULES": "off", "STATE": str(state), **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self.ready_line = self._wait_for_first_line()
        if not self.ready_line.startswith("{"):
            self.process.kill()
            self.process.wait(STOP_TIMEOUT_S)
            text = self._text()
            self._output.close()
            raise RuntimeError("the local stack does not start: " + text)
        ready = json.loads(self.ready_line)
        self.api: str = ready["api"]
        self.razorpay: str = ready["razorpay"]
        self.s3: str = ready["s3"]
        self.key_id: str = ready["key_id"]
        self.key_secret: str = ready["key_secret"]
        self.webhook_secret: str = ready["webhook_secret"]
        self.customers: list[dict[str, str]] = ready["customers"]
        self.staff: list[dict[str, Any]] = ready["staff"]
        self.issuer, self.staff_issuer = Issuer(state), Issuer.for_staff(state)

    def _wait_for_first_line(self) -> str:
        """The first line that it writes, or an empty string if it ends or takes too long."""
        ends_at_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < ends_at_s:
            has_ended = self.process.poll() is not None
            if text := self._text():
                return text.partition("\n")[0]
            if has_ended:
                break
            time.sleep(0.02)
        return ""

    def _text(self) -> str:
        """All whole lines until now."""
        if self._output_at_stop is not None:
            return self._output_at_stop
        fd = self._output.fileno()
        written = os.pread(fd, os.fstat(fd).st_size, 0)
        return written[: written.rfind(b"\n") + 1].decode()

    def log_text(self) -> str:
        """What came after the ready line."""
        return self._text().partition("\n")[2]

    def table_names(self, client: Any) -> dict[str, str]:
        return {name: name for name in client.list_tables()["TableNames"]}

    def new_customer(self, phone: str = "") -> dict[str, str]:
        """A customer; their token proves the phone number."""
        return dict(self._post(f"{self.api}/_local/customers", {"phone": phone}))

    def control(self, action: str, body: Any) -> Any:
        return self._post(f"{self.razorpay}/_control/{action}", body)

    def invoke(self, function: str, event: Any = None) -> Any:
        return self._post(f"{self.api}/_local/invoke", {"function": function, "event": event or {}})

    def clock(self, forward_s: int) -> None:
        self._post(f"{self.api}/_local/clock", {"forward_s": forward_s})

    def fail_s3(self, *operations: str) -> None:
        """From now on these S3 operations fail for the functions, and all others work."""
        self._post(f"{self.api}/_local/faults", {"s3": operations})

    def fail_issuer(self, is_unavailable: bool) -> None:
        """From now on the issuer's keys cannot be fetched, or can be again."""
        self._post(f"{self.api}/_local/faults", {"issuer": is_unavailable})

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_TIMEOUT_S)
        self._output_at_stop = self._text()
        self._output.close()

    @staticmethod
    def _post(url: str, body: Any) -> Any:
        response = requests.post(url, json=body, timeout=60)
        assert response.status_code == 200, response.text
        return response.json()
