"""Execution environments: processes forked from one that has imported every handler, one request each at a time.

Powertools keeps the request in a class attribute, so threads would mix callers; Lambda has one request per
environment, and so has this. The nursery is a single-threaded process that forks a worker whenever one is asked
for, since forking from a process with threads is not safe.
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
from collections.abc import Callable, Iterator
from typing import Any

from local.cloud import CannotStart, die_with_parent
from local.template import ROOT, Function

WORKERS = 6
LENGTH = struct.Struct("!I")


class TimedOut(Exception):
    """The function took longer than its timeout; its environment is gone."""


class Crashed(Exception):
    """The function raised, or its process died."""


class Context:
    """What Lambda tells a handler of its invocation."""

    def __init__(self, function: str, timeout_s: float) -> None:
        self.function_name = function
        self.memory_limit_in_mb = 512
        self.invoked_function_arn = f"arn:aws:lambda:ap-south-1:000000000000:function:{function}"
        self.aws_request_id = str(uuid.uuid4())
        self._ends_at = time.monotonic() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        return max(int((self._ends_at - time.monotonic()) * 1_000), 0)


class Clock:
    """Seconds that every worker's clock runs ahead, in memory that all of them share."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    @property
    def ahead_s(self) -> int:
        return int(struct.unpack("q", self._memory[:8])[0])

    def forward(self, seconds: int) -> None:
        self._memory[:8] = struct.pack("q", self.ahead_s + seconds)


class Faults:
    """The operations of S3 that fail with 503 for now, in memory that all workers share."""

    SIZE = 1_024

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, self.SIZE)

    @property
    def s3(self) -> list[str]:
        return self._memory[:].rstrip(b"\0").decode().split()

    def set_s3(self, operations: list[str]) -> None:
        self._memory[:] = " ".join(operations).encode().ljust(self.SIZE, b"\0")


class Pool:
    """`invoke` runs a function in a free worker; start it before there are any threads."""

    def __init__(
        self, functions: dict[str, Function], environment: dict[str, str], clock: Clock, faults: Faults
    ) -> None:
        self.functions = functions
        self._idle: queue.LifoQueue[tuple[socket.socket, int]] = queue.LifoQueue()
        self._nursery, theirs = socket.socketpair()
        self._nursery_pid = os.fork()
        if self._nursery_pid == 0:
            self._nursery.close()
            _nurse(theirs, functions, environment, clock, faults)
        theirs.close()

    def ready(self) -> None:
        """Wait until every handler is imported, then raise the workers."""
        said = _receive(self._nursery)
        if said != "ready":
            raise CannotStart(str(said or "The functions cannot be loaded."))
        for _ in range(WORKERS):
            self._idle.put(self._spawn())

    def invoke(self, function: str, event: Any) -> Any:
        timeout_s = self.functions[function].timeout_s
        worker, pid = self._idle.get()
        try:
            worker.settimeout(timeout_s)
            _send(worker, [function, event, timeout_s])
        except OSError:  # it died while it was idle, and has begun nothing: another one may
            self._bury(worker, pid)
            return self.invoke(function, event)
        try:
            answer = _receive(worker)
        except TimeoutError:
            self._bury(worker, pid)
            raise TimedOut(f"{function} timed out after {timeout_s} s") from None
        except (OSError, ValueError):
            answer = None
        if answer is None:
            self._bury(worker, pid)
            raise Crashed(f"{function}: the process died")
        self._idle.put((worker, pid))
        succeeded, result = answer
        if not succeeded:
            raise Crashed(result)
        return result

    def stop(self) -> None:
        try:
            os.killpg(self._nursery_pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self._nursery_pid, 0)

    def _bury(self, worker: socket.socket, pid: int) -> None:
        worker.close()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._idle.put(self._spawn())

    def _spawn(self) -> tuple[socket.socket, int]:
        ours, theirs = socket.socketpair()
        socket.send_fds(self._nursery, [b"+"], [theirs.fileno()])
        theirs.close()
        return ours, int(_receive(ours))


def _nurse(
    front: socket.socket,
    functions: dict[str, Function],
    environment: dict[str, str],
    clock: Clock,
    faults: Faults,
) -> None:
    """The nursery's whole life; never returns."""
    try:
        os.setpgid(0, 0)
        die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # workers that die leave nothing behind
        os.environ.update(environment)
        sys.path[:0] = [str(ROOT), str(ROOT / "functions")]
        handlers = _handlers(front, functions)
        _patch_clock(clock)
        _patch_s3(faults)
        _send(front, "ready")
        while True:
            asked, fds, _, _ = socket.recv_fds(front, 1, 1)
            if not asked:
                os._exit(0)
            if os.fork() == 0:
                front.close()
                _work(socket.socket(fileno=fds[0]), handlers)
            os.close(fds[0])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _handlers(front: socket.socket, functions: dict[str, Function]) -> dict[str, Callable[..., Any]]:
    handlers = {}
    for function in functions.values():
        module, _, name = function.handler.rpartition(".")
        try:
            handlers[function.id] = getattr(importlib.import_module(module), name)
        except Exception as error:
            _send(front, f"{function.id}: {function.handler} cannot be imported: {type(error).__name__}: {error}")
            os._exit(1)
    import boto3
    import razorpay

    boto3.client("secretsmanager")  # botocore reads its data once, here, and each worker has it
    razorpay.Client(auth=("", ""))
    return handlers


def _patch_clock(clock: Clock) -> None:
    from shared import clock as shipped

    real_now_us = shipped.now_us
    shipped.now_us = lambda: real_now_us() + clock.ahead_s * 1_000_000


class _Body:
    """What botocore reads an answer from."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self) -> Iterator[bytes]:
        yield self.content


def _patch_s3(faults: Faults) -> None:
    from botocore.awsrequest import AWSResponse

    from shared import bucket

    def answer(request: Any, event_name: str, **more: Any) -> AWSResponse | None:
        if event_name.rpartition(".")[2] not in faults.s3:
            return None  # sent as it is
        content = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
        return AWSResponse(request.url, 503, {}, _Body(content))

    bucket.client().meta.events.register_first("before-send.s3", answer)


def _work(front: socket.socket, handlers: dict[str, Callable[..., Any]]) -> None:
    """A worker's whole life: one event, one answer, again."""
    die_with_parent()
    sys.stdout.reconfigure(line_buffering=True, write_through=False)  # whole lines: the workers share one log
    _send(front, os.getpid())
    while (asked := _receive(front)) is not None:
        function, event, timeout_s = asked
        try:
            answer = handlers[function](event, Context(function, timeout_s))
            _send(front, [True, json.loads(json.dumps(answer))])
        except Exception as error:
            _send(front, [False, f"{type(error).__name__}: {error}"])
        sys.stdout.flush()
    os._exit(0)


def _send(to: socket.socket, value: Any) -> None:
    data = json.dumps(value).encode()
    to.sendall(LENGTH.pack(len(data)) + data)


def _receive(of: socket.socket) -> Any:
    head = _exactly(of, LENGTH.size)
    return json.loads(_exactly(of, LENGTH.unpack(head)[0])) if head else None


def _exactly(of: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = of.recv(size - len(parts))
        if not part:
            return b""
        parts += part
    return bytes(parts)
