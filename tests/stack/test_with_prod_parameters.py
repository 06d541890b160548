"""The stack with prod's parameters, as far as the stand-in takes them: it deploys, and what prod adds is there.

The stand-in runs no canary, reserves no concurrency, and has no web ACL, no budget and no calculated alarm. Those are
only in the template's tests. The module is the last one: the other tests need the stack's own parameters.
"""

from typing import Any

import pytest

from local.template import Template
from tests.support.deployed import DeployedStack
from tests.support.monitoring import parameters
from tools.stack import NAME

pytestmark = pytest.mark.stack
RECEIVERS = {"AlarmEmail": "alarms@example.in", "AlarmUrl": "https://alarms.example.in/page"}
# Of the stack on this machine: its keys are local, and its URL has the name of its stage.
OWN = ("Stage", "RazorpayKeyId")


def prod_parameters() -> dict[str, str]:
    set_by_prod = parameters(Template(), "prod")
    defaults = {name: row.get("Default") for name, row in Template().document["Parameters"].items()}
    changed = {name: str(value) for name, value in set_by_prod.items() if value != defaults[name] and name not in OWN}
    return changed | RECEIVERS


@pytest.fixture(scope="module")
def prod(local_stack: DeployedStack) -> DeployedStack:
    local_stack.stack.deploy(prod_parameters())
    local_stack.stack.resources = local_stack.stack._physical_ids()
    return local_stack


def physical(prod: DeployedStack, kind: str) -> dict[str, str]:
    """The physical ids of a kind, by logical id."""
    kinds = {name: row["Type"] for name, row in Template().resources.items()}
    return {name: found for name, found in prod.stack.resources.items() if kinds.get(name) == kind}


def test_prod_has_its_logs_and_receivers(prod: DeployedStack) -> None:
    assert len(physical(prod, "AWS::Logs::MetricFilter")) == 3 and {"AccessLogs", "WafLogs"} <= set(
        prod.stack.resources
    )
    topics = prod.stack.client("sns").list_subscriptions()["Subscriptions"]
    receivers: Any = {(row["Protocol"], row["Endpoint"]) for row in topics}
    assert receivers == {("email", RECEIVERS["AlarmEmail"]), ("https", RECEIVERS["AlarmUrl"])} and len(topics) == 5
    groups = prod.stack.client("logs").describe_log_groups()["logGroups"]
    assert {group["retentionInDays"] for group in groups if NAME in group["logGroupName"]} == {400}
