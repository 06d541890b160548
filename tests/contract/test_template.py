"""The template's house rules, over the parsed file: whatever function, table, bucket or queue is added keeps them."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from local.template import ROOT, Template

TEMPLATE = Template()
COMMON = TEMPLATE.document["Globals"]["Function"]
FUNCTIONS = TEMPLATE.of_type("AWS::Serverless::Function")
QUEUES = TEMPLATE.of_type("AWS::SQS::Queue")
LAYERS = {name: one for name, one in TEMPLATE.resources.items() if one["Type"] == "AWS::Serverless::LayerVersion"}
KEPT = (
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::Logs::LogGroup",
    "AWS::KMS::Key",
)
TABLES = TEMPLATE.of_type("AWS::DynamoDB::Table")
SECRETS = TEMPLATE.of_type("AWS::SecretsManager::Secret")
BUCKETS = TEMPLATE.of_type("AWS::S3::Bucket")
# What a role may name: a resource by its logical id, a bucket also by the name that the template gives it.
NAMES = [*TEMPLATE.resources, *(one["BucketName"]["Fn::Sub"] for one in BUCKETS.values())]
(API,) = TEMPLATE.of_type("AWS::Serverless::Api").values()

# Actions for which AWS knows no narrower resource than all of them.
WITHOUT_RESOURCE = {"dynamodb:ListStreams"}
READS = {
    "dynamodb:GetItem",
    "dynamodb:BatchGetItem",
    "dynamodb:Query",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
}
READS |= {"dynamodb:GetShardIterator", "dynamodb:ListStreams"}
# Who may put entries: those that open a wallet at its first touch, and those that move money.
OPENS_WALLETS = {"wallets.list", "wallets.retrieve", "wallets.transactions", "wallets.add_balance"}
MOVES_MONEY = {"payments.create", "payments.verify", "payments.sync", "payments.webhook", "payments.reconcile"}
MOVES_MONEY |= {"payments.refund"}
SHOWS_CHECKOUT = {"payments.list", "payments.retrieve"}  # the key's id stands in it
CALLS_GATEWAY = MOVES_MONEY | {"wallets.add_balance", "payment_methods.create", "payment_methods.delete"}
# Whose calls cost money or trouble when there are too many: a ceiling each, by parameter.
HAS_CEILING = {"payments.create", "payments.verify", "payments.sync", "payments.webhook", "payments.reconcile"}
HAS_CEILING |= {"wallets.add_balance", "images.compress"}


def verb(function: str) -> str:
    """`payments.create`: what the function does, as its file is called."""
    return str(FUNCTIONS[function]["Handler"]).removesuffix(".handler")


def statements(function: str) -> list[dict[str, Any]]:
    return [one for policy in FUNCTIONS[function].get("Policies", []) for one in policy["Statement"]]


def allowed(function: str, resource: str) -> set[str]:
    return {action for one in statements(function) if resource in str(one["Resource"]) for action in one["Action"]}


def events(function: str, kind: str) -> list[dict[str, Any]]:
    return [one["Properties"] for one in FUNCTIONS[function].get("Events", {}).values() if one["Type"] == kind]


def test_cfn_lint_has_nothing_to_say() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "template.yaml"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


# --- roles


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_has_exact_actions_on_exact_resources(function: str) -> None:
    for policy in FUNCTIONS[function].get("Policies", []):
        assert set(policy) <= {"Version", "Statement"}, "no ready-made policies: they give Scan, Delete and more"
    for one in statements(function):
        assert not [
            action for action in one["Action"] if "*" in action or action.endswith((":Scan", "PartiQLDelete"))
        ]
        if one["Resource"] == "*":
            assert set(one["Action"]) <= WITHOUT_RESOURCE
        else:
            assert [name for name in NAMES if name in str(one["Resource"])], one["Resource"]
    assert FUNCTIONS[function]["Description"].endswith(".")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_role_may_change_or_remove_an_entry_of_the_ledger(function: str) -> None:
    actions = allowed(function, "WalletEntriesTable")
    assert actions <= READS | {"dynamodb:PutItem"}
    assert ("dynamodb:PutItem" in actions) == (verb(function) in OPENS_WALLETS | MOVES_MONEY)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_gateways_key_is_for_those_who_call_it(function: str) -> None:
    if allowed(function, "GatewayKey"):
        assert verb(function) in CALLS_GATEWAY | SHOWS_CHECKOUT
    assert bool(allowed(function, "WebhookSecrets")) == (verb(function) == "payments.webhook")
    for secret in SECRETS:
        assert allowed(function, secret) <= {"secretsmanager:GetSecretValue"}


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if verb(name).endswith(".audit")])
def test_an_auditor_may_only_read(function: str) -> None:
    assert {action for one in statements(function) for action in one["Action"]} <= READS


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if verb(name).startswith("images.")])
def test_who_handles_photos_has_no_secret_and_no_table_of_money(function: str) -> None:
    for resource in [*SECRETS, "WalletEntriesTable", "PaymentsTable", "RefundsTable", "PaymentMethodsTable"]:
        assert not allowed(function, resource), resource


def test_the_authorizer_may_do_nothing_but_answer() -> None:
    assert not statements(TEMPLATE.authorizer)


# --- the API


def test_every_route_but_the_webhook_stands_behind_the_authorizer() -> None:
    assert [route.path for route in TEMPLATE.routes if route.is_open] == ["/api/payments/webhooks/razorpay"]
    assert TEMPLATE.authorizer == "Authorize"


def test_no_path_ends_in_a_slash() -> None:
    assert not [route.path for route in TEMPLATE.routes if route.path.endswith("/")]


def test_the_apis_own_answers_are_djangos() -> None:
    for kind, status in (
        ("UNAUTHORIZED", 401),
        ("ACCESS_DENIED", 403),
        ("MISSING_AUTHENTICATION_TOKEN", 404),
        ("REQUEST_TOO_LARGE", 413),
        ("THROTTLED", 429),
        ("DEFAULT_4XX", 400),
        ("DEFAULT_5XX", 500),
    ):
        answered, headers, body = TEMPLATE.gateway_response(kind)
        assert answered == status and body.startswith('{"detail":"')
        assert ("WWW-Authenticate" in headers) == (status == 401)
        assert ("Retry-After" in headers) == (status == 429)


def encoded(path: str) -> str:
    """A path as MethodSettings writes it."""
    return f"/~1{path[1:].replace('/', '~1')}"


def throttled(method: str, path: str) -> dict[str, Any]:
    settings = [one for one in API["MethodSettings"] if one["HttpMethod"] == method]
    (found,) = [one for one in settings if one["ResourcePath"] == encoded(path)]
    return dict(found)


@pytest.mark.parametrize("route", [one for one in TEMPLATE.routes if one.method == "POST"], ids=lambda one: one.path)
def test_a_route_that_starts_something_has_a_throttle_of_its_own(route: Any) -> None:
    if route.path.endswith("/set_default"):
        return  # it can be repeated for ever and starts nothing
    assert 0 < throttled(route.method, route.path)["ThrottlingRateLimit"] <= 50


def test_every_throttle_is_that_of_a_route() -> None:
    routes = {(one.method, encoded(one.path)) for one in TEMPLATE.routes} | {("*", "/*")}
    for one in API["MethodSettings"]:
        assert (one["HttpMethod"], one["ResourcePath"]) in routes
        assert one["ThrottlingBurstLimit"] >= one["ThrottlingRateLimit"] and not one.get("MetricsEnabled")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_ends_before_whoever_waits_for_it_gives_up(function: str) -> None:
    timeout_s = FUNCTIONS[function].get("Timeout", COMMON["Timeout"])
    if events(function, "Api"):
        assert timeout_s < 29
    if verb(function) == "payments.webhook":
        assert timeout_s <= 4
    if events(function, "Schedule"):
        assert timeout_s < 60


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_ceiling_stands_where_too_many_calls_would_hurt(function: str) -> None:
    ceiling = FUNCTIONS[function].get("ReservedConcurrentExecutions")
    assert bool(ceiling) == (verb(function) in HAS_CEILING)
    if ceiling:
        assert ceiling["Fn::If"][0] == "HasReservedConcurrency" and ceiling["Fn::If"][1] >= 1


# --- what waits, and what is kept


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if events(name, "S3")])
def test_what_an_asynchronous_call_cannot_do_is_kept(function: str) -> None:
    config = FUNCTIONS[function]["EventInvokeConfig"]
    assert config["MaximumRetryAttempts"] == 2 and config["MaximumEventAgeInSeconds"] <= 3_600
    assert config["DestinationConfig"]["OnFailure"]["Type"] == "SQS"


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_encrypted_and_keeps_what_it_has_for_two_weeks(queue: str) -> None:
    assert QUEUES[queue].get("SqsManagedSseEnabled") or QUEUES[queue].get("KmsMasterKeyId")
    assert QUEUES[queue]["MessageRetentionPeriod"] == 14 * 86_400


@pytest.mark.parametrize("name", [name for name, one in TEMPLATE.resources.items() if one["Type"] in KEPT])
def test_what_holds_data_outlives_the_stack(name: str) -> None:
    assert TEMPLATE.resources[name]["DeletionPolicy"] == TEMPLATE.resources[name]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_encrypted_and_can_be_restored(table: str) -> None:
    properties = TABLES[table]
    assert properties["DeletionProtectionEnabled"] and properties["SSESpecification"]["SSEEnabled"]
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    if "Payment" in table or "Wallet" in table or "Refund" in table:
        assert "TimeToLiveSpecification" not in properties


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_is_private(bucket: str) -> None:
    block = BUCKETS[bucket]["PublicAccessBlockConfiguration"]
    assert len(block) == 4 and all(block.values())
    policies = TEMPLATE.of_type("AWS::S3::BucketPolicy").values()
    (policy,) = [one["PolicyDocument"] for one in policies if one["Bucket"] == {"Ref": bucket}]
    assert "aws:SecureTransport" in str(policy)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_holds_no_value_in_the_template(secret: str) -> None:
    assert SECRETS[secret]["SecretString"] in ('{"key_id":"","key_secret":""}', '{"active":[]}')


def test_the_ledgers_stream_tells_what_was_there_before() -> None:
    assert TABLES["WalletEntriesTable"]["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    (mapping,) = [
        one
        for one in TEMPLATE.of_type("AWS::Lambda::EventSourceMapping").values()
        if "WalletEntriesTable" in str(one["EventSourceArn"])
    ]
    assert "FilterCriteria" not in mapping and mapping["StartingPosition"] == "TRIM_HORIZON"


# --- logs, settings, runtime


@pytest.mark.parametrize("name", TEMPLATE.of_type("AWS::Logs::LogGroup"))
def test_logs_are_encrypted_and_kept_for_half_a_year_at_least(name: str) -> None:
    group = TEMPLATE.of_type("AWS::Logs::LogGroup")[name]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"} and group["KmsKeyId"]
    retention = TEMPLATE.document["Parameters"]["LogRetentionDays"]
    assert min(retention["AllowedValues"]) >= 180 and retention["Default"] >= 180


def test_the_access_log_names_no_caller_and_no_token() -> None:
    log_format = str(API["AccessLogSetting"])
    assert not [word for word in ("authorizer", "Authorization", "header", "caller", "user") if word in log_format]


def test_nothing_that_would_log_bodies_or_tokens_is_switched_on() -> None:
    text = (ROOT / "template.yaml").read_text()
    names = ("POWERTOOLS_DEV", "POWERTOOLS_LOGGER_LOG_EVENT", "DataTraceEnabled", "IDEMPOTENCY_DISABLED")
    assert not [name for name in names if name in text]


def test_all_is_built_for_the_one_runtime() -> None:
    runtime, (architecture,) = COMMON["Runtime"], COMMON["Architectures"]
    assert (runtime, architecture) == ("python3.13", "arm64")
    for layer in LAYERS.values():
        assert layer["Properties"]["CompatibleRuntimes"] == [runtime] == [layer["Metadata"]["BuildMethod"]]
        assert layer["Properties"]["CompatibleArchitectures"] == [architecture]
        assert layer["Properties"]["RetentionPolicy"] == "Delete"
    assert not [name for name, one in FUNCTIONS.items() if {"Runtime", "FunctionName", "CodeUri", "Role"} & set(one)]


def test_a_new_version_is_published_and_watched_over() -> None:
    assert COMMON["AutoPublishAlias"] == "live"
    alarms = COMMON["DeploymentPreference"]["Alarms"]
    assert {TEMPLATE.resources[one["Ref"]]["Type"] for one in alarms} == {"AWS::CloudWatch::Alarm"}
    for mapping in TEMPLATE.of_type("AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionName"]["Ref"].endswith(".Alias"), "else it would run what no canary has tried"


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_samconfig_sets_parameters_that_there_are(stage: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    deploy = config[stage]["deploy"]["parameters"]
    given = dict(one.split("=", 1) for one in deploy["parameter_overrides"])
    parameters = TEMPLATE.document["Parameters"]
    assert given["Stage"] == stage and config[stage]["global"]["parameters"]["region"] == "ap-south-1"
    for name, value in given.items():
        assert value in [str(one) for one in parameters[name].get("AllowedValues", [value])]
    if stage == "prod":
        assert (given["Canary"], given["ReservedConcurrency"], given["StoreCardExpiry"]) == ("true", "true", "false")
        assert deploy["confirm_changeset"] is True


@pytest.mark.parametrize("parameter", TEMPLATE.document["Parameters"])
def test_a_parameter_is_described_and_used(parameter: str) -> None:
    assert TEMPLATE.document["Parameters"][parameter]["Description"].endswith(".")
    text = (ROOT / "template.yaml").read_text()
    assert any(f"{before}{parameter}{after}" in text for before, after in (("!Ref ", ""), ("${", "}")))


# --- what no shipped file may do

NEVER_CALLED = {"eval", "exec", "print", "breakpoint"}
NEVER_IMPORTED = {"pickle", "marshal", "subprocess"}
EXACT = {"audit", "gateway", "models", "money", "payments", "store"}  # where a float would be a mistake


@pytest.mark.parametrize(
    "path", [*(ROOT / "shared").glob("*.py"), *(ROOT / "functions").glob("*/*.py")], ids=lambda path: path.stem
)
def test_shipped_code_calls_nothing_that_runs_text_or_rounds_money(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in NEVER_CALLED | ({"float"} if path.stem in EXACT else set())
        if isinstance(node, ast.Import):
            assert not {alias.name for alias in node.names} & NEVER_IMPORTED
        if isinstance(node, ast.ImportFrom):
            assert node.module not in NEVER_IMPORTED
        if isinstance(node, ast.Compare) and path.stem in EXACT:
            sides = [ast.unparse(one) for one in (node.left, *node.comparators)]
            assert not [one for one in sides if one == "signature" or one.endswith(".signature")], "compare_digest"
