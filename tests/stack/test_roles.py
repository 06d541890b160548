"""Every role tries every action: exactly those that the template allows are authorized.

The app's journey shows that the roles allow enough. This shows that they allow no more.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.deployed import DENIED, DeployedStack, clients
from tests.support.template_roles import FUNCTIONS, TEMPLATE

pytestmark = pytest.mark.stack
NEVER = {  # a condition that no item meets: an authorized call changes nothing
    "ConditionExpression": "attribute_exists(#k) AND attribute_not_exists(#k)",
    "ExpressionAttributeNames": {"#k": "status"},
}

PUT_IN_TRANSACTION = "dynamodb:PutItem in TransactWriteItems"

Call = Callable[[], Any]


def granted(function: str) -> set[tuple[str, str]]:
    """(action, resource) pairs of the role in the template. An index is `Table/index/name`.

    A put is also granted in a transaction, and with a condition only there.
    """
    pairs = set()
    for policy in FUNCTIONS[function].get("Policies", []):
        for statement in policy["Statement"]:
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            for resource in map(_named, resources):
                pairs |= {(action, resource) for action in statement["Action"] if "Condition" not in statement}
                if "dynamodb:PutItem" in statement["Action"]:
                    pairs.add((PUT_IN_TRANSACTION, resource))
    return pairs


def _named(resource: Any) -> str:
    match resource:
        case {"Ref": name}:
            return str(name)
        case {"Fn::GetAtt": [name, "StreamArn"]}:
            return f"{name}/stream"
        case {"Fn::GetAtt": [name, _]}:
            return str(name)
        case {"Fn::Sub": text}:
            return str(text).replace("${", "").replace(".Arn}", "").replace("}", "")
    return str(resource)


@pytest.fixture(params=FUNCTIONS)
def function(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def calls(local_stack: DeployedStack, client: Callable[[str], Any]) -> Iterator[tuple[str, str, Call]]:
    """(action, resource, a call that tries it) for all tables, indexes and secrets of the stack."""
    tables = client("dynamodb")
    for table, properties in TEMPLATE.of_type("AWS::DynamoDB::Table").items():
        yield from _table_calls(tables, local_stack.stack.resources[table], table, properties)
    secrets = client("secretsmanager")
    for secret in TEMPLATE.of_type("AWS::SecretsManager::Secret"):
        secret_id = {"SecretId": local_stack.stack.resources[secret]}
        yield (
            "secretsmanager:GetSecretValue",
            secret,
            lambda secret_id=secret_id: secrets.get_secret_value(**secret_id),  # type: ignore[misc]
        )
        yield (
            "secretsmanager:PutSecretValue",
            secret,
            lambda secret_id=secret_id: secrets.put_secret_value(**secret_id, SecretString="{}"),  # type: ignore[misc]
        )


def _table_calls(client: Any, name: str, table: str, properties: dict[str, Any]) -> Iterator[tuple[str, str, Call]]:
    types = {row["AttributeName"]: row["AttributeType"] for row in properties["AttributeDefinitions"]}

    def value(attribute: str) -> dict[str, str]:
        return {types[attribute]: "0"}

    key = {row["AttributeName"]: value(row["AttributeName"]) for row in properties["KeySchema"]}
    yield "dynamodb:GetItem", table, lambda: client.get_item(TableName=name, Key=key)
    batch = {"RequestItems": {name: {"Keys": [key]}}}
    yield "dynamodb:BatchGetItem", table, lambda: client.batch_get_item(**batch)
    yield "dynamodb:PutItem", table, lambda: client.put_item(TableName=name, Item=key, **NEVER)
    put = {"Put": {"TableName": name, "Item": key, **NEVER}}
    yield PUT_IN_TRANSACTION, table, lambda: client.transact_write_items(TransactItems=[put])
    yield "dynamodb:DeleteItem", table, lambda: client.delete_item(TableName=name, Key=key, **NEVER)
    update = {"UpdateExpression": "REMOVE nothing", **NEVER}
    yield "dynamodb:UpdateItem", table, lambda: client.update_item(TableName=name, Key=key, **update)
    yield "dynamodb:Scan", table, lambda: client.scan(TableName=name, Limit=1)
    yield (
        "dynamodb:BatchWriteItem",
        table,
        lambda: client.batch_write_item(RequestItems={name: [{"DeleteRequest": {"Key": key}}]}),
    )
    indexes = [*properties.get("GlobalSecondaryIndexes", []), *properties.get("LocalSecondaryIndexes", [])]
    for resource, schema, index_name in [
        (table, properties["KeySchema"], {}),
        *(
            (f"{table}/index/{index['IndexName']}", index["KeySchema"], {"IndexName": index["IndexName"]})
            for index in indexes
        ),
    ]:
        attribute = schema[0]["AttributeName"]
        query = {
            "KeyConditionExpression": "#h = :h",
            "ExpressionAttributeNames": {"#h": attribute},
            "ExpressionAttributeValues": {":h": value(attribute)},
        }
        yield "dynamodb:Query", resource, lambda query=query | index_name: client.query(TableName=name, **query)  # type: ignore[misc]


def test_role_is_authorized_exactly_as_in_the_template(local_stack: DeployedStack, function: str) -> None:
    authorized = set()
    for action, resource, call in calls(local_stack, clients(local_stack, function)):
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] in DENIED:
                continue
        authorized.add((action, resource))
    tried = {(action, resource) for action, resource, _ in calls(local_stack, clients(local_stack, function))}
    assert authorized == granted(function) & tried
    if TEMPLATE.of_type("AWS::Serverless::Function")[function].get("Policies"):
        assert authorized
