"""Rules for the templates, checked on the parsed files: every function, table, bucket and queue follows them."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from local.template import ROOT
from tests.support.template_roles import FUNCTIONS, TEMPLATE, allowed, statements

TEMPLATES = ("template.yaml", "observability.yaml")
COMMON = TEMPLATE.document["Globals"]["Function"]
QUEUES = TEMPLATE.of_type("AWS::SQS::Queue")
LAYERS = {
    name: resource
    for name, resource in TEMPLATE.resources.items()
    if resource["Type"] == "AWS::Serverless::LayerVersion"
}
RETAINED = (
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::Logs::LogGroup",
    "AWS::KMS::Key",
)
TABLES = TEMPLATE.of_type("AWS::DynamoDB::Table")
SECRETS = TEMPLATE.of_type("AWS::SecretsManager::Secret")
BUCKETS = TEMPLATE.of_type("AWS::S3::Bucket")
# What a role may name: a resource by its logical id, and a bucket also by its name.
NAMES = [*TEMPLATE.resources, *(bucket["BucketName"]["Fn::Sub"] for bucket in BUCKETS.values())]
(API,) = TEMPLATE.of_type("AWS::Serverless::Api").values()

# Actions that AWS can only allow on all resources.
WITHOUT_RESOURCE = {"dynamodb:ListStreams"}
READS = {
    "dynamodb:GetItem",
    "dynamodb:BatchGetItem",
    "dynamodb:Query",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
}
READS |= {"dynamodb:GetShardIterator", "dynamodb:ListStreams"}
IN_A_TRANSACTION = {"ForAnyValue:StringEquals": {"dynamodb:EnclosingOperation": "TransactWriteItems"}}
# The functions that may put entries: those that open a wallet, and those that move money.
OPENS_WALLETS = {"wallets.add_balance"}
MOVES_MONEY = {f"payments.{verb}" for verb in ("create", "verify", "sync", "receive_webhook", "reconcile")}
MOVES_MONEY |= {
    "refunds.create",
    "staff.create_refund",
    "staff.decide_proposal",
    "staff.resolve_review",
    "staff.replay_webhook",
}
# Staff block a wallet, or release what it holds.
CHANGES_WALLETS = {"staff.block_wallet", "staff.cancel_refund"}
CALLS_RAZORPAY = MOVES_MONEY | {"wallets.add_balance", "payment_methods.delete"}
CALLS_RAZORPAY |= {"staff.search", "staff.retrieve_payment"}
# The functions of which too many concurrent calls cost money or trouble. Each has a reserved concurrency.
HAS_RESERVED_CONCURRENCY = MOVES_MONEY | {"wallets.add_balance", "images.compress"}


def module(function: str) -> str:
    """The module of the handler, such as `payments.create`."""
    return str(FUNCTIONS[function]["Handler"]).removesuffix(".handler")


def events(function: str, kind: str) -> list[dict[str, Any]]:
    triggers = FUNCTIONS[function].get("Events", {}).values()
    return [trigger["Properties"] for trigger in triggers if trigger["Type"] == kind]


# --- files and names

# Logical ids that the rule would not derive. In the last one, the word after the verb describes the method.
EXCEPTIONS = {
    "payments.receive_webhook": "ReceiveWebhook",
    "refunds.list": "ListRefunds",  # the {id} in its path is the payment's
    "payment_methods.set_default": "SetDefaultPaymentMethod",
}


def logical_id(function: str) -> str:
    """The verb of the file, the noun of its folder, then the rest of the file's name.

    `wallets/list_transactions.py` is `ListWalletTransactions`. The noun is singular if a word follows it, if a path
    has `{id}`, if the call creates one, or if the event names one. `auth` is no noun.
    """
    if module(function) in EXCEPTIONS:
        return EXCEPTIONS[module(function)]
    folder, file = module(function).split(".")
    verb, *rest = file.split("_")
    has_id = any("{id}" in route["Path"] for route in events(function, "Api"))
    is_singular = has_id or bool(rest) or verb == "create" or bool(events(function, "S3"))
    noun = "" if folder == "auth" else folder.removesuffix("s") if is_singular else folder
    return "".join(word.title() for word in (verb, *noun.split("_"), *rest))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_logical_id_derives_from_the_path(function: str) -> None:
    assert logical_id(function) == function


def test_every_exception_is_a_function() -> None:
    assert {module(function) for function in FUNCTIONS} >= set(EXCEPTIONS)
    assert "ReconcilePayments" in FUNCTIONS, "scripts invoke it by this name"


def test_cfn_lint_passes() -> None:
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    lint = subprocess.run([cfn_lint, *TEMPLATES], cwd=ROOT, capture_output=True, text=True)
    assert lint.returncode == 0, lint.stdout


@pytest.mark.parametrize("name", TEMPLATES)
def test_lines_fit_120_columns(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > 120] == []


# --- roles


@pytest.mark.parametrize("function", FUNCTIONS)
def test_role_allows_exact_actions_on_exact_resources(function: str) -> None:
    for policy in FUNCTIONS[function].get("Policies", []):
        assert set(policy) <= {"Version", "Statement"}, "SAM's policy templates also allow Scan, Delete and more"
    for statement in statements(function):
        assert not [
            action for action in statement["Action"] if "*" in action or action.endswith((":Scan", "PartiQLDelete"))
        ]
        if statement["Resource"] == "*":
            assert set(statement["Action"]) <= WITHOUT_RESOURCE
        else:
            assert [name for name in NAMES if name in str(statement["Resource"])], statement["Resource"]
    assert FUNCTIONS[function]["Description"].endswith(".")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_role_changes_or_removes_ledger_entries(function: str) -> None:
    actions = allowed(function, "WalletEntriesTable")
    assert actions <= READS | {"dynamodb:PutItem"}
    assert ("dynamodb:PutItem" in actions) == (module(function) in OPENS_WALLETS | MOVES_MONEY | CHANGES_WALLETS)


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if module(name) in OPENS_WALLETS | MOVES_MONEY])
def test_who_opens_a_wallet_writes_its_owner(function: str) -> None:
    assert "dynamodb:PutItem" in allowed(function, "PaymentMethodsTable")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_entry_is_put_in_a_transaction_only(function: str) -> None:
    """On its own, a put needs no record that justifies it."""
    for statement in statements(function):
        if "WalletEntriesTable" in str(statement["Resource"]) and not set(statement["Action"]) <= READS:
            assert (statement["Action"], statement["Condition"]) == (["dynamodb:PutItem"], IN_A_TRANSACTION)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_callers_of_razorpay_read_its_secret(function: str) -> None:
    """The key id, which checkout shows, is a setting: no function needs the secret for it."""
    assert bool(allowed(function, "GatewayKey")) == (module(function) in CALLS_RAZORPAY)
    assert bool(allowed(function, "WebhookSecrets")) == (module(function) == "payments.receive_webhook")
    for secret in SECRETS:
        assert allowed(function, secret) <= {"secretsmanager:GetSecretValue"}


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if module(name).endswith(".audit")])
def test_auditor_only_reads(function: str) -> None:
    assert {action for statement in statements(function) for action in statement["Action"]} <= READS


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if module(name).startswith("images.")])
def test_photo_functions_reach_no_secret_and_no_money(function: str) -> None:
    for resource in [*SECRETS, "WalletEntriesTable", "PaymentsTable", "RefundsTable", "PaymentMethodsTable"]:
        assert not allowed(function, resource), resource


@pytest.mark.parametrize("function", TEMPLATE.authorizers.values())
def test_authorizer_role_allows_nothing(function: str) -> None:
    assert not statements(function)


def test_only_authorizers_carry_cryptography() -> None:
    layer = {"Ref": "AuthorizerLayer"}
    carriers = [name for name, function in FUNCTIONS.items() if layer in function.get("Layers", [])]
    assert carriers == list(TEMPLATE.authorizers.values())


# --- time and concurrency


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_times_out_before_its_caller(function: str) -> None:
    """API Gateway waits 29 seconds, Razorpay five, and a scheduled run must end before the next one starts."""
    timeout_s = FUNCTIONS[function].get("Timeout", COMMON["Timeout"])
    if events(function, "Api"):
        assert timeout_s < 29
    if module(function) == "payments.receive_webhook":
        assert timeout_s <= 4
    if events(function, "Schedule"):
        assert timeout_s < 60


@pytest.mark.parametrize("function", FUNCTIONS)
def test_costly_functions_have_reserved_concurrency(function: str) -> None:
    reserved = FUNCTIONS[function].get("ReservedConcurrentExecutions")
    assert bool(reserved) == (module(function) in HAS_RESERVED_CONCURRENCY)
    if reserved:
        assert reserved["Fn::If"][0] == "HasReservedConcurrency" and reserved["Fn::If"][1] >= 1


# --- queues and stored data


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if events(name, "S3")])
def test_failed_asynchronous_event_goes_to_a_queue(function: str) -> None:
    config = FUNCTIONS[function]["EventInvokeConfig"]
    assert config["MaximumRetryAttempts"] == 2 and config["MaximumEventAgeInSeconds"] <= 3_600
    assert config["DestinationConfig"]["OnFailure"]["Type"] == "SQS"


@pytest.mark.parametrize("queue", QUEUES)
def test_queue_is_encrypted_and_retains_for_two_weeks(queue: str) -> None:
    assert QUEUES[queue].get("SqsManagedSseEnabled") or QUEUES[queue].get("KmsMasterKeyId")
    assert QUEUES[queue]["MessageRetentionPeriod"] == 14 * 86_400


def test_nothing_is_kept_after_a_failed_creation() -> None:
    assert not [name for name, row in TEMPLATE.resources.items() if row.get("DeletionPolicy") == "Retain"]


@pytest.mark.parametrize("name", [name for name, row in TEMPLATE.resources.items() if row["Type"] in RETAINED])
def test_stored_data_outlives_the_stack(name: str) -> None:
    """But what a failed first deployment created goes with it, or its names would block the second."""
    resource = TEMPLATE.resources[name]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


# Rows of deleted methods, and of photos that never came. No row about money ever expires.
EXPIRING_TABLES = ("ImagesTable", "PaymentMethodsTable", "UnusableWebhooksTable")


@pytest.mark.parametrize("table", TABLES)
def test_table_is_encrypted_and_recoverable(table: str) -> None:
    properties = TABLES[table]
    assert properties["DeletionProtectionEnabled"] and properties["SSESpecification"]["SSEEnabled"]
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert ("TimeToLiveSpecification" in properties) == (table in EXPIRING_TABLES)


def test_unusable_webhooks_live_for_a_time_and_only_staff_read_them() -> None:
    time_to_live = TABLES["UnusableWebhooksTable"]["TimeToLiveSpecification"]
    assert time_to_live == {"AttributeName": "expires_at_s", "Enabled": True}
    roles = {function: allowed(function, "UnusableWebhooksTable") for function in FUNCTIONS}
    assert {name: actions for name, actions in roles.items() if actions} == {
        "ReceiveWebhook": {"dynamodb:PutItem"},
        "ListStaffWebhooks": {"dynamodb:BatchGetItem", "dynamodb:Query"},
        "ReplayStaffWebhook": {"dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
    }


@pytest.mark.parametrize("bucket", BUCKETS)
def test_bucket_is_private(bucket: str) -> None:
    block = BUCKETS[bucket]["PublicAccessBlockConfiguration"]
    assert len(block) == 4 and all(block.values())
    policies = TEMPLATE.of_type("AWS::S3::BucketPolicy").values()
    (document,) = [policy["PolicyDocument"] for policy in policies if policy["Bucket"] == {"Ref": bucket}]
    assert "aws:SecureTransport" in str(document)


@pytest.mark.parametrize("secret", SECRETS)
def test_template_holds_no_secret_value(secret: str) -> None:
    assert SECRETS[secret]["SecretString"] in ('{"key_id":"","key_secret":""}', '{"active":[]}')


def test_ledger_stream_has_old_images_of_all_changes() -> None:
    assert TABLES["WalletEntriesTable"]["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    (mapping,) = [
        mapping
        for mapping in TEMPLATE.of_type("AWS::Lambda::EventSourceMapping").values()
        if "WalletEntriesTable" in str(mapping["EventSourceArn"])
    ]
    assert "FilterCriteria" not in mapping and mapping["StartingPosition"] == "TRIM_HORIZON"


# --- logs, settings, runtime


@pytest.mark.parametrize("name", TEMPLATE.of_type("AWS::Logs::LogGroup"))
def test_logs_are_encrypted_and_stored_180_days(name: str) -> None:
    group = TEMPLATE.of_type("AWS::Logs::LogGroup")[name]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"} and group["KmsKeyId"]
    retention = TEMPLATE.document["Parameters"]["LogRetentionDays"]
    assert min(retention["AllowedValues"]) >= 180 and retention["Default"] >= 180


def test_access_log_has_no_caller_and_no_token() -> None:
    log_format = str(API["AccessLogSetting"])
    assert not [word for word in ("authorizer", "Authorization", "header", "caller", "user") if word in log_format]


def test_logging_of_bodies_and_tokens_is_off() -> None:
    text = "".join((ROOT / name).read_text() for name in TEMPLATES)
    names = ("POWERTOOLS_DEV", "POWERTOOLS_LOGGER_LOG_EVENT", "DataTraceEnabled", "IDEMPOTENCY_DISABLED")
    assert not [name for name in names if name in text]


def test_functions_and_layers_share_one_runtime() -> None:
    runtime, (architecture,) = COMMON["Runtime"], COMMON["Architectures"]
    assert (runtime, architecture) == ("python3.13", "arm64")
    for layer in LAYERS.values():
        assert layer["Properties"]["CompatibleRuntimes"] == [runtime] == [layer["Metadata"]["BuildMethod"]]
        assert layer["Properties"]["CompatibleArchitectures"] == [architecture]
        assert layer["Properties"]["RetentionPolicy"] == "Delete"
    assert not [name for name, row in FUNCTIONS.items() if {"Runtime", "FunctionName", "CodeUri", "Role"} & set(row)]


def test_new_version_is_published_and_watched() -> None:
    """Alarms that roll a canary back must be in the same template as the functions."""
    assert COMMON["AutoPublishAlias"] == "live"
    alarms = COMMON["DeploymentPreference"]["Alarms"]
    assert {TEMPLATE.resources[alarm["Ref"]]["Type"] for alarm in alarms} == {"AWS::CloudWatch::Alarm"}
    for mapping in TEMPLATE.of_type("AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionName"]["Ref"].endswith(".Alias"), "otherwise it runs a version that no canary tried"


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_samconfig_sets_existing_parameters(stage: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    deploy = config[stage]["deploy"]["parameters"]
    given = dict(override.split("=", 1) for override in deploy["parameter_overrides"])
    parameters = TEMPLATE.document["Parameters"]
    assert given["Stage"] == stage and config[stage]["global"]["parameters"]["region"] == "ap-south-1"
    for name, value in given.items():
        assert value in [str(choice) for choice in parameters[name].get("AllowedValues", [value])]
    if stage == "prod":
        assert (given["Canary"], given["ReservedConcurrency"], given["StoreCardExpiry"]) == ("true", "true", "false")
        assert deploy["confirm_changeset"] is True


def test_deployment_without_a_stage_is_dev() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert config["default"]["deploy"] == config["dev"]["deploy"]
    assert config["default"]["global"] == config["dev"]["global"]


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_deployment_without_a_key_id_is_rejected(stage: str) -> None:
    """CloudFormation rejects the placeholder of samconfig.toml until somebody replaces it."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    overrides = config[stage]["deploy"]["parameters"]["parameter_overrides"]
    (key_id,) = [override.split("=")[1] for override in overrides if override.startswith("RazorpayKeyId=")]
    assert key_id.startswith("rzp_live_" if stage == "prod" else "rzp_test_")
    assert not re.fullmatch(TEMPLATE.document["Parameters"]["RazorpayKeyId"]["AllowedPattern"], "rzp_test_REPLACE_ME")


def test_prod_is_rejected_until_somebody_receives_its_alarms() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    overrides = config["prod"]["deploy"]["parameters"]["parameter_overrides"]
    given = dict(override.split("=", 1) for override in overrides)
    for name, value in (("AlarmEmail", "ops@example.in"), ("AlarmUrl", "https://pages.example.in/garment-pay")):
        pattern = TEMPLATE.document["Parameters"][name]["AllowedPattern"]
        assert given[name] == "REPLACE_ME" and not re.fullmatch(pattern, "REPLACE_ME")
        assert re.fullmatch(pattern, value) and re.fullmatch(pattern, "")


@pytest.mark.parametrize("parameter", TEMPLATE.document["Parameters"])
def test_parameter_is_described_and_used(parameter: str) -> None:
    assert TEMPLATE.document["Parameters"][parameter]["Description"].endswith(".")
    text = (ROOT / "template.yaml").read_text()
    assert any(f"{before}{parameter}{after}" in text for before, after in (("!Ref ", ""), ("${", "}")))
