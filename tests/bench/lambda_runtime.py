"""A function as Lambda runs it: a fresh process of the real runtime client, fed through a stand-in for its API.

The stand-in reads the process's CPU time, of all its threads, whenever it asks for its next event: until the first
time that is the initialization, and then one call after another.
"""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

from local.template import ROOT

PYTHON = ROOT / ".venv-lambda" / "bin" / "python"
LIMIT_S = 180


@dataclass(frozen=True)
class Deployed:
    """What Lambda gets: a handler, the folder of its code, and folders of its layers' modules."""

    handler: str
    folder: Path
    layers: Sequence[Path]


@dataclass(frozen=True)
class Sample:
    """CPU milliseconds of one process: of its initialization, or of its restore from a snapshot, and of each call.

    Its peak memory is in MB (2^20 bytes).
    """

    init_ms: float
    calls_ms: list[float]
    peak_mb: float
    answers: list[Any]
    log: str


@dataclass(frozen=True)
class Function:
    """A deployed function, its environment, and the events that its process gets one after another."""

    deployed: Deployed
    environment: Mapping[str, str]
    events: Sequence[Any]


class _Api(ThreadingHTTPServer):
    """The runtime API of one process. It hands out an event when it is its turn."""

    daemon_threads = True

    def __init__(self, events: Sequence[Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.events = list(events)
        self.turn, self.following = threading.Semaphore(0), self
        self.cpu_ns: list[int] = []
        self.answers: list[Any] = []
        self.failure = ""
        self.restored_ns = 0
        self.finished, self.closing = threading.Event(), threading.Event()
        self.process: subprocess.Popen[bytes]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong with a connection, unless its process was ended."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536
    server: _Api

    def do_GET(self) -> None:
        api = self.server
        if self.path.endswith("/restore/next"):  # the initialization is over, and was kept in a snapshot
            api.restored_ns = cpu_ns(api.process.pid)
            self._respond(200, b"{}", {})
            return
        api.cpu_ns.append(cpu_ns(api.process.pid))
        if len(api.cpu_ns) > 1:
            api.following.turn.release()
        if len(api.cpu_ns) > len(api.events):
            api.finished.set()
            api.closing.wait(LIMIT_S)
            return
        api.turn.acquire()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": f"00000000-0000-4000-8000-{len(api.cpu_ns):012d}",
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1_000) + 25_000),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:ap-south-1:000000000000:function:bench",
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0",
        }
        self._respond(200, json.dumps(api.events[len(api.cpu_ns) - 1]).encode(), headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/error"):
            self.server.failure = body.decode(errors="replace")[:2_000]
            self.server.finished.set()
        else:
            self.server.answers.append(json.loads(body))
        self._respond(202, b"{}", {})

    def _respond(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *args: Any) -> None:
        """Write no access log."""


def run_in_turns(functions: Sequence[Function]) -> list[Sample]:
    """Send the events to a fresh process of each function. RuntimeError if one cannot be answered.

    The processes take turns after each event, so that all of them meet the same machine.
    """
    apis = [_Api(function.events) for function in functions]
    for api, following in zip(apis, [*apis[1:], apis[0]], strict=True):
        api.following = following
        threading.Thread(target=api.serve_forever, args=(0.05,), daemon=True).start()
    apis[0].turn.release()
    with ExitStack() as ends:
        for function, api in zip(functions, apis, strict=True):
            log = ends.enter_context(open(_log_of(function.deployed), "wb"))
            api.process = _start(function, api, log)
            ends.callback(_end, api)
        return [_sample(function.deployed, api) for function, api in zip(functions, apis, strict=True)]


def _start(function: Function, api: _Api, log: IO[bytes]) -> subprocess.Popen[bytes]:
    deployed = function.deployed
    variables = {
        **function.environment,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_address[1]}",
        "LAMBDA_TASK_ROOT": str(deployed.folder),
        "PYTHONPATH": os.pathsep.join(map(str, deployed.layers)),
        "_HANDLER": deployed.handler,
    }
    command = [str(PYTHON), "-m", "awslambdaric", deployed.handler]
    return subprocess.Popen(command, cwd=deployed.folder, env=variables, stdout=log, stderr=subprocess.STDOUT)


def _sample(deployed: Deployed, api: _Api) -> Sample:
    finished = api.finished.wait(LIMIT_S)
    text = _log_of(deployed).read_text(errors="replace")[-2_000:]
    if not finished or api.failure:
        raise RuntimeError(f"{deployed.handler}: {api.failure or 'no answer'}\n{text}")
    calls_ms = [(after - before) / 1e6 for before, after in itertools.pairwise(api.cpu_ns)]
    init_ms = (api.cpu_ns[0] - api.restored_ns) / 1e6
    return Sample(init_ms, calls_ms, _peak_mb(api.process.pid), api.answers, text)


def _end(api: _Api) -> None:
    api.closing.set()
    api.process.kill()
    api.process.wait()
    api.shutdown()
    api.server_close()


def _log_of(deployed: Deployed) -> Path:
    return deployed.folder.parent / f"{deployed.handler}.log"


def cpu_ns(pid: int) -> int:
    """User and system time of another process, of all its threads: Linux' clock of a process."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
