"""Lambda's execution environments: worker processes that have imported every handler and run one event at a time.

Powertools keeps the request in a class attribute, so threads would mix callers. Lambda runs one request per
environment, and so does each worker. Workers are forked by a nursery, a single-threaded process, because a process
with threads cannot fork safely. Nurseries are forked by one process that has imported the libraries and none of our
code: after an edit a new nursery imports the new code, and the old one goes when its last request is answered.
"""

import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import Any

from local.addresses import CannotStart
from local.log import Log
from local.memory import Clock, Faults
from local.reload import RESTART, Sources, forget_bytecode
from local.template import ROOT, Function
from local.workers import receive, run_libraries, run_nursery, send

WORKERS = 6

Idle = queue.LifoQueue[tuple[socket.socket, int]]


class TimedOut(Exception):
    """The function ran longer than its timeout; its worker was killed."""


class Crashed(Exception):
    """The function raised, or its process died."""


class Generation:
    """The workers that run one state of the code."""

    def __init__(self, nursery: socket.socket, authorizers: Collection[str]) -> None:
        self._nursery = nursery
        self._idle: Idle = queue.LifoQueue()
        # As on Lambda, no other function runs in an authorizer's process: its issuer's keys stay in its memory.
        self._idle_authorizers: dict[str, Idle] = {name: queue.LifoQueue() for name in authorizers}
        self._starting = threading.Lock()
        self.requests = 0  # in workers or waiting for one

    def start(self) -> str:
        """Wait until every handler is imported, then start the workers. Return the reason of a failure, or ""."""
        message = receive(self._nursery)
        if message != "ready":
            return str(message or "The functions cannot be loaded.")
        for idle in self._idle_authorizers.values():
            idle.put(self._start_worker())
        for _ in range(WORKERS):
            self._idle.put(self._start_worker())
        return ""

    def run(self, function: str, event: Any, timeout_s: float) -> Any:
        """The function's return value; raises Crashed or TimedOut."""
        idle = self._idle_authorizers.get(function, self._idle)
        worker, pid = idle.get()
        try:
            worker.settimeout(timeout_s)
            send(worker, [function, event, timeout_s])
        except OSError:  # the worker died while idle and never saw the event, so another worker can run it
            self._replace_worker(idle, worker, pid)
            return self.run(function, event, timeout_s)
        try:
            response = receive(worker)
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

    def close(self) -> None:
        """End the workers and their nursery. No request may be running."""
        for idle in (self._idle, *self._idle_authorizers.values()):
            while not idle.empty():
                idle.get()[0].close()
        self._nursery.close()

    def _replace_worker(self, idle: Idle, worker: socket.socket, pid: int) -> None:
        worker.close()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        idle.put(self._start_worker())

    def _start_worker(self) -> tuple[socket.socket, int]:
        ours, theirs = socket.socketpair()
        with self._starting:
            socket.send_fds(self._nursery, [b"+"], [theirs.fileno()])
        theirs.close()
        return ours, int(receive(ours))


class LambdaPool:
    """Runs functions in idle workers. Create it before the process starts any thread, because it forks."""

    def __init__(
        self,
        functions: dict[str, Function],
        authorizers: Collection[str],
        environment: dict[str, str],
        clock: Clock,
        faults: Faults,
        log: Log,
    ) -> None:
        self.functions, self._authorizers, self._log = functions, authorizers, log
        self._sources = Sources()
        self._changing = threading.Lock()
        self._libraries, theirs = socket.socketpair()
        self._libraries_pid = os.fork()
        if self._libraries_pid == 0:
            self._libraries.close()
            nursery = partial(run_nursery, functions, environment, clock, faults)
            run_libraries(theirs, nursery, log.functions_fd)
        with suppress(OSError):  # it has ended. It does the same itself, but `stop` may come before it runs.
            os.setpgid(self._libraries_pid, self._libraries_pid)
        theirs.close()
        self._generation = self._new_generation()

    def ready(self) -> None:
        """Wait until every handler is imported, then start the workers."""
        problem = self._generation.start()
        if problem:
            raise CannotStart(problem)

    def invoke(self, function: str, event: Any) -> Any:
        """The function's return value, by the code as it is now; raises Crashed or TimedOut."""
        with self._changing:
            self._reload_if_edited()
            generation = self._generation
            generation.requests += 1
        started, metrics = time.monotonic(), self._log.metrics
        try:
            return generation.run(function, event, self.functions[function].timeout_s)
        except (Crashed, TimedOut):
            metrics.note(f"AWS/Lambda/Errors/{function}")
            raise
        finally:
            metrics.note(f"AWS/Lambda/Invocations/{function}")
            metrics.note(f"AWS/Lambda/Duration/{function}", (time.monotonic() - started) * 1_000)
            with self._changing:
                generation.requests -= 1
                if generation is not self._generation and not generation.requests:
                    generation.close()

    def stop(self) -> None:
        try:
            os.killpg(self._libraries_pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self._libraries_pid, 0)

    def _reload_if_edited(self) -> None:
        """Let new workers import edited code. Code that cannot be imported leaves the workers as they are."""
        names = self._sources.edited()
        if not names:
            return
        started, edited = time.monotonic(), ", ".join(names)
        if restart := [name for name in names if name in RESTART]:
            self._log.say(f"{', '.join(restart)} changed: restart make run to use it")
            if restart == names:
                return
        forget_bytecode(ROOT, names)
        generation = self._new_generation()
        if problem := generation.start():
            generation.close()
            self._log.say(f"{edited} changed, but the code before it still runs. {problem}")
            return
        if not self._generation.requests:
            self._generation.close()
        self._generation = generation
        self._log.say(f"{edited} changed: reloaded in {time.monotonic() - started:.1f} s")

    def _new_generation(self) -> Generation:
        ours, theirs = socket.socketpair()
        socket.send_fds(self._libraries, [b"+"], [theirs.fileno()])
        theirs.close()
        return Generation(ours, self._authorizers)
