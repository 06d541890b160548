"""The end of a function's initialization, whose CPU Lambda does not cut by the function's memory.

The first request finds clients that are made, code that has run once, and connections that are open. Nothing is read
for this, and nothing asked that a role would have to allow.
"""

import gc
import os
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from shared import private_names

SNAP_START = "snap-start"
GARBAGE_MAX = 2_000  # new objects, less those freed, before the collector searches

Rehearsal = Callable[[Any], None]  # of a client's call, which is not sent

_clients: list[tuple[Callable[[], Any], Rehearsal, Rehearsal]] = []


def register(make: Callable[[], Any], rehearse: Rehearsal, rehearse_write: Rehearsal = lambda client: None) -> None:
    """Have a client made and rehearsed in functions that import the caller; `rehearse_write` where events write."""
    _clients.append((make, rehearse, rehearse_write))


def finish(rehearse_event: Callable[[], None] = lambda: None, writes: bool = False) -> None:
    """Called by every entry point once its module is imported; does nothing outside Lambda.

    `rehearse_event` runs what is common to all events, without reading or writing anything. `writes` has a write
    rehearsed, too; jobs leave it out, since nobody waits for their start.
    """
    kind = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
    if kind is None:
        return
    with suppress(Exception):  # a request that needs what cannot be prepared will say so
        rehearse(writes)
        rehearse_event()
        if kind != SNAP_START:
            connect()
    end_imports()
    if kind == SNAP_START:
        from snapshot_restore_py import register_after_restore  # Lambda's runtime has it

        register_after_restore(restore)


def end_imports() -> None:
    """Let the collector search what is made from now on, and often: it does not look at what was imported."""
    gc.freeze()
    gc.set_threshold(GARBAGE_MAX)


def restore() -> None:
    """Called in each environment that Lambda restores from the snapshot, which has no connection.

    Without new seeds all of them would pause for the same random times. Nothing else is older than its environment:
    no module keeps a time or a secret from its import.
    """
    random.seed()
    with suppress(Exception):
        connect()


def rehearse(writes: bool = False) -> None:
    for make, rehearse_call, rehearse_write in _clients:
        rehearse_call(make())
        if writes:
            rehearse_write(make())


def connect() -> None:
    for make, *_ in _clients:
        private_names.connect(make())
