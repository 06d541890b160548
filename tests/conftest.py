"""The running bundle, once for all tests that go over HTTP: started as `make run` starts it, and stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import canaries
from tests.canaries import Watched

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 60


class Bundle(Watched):
    """`python -m local` as a child process, and what its ready line tells."""

    def __init__(self, state: Path, **environment: str) -> None:
        super().__init__()
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
            raise RuntimeError("the bundle does not start: " + "".join(self.lines))
        told = json.loads(self.lines[0])
        self.api: str = told["api"]
        self.razorpay: str = told["razorpay"]
        self.s3: str = told["s3"]
        self.key_id: str = told["key_id"]
        self.key_secret: str = told["key_secret"]
        self.webhook_secret: str = told["webhook_secret"]
        self.customers: list[dict[str, str]] = told["customers"]

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
        """From now on these operations of S3's fail for the functions, and all others work."""
        self._post(f"{self.api}/_local/faults", {"s3": operations})

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(5)
        assert self.process.stdout
        self.process.stdout.close()

    @staticmethod
    def _post(url: str, body: Any) -> Any:
        answer = requests.post(url, json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The bundle as `make run` starts it or, for `make stack`, what was deployed, which behaves alike."""
    state = tmp_path_factory.mktemp("bundle")
    running: Any
    if os.environ.get("STACK"):
        from tests.deployed import Deployed

        running = Deployed(state)
    else:
        running = Bundle(state)
    yield running
    try:
        running.check_canaries()
    finally:
        running.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test whose own output shows a canary fails, whatever it was about."""
    report = yield
    if report.when == "call" and report.passed:
        found = [f"{name}: {one}" for name, text in report.sections for one in canaries.found_in(text)]
        if found:
            report.outcome, report.longrepr = "failed", f"the test's output holds {found[:5]}"
    return report


@pytest.fixture(autouse=True)
def environment_restored() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
