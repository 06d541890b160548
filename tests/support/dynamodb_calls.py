"""The calls that our code makes to DynamoDB, whichever engine answers them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pynamodb.connection import Connection

READS = ("GetItem", "BatchGetItem", "Query")


@dataclass(frozen=True)
class Call:
    operation: str
    sent: dict[str, Any]

    @property
    def is_read(self) -> bool:
        return self.operation in READS


@contextmanager
def recorded_calls() -> Iterator[list[Call]]:
    """Records every call to DynamoDB, in order."""
    calls: list[Call] = []
    send = Connection._make_api_call

    def record(self: Connection, operation: str, sent: dict[str, Any], *more: Any) -> Any:
        calls.append(Call(operation, sent))
        return send(self, operation, sent, *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "_make_api_call", record)
        yield calls
