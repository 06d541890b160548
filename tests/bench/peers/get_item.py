"""B: one bare botocore client, one GetItem."""

import json
import os
from typing import Any

import botocore.session

client = botocore.session.get_session().create_client("dynamodb")


def handler(event: Any, context: Any) -> dict[str, Any]:
    item = client.get_item(TableName=os.environ["PAYMENTS_TABLE"], Key=event["key"], ConsistentRead=True)["Item"]
    return {"statusCode": 200, "body": json.dumps({"amount": int(item["amount_paise"]["N"])})}
