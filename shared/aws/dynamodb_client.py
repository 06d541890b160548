"""The one client of DynamoDB that all tables and transactions of a process use."""

import json
from functools import cache
from typing import Any

from pynamodb.connection import Connection

from shared import initialization, private_names
from shared.aws.session import answered_here, make_client

CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 2

ROW = {"key": {"S": "rehearsal"}, "number": {"N": "1"}}


@cache
def client() -> Any:
    """The client that every table and transaction uses. pynamodb checks the parameters."""
    made = make_client("dynamodb", CONNECT_TIMEOUT_S, READ_TIMEOUT_S, parameter_validation=False)
    private_names.keep_endpoint(made)
    private_names.keep_pool(made)
    return made


def _rehearse(made: Any) -> None:
    with answered_here(made, json.dumps({"Item": ROW, "Items": [ROW]}).encode()):
        made.get_item(TableName="rehearsal", Key=ROW)
        made.query(TableName="rehearsal", KeyConditionExpression="rehearsal")


def _rehearse_write(made: Any) -> None:
    with answered_here(made, b"{}"):
        made.transact_write_items(TransactItems=[{"Put": {"TableName": "rehearsal", "Item": ROW}}])


initialization.register(client, _rehearse, _rehearse_write)


@cache
def connection() -> Connection:
    """The connection of transactions."""
    made = Connection()
    private_names.use_client(made, client())
    return made
