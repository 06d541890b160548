"""The local stack as a child process, started as `make run` starts it."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import requests

from local.issuer import Issuer
from local.template import ROOT
from tests.support.canaries import ServiceUnderTest

START_TIMEOUT_S = 60


class LocalStack(ServiceUnderTest):
    """`python -m local` as a child process, with the addresses and keys of its ready line."""

    def __init__(self, state: Path, **environment: str) -> None:
        super().__init__()
        self.state = state
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            cwd=ROOT,
            env={**os.environ, "JSON": "1", "PORT": "0", "SCHEDULES": "off", "STATE": str(state), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        if not self._ready.wait(START_TIMEOUT_S) or not self.lines or not self.lines[0].startswith("{"):
            self.process.kill()
            raise RuntimeError("the local stack does not start: " + "".join(self.lines))
        ready = json.loads(self.lines[0])
        self.api: str = ready["api"]
        self.razorpay: str = ready["razorpay"]
        self.s3: str = ready["s3"]
        self.key_id: str = ready["key_id"]
        self.key_secret: str = ready["key_secret"]
        self.webhook_secret: str = ready["webhook_secret"]
        self.customers: list[dict[str, str]] = ready["customers"]
        self.staff: list[dict[str, Any]] = ready["staff"]
        self.issuer, self.staff_issuer = Issuer(state), Issuer.for_staff(state)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            self._ready.set()
        self._ready.set()

    def log_text(self) -> str:
        return "".join(self.lines[1:])

    def table_names(self, client: Any) -> dict[str, str]:
        return {name: name for name in client.list_tables()["TableNames"]}

    def new_customer(self) -> dict[str, str]:
        return dict(self._post(f"{self.api}/_local/customers", {}))

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
        self.process.wait(5)
        assert self.process.stdout
        self.process.stdout.close()

    @staticmethod
    def _post(url: str, body: Any) -> Any:
        response = requests.post(url, json=body, timeout=60)
        assert response.status_code == 200, response.text
        return response.json()
