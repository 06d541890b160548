"""The auditor of wallets, run over all entries of customers' wallets as DynamoDB's stream would bring them."""

import base64
from collections.abc import Callable
from typing import Any

from shared.wallets.wallet import wallet_id
from tests.support.local_stack import LocalStack

COUNTS_OF_FAULTS = ("LedgerEntryChanged", "LedgerDrift", "EntryNotJustified")


def audit(local_stack: LocalStack, aws: Callable[[str], Any], *customers: str) -> dict[str, int]:
    """What the auditor counts for every entry of these customers, each in the order in which it was written."""
    client = aws("dynamodb")
    (table,) = (name for name in local_stack.table_names(client) if "WalletEntries" in name)
    entries = []
    for customer in customers:
        query = {
            "KeyConditionExpression": "wallet = :w",
            "ExpressionAttributeValues": {":w": {"S": wallet_id(customer)}},
        }
        pages = client.get_paginator("query").paginate(TableName=table, ConsistentRead=True, **query)
        entries += [entry for page in pages for entry in page["Items"]]
    return dict(local_stack.invoke("AuditWallets", {"Records": [_record(entry) for entry in entries]}))


def _record(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry's insertion in a stream, in which binary values are base64."""
    image = {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value for name, value in entry.items()
    }
    keys = {name: image[name] for name in ("wallet", "seq")}
    change = {"Keys": keys, "NewImage": image, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    return {"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change}
