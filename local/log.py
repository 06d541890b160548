"""What a person reads while the service runs: a line for each request, webhook delivery and background run.

The functions' own lines of JSON go to a file, or with LOGS=json to the terminal in place of these.
"""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from local.addresses import WEBHOOK_PATH
from local.metrics import Metrics

KINDS = ("schedule", "stream", "upload")  # of the functions' lines that no request causes
VALUE_LENGTH_MAX = 40
NAMES = ("level", "message", "function", "duration_ms")
IGNORED = {*NAMES, "location", "timestamp", "service", "request_id", "cold_start", "_aws", "xray_trace_id"}


class Log:
    """The lines on the terminal. `functions_fd` is where the functions write theirs; None is the terminal.

    With `is_direct` they write to the terminal themselves, so that a line is there before its response. Nothing is
    measured then.
    """

    def __init__(self, file: Path, is_raw: bool, is_direct: bool = False) -> None:
        self.file, self.is_raw, self.is_direct = file, is_raw, is_direct
        self.metrics = Metrics()
        self.is_quiet = True  # until the banner or the ready line is printed
        self._waiting: list[str] = []  # the lines before that
        self._printing = threading.Lock()
        self.functions_fd: int | None = None
        if not is_direct:
            self._reader_fd, self.functions_fd = os.pipe()

    def start(self) -> None:
        """Read the functions' lines. Call it after the pool has forked."""
        if self.functions_fd is not None:
            os.close(self.functions_fd)
            threading.Thread(target=self._read, name="log", daemon=True).start()

    def speak(self) -> None:
        """Begin to print: the banner or the ready line is there."""
        with self._printing:
            self.is_quiet = False
            for text in self._waiting:
                print(text, flush=True)
            self._waiting.clear()

    def say(self, text: str) -> None:
        """Print a line about the service itself, after the banner or the ready line."""
        with self._printing:  # print writes the end of a line apart, and another thread's text may come before it
            if self.is_quiet:
                self._waiting.append(text)
            else:
                print(text, flush=True)

    def request(self, method: str, path: str, body: bytes, status: int, ms: float, caller: str, code: str) -> None:
        """Print the line of a request that a function or API Gateway answered."""
        if self.is_raw or self.is_quiet:
            return
        what = f"{method:<6} {path}"
        if path.rstrip("/") == WEBHOOK_PATH.rstrip("/"):
            what = f"hook   {_event_of(body)}"
        words = [time.strftime("%H:%M:%S"), str(status), what, f"{ms:.0f} ms", caller, code]
        self.say("  ".join(word for word in words if word))

    def _read(self) -> None:
        with open(self._reader_fd, "rb") as lines, self.file.open("wb") as file:
            for line in lines:
                file.write(line)
                file.flush()
                self.metrics.read(line)
                self._print(line)

    def _print(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip() if self.is_raw else readable(line)
        with self._printing:
            if text and not self.is_quiet:
                print(text, flush=True)
            elif text and self.is_raw:
                self._waiting.append(text)


def readable(line: bytes) -> str:
    """The terminal's line for a function's line; empty if the request it belongs to has a line of its own."""
    try:
        fields = json.loads(line)
        level, kind = fields["level"], fields["message"]
    except (ValueError, KeyError, TypeError):
        return line.decode("utf-8", "replace").rstrip()
    if level == "INFO" and kind not in KINDS:
        return ""
    details = {name: value for name, value in fields.items() if name not in IGNORED and _is_short(value)}
    mark = "" if level == "INFO" else level.lower()
    if kind in KINDS and not mark and not details:
        return ""
    duration = f"{fields['duration_ms']:.0f} ms" if "duration_ms" in fields else ""
    values = " ".join(f"{name}={value}" for name, value in details.items())
    words = [time.strftime("%H:%M:%S"), mark, kind, fields.get("function", ""), duration, values]
    return "  ".join(word for word in words if word)


def _is_short(value: Any) -> bool:
    """Whether a value says something in a line: counts of nothing, digests and structures do not."""
    return bool(value) and not isinstance(value, dict | list) and len(str(value)) <= VALUE_LENGTH_MAX


def _event_of(body: bytes) -> str:
    """The name of a webhook's event and the id it is about."""
    try:
        sent = json.loads(body)
        name = sent["event"] if isinstance(sent["event"], str) else sent["event"]["name"]
        entity = next(iter(sent["payload"].values()))["entity"]
        return f"{name} {entity['id']}"
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration):
        return "an event that cannot be read"


def is_script() -> bool:
    """Whether a script started the service: one line of JSON instead of the banner."""
    return os.environ.get("JSON") == "1"


def is_raw() -> bool:
    """Whether the functions' own lines are wanted: by LOGS, and without it by scripts."""
    return (os.environ.get("LOGS") or ("json" if is_script() else "")) == "json"
