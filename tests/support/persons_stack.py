"""`make run` as a person starts it: with the banner, and readable lines in the place of JSON."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import requests

from local.template import ROOT
from tools.child_service import START_TIMEOUT_S, end, environment_of

EVENTUALLY_S = 15

Found = TypeVar("Found")


def eventually(find: Callable[[], Found]) -> Found:
    """What `find` returns as soon as that is not empty, or its last result."""
    deadline = time.monotonic() + EVENTUALLY_S
    while not (found := find()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


class PersonsStack:
    """`python -m local` as a child process, and what it printed."""

    def __init__(self, state: Path, root: Path = ROOT, **environment: str) -> None:
        self.state = state
        variables = {"PYTHONPATH": str(root), "SCHEDULES": "off", "STATE": str(state)} | environment
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            cwd=root,
            env=environment_of(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.commands[4:] and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if not self.commands[4:]:
            self.stop()
            raise RuntimeError("the local stack does not start: " + self.text())
        self.banner = self.lines[: self.lines.index(self.commands[-1]) + 1]
        (self.api,) = re.findall(r"API +(http://\S+)/api ", self.text())

    @property
    def commands(self) -> list[str]:
        """The commands to paste, which end the banner."""
        start = next(
            (place for place, line in enumerate(self.lines) if line.startswith("  source ")), len(self.lines)
        )
        return self.lines[start : start + 5]

    def token(self, name: str) -> str:
        (token,) = re.findall(rf"^export {name}=(\S+)$", (self.state / "env").read_text(), re.MULTILINE)
        return str(token)

    def get(self, name: str, path: str) -> Any:
        """What the API answers to the person of this name."""
        headers = {"Authorization": f"Bearer {self.token(name)}"}
        response = requests.get(self.api + path, headers=headers, timeout=30)
        assert response.status_code == 200, response.text
        return response.json()

    def text(self) -> str:
        return "\n".join(self.lines)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def stop(self) -> None:
        """Raises RuntimeError, with what it printed, if it had to be killed."""
        has_ended = end(self.process)
        self._reader.join(5)
        assert self.process.stdout
        self.process.stdout.close()
        if not has_ended:
            raise RuntimeError("the local stack does not stop: " + self.text())
