"""The template's house rules, over the parsed file."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.template import ROOT, Template

TEMPLATE = Template()
FUNCTIONS = TEMPLATE.of_type("AWS::Serverless::Function")
TABLES = {name: one for name, one in TEMPLATE.resources.items() if one["Type"] == "AWS::DynamoDB::Table"}
SECRETS = {name: one for name, one in TEMPLATE.resources.items() if one["Type"] == "AWS::SecretsManager::Secret"}

GATEWAY_CALLERS = {
    "AddWalletBalance",
    "CreatePayment",
    "VerifyPayment",
    "SyncPayment",
    "ReceiveWebhook",
    "ReconcilePayments",
}
SHOWS_CHECKOUT = {"ListPayments", "RetrievePayment"}  # the key's id stands in it


def statements(function: str) -> list[dict[str, Any]]:
    return [one for policy in FUNCTIONS[function].get("Policies", []) for one in policy["Statement"]]


def allowed(function: str, resource: str) -> set[str]:
    return {action for one in statements(function) if resource in str(one["Resource"]) for action in one["Action"]}


def test_cfn_lint_has_nothing_to_say() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "template.yaml"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_has_exact_actions_on_exact_resources(function: str) -> None:
    for one in statements(function):
        assert not [action for action in one["Action"] if "*" in action or action.endswith(":Scan")]
        assert "*" not in str(one["Resource"])
    assert FUNCTIONS[function]["Description"].endswith(".")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_role_may_change_or_remove_an_entry_of_the_ledger(function: str) -> None:
    assert allowed(function, "WalletEntriesTable") <= {"dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_gateways_key_is_for_those_who_call_it(function: str) -> None:
    assert bool(allowed(function, "GatewayKey")) == (function in GATEWAY_CALLERS | SHOWS_CHECKOUT)
    assert bool(allowed(function, "WebhookSecrets")) == (function == "ReceiveWebhook")


def test_every_route_but_the_webhook_stands_behind_the_authorizer() -> None:
    assert [route.path for route in TEMPLATE.routes if route.is_open] == ["/api/payments/webhooks/razorpay"]
    assert TEMPLATE.authorizer == "Authorize"


def test_no_path_ends_in_a_slash() -> None:
    assert not [route.path for route in TEMPLATE.routes if route.path.endswith("/")]


def test_the_webhook_answers_before_the_gateway_gives_up() -> None:
    assert FUNCTIONS["ReceiveWebhook"]["Timeout"] <= 4


@pytest.mark.parametrize("table", TABLES)
def test_a_table_outlives_the_stack_and_can_be_restored(table: str) -> None:
    properties = TABLES[table]["Properties"]
    assert TABLES[table]["DeletionPolicy"] == TABLES[table]["UpdateReplacePolicy"] == "Retain"
    assert properties["DeletionProtectionEnabled"] and properties["SSESpecification"]["SSEEnabled"]
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert "TimeToLiveSpecification" not in properties


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_holds_no_value_in_the_template(secret: str) -> None:
    assert SECRETS[secret]["Properties"]["SecretString"] in ('{"key_id":"","key_secret":""}', '{"active":[]}')
    assert SECRETS[secret]["DeletionPolicy"] == "Retain"


def test_logs_are_kept_for_half_a_year_at_least() -> None:
    retention = TEMPLATE.document["Parameters"]["LogRetentionDays"]
    assert min(retention["AllowedValues"]) >= 180 and retention["Default"] >= 180


def test_nothing_that_would_log_bodies_or_tokens_is_switched_on() -> None:
    text = (ROOT / "template.yaml").read_text()
    assert not [
        name for name in ("POWERTOOLS_DEV", "POWERTOOLS_LOGGER_LOG_EVENT", "DataTraceEnabled") if name in text
    ]
