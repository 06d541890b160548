"""The deployed stack: gateway responses, routes, dashboards, streams and aliases. The journey is tested elsewhere."""

import json
import re
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
import requests

from local.template import Route, Template
from shared.staff.groups import ALLOWED, GROUPS
from tests.support.api_client import API, App
from tests.support.deployed import DeployedStack
from tests.support.staff_actions import ACTIONS
from tools.stack import BUILT, NAME

pytestmark = pytest.mark.stack
WAIT_S = 60  # an event source mapping collects changes for half a minute


@pytest.fixture
def app(local_stack: DeployedStack) -> App:
    return App(local_stack)  # type: ignore[arg-type]


def until(condition: Callable[[], Any]) -> Any:
    """Call the condition until it holds or WAIT_S have passed, and return its last value."""
    deadline = time.monotonic() + WAIT_S
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return value


@pytest.mark.parametrize(
    ("path", "token", "status", "code", "detail"),
    [
        ("/wallets/", "", 401, "not_authenticated", "Authentication credentials were not provided."),
        ("/wallets", "Bearer not.a.token", 401, None, None),
        ("/nowhere/", "", 404, "not_found", "Not found."),
    ],
)
def test_gateway_responses_match_django(
    local_stack: DeployedStack, path: str, token: str, status: int, code: str | None, detail: str | None
) -> None:
    """The stand-in does not fill `$context.authorizer` in, so a refused token's text and code are not compared."""
    headers = {"Authorization": token} if token else {}
    response = requests.get(f"{local_stack.api}{API}{path}", headers=headers, timeout=30)
    assert response.status_code == status
    if detail:
        assert response.json() == {"detail": detail} and response.headers["X-Error-Code"] == code
    if status == 401:
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def ask(local_stack: DeployedStack, route: Route, path: str, token: str) -> requests.Response:
    url = local_stack.api + re.sub(r"{\w+}", "00000000-0000-4000-8000-000000000000", path)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    return requests.request(route.method, url, data=b"{}", headers=headers, timeout=60)


def is_for_staff(route: Route) -> bool:
    return route.path.startswith("/api/staff/")


def test_every_route_is_deployed_with_and_without_slash(local_stack: DeployedStack, app: App) -> None:
    for route in Template().routes:
        for path in (route.path, f"{route.path}/"):
            token = local_stack.staff_token(*GROUPS) if is_for_staff(route) else app.customer["token"]
            response = ask(local_stack, route, path, token)
            assert response.status_code in (200, 400, 401, 404), (route, response.text)
            if response.status_code == 404:  # a function's 404 names what is missing, API Gateway's does not
                assert response.json() != {"detail": "Not found."}, (route, response.text)
            assert "X-Request-Id" in response.headers, "the response is not from a function"


@pytest.mark.parametrize("route", [route for route in Template().routes if is_for_staff(route)], ids=str)
def test_deployed_route_of_staff_takes_their_tokens_alone(local_stack: DeployedStack, app: App, route: Route) -> None:
    expired = int(time.time()) - 3_600
    for token in ("", app.customer["token"], local_stack.staff_token(*GROUPS, exp=expired)):
        assert ask(local_stack, route, route.path, token).status_code == 401
    other_issuer = local_stack.issuer.token("asha", int(time.time()), groups=list(GROUPS))
    assert ask(local_stack, route, route.path, other_issuer).status_code == 401
    for group in GROUPS:
        status = ask(local_stack, route, route.path, local_stack.staff_token(group)).status_code
        assert (status != 403) == (group in ALLOWED[ACTIONS[route.function]]) and status != 401, (group, status)
    assert ask(local_stack, route, route.path, local_stack.staff_token()).status_code == 403


def test_deployed_routes_of_customers_refuse_staff(local_stack: DeployedStack) -> None:
    for route in Template().routes:
        if not route.is_open and not is_for_staff(route):
            assert ask(local_stack, route, route.path, local_stack.staff_token(*GROUPS)).status_code == 401, route


def test_nested_stack_deploys_dashboards_and_alarms(local_stack: DeployedStack) -> None:
    (stack,) = local_stack.stack.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
    urls = [output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"].endswith("DashboardUrl")]
    cloudwatch = local_stack.stack.client("cloudwatch")
    dashboards = {entry["DashboardName"] for entry in cloudwatch.list_dashboards()["DashboardEntries"]}
    assert {url.rsplit("/", 1)[1] for url in urls} == dashboards and len(dashboards) == 3
    for name in dashboards:
        body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
        assert NAME in json.dumps(body["widgets"]), "the widgets show the metrics of the parent stack"
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    assert [alarm for alarm in alarms if alarm["MetricName"] == "LedgerEntryChanged"]


def _plain(value: Any) -> str:
    """Binary values as events have them, and times as text."""
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)


def audited(local_stack: DeployedStack, function: str, table: str) -> dict[str, int]:
    """The auditor's counts for everything in its table's stream, passed as its event source mapping does."""
    streams = local_stack.stack.client("dynamodbstreams")
    name = local_stack.stack.resources[table]
    (arn,) = [stream["StreamArn"] for stream in streams.list_streams(TableName=name)["Streams"]]
    records: list[dict[str, Any]] = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        start = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        page = streams.get_records(ShardIterator=streams.get_shard_iterator(**start)["ShardIterator"])
        records += page["Records"]
    plain = json.loads(json.dumps({"Records": records}, default=_plain))
    return dict(local_stack.invoke(function, plain))


def test_auditors_process_their_streams(local_stack: DeployedStack, app: App) -> None:
    app.top_up("500.00")
    mappings = local_stack.stack.client("lambda")

    def results() -> list[str]:
        rows = mappings.list_event_source_mappings()["EventSourceMappings"]
        return [row["LastProcessingResult"] for row in rows if row["FunctionArn"].endswith(":live")]

    assert until(lambda: len(results()) == 2 and all(result.startswith("OK") for result in results())), results()


def test_auditors_find_no_fault_after_a_payment(local_stack: DeployedStack, app: App) -> None:
    app.top_up("500.00")
    assert app.spend("200.00", "k-1").status_code == 201
    ledger = audited(local_stack, "AuditWallets", "WalletEntriesTable")
    assert ledger["EntriesAudited"] >= 3 and (ledger["LedgerDrift"], ledger["LedgerEntryChanged"]) == (0, 0)
    top_ups = audited(local_stack, "AuditPayments", "PaymentsTable")
    assert top_ups["TopUpsAudited"] >= 1 and top_ups["TopUpNotCredited"] == 0


def test_auditor_reports_a_changed_entry(local_stack: DeployedStack, app: App) -> None:
    """The root user can change an entry, which no role is allowed to do."""
    app.top_up("500.00")
    local_stack.stack.client("dynamodb").update_item(
        TableName=local_stack.stack.resources["WalletEntriesTable"],
        Key={"wallet": {"S": app.get("/wallets/")["results"][0]["id"]}, "seq": {"N": "1"}},
        UpdateExpression="SET cash_paise = :more",
        ExpressionAttributeValues={":more": {"N": "99999900"}},
    )
    assert audited(local_stack, "AuditWallets", "WalletEntriesTable")["LedgerEntryChanged"] == 1


def test_changed_byte_in_shared_publishes_new_versions(local_stack: DeployedStack) -> None:
    functions = [local_stack.stack.resources[name] for name in ("ListWallets", "ReceiveWebhook")]
    before = [live(local_stack, function) for function in functions]
    money = BUILT / "SharedLayer" / "python" / "shared" / "money.py"
    money.write_text(money.read_text() + "\n")
    local_stack.stack.finish_and_deploy()
    assert [live(local_stack, function) for function in functions] == [version + 1 for version in before]


def live(local_stack: DeployedStack, function: str) -> int:
    return int(local_stack.stack.client("lambda").get_alias(FunctionName=function, Name="live")["FunctionVersion"])
