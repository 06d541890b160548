"""The fake DynamoDB against ministack: the same random requests to both, responses and errors compared."""

import random
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.fakes.dynamodb import TOKEN_LIFE_US, FakeDynamoDB, RequestError
from tests.support.local_stack import LocalStack

TABLE: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": "owner", "AttributeType": "S"},
        {"AttributeName": "seq", "AttributeType": "N"},
        {"AttributeName": "at", "AttributeType": "N"},
        {"AttributeName": "state", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "seq", "KeyType": "RANGE"}],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "by_time",
            "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by_state",
            "KeySchema": [
                {"AttributeName": "state", "KeyType": "HASH"},
                {"AttributeName": "at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}
NUMBERS = ["0", "1", "2", "10", "-7", "1.50", "1E+2", "99999999999999999999.99"]
LONGEST = "9" * 38
BAD_NUMBERS = ["9" * 39, "abc", "", "NaN"]


def test_two_thousand_random_requests_match_ministack(local_stack: LocalStack) -> None:
    client = boto3.client(
        "dynamodb",
        endpoint_url=local_stack.s3,
        region_name="ap-south-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )
    name = "fake-compared"
    client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **TABLE)
    fake, chance = FakeDynamoDB({name: TABLE}, lambda: 0), random.Random(20_260_109)
    seen: set[str] = set()
    for number in range(2_000):
        operation, sent = request(chance, name, number)
        theirs, ours = call_ministack(client, operation, sent), call_fake(fake, operation, sent)
        seen.add(f"{operation} {ours[0]}")
        assert ours == theirs, (number, operation, sent)
    assert {
        "GetItem ok",
        "BatchGetItem ok",
        "Query ok",
        "PutItem ConditionalCheckFailedException",
        "UpdateItem ok",
        "UpdateItem ConditionalCheckFailedException",
        "TransactWriteItems ok",
        "TransactWriteItems TransactionCanceledException",
    } <= seen
    client.delete_table(TableName=name)


def call_ministack(client: Any, operation: str, sent: dict[str, Any]) -> Any:
    try:
        return comparable(client._make_api_call(operation, sent))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return code, reasons(error.response.get("CancellationReasons"))


def call_fake(fake: FakeDynamoDB, operation: str, sent: dict[str, Any]) -> Any:
    try:
        return comparable(fake.call(operation, sent))
    except RequestError as error:
        return error.code, reasons(error.body.get("CancellationReasons"))


def comparable(response: dict[str, Any]) -> Any:
    names = ("Item", "Items", "Count", "Attributes", "LastEvaluatedKey")
    batch = {name: sorted(items, key=str) for name, items in response.get("Responses", {}).items()}  # in any order
    return "ok", {name: response[name] for name in names if name in response} | batch


def reasons(found: Any) -> list[Any]:
    return [(reason["Code"], reason.get("Item")) for reason in found or []]


def request(chance: random.Random, table: str, number: int) -> tuple[str, dict[str, Any]]:
    """A random request of the service's kind, over so few items that requests collide."""
    match chance.choice(
        ["get", "batch", "query", "query", "put", "put", "update", "update", "delete", "transact", "transact"]
    ):
        case "get":
            return "GetItem", {"TableName": table, "Key": key(chance), "ConsistentRead": True}
        case "batch":
            chosen = [key(chance) for _ in range(chance.randint(1, 4))]
            keys = {str(item_key): item_key for item_key in chosen}
            return "BatchGetItem", {"RequestItems": {table: {"Keys": list(keys.values()), "ConsistentRead": True}}}
        case "query":
            return "Query", query(chance, table)
        case "put":
            return "PutItem", put(chance, table)
        case "update":
            return "UpdateItem", update(chance, table) | {"ReturnValues": chance.choice(["NONE", "ALL_NEW"])}
        case "delete":
            return "DeleteItem", delete(chance, table)
    # ministack commits a transaction whose update cannot be applied. The fake cancels it, as a test below shows.
    kinds: dict[str, Any] = {
        "Put": put,
        "Update": partial(update, guard_chance=1),
        "Delete": delete,
        "ConditionCheck": check,
    }
    actions: dict[str, Any] = {}
    for kind in chance.choices(list(kinds), k=chance.randint(1, 4)):
        action = kinds[kind](chance, table) | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        actions[str(action.get("Key") or {k: action["Item"][k] for k in ("owner", "seq")})] = {kind: action}
    sent: dict[str, Any] = {"TransactItems": list(actions.values()), "ClientRequestToken": f"token-{number}"}
    return "TransactWriteItems", sent


def key(chance: random.Random) -> dict[str, Any]:
    return {"owner": {"S": chance.choice("ab")}, "seq": {"N": str(chance.randint(0, 4))}}


def item(chance: random.Random) -> dict[str, Any]:
    values: dict[str, Any] = {
        **key(chance),
        "at": {"N": str(chance.randint(0, 3))},
        "amount": {"N": chance.choice(NUMBERS)},
        "review": {"M": {"x": {"S": "y"}} if chance.random() < 0.5 else {}},
        "line": {"L": [{"S": "first"}]},
        "live": {"BOOL": chance.random() < 0.5},
    }
    if chance.random() < 0.7:
        values["state"] = {"S": chance.choice(["open", "done"])}
    return values


def condition(chance: random.Random) -> dict[str, Any]:
    """A condition of a shape that the service uses, alone or combined."""
    simple: list[tuple[str, dict[str, str], dict[str, Any]]] = [
        ("attribute_not_exists (#c0)", {"#c0": "owner"}, {}),
        ("attribute_exists (#c0)", {"#c0": "owner"}, {}),
        ("#c1 = :c1", {"#c1": "state"}, {":c1": {"S": "open"}}),
        ("#c1 <> :c2", {"#c1": "state"}, {":c2": {"S": "done"}}),
        ("#c1 IN (:c3, :c4)", {"#c1": "state"}, {":c3": {"S": "open"}, ":c4": {"S": "x"}}),
        ("#c2 = :c5", {"#c2": "live"}, {":c5": {"BOOL": True}}),
        ("attribute_not_exists (#c3.#c4)", {"#c3": "review", "#c4": "x"}, {}),
        ("#c5 >= :c6", {"#c5": "amount"}, {":c6": {"N": "2"}}),
        ("#c5 BETWEEN :c7 AND :c8", {"#c5": "amount"}, {":c7": {"N": "1"}, ":c8": {"N": "10"}}),
        ("begins_with (#c1, :c9)", {"#c1": "state"}, {":c9": {"S": "do"}}),
    ]
    first, second = chance.sample(simple, 2)
    if chance.random() < 0.5:
        text, names, values = first
    else:
        text = f"({first[0]} {chance.choice(['AND', 'OR'])} {chance.choice(['', 'NOT '])}{second[0]})"
        names, values = first[1] | second[1], first[2] | second[2]
    return {
        "ConditionExpression": text,
        "ExpressionAttributeNames": names,
        **({"ExpressionAttributeValues": values} if values else {}),
    }


def put(chance: random.Random, table: str) -> dict[str, Any]:
    guarded = condition(chance) if chance.random() < 0.7 else {}
    return {"TableName": table, "Item": item(chance)} | guarded


def update(chance: random.Random, table: str, guard_chance: float = 0.6) -> dict[str, Any]:
    chosen = [
        ("SET #u0 = :u0", {"#u0": "state"}, {":u0": {"S": chance.choice(["open", "done"])}}),
        ("SET #u1 = :u1, #u2 = list_append (#u2, :u2)", {"#u1": "at", "#u2": "line"}, {
            ":u1": {"N": str(chance.randint(0, 3))}, ":u2": {"L": [{"S": "next"}]}}),
        ("SET #u3.#u4 = :u3", {"#u3": "review", "#u4": "pay_1:reason"}, {":u3": {"S": "at"}}),
        ("REMOVE #u0", {"#u0": "state"}, {}),
        ("SET #u5 = :u5 REMOVE #u0", {"#u5": "live", "#u0": "state"}, {":u5": {"BOOL": False}}),
        ("SET #u6 = #u6 + :u6", {"#u6": "amount"}, {":u6": {"N": "0.01"}}),
    ]  # fmt: skip
    text, names, values = chance.choice(chosen)
    guard = condition(chance)
    if chance.random() < guard_chance:  # the item must exist, since the update may build on it
        guard = {"ConditionExpression": "attribute_exists (#c0)", "ExpressionAttributeNames": {"#c0": "line"}}
    merged = {"TableName": table, "Key": key(chance), "UpdateExpression": text}
    merged["ConditionExpression"] = guard["ConditionExpression"]
    merged["ExpressionAttributeNames"] = names | guard["ExpressionAttributeNames"]
    if values or guard.get("ExpressionAttributeValues"):
        merged["ExpressionAttributeValues"] = values | guard.get("ExpressionAttributeValues", {})
    return merged


def delete(chance: random.Random, table: str) -> dict[str, Any]:
    return {"TableName": table, "Key": key(chance)} | condition(chance)


def check(chance: random.Random, table: str) -> dict[str, Any]:
    return {"TableName": table, "Key": key(chance)} | condition(chance)


def query(chance: random.Random, table: str) -> dict[str, Any]:
    sent: dict[str, Any] = {"TableName": table, "ScanIndexForward": chance.random() < 0.5}
    index = chance.choice(["", "by_time", "by_state"])
    hash_key, range_key = {"": ("owner", "seq"), "by_time": ("owner", "at"), "by_state": ("state", "at")}[index]
    sent["ExpressionAttributeNames"] = {"#0": hash_key}
    wanted = chance.choice(["open", "done"]) if index == "by_state" else chance.choice("ab")
    sent["ExpressionAttributeValues"] = {":0": {"S": wanted}}
    sent["KeyConditionExpression"] = "#0 = :0"
    if chance.random() < 0.5:
        sent["KeyConditionExpression"] = "(#0 = :0 AND #1 BETWEEN :1 AND :2)"
        sent["ExpressionAttributeNames"]["#1"] = range_key
        sent["ExpressionAttributeValues"] |= {":1": {"N": "1"}, ":2": {"N": "3"}}
    if index:
        sent["IndexName"] = index
    else:
        sent["ConsistentRead"] = True
    return sent


# --- what ministack does not do, or not in time


def new_fake() -> FakeDynamoDB:
    return FakeDynamoDB({"t": TABLE}, lambda: NOW_US[0])


NOW_US = [0]


def append(token: str, seq: str = "1") -> dict[str, Any]:
    item = {"owner": {"S": "a"}, "seq": {"N": seq}}
    put = {"TableName": "t", "Item": item, "ConditionExpression": "attribute_not_exists(#0)"}
    return {
        "TransactItems": [{"Put": put | {"ExpressionAttributeNames": {"#0": "owner"}}}],
        "ClientRequestToken": token,
    }


def test_request_token_replays_for_ten_minutes_only() -> None:
    tables = new_fake()
    NOW_US[0] = 0
    assert tables.call("TransactWriteItems", append("one")) == {}
    assert tables.call("TransactWriteItems", append("one")) == {} and len(tables.journal) == 1
    with pytest.raises(RequestError, match="IdempotentParameterMismatchException"):
        tables.call("TransactWriteItems", append("one", "2"))
    NOW_US[0] = TOKEN_LIFE_US
    with pytest.raises(RequestError, match="TransactionCanceledException"):
        tables.call("TransactWriteItems", append("one"))


@pytest.mark.parametrize("text", BAD_NUMBERS)
def test_invalid_number_is_rejected(text: str) -> None:
    item = {"owner": {"S": "a"}, "seq": {"N": "1"}, "amount": {"N": text}}
    with pytest.raises(RequestError, match="ValidationException"):
        new_fake().call("PutItem", {"TableName": "t", "Item": item})


def test_inconsistent_read_may_miss_recent_writes() -> None:
    tables = new_fake()
    for seq in "123":
        tables.call("TransactWriteItems", append(f"token-{seq}", seq))
    query: dict[str, Any] = {
        "TableName": "t",
        "KeyConditionExpression": "#0 = :0",
        "ExpressionAttributeNames": {"#0": "owner"},
        "ExpressionAttributeValues": {":0": {"S": "a"}},
    }
    assert [tables.call("Query", query, behind)["Count"] for behind in (0, 1, 2)] == [3, 2, 1]
    assert tables.call("Query", query | {"ConsistentRead": True}, 2)["Count"] == 3


def test_inapplicable_update_cancels_the_whole_transaction() -> None:
    tables = new_fake()
    tables.call("TransactWriteItems", append("one"))
    added = append("two", "2")
    update = {"TableName": "t", "Key": {"owner": {"S": "a"}, "seq": {"N": "1"}}, "UpdateExpression": "SET #0.#1 = :0"}
    aliases = {"ExpressionAttributeNames": {"#0": "x", "#1": "y"}, "ExpressionAttributeValues": {":0": {"S": "z"}}}
    added["TransactItems"].append({"Update": update | aliases})
    with pytest.raises(RequestError) as caught:
        tables.call("TransactWriteItems", added)
    codes = [reason["Code"] for reason in caught.value.body["CancellationReasons"]]
    assert codes == ["None", "ValidationError"] and len(tables.journal) == 1


def test_number_of_38_digits_is_stored_exactly() -> None:
    tables = new_fake()
    item = {"owner": {"S": "a"}, "seq": {"N": LONGEST}, "at": {"N": "0010.50"}}
    tables.call("PutItem", {"TableName": "t", "Item": item})
    (stored,) = tables.tables["t"].items
    assert (stored["seq"], stored["at"]) == ({"N": LONGEST}, {"N": "10.5"})
