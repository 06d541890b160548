"""Lambda's execution environments: worker processes that have imported every handler and run one event at a time.

Powertools keeps the request in a class attribute, so threads would mix callers. Lambda runs one request per
environment, and so does each worker. Workers are forked by the nursery, a single-threaded process, because a
process with threads cannot fork safely.
"""

import importlib
import json
import mmap
import os
import queue
import signal
import socket
import struct
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Collection, Iterator
from io import TextIOWrapper
from typing import Any

from local.aws import CannotStart, die_with_parent
from local.template import ROOT, Function

WORKERS = 6
LENGTH = struct.Struct("!I")

Idle = queue.LifoQueue[tuple[socket.socket, int]]


class TimedOut(Exception):
    """The function ran longer than its timeout; its worker was killed."""


class Crashed(Exception):
    """The function raised, or its process died."""


class Context:
    """Lambda's context object, with the attributes that the handlers read."""

    def __init__(self, function: str, timeout_s: float) -> None:
        self.function_name = function
        self.memory_limit_in_mb = 512
        self.invoked_function_arn = f"arn:aws:lambda:ap-south-1:000000000000:function:{function}"
        self.aws_request_id = str(uuid.uuid4())
        self._ends_at = time.monotonic() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        return max(int((self._ends_at - time.monotonic()) * 1_000), 0)


class Clock:
    """How far the workers' clocks run ahead of real time, in memory that all workers share."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    @property
    def ahead_s(self) -> int:
        return int(struct.unpack("q", self._memory[:8])[0])

    def forward(self, seconds: int) -> None:
        self._memory[:8] = struct.pack("q", self.ahead_s + seconds)


class Faults:
    """What is unavailable: S3 operations, in memory that all workers share, and the issuer of bearer tokens."""

    SIZE = 1_024

    def __init__(self) -> None:
        self.issuer = False
        self._memory = mmap.mmap(-1, self.SIZE)

    @property
    def s3(self) -> list[str]:
        return self._memory[:].rstrip(b"\0").decode().split()

    def set_s3(self, operations: list[str]) -> None:
        self._memory[:] = " ".join(operations).encode().ljust(self.SIZE, b"\0")


class LambdaPool:
    """Runs functions in idle workers. Create it before the process starts any thread, because it forks."""

    def __init__(
        self,
        functions: dict[str, Function],
        authorizers: Collection[str],
        environment: dict[str, str],
        clock: Clock,
        faults: Faults,
    ) -> None:
        self.functions = functions
        self._idle: Idle = queue.LifoQueue()
        # As on Lambda, no other function runs in an authorizer's process: its issuer's keys stay in its memory.
        self._idle_authorizers: dict[str, Idle] = {name: queue.LifoQueue() for name in authorizers}
        self._nursery, theirs = socket.socketpair()
        self._nursery_pid = os.fork()
        if self._nursery_pid == 0:
            self._nursery.close()
            _run_nursery(theirs, functions, environment, clock, faults)
        theirs.close()

    def ready(self) -> None:
        """Wait until every handler is imported, then start the workers."""
        message = _receive(self._nursery)
        if message != "ready":
            raise CannotStart(str(message or "The functions cannot be loaded."))
        for idle in self._idle_authorizers.values():
            idle.put(self._start_worker())
        for _ in range(WORKERS):
            self._idle.put(self._start_worker())

    def invoke(self, function: str, event: Any) -> Any:
        """The function's return value; raises Crashed or TimedOut."""
        timeout_s = self.functions[function].timeout_s
        idle = self._idle_authorizers.get(function, self._idle)
        worker, pid = idle.get()
        try:
            worker.settimeout(timeout_s)
            _send(worker, [function, event, timeout_s])
        except OSError:  # the worker died while idle and never saw the event, so another worker can run it
            self._replace_worker(idle, worker, pid)
            return self.invoke(function, event)
        try:
            response = _receive(worker)
        except TimeoutError:
            self._replace_worker(idle, worker, pid)
            raise TimedOut(f"{function} timed out after {timeout_s} s") from None
        except (OSError, ValueError):
            response = None
        if response is None:
            self._replace_worker(idle, worker, pid)
            raise Crashed(f"{function}: the process died")
        idle.put((worker, pid))
        succeeded, result = response
        if not succeeded:
            raise Crashed(result)
        return result

    def stop(self) -> None:
        try:
            os.killpg(self._nursery_pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self._nursery_pid, 0)

    def _replace_worker(self, idle: Idle, worker: socket.socket, pid: int) -> None:
        worker.close()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        idle.put(self._start_worker())

    def _start_worker(self) -> tuple[socket.socket, int]:
        ours, theirs = socket.socketpair()
        socket.send_fds(self._nursery, [b"+"], [theirs.fileno()])
        theirs.close()
        return ours, int(_receive(ours))


def _run_nursery(
    pool: socket.socket,
    functions: dict[str, Function],
    environment: dict[str, str],
    clock: Clock,
    faults: Faults,
) -> None:
    """Import the handlers, then fork a worker for each socket that the pool sends. Never returns."""
    try:
        os.setpgid(0, 0)
        die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # dead workers leave no zombies
        os.environ.update(environment)
        sys.path[:0] = [str(ROOT), str(ROOT / "functions")]
        handlers = _import_handlers(pool, functions)
        _patch_clock(clock)
        _patch_s3(faults)
        _send(pool, "ready")
        while True:
            request, fds, _, _ = socket.recv_fds(pool, 1, 1)
            if not request:
                os._exit(0)
            if os.fork() == 0:
                pool.close()
                _run_worker(socket.socket(fileno=fds[0]), handlers)
            os.close(fds[0])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _import_handlers(pool: socket.socket, functions: dict[str, Function]) -> dict[str, Callable[..., Any]]:
    handlers = {}
    for function in functions.values():
        module, _, name = function.handler.rpartition(".")
        try:
            handlers[function.id] = getattr(importlib.import_module(module), name)
        except Exception as error:
            _send(pool, f"{function.id}: {function.handler} cannot be imported: {type(error).__name__}: {error}")
            os._exit(1)
    import boto3
    import razorpay

    boto3.client("secretsmanager")  # botocore reads its data files once, before the fork
    razorpay.Client(auth=("", ""))
    return handlers


def _patch_clock(clock: Clock) -> None:
    from shared import clock as shared_clock

    real_now_us = shared_clock.now_us
    shared_clock.now_us = lambda: real_now_us() + clock.ahead_s * 1_000_000


class _Body:
    """The part of urllib3's response that botocore reads a body from."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self) -> Iterator[bytes]:
        yield self.content


def _patch_s3(faults: Faults) -> None:
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    from shared.aws import s3

    def fail(request: Any, event_name: str, **kwargs: Any) -> AWSResponse | None:
        if event_name.rpartition(".")[2] not in faults.s3:
            return None  # botocore sends the request
        content = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
        return AWSResponse(request.url, 503, HTTPHeaders(), _Body(content))

    s3.client().meta.events.register_first("before-send.s3", fail)


def _run_worker(pool: socket.socket, handlers: dict[str, Callable[..., Any]]) -> None:
    """Run one event after another until the pool closes the socket. Never returns."""
    die_with_parent()
    assert isinstance(sys.stdout, TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=True, write_through=False)  # whole lines: the workers share one log
    _send(pool, os.getpid())
    while (request := _receive(pool)) is not None:
        function, event, timeout_s = request
        try:
            result = handlers[function](event, Context(function, timeout_s))
            _send(pool, [True, json.loads(json.dumps(result))])
        except Exception as error:
            _send(pool, [False, f"{type(error).__name__}: {error}"])
        sys.stdout.flush()
    os._exit(0)


def _send(peer: socket.socket, value: Any) -> None:
    data = json.dumps(value).encode()
    peer.sendall(LENGTH.pack(len(data)) + data)


def _receive(peer: socket.socket) -> Any:
    """The next value, or None when the peer has closed."""
    head = _receive_exactly(peer, LENGTH.size)
    return json.loads(_receive_exactly(peer, LENGTH.unpack(head)[0])) if head else None


def _receive_exactly(peer: socket.socket, size_bytes: int) -> bytes:
    data = bytearray()
    while len(data) < size_bytes:
        part = peer.recv(size_bytes - len(data))
        if not part:
            return b""
        data += part
    return bytes(data)
