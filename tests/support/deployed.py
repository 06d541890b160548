"""What `make stack` deployed, with the same methods as the local stack."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from botocore.config import Config

from local.actions import PHONE_CLAIM
from local.template import Template
from shared import clock
from tests.support.canaries import ServiceUnderTest
from tools.stack import KEY_ID, KEY_SECRET, WEBHOOK_SECRET, Stack

DENIED = {"AccessDeniedException", "AccessDenied", "403"}  # the codes of calls that a role does not allow
TIMES = {"next_check_at_us", "asked_at_us"}  # of rows that wait


class DeployedStack(ServiceUnderTest):
    """A `LocalStack` whose functions run under the roles of the template, each in its own processes."""

    key_id, key_secret, webhook_secret = KEY_ID, KEY_SECRET, WEBHOOK_SECRET

    def __init__(self, state: Path) -> None:
        super().__init__()
        self.stack = Stack(state)
        self.razorpay = self.stack.razorpay.url
        self.s3 = self.stack.cloud.url
        self.issuer, self.staff_issuer = self.stack.issuer, self.stack.staff_issuer

    @property
    def api(self) -> str:
        return self.stack.api

    def log_text(self) -> str:
        logs = self.stack.client("logs")
        groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
        pages = (logs.get_paginator("filter_log_events").paginate(logGroupName=group) for group in groups)
        return "\n".join(event["message"] for group in pages for page in group for event in page["events"])

    def table_names(self, client: Any) -> dict[str, str]:
        existing = client.list_tables()["TableNames"]
        return {name: table for name, table in self.stack.resources.items() if table in existing}

    def new_customer(self, phone: str = "") -> dict[str, str]:
        customer = str(uuid.uuid4())
        token = self.issuer.token(customer, clock.now_s(), **({PHONE_CLAIM: phone} if phone else {}))
        return {"id": customer, "name": "A customer", "token": token}

    def control(self, action: str, body: Any) -> Any:
        response = requests.post(f"{self.razorpay}/_control/{action}", json=body, timeout=60)
        assert response.status_code == 200, response.text
        return response.json()

    def invoke(self, function: str, event: Any = None) -> Any:
        return self.stack.invoke(function, event)

    def clock(self, forward_s: int) -> None:
        """Let time pass for rows that wait for a check or for the next question to Razorpay.

        Deployed functions have their own clock, so the rows' times are moved back instead.
        """
        tables = self.stack.client("dynamodb")
        for name, properties in Template().of_type("AWS::DynamoDB::Table").items():
            keys = [key["AttributeName"] for key in properties["KeySchema"]]
            for page in tables.get_paginator("scan").paginate(TableName=self.stack.resources[name]):
                for item in page["Items"]:
                    for attribute in TIMES & item.keys():
                        tables.update_item(
                            TableName=self.stack.resources[name],
                            Key={key: item[key] for key in keys},
                            UpdateExpression=f"ADD {attribute} :back",
                            ExpressionAttributeValues={":back": {"N": str(-forward_s * 1_000_000)}},
                        )

    def stop(self) -> None:
        self.stack.stop()


def clients(local_stack: DeployedStack, function: str) -> Callable[[str], Any]:
    """A maker of clients with the credentials of the function's role."""
    iam, name = local_stack.stack.client("iam"), local_stack.stack.resources[f"{function}Role"]
    arn = iam.get_role(RoleName=name)["Role"]["Arn"]
    credentials = local_stack.stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="the-test")["Credentials"]
    keys = {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
        "config": Config(retries={"total_max_attempts": 1}),
    }
    return lambda service: local_stack.stack.client(service, **keys)
