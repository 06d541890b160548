"""`make run` as a child process of a tool or a test: on free ports, with a state of its own."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.template import ROOT

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30  # half a second on an idle machine
# What a developer may have exported for `make run`. It would change the child, or let it pay at Razorpay.
DROPPED = (
    *("HOST", "BIND_HOST", "PORT", "RAZORPAY_PORT", "AWS_PORT", "WEB_ORIGIN"),
    *("RAZORPAY_KEY_ID", "RAZORPAY_KEY_SECRET", "RAZORPAY_BASE_URL"),
    *("JSON", "LOGS", "SCHEDULES", "SEEDS", "STATE"),
)


def environment_of(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: this process's own without DROPPED, and these variables."""
    return {name: value for name, value in os.environ.items() if name not in DROPPED} | dict(variables)


def end(process: "subprocess.Popen[Any]") -> bool:
    """Ask a process to end, and kill it if it has not after STOP_TIMEOUT_S. Returns whether it ended by itself."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


class ChildService:
    """A running service; `ready` has what its ready line says. RuntimeError, with its output, if it does not start.

    It writes to a file, not to a pipe: nobody has to read it, and a line that a function wrote before its response is
    there with the response.
    """

    def __init__(self, state: Path, **environment: str) -> None:
        self._output = tempfile.TemporaryFile("ab+")  # noqa: SIM115 - open until stop()
        self._output_at_stop: str | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            cwd=ROOT,
            env=environment_of({"JSON": "1", "PORT": "0", "SCHEDULES": "off", "STATE": str(state)} | environment),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self.ready_line = self._wait_for_first_line()
        if not self.ready_line.startswith("{"):
            self.stop()
            raise RuntimeError("the local stack does not start: " + self.text())
        self.ready: dict[str, Any] = json.loads(self.ready_line)

    def _wait_for_first_line(self) -> str:
        """The first line that it writes, or an empty string if it ends or takes too long."""
        ends_at_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < ends_at_s:
            has_ended = self.process.poll() is not None
            if text := self.text():
                return text.partition("\n")[0]
            if has_ended:
                break
            time.sleep(0.02)
        return ""

    def text(self) -> str:
        """All whole lines that it wrote until now."""
        if self._output_at_stop is not None:
            return self._output_at_stop
        fd = self._output.fileno()
        written = os.pread(fd, os.fstat(fd).st_size, 0)
        return written[: written.rfind(b"\n") + 1].decode()

    def stop(self) -> None:
        """Raises RuntimeError, with what it wrote, if it had to be killed."""
        has_ended = end(self.process)
        self._output_at_stop = self.text()
        self._output.close()
        if not has_ended:
            raise RuntimeError("the local stack does not stop: " + self._output_at_stop)
