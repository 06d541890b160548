"""The end of a function's initialization, whose CPU Lambda does not cut by the function's memory.

The first request finds clients that are made, code that has run once, and connections that are open. Nothing is read
for this, and nothing asked that a role would have to allow.
"""

import gc
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from shared import private_names

_clients: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []


def register(make: Callable[[], Any], rehearse: Callable[[Any], None]) -> None:
    """Have a client made, and a call of it rehearsed without sending it, in functions that import the caller."""
    _clients.append((make, rehearse))


def finish() -> None:
    """Called by every entry point once its module is imported; does nothing outside Lambda."""
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
        with suppress(Exception):  # a request that needs what cannot be prepared will say so
            rehearse()
            connect()
        gc.freeze()


def rehearse() -> None:
    for make, rehearse_call in _clients:
        rehearse_call(make())


def connect() -> None:
    for make, _ in _clients:
        private_names.connect(make())
