"""The processes of the pool: one that imports libraries, nurseries that import our code, workers that run events."""

import importlib
import json
import os
import signal
import socket
import struct
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from typing import Any

from local.aws import die_with_parent
from local.memory import Clock, Faults
from local.template import ROOT, Function

# What our code imports from others; importing it takes most of the start.
LIBRARIES = ("aws_lambda_powertools.event_handler", "boto3", "jwt", "PIL.Image", "pynamodb.models", "razorpay")
LENGTH = struct.Struct("!I")
THROTTLED = json.dumps(
    {
        "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "message": "The level of configured provisioned throughput for the table was exceeded.",
    }
).encode()


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


def run_libraries(pool: socket.socket, nursery: Callable[[socket.socket], None], log_fd: int | None) -> None:
    """Import the libraries, then fork a nursery for each socket that the pool sends. Never returns.

    The functions write their lines to `log_fd`, or to standard output.
    """
    try:
        os.setpgid(0, 0)
        die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # dead children leave no zombies
        if log_fd is not None:
            os.dup2(log_fd, sys.stdout.fileno())
        for name in LIBRARIES:
            importlib.import_module(name)
        import boto3
        import razorpay

        boto3.client("secretsmanager")  # botocore reads its data files once, before the fork
        razorpay.Client(auth=("", ""))
        _fork_for_each_socket(pool, nursery)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _fork_for_each_socket(parent: socket.socket, run: Callable[[socket.socket], None]) -> None:
    """Run the function in a new process for each socket that the parent sends, until the parent closes its own."""
    while True:
        request, fds, _, _ = socket.recv_fds(parent, 1, 1)
        if not request:
            os._exit(0)
        if os.fork() == 0:
            parent.close()
            run(socket.socket(fileno=fds[0]))
        os.close(fds[0])


def run_nursery(
    functions: dict[str, Function],
    environment: dict[str, str],
    clock: Clock,
    faults: Faults,
    pool: socket.socket,
) -> None:
    """Import the handlers, then fork a worker for each socket that the pool sends. Never returns."""
    try:
        die_with_parent()
        os.environ.update(environment)
        sys.path[:0] = [str(ROOT), str(ROOT / "functions")]
        handlers = _import_handlers(pool, functions)
        _patch_clock(clock)
        _patch_s3(faults)
        _patch_dynamodb(faults)
        _prepare_for_workers()
        send(pool, "ready")
        _fork_for_each_socket(pool, lambda worker: _run_worker(worker, handlers))
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
            reason = f"{type(error).__name__}: {error}"
            send(pool, f"{function.id}: {function.handler} cannot be imported: {reason}")
            os._exit(1)
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


def _patch_dynamodb(faults: Faults) -> None:
    """Answer a call to a throttled table as DynamoDB does, in place of the call."""
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    from shared.aws import dynamodb_client

    def throttle(request: Any, **kwargs: Any) -> AWSResponse | None:
        tables = faults.tables
        if not any(f'"{name}"'.encode() in request.body for name in tables):
            return None  # botocore sends the request
        return AWSResponse(request.url, 400, HTTPHeaders(), _Body(THROTTLED))

    client = dynamodb_client.client()
    client.meta.events.register_first("before-send.dynamodb", throttle)


def _prepare_for_workers() -> None:
    """Make clients once, before the fork: workers then share the memory of what botocore read."""
    from shared import initialization
    from shared.aws import secrets

    initialization.rehearse()
    secrets.client()
    initialization.end_imports()  # a search of imported objects in a worker would copy their pages


def _run_worker(pool: socket.socket, handlers: dict[str, Callable[..., Any]]) -> None:
    """Run one event after another until the pool closes the socket. Never returns."""
    die_with_parent()
    assert isinstance(sys.stdout, TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=True, write_through=False)  # whole lines: the workers share one log
    send(pool, os.getpid())
    while (request := receive(pool)) is not None:
        function, event, timeout_s = request
        try:
            result = handlers[function](event, Context(function, timeout_s))
            send(pool, [True, json.loads(json.dumps(result))])
        except Exception as error:
            send(pool, [False, f"{type(error).__name__}: {error}"])
        sys.stdout.flush()
    os._exit(0)


def send(peer: socket.socket, value: Any) -> None:
    data = json.dumps(value).encode()
    peer.sendall(LENGTH.pack(len(data)) + data)


def receive(peer: socket.socket) -> Any:
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
