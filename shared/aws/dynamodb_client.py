"""The one client of DynamoDB that all tables and transactions of a process use."""

from functools import cache
from typing import Any

from pynamodb.connection import Connection

from shared import initialization, private_names
from shared.aws.session import answered_here, make_client

CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 2


@cache
def client() -> Any:
    """The client that every table and transaction uses. pynamodb checks the parameters."""
    made = make_client("dynamodb", CONNECT_TIMEOUT_S, READ_TIMEOUT_S, parameter_validation=False)
    private_names.keep_endpoint(made)
    private_names.keep_pool(made)
    return made


def _rehearse(made: Any) -> None:
    with answered_here(made):
        made.get_item(TableName="rehearsal", Key={"key": {"S": "rehearsal"}})
        made.query(TableName="rehearsal", KeyConditionExpression="rehearsal")


initialization.register(client, _rehearse)


@cache
def connection() -> Connection:
    """The connection of transactions."""
    made = Connection()
    private_names.use_client(made, client())
    return made
