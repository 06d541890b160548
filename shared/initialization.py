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

_clients: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []


def register(make: Callable[[], Any], rehearse: Callable[[Any], None]) -> None:
    """Have a client made, and a call of it rehearsed without sending it, in functions that import the caller."""
    _clients.append((make, rehearse))


def finish(rehearse_event: Callable[[], None] = lambda: None) -> None:
    """Called by every entry point once its module is imported; does nothing outside Lambda.

    `rehearse_event` runs what is common to all events, without reading or writing anything.
    """
    kind = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
    if kind is None:
        return
    with suppress(Exception):  # a request that needs what cannot be prepared will say so
        rehearse()
        rehearse_event()
        if kind != SNAP_START:
            connect()
    gc.freeze()
    if kind == SNAP_START:
        from snapshot_restore_py import register_after_restore  # Lambda's runtime has it

        register_after_restore(restore)


def restore() -> None:
    """Called in each environment that Lambda restores from the snapshot, which has no connection.

    Without new seeds all of them would pause for the same random times. Nothing else is older than its environment:
    no module keeps a time or a secret from its import.
    """
    random.seed()
    with suppress(Exception):
        connect()


def rehearse() -> None:
    for make, rehearse_call in _clients:
        rehearse_call(make())


def connect() -> None:
    for make, _ in _clients:
        private_names.connect(make())
