"""Runs built functions on the runtime's Python with nothing but their layers, and counts what they load and open."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.template import ROOT

PYTHON = ROOT / ".venv-sam" / "bin" / "python"

# Stands in for the runtime's client. Sessions and clients are found among all objects.
RUNNER = """
import collections, gc, importlib, json, sys

counts = collections.Counter()

def watch(event, arguments):
    if event in ("open", "socket.connect"):
        counts[event] += 1

class Context:
    function_name = invoked_function_arn = aws_request_id = "test"
    memory_limit_in_mb = 512

    def get_remaining_time_in_millis(self):
        return 25_000

before = len(sys.modules)
sys.addaudithook(watch)
events = json.loads(sys.stdin.readline())
module, _, name = sys.argv[1].rpartition(".")
output, sys.stdout = sys.stdout, sys.stderr
handler = getattr(importlib.import_module(module), name)
answers = [handler(event, Context()) for event in events]
gc.unfreeze()
kinds = collections.Counter(
    "sessions" if kind.__name__ == "Session" else "clients"
    for kind in map(type, gc.get_objects())
    if (kind.__module__, kind.__name__) == ("botocore.session", "Session")
    or (kind.__module__ == "botocore.client" and hasattr(kind, "_make_api_call"))
)
seen = {
    "sessions": kinds["sessions"],
    "clients": kinds["clients"],
    "connections": counts["socket.connect"],
    "modules": len(sys.modules) - before,
    "files": counts["open"],
}
print(json.dumps({"answers": answers, "seen": seen}), file=output)
"""


@dataclass(frozen=True)
class Seen:
    """What one process made, imported and opened, from its start to the end of its events."""

    sessions: int
    clients: int
    connections: int
    modules: int
    files: int


def play(
    handler: str, folders: Sequence[Path], environment: Mapping[str, str], events: Sequence[Any]
) -> tuple[list[Any], Seen]:
    """The answers to the events, one after another in one fresh process, and what it took."""
    variables = {**environment, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    done = subprocess.run(
        [PYTHON, "-S", "-P", "-c", RUNNER, handler],
        env=variables,
        input=json.dumps(list(events)) + "\n",
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        raise AssertionError(f"{handler}: {done.stderr[-3_000:]}")
    result = json.loads(done.stdout)
    return result["answers"], Seen(**result["seen"])
