"""Sizes requests to DynamoDB by AWS's rules."""

import math
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from pynamodb.connection.base import Connection

from local.template import Template
from tools.cost.prices import Usage

READ_BLOCK_BYTES, WRITE_BLOCK_BYTES = 4_096, 1_024


class Meter:
    """Adds what pynamodb's requests consume to `usage`. The indexes are the template's."""

    def __init__(self, template: Template, client: Any) -> None:
        self.tables = template.of_type("AWS::DynamoDB::Table")
        self.client = client
        self.reset(Usage())

    def reset(self, usage: Usage) -> None:
        self.usage, self.calls = usage, 0

    def __enter__(self) -> "Meter":
        send = Connection._make_api_call

        def metered(connection: Connection, operation: str, request: dict[str, Any]) -> Any:
            return self.call(operation, request, lambda: send(connection, operation, request))

        self._patch = patch.object(Connection, "_make_api_call", metered)
        self._patch.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._patch.stop()

    def call(self, operation: str, request: dict[str, Any], send: Callable[[], Any]) -> Any:
        self.calls += 1
        if operation in ("GetItem", "Query", "BatchGetItem"):
            response = send()
            self.usage.read_units += read_units(request, response)
            return response
        writes = [next(iter(action.values())) for action in request.get("TransactItems", [])] or [request]
        factor = 2 if "TransactItems" in request else 1
        places = [(write["TableName"], self._key(write)) for write in writes]
        before = [self._item(*place) for place in places]
        response = send()
        for (table, key), old in zip(places, before, strict=True):
            new = self._item(table, key)
            self.usage.write_units += factor * blocks(max(item_bytes(old), item_bytes(new), 1))
            self.usage.write_units += sum(index_write_units(index, old, new) for index in self._indexes(table))
        return response

    def _key(self, write: dict[str, Any]) -> dict[str, Any]:
        names = [key["AttributeName"] for key in self.tables[write["TableName"]]["KeySchema"]]
        return {name: (write.get("Key") or write["Item"])[name] for name in names}

    def _item(self, table: str, key: dict[str, Any]) -> dict[str, Any]:
        return dict(self.client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {}))

    def _indexes(self, table: str) -> list[dict[str, Any]]:
        schema = self.tables[table]["KeySchema"]
        kinds = ("LocalSecondaryIndexes", "GlobalSecondaryIndexes")
        return [{"schema": schema, **index} for kind in kinds for index in self.tables[table].get(kind, [])]


def read_units(request: dict[str, Any], response: dict[str, Any]) -> float:
    """Read capacity units. A query pays for the bytes of all its items together, a batch for each item.

    A key of a batch without an item costs as much as the smallest item.
    """
    if "RequestItems" in request:
        ((table, batch),) = request["RequestItems"].items()
        found = response["Responses"][table]
        missing_count = len(batch["Keys"]) - len(found)
        return sum(read_units(batch, {"Items": [item]}) for item in found) + missing_count * read_units(batch, {})
    items = response.get("Items", [response["Item"]] if "Item" in response else [])
    count = max(math.ceil(sum(item_bytes(item) for item in items) / READ_BLOCK_BYTES), 1)
    return count * (1 if request.get("ConsistentRead") else 0.5)


def blocks(size_bytes: int) -> int:
    return math.ceil(size_bytes / WRITE_BLOCK_BYTES)


def index_write_units(index: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> int:
    """What a change of the item writes to an index: nothing if no projected attribute has changed."""
    keys = [key["AttributeName"] for key in index["KeySchema"]]
    projected = {*keys, *(key["AttributeName"] for key in index["schema"])}
    projected |= set(index["Projection"].get("NonKeyAttributes", ()))

    def projection(item: dict[str, Any]) -> dict[str, Any]:
        if not all(name in item for name in keys):
            return {}
        if index["Projection"]["ProjectionType"] == "ALL":
            return item
        return {name: value for name, value in item.items() if name in projected}

    before, after = projection(old), projection(new)
    if before == after:
        return 0
    if before and after and any(before[name] != after[name] for name in keys):  # a delete and a put
        return blocks(item_bytes(before)) + blocks(item_bytes(after))
    return blocks(max(item_bytes(before), item_bytes(after)))


def item_bytes(item: dict[str, Any]) -> int:
    """The size of an item as DynamoDB counts it: attribute names, and values by type."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case "N":
            return math.ceil(len(content.strip("-0.") or "0") / 2) + 1
        case "M":
            return 3 + sum(len(name.encode()) + _value_bytes(member) + 1 for name, member in content.items())
        case "L":
            return 3 + sum(_value_bytes(member) + 1 for member in content)
    return 1  # NULL and BOOL
