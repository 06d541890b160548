"""DynamoDB in memory, for searches that need a hundred thousand new tables and control over the order of calls.

It supports what `shared/aws/dynamodb.py` uses: conditions, transactions with their cancellation reasons, request
tokens, numbers and errors. `test_dynamodb_fake.py` compares it with ministack. Each call is atomic; the scheduler
decides what happens between two calls. Items never change in place, and a journal records what each write replaced,
so a read can return the state of some writes ago, as an index or an eventually consistent read may.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.dynamodb_expressions import Scope, apply_update, holds, sort_value
from tests.fakes.dynamodb_parser import parse_condition, parse_update
from tests.fakes.dynamodb_values import Inapplicable, Invalid, Item, normalize

Key = tuple[str, str]
ACTIONS_MAX = 100
ITEM_BYTES_MAX = 400 * 1024
TOKEN_LIFE_US = 600 * 1_000_000


class RequestError(Exception):
    """An error response of DynamoDB: its code, its message and its further fields."""

    def __init__(self, code: str, message: str = "", **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.body = {"message": message, **more}


@dataclass
class Table:
    """Items by partition and sort key, with the table's indexes."""

    name: str
    keys: tuple[str, ...]
    types: Mapping[str, str]
    indexes: Mapping[str, tuple[tuple[str, ...], bool]] = field(default_factory=dict)  # by name: keys, is local
    projections: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of indexes without all: beside keys
    partitions: dict[str, dict[str, Item]] = field(default_factory=dict)

    def key_of(self, item: Item) -> Key:
        texts = [self._key_text(item, name) for name in self.keys]
        return texts[0], texts[1] if len(texts) > 1 else ""

    def _key_text(self, item: Item, name: str) -> str:
        value = item.get(name)
        kind = self.types[name]
        if value is None:
            raise Invalid(f"One or more parameter values were invalid: Missing the key {name} in the item")
        if kind not in value:
            raise Invalid(f"One or more parameter values were invalid: Type mismatch for key {name}")
        if value[kind] == "":
            raise Invalid(f"One or more parameter values are not valid. Key {name} is an empty string value")
        return str(value[kind])

    def get(self, key: Key) -> Item | None:
        return self.partitions.get(key[0], {}).get(key[1])

    @property
    def items(self) -> list[Item]:
        return [item for partition in self.partitions.values() for item in partition.values()]


class FakeDynamoDB:
    """The template's tables; `call` is one request."""

    def __init__(self, tables: Mapping[str, Mapping[str, Any]], now_us: Callable[[], int]) -> None:
        self.now_us = now_us
        self.tables = {name: _table(name, properties) for name, properties in tables.items()}
        self.journal: list[tuple[str, Key, Item | None, Item | None]] = []
        self.tokens: dict[str, tuple[str, int]] = {}

    def call(self, operation: str, sent: dict[str, Any], writes_behind: int = 0) -> dict[str, Any]:
        """The response to one request; a read without consistency is `writes_behind` writes old."""
        handler = getattr(self, f"_{operation}", None)
        if handler is None:
            raise NotImplementedError(f"the operation {operation}")
        try:
            if operation == "BatchGetItem":
                return self._BatchGetItem(sent, writes_behind)
            if operation in ("GetItem", "Query"):
                return dict(handler(sent, 0 if sent.get("ConsistentRead") else writes_behind))
            return dict(handler(sent))
        except Invalid as error:
            raise RequestError("ValidationException", str(error)) from None

    def rows_of(self, operation: str, sent: Mapping[str, Any]) -> frozenset[str]:
        """What a request reads or writes: rows as `table/partition/sort`, partitions, whole tables for indexes."""
        match operation:
            case "BatchGetItem":
                keys = [(name, key) for name, wanted in sent["RequestItems"].items() for key in wanted["Keys"]]
                return frozenset(_place(name, *self._key(self.tables[name], key)) for name, key in keys)
            case "TransactWriteItems":
                actions = [next(iter(item.items())) for item in sent["TransactItems"]]
                return frozenset(_place(action["TableName"], *self._key_of(kind, action)) for kind, action in actions)
            case "Query":
                table, node = self._table(sent), parse_condition(sent["KeyConditionExpression"])
                index = sent.get("IndexName")
                if index and not table.indexes[index][1]:
                    return frozenset([_place(table.name)])
                return frozenset([_place(table.name, _queried_partition(node, self._scope(sent), table.keys[0]), "")])
        return frozenset([_place(sent["TableName"], *self._key_of(operation.removesuffix("Item"), sent))])

    # --- reads

    def _GetItem(self, sent: dict[str, Any], writes_behind: int) -> dict[str, Any]:  # noqa: N802
        table = self._table(sent)
        key = self._key(table, sent["Key"])
        item = self._as_of(table, writes_behind).get(key[0], {}).get(key[1])
        return {"Item": item} if item is not None else {}

    def _BatchGetItem(self, sent: dict[str, Any], writes_behind: int) -> dict[str, Any]:  # noqa: N802
        """Each key separately, in another order; ValidationException for more than 100 keys or a repeated key."""
        responses: dict[str, list[Item]] = {}
        for name, wanted in sent["RequestItems"].items():
            keys = [json.dumps(key, sort_keys=True) for key in wanted["Keys"]]
            if len(keys) > 100 or len(set(keys)) < len(keys):
                raise Invalid("Too many items requested, or one of them twice")
            behind = 0 if wanted.get("ConsistentRead") else writes_behind
            found = [self._GetItem({"TableName": name, "Key": json.loads(key)}, behind) for key in sorted(keys)]
            responses[name] = [response["Item"] for response in found if response]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def _Query(self, sent: dict[str, Any], writes_behind: int) -> dict[str, Any]:  # noqa: N802
        table = self._table(sent)
        index = sent.get("IndexName")
        keys, is_local = table.indexes[index] if index else (table.keys, True)
        if not is_local and sent.get("ConsistentRead"):
            raise Invalid("Consistent reads are not supported on global secondary indexes")
        if sent.get("FilterExpression") or sent.get("ProjectionExpression"):
            raise NotImplementedError("a filter or projection")
        scope = self._scope(sent)
        node = parse_condition(sent["KeyConditionExpression"])
        scope.touch(node)
        scope.check_all_used()
        partition = _queried_partition(node, scope, keys[0])
        partitions = self._as_of(table, writes_behind)
        rows = partitions.get(partition, {}).values() if keys[0] == table.keys[0] else _flat(partitions)
        found = [item for item in rows if all(name in item for name in keys) and holds(node, item, scope)]
        places = [*keys[1:], *table.keys]
        found.sort(key=lambda item: [sort_value(item[name]) for name in places])
        if sent.get("ScanIndexForward") is False:
            found.reverse()
        return self._page(table, index, keys, found, sent)

    def _page(
        self, table: Table, index: str | None, keys: tuple[str, ...], found: list[Item], sent: dict[str, Any]
    ) -> dict[str, Any]:
        names = tuple(dict.fromkeys((*keys, *table.keys)))
        start, limit = sent.get("ExclusiveStartKey"), sent.get("Limit")
        if start:
            start = {name: normalize(value) for name, value in start.items()}
            places = [place for place, item in enumerate(found) if all(item[name] == start[name] for name in names)]
            if not places:
                raise NotImplementedError("a page that starts at an item that is gone")
            found = found[places[0] + 1 :]
        page = found[:limit] if limit else found
        items = page
        if index is not None and index in table.projections:
            projected = (*names, *table.projections[index])
            items = [{name: item[name] for name in projected if name in item} for item in page]
        response: dict[str, Any] = {"Items": items, "Count": len(page), "ScannedCount": len(page)}
        if limit and len(found) >= limit and page:  # even if nothing follows, as in DynamoDB
            response["LastEvaluatedKey"] = {name: page[-1][name] for name in names}
        return response

    def _as_of(self, table: Table, writes_behind: int) -> dict[str, dict[str, Item]]:
        """The partitions as they were some writes ago."""
        if not writes_behind:
            return table.partitions
        partitions = {name: dict(rows) for name, rows in table.partitions.items()}
        for name, key, before, _ in reversed(self.journal[-writes_behind:]):
            if name == table.name:
                rows = partitions.setdefault(key[0], {})
                if before is None:
                    rows.pop(key[1], None)
                else:
                    rows[key[1]] = before
        return partitions

    # --- writes

    def _PutItem(self, sent: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._single("Put", sent)

    def _UpdateItem(self, sent: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._single("Update", sent)

    def _DeleteItem(self, sent: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._single("Delete", sent)

    def _single(self, kind: str, sent: dict[str, Any]) -> dict[str, Any]:
        table, key, before, after, blocked = self._plan(kind, sent)
        if blocked:
            returned = sent.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and before
            raise RequestError("ConditionalCheckFailedException", "The conditional request failed", **_item(returned))
        self._write(table, key, after)
        match sent.get("ReturnValues", "NONE"):
            case "NONE":
                return {}
            case "ALL_NEW":
                return {"Attributes": after}
            case "ALL_OLD":
                return {"Attributes": before} if before else {}
        raise NotImplementedError(f"return values {sent['ReturnValues']}")

    def _TransactWriteItems(self, sent: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        token, body = sent.get("ClientRequestToken"), json.dumps(sent["TransactItems"], sort_keys=True)
        if token and token in self.tokens:
            first, done_at_us = self.tokens[token]
            if self.now_us() - done_at_us < TOKEN_LIFE_US:
                if first != body:
                    raise RequestError("IdempotentParameterMismatchException", "Different parameters")
                return {}
        actions = [next(iter(item.items())) for item in sent["TransactItems"]]
        if not 0 < len(actions) <= ACTIONS_MAX:
            raise Invalid("Member must have length less than or equal to 100")
        touched = [(action["TableName"], self._key_of(kind, action)) for kind, action in actions]
        if len(set(touched)) != len(touched):
            raise Invalid("Transaction request cannot include multiple operations on one item")
        planned, reasons = [], []
        for kind, action in actions:
            try:
                plan = self._plan(kind, action)
                planned.append(plan)
                reasons.append(_reason(action, *plan[2:]))
            except Inapplicable as error:
                reasons.append({"Code": "ValidationError", "Message": str(error)})
        if any(reason["Code"] != "None" for reason in reasons):
            raise canceled([reason["Code"] for reason in reasons], reasons)
        for (kind, _), (table, key, _, after, _) in zip(actions, planned, strict=True):
            if kind != "ConditionCheck":
                self._write(table, key, after)
        if token:
            self.tokens[token] = (body, self.now_us())
        return {}

    def _plan(self, kind: str, sent: dict[str, Any]) -> tuple[Table, Key, Item | None, Item | None, bool]:
        """The table, the key, the item before and after, and whether the condition failed."""
        table, scope = self._table(sent), self._scope(sent)
        put = {name: normalize(value) for name, value in sent.get("Item", {}).items()}
        key = self._key_of(kind, sent)
        before = table.get(key)
        blocked = False
        if condition := sent.get("ConditionExpression"):
            node = parse_condition(condition)
            scope.touch(node)
            blocked = not holds(node, before or {}, scope)
        elif kind == "ConditionCheck":
            raise Invalid("The ConditionExpression is missing")
        after: Item | None = None
        if kind == "Put":
            after = put
        elif kind == "Update":
            for _, path, node in parse_update(sent["UpdateExpression"]):
                if scope.path(path)[0] in table.keys:
                    raise Invalid("Cannot update attribute. This attribute is part of the key")
                scope.touch(node)
            whole = before or {name: normalize(sent["Key"][name]) for name in table.keys}
            after = whole if blocked else apply_update(sent["UpdateExpression"], whole, scope)
        elif kind == "ConditionCheck":
            after = before
        scope.check_all_used()
        if after is not None:
            self._check(table, after)
        return table, key, before, after, blocked

    def _check(self, table: Table, item: Item) -> None:
        for keys, _ in table.indexes.values():
            for name in keys:
                if name in item and (table.types[name] not in item[name] or item[name] == {"S": ""}):
                    raise Invalid(f"One or more parameter values were invalid: index key {name}")
        if len(item) > 50 and len(json.dumps(item)) > ITEM_BYTES_MAX:
            raise Invalid("Item size has exceeded the maximum allowed size")

    def _write(self, table: Table, key: Key, after: Item | None) -> None:
        rows = table.partitions.setdefault(key[0], {})
        self.journal.append((table.name, key, rows.get(key[1]), after))
        if after is None:
            rows.pop(key[1], None)
        else:
            rows[key[1]] = after

    # --- keys and expressions

    def _table(self, sent: Mapping[str, Any]) -> Table:
        if sent["TableName"] not in self.tables:
            raise RequestError("ResourceNotFoundException", "Requested resource not found")
        return self.tables[sent["TableName"]]

    def _key_of(self, kind: str, sent: Mapping[str, Any]) -> Key:
        table = self._table(sent)
        if kind != "Put":
            return self._key(table, sent["Key"])
        return table.key_of({name: normalize(value) for name, value in sent["Item"].items()})

    def _key(self, table: Table, sent: Mapping[str, Any]) -> Key:
        if set(sent) != set(table.keys):
            raise Invalid("The provided key element does not match the schema")
        return table.key_of({name: normalize(value) for name, value in sent.items()})

    @staticmethod
    def _scope(sent: Mapping[str, Any]) -> Scope:
        values = sent.get("ExpressionAttributeValues") or {}
        normalized = {name: normalize(value) for name, value in values.items()}
        return Scope(sent.get("ExpressionAttributeNames") or {}, normalized)


def canceled(codes: list[str], reasons: list[dict[str, Any]] | None = None) -> RequestError:
    """The error of a cancelled transaction, with one reason per item, in the order in which they were sent."""
    text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"
    reasons = reasons or [{"Code": code} for code in codes]
    return RequestError("TransactionCanceledException", text, CancellationReasons=reasons)


def _reason(action: dict[str, Any], before: Item | None, after: Item | None, blocked: bool) -> dict[str, Any]:
    if not blocked:
        return {"Code": "None"}
    returned = action.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and before
    return {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", **_item(returned)}


def _item(returned: Item | bool | None) -> dict[str, Any]:
    return {"Item": returned} if returned else {}


def _queried_partition(node: Any, scope: Scope, name: str) -> str:
    """The hash key's value in a key condition, which must compare it by equality."""
    match node:
        case ("and", first, second):
            for operand in (first, second):
                if operand[0] == "=" and operand[1][0] == "path" and scope.path(operand[1][1]) == (name,):
                    return _queried_partition(operand, scope, name)
        case ("=", ("path", path), ("value", value)) if scope.path(path) == (name,):
            return str(next(iter(scope.value(value).values())))
    raise Invalid("Query condition missed key schema element")


def _place(*names: str) -> str:
    return "/".join(names) if len(names) > 1 else f"{names[0]}/"


def _flat(partitions: dict[str, dict[str, Item]]) -> list[Item]:
    return [item for rows in partitions.values() for item in rows.values()]


def _table(name: str, properties: Mapping[str, Any]) -> Table:
    """A table by CloudFormation's description of it."""
    types = {
        attribute["AttributeName"]: attribute["AttributeType"] for attribute in properties["AttributeDefinitions"]
    }
    indexes, projections = {}, {}
    for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        for index in properties.get(kind, []):
            indexes[index["IndexName"]] = (_keys(index), kind.startswith("Local"))
            if index["Projection"]["ProjectionType"] != "ALL":
                projections[index["IndexName"]] = tuple(index["Projection"].get("NonKeyAttributes", ()))
    return Table(name, _keys(properties), types, indexes, projections)


def _keys(properties: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(key["AttributeName"] for key in properties["KeySchema"])
