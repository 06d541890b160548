"""The auditor of wallets, run over all entries of customers' wallets as DynamoDB's stream would bring them."""

import base64
from collections.abc import Callable
from typing import Any

from shared.wallets.wallet import wallet_id
from tests.support.local_stack import LocalStack

COUNTS_OF_FAULTS = ("LedgerEntryChanged", "LedgerDrift", "EntryNotJustified")


def entries_of(local_stack: LocalStack, aws: Callable[[str], Any], customer: str) -> list[dict[str, Any]]:
    """Every entry of the customer's wallet as it is stored, in the order in which it was written."""
    client = aws("dynamodb")
    (table,) = (name for name in local_stack.table_names(client) if "WalletEntries" in name)
    condition, values = "wallet = :wallet", {":wallet": {"S": wallet_id(customer)}}
    query = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values}
    pages = client.get_paginator("query").paginate(TableName=table, ConsistentRead=True, **query)
    return [entry for page in pages for entry in page["Items"]]


def audit(local_stack: LocalStack, aws: Callable[[str], Any], customer: str) -> dict[str, int]:
    """What the auditor counts for every entry of the customer."""
    records = [_record(entry) for entry in entries_of(local_stack, aws, customer)]
    return dict(local_stack.invoke("AuditWallets", {"Records": records}))


def _record(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry's insertion in a stream, in which binary values are base64."""
    image = {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value for name, value in entry.items()
    }
    keys = {name: image[name] for name in ("wallet", "seq")}
    change = {"Keys": keys, "NewImage": image, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    return {"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change}
