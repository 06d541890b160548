"""Every role, asked for everything: what the template allows is let through, and nothing else is.

The app's day shows that the roles are enough; this shows that they are no more than that.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.template import Template
from tests.deployed import Deployed

pytestmark = pytest.mark.stack
TEMPLATE = Template()
FUNCTIONS = TEMPLATE.of_type("AWS::Serverless::Function")
DENIED = {"AccessDeniedException", "AccessDenied", "403"}
NEVER = {  # a condition that no item meets: the call is let in and does nothing
    "ConditionExpression": "attribute_exists(#k) AND attribute_not_exists(#k)",
    "ExpressionAttributeNames": {"#k": "status"},
}

Call = Callable[[], Any]


def granted(function: str) -> set[tuple[str, str]]:
    """(action, resource) of the role as the template has it; indexes as `Table/index/name`."""
    found = set()
    for policy in FUNCTIONS[function].get("Policies", []):
        for statement in policy["Statement"]:
            for action in statement["Action"]:
                found.add((action, _named(statement["Resource"])))
    return found


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


def clients(bundle: Deployed, function: str) -> Callable[[str], Any]:
    """Clients with the credentials that the function runs under."""
    iam, name = bundle.stack.client("iam"), bundle.stack.resources[f"{function}Role"]
    arn = iam.get_role(RoleName=name)["Role"]["Arn"]
    credentials = bundle.stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="the-test")["Credentials"]
    keys = {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
        "config": Config(retries={"total_max_attempts": 1}),
    }
    return lambda service: bundle.stack.client(service, **keys)


def calls(bundle: Deployed, client: Callable[[str], Any]) -> Iterator[tuple[str, str, Call]]:
    """(action, resource, how to try it) for all tables, indexes and secrets of the stack."""
    tables = client("dynamodb")
    for table, properties in TEMPLATE.of_type("AWS::DynamoDB::Table").items():
        yield from _table_calls(tables, bundle.stack.resources[table], table, properties)
    secrets = client("secretsmanager")
    for secret in TEMPLATE.of_type("AWS::SecretsManager::Secret"):
        place = {"SecretId": bundle.stack.resources[secret]}
        yield "secretsmanager:GetSecretValue", secret, lambda place=place: secrets.get_secret_value(**place)  # type: ignore[misc]
        yield (
            "secretsmanager:PutSecretValue",
            secret,
            lambda place=place: secrets.put_secret_value(**place, SecretString="{}"),  # type: ignore[misc]
        )


def _table_calls(client: Any, name: str, table: str, properties: dict[str, Any]) -> Iterator[tuple[str, str, Call]]:
    types = {one["AttributeName"]: one["AttributeType"] for one in properties["AttributeDefinitions"]}

    def value(attribute: str) -> dict[str, str]:
        return {types[attribute]: "0"}

    key = {one["AttributeName"]: value(one["AttributeName"]) for one in properties["KeySchema"]}
    yield "dynamodb:GetItem", table, lambda: client.get_item(TableName=name, Key=key)
    batch = {"RequestItems": {name: {"Keys": [key]}}}
    yield "dynamodb:BatchGetItem", table, lambda: client.batch_get_item(**batch)
    yield "dynamodb:PutItem", table, lambda: client.put_item(TableName=name, Item=key, **NEVER)
    yield "dynamodb:DeleteItem", table, lambda: client.delete_item(TableName=name, Key=key, **NEVER)
    change = {"UpdateExpression": "REMOVE nothing", **NEVER}
    yield "dynamodb:UpdateItem", table, lambda: client.update_item(TableName=name, Key=key, **change)
    yield "dynamodb:Scan", table, lambda: client.scan(TableName=name, Limit=1)
    yield (
        "dynamodb:BatchWriteItem",
        table,
        lambda: client.batch_write_item(RequestItems={name: [{"DeleteRequest": {"Key": key}}]}),
    )
    indexes = [*properties.get("GlobalSecondaryIndexes", []), *properties.get("LocalSecondaryIndexes", [])]
    for place, schema, more in [
        (table, properties["KeySchema"], {}),
        *(
            (f"{table}/index/{one['IndexName']}", one["KeySchema"], {"IndexName": one["IndexName"]})
            for one in indexes
        ),
    ]:
        attribute = schema[0]["AttributeName"]
        asked = {
            "KeyConditionExpression": "#h = :h",
            "ExpressionAttributeNames": {"#h": attribute},
            "ExpressionAttributeValues": {":h": value(attribute)},
        }
        yield "dynamodb:Query", place, lambda asked=asked | more: client.query(TableName=name, **asked)  # type: ignore[misc]


def test_a_role_is_let_in_where_the_template_says_so_and_nowhere_else(bundle: Deployed, function: str) -> None:
    let_in = set()
    for action, resource, call in calls(bundle, clients(bundle, function)):
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] in DENIED:
                continue
        let_in.add((action, resource))
    tried = {(action, resource) for action, resource, _ in calls(bundle, clients(bundle, function))}
    assert let_in == granted(function) & tried
    if TEMPLATE.of_type("AWS::Serverless::Function")[function].get("Policies"):
        assert let_in
