"""The checks of roles: each allows what the matrix says, and a boundary limits them all."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.template import Template
from tests.support.role_matrix import MATRIX

UPLOADS = (
    "arn:${AWS::Partition}:s3:::${AWS::StackName}-uploads-${AWS::AccountId}"  # by name: the bucket needs the role
)
IN_A_TRANSACTION = {"ForAnyValue:StringEquals": {"dynamodb:EnclosingOperation": "TransactWriteItems"}}


def actions_of(function: Mapping[str, Any]) -> dict[str, set[str]]:
    """The actions that a function's policies allow, by resource."""
    result: dict[str, set[str]] = {}
    for policy in function.get("Policies", []):
        for statement in policy["Statement"] if isinstance(policy, dict) else [{"Action": [policy], "Resource": "*"}]:
            actions = {
                f"{action.partition(':')[2] or action}{_condition(statement)}" for action in statement["Action"]
            }
            for resource in _list_of(statement["Resource"]):
                result.setdefault(_name_of(resource), set()).update(actions)
    return result


def _list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name_of(resource: Any) -> str:
    match resource:
        case {"Ref": name}:
            return str(name)
        case {"Fn::GetAtt": [name, "StreamArn"]}:
            return f"{name}/stream"
        case {"Fn::GetAtt": [name, _]}:
            return str(name)
        case {"Fn::Sub": text}:
            return str(text).replace(UPLOADS, "UploadsBucket").replace("${", "").replace(".Arn}", "").replace("}", "")
    return str(resource)


def _condition(statement: Mapping[str, Any]) -> str:
    match statement.get("Condition"):
        case None:
            return ""
        case {"StringLike": {"s3:prefix": prefix}}:
            return f"+{prefix}"
        case condition if condition == IN_A_TRANSACTION:
            return "+transaction"
    return f"+{statement['Condition']}"


def role_faults(template: Template) -> Iterator[str]:
    """Where a role differs from the matrix."""
    functions = template.of_type("AWS::Serverless::Function")
    for name in sorted({*functions, *MATRIX}):
        granted = actions_of(functions.get(name, {}))
        expected = {resource: set(actions.split()) for resource, actions in MATRIX.get(name, {}).items()}
        if granted != expected or name not in functions or name not in MATRIX:
            yield f"the role of {name}"
        if {"Role", "PermissionsBoundary"} & set(functions.get(name, {})):
            yield f"the role of {name} is not made by SAM within the boundary"


# The most that any role may do, as services see it: actions by the resources of the boundary's statements.
TABLES = "arn:AWS::Partition:dynamodb:AWS::Region:AWS::AccountId:table/AWS::StackName-*"
IMAGES = "arn:AWS::Partition:s3:::AWS::StackName-images-AWS::AccountId"
BOUNDARY: Mapping[str, str] = {
    "Logs": "CreateLogStream PutLogEvents",
    "*": "PutTraceSegments PutTelemetryRecords ListStreams",
    TABLES: "GetItem BatchGetItem Query ConditionCheckItem PutItem UpdateItem DeleteItem"
    " DescribeStream GetRecords GetShardIterator",
    "GatewayKey": "GetSecretValue",
    "WebhookSecrets": "GetSecretValue",
    "UploadsBucket/in/*": "PutObject GetObjectVersion DeleteObjectVersion",
    f"{IMAGES}/out/*": "GetObject PutObject DeleteObject",
    "UploadsBucket": "ListBucket ListBucketVersions",
    IMAGES: "ListBucket ListBucketVersions",
    "FailedUploads": "SendMessage ReceiveMessage DeleteMessage ChangeMessageVisibility",
}
NEVER: Mapping[str, str] = {"WalletEntriesTable": "UpdateItem DeleteItem"}


def boundary_faults(template: Template) -> Iterator[str]:
    """Where the permissions boundary differs from the tables above, or forbids what a role needs."""
    if template.document["Globals"]["Function"].get("PermissionsBoundary") != {"Ref": "Boundary"}:
        yield "functions have no boundary"
        return
    statements = template.resources["Boundary"]["Properties"]["PolicyDocument"]["Statement"]
    for effect, expected in (("Allow", BOUNDARY), ("Deny", NEVER)):
        policy = {"Statement": [row for row in statements if row["Effect"] == effect]}
        if actions_of({"Policies": [policy]}) != {resource: set(text.split()) for resource, text in expected.items()}:
            yield f"the boundary's {effect}"
    possible = {action for actions in BOUNDARY.values() for action in actions.split()}
    for function, rows in MATRIX.items():
        for resource, actions in rows.items():
            if not {action.partition("+")[0] for action in actions.split()} <= possible:
                yield f"the boundary forbids {function} what it needs on {resource}"
