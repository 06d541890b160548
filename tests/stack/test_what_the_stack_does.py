"""Of the deployed stack: its own answers, its streams, its alias. The app's day itself is the journey's tests."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from local import build
from local.template import Template
from tests.app import API, App
from tests.deployed import Deployed

pytestmark = pytest.mark.stack
WAIT_S = 60  # a mapping gathers changes for half a minute


@pytest.fixture
def app(bundle: Deployed) -> App:
    return App(bundle)  # type: ignore[arg-type]


def until(holds: Callable[[], Any]) -> Any:
    """What it finally answers; streams are read every so often, so this waits, and fails when it waits in vain."""
    deadline = time.monotonic() + WAIT_S
    while not (answer := holds()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return answer


@pytest.mark.parametrize(
    ("path", "token", "status", "detail"),
    [
        ("/wallets/", "", 401, "Authentication credentials were not provided."),
        ("/wallets", "Bearer not.a.token", 401, "Authentication credentials were not provided."),
        ("/nowhere/", "", 404, "Not found."),
    ],
)
def test_the_apis_own_answers_speak_django(bundle: Deployed, path: str, token: str, status: int, detail: str) -> None:
    headers = {"Authorization": token} if token else {}
    answer = requests.get(f"{bundle.api}{API}{path}", headers=headers, timeout=30)
    assert (answer.status_code, answer.json()) == (status, {"detail": detail})
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_every_route_of_the_template_is_deployed_in_both_forms(bundle: Deployed, app: App) -> None:
    for route in Template().routes:
        for path in (route.path, f"{route.path}/"):
            url = bundle.api + path.replace("{id}", "00000000-0000-4000-8000-000000000000")
            headers = {"Content-Type": "application/json"}
            answer = app.session.request(route.method, url, data=b"{}", headers=headers, timeout=60)
            assert answer.status_code in (200, 400, 401, 404), (route, answer.text)
            if answer.status_code == 404:  # ours says what it looked for, the API's own does not
                assert answer.json() != {"detail": "Not found."}, (route, answer.text)
            assert "X-Request-Id" in answer.headers, "a function answered"


def audited(bundle: Deployed, function: str, table: str) -> dict[str, int]:
    """What the auditor counts of everything in its table's stream, given to it as its mapping gives it."""
    streams = bundle.stack.client("dynamodbstreams")
    name = bundle.stack.resources[table]
    (arn,) = [one["StreamArn"] for one in streams.list_streams(TableName=name)["Streams"]]
    records: list[dict[str, Any]] = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        at = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        read = streams.get_records(ShardIterator=streams.get_shard_iterator(**at)["ShardIterator"])
        records += read["Records"]
    plain = json.loads(json.dumps({"Records": records}, default=str))
    return dict(bundle.invoke(function, plain))


def test_the_streams_reach_the_auditors_and_they_get_through(bundle: Deployed, app: App) -> None:
    app.topped_up("500.00")
    mappings = bundle.stack.client("lambda")

    def results() -> list[str]:
        listed = mappings.list_event_source_mappings()["EventSourceMappings"]
        return [one["LastProcessingResult"] for one in listed if one["FunctionArn"].endswith(":live")]

    assert until(lambda: len(results()) == 2 and all(one.startswith("OK") for one in results())), results()


def test_the_auditors_find_nothing_wrong_with_a_day_of_the_app(bundle: Deployed, app: App) -> None:
    app.topped_up("500.00")
    assert app.spend("200.00", "k-1").status_code == 201
    ledger = audited(bundle, "AuditWallets", "WalletEntriesTable")
    assert ledger["EntriesAudited"] >= 3 and (ledger["LedgerDrift"], ledger["LedgerEntryChanged"]) == (0, 0)
    top_ups = audited(bundle, "AuditPayments", "PaymentsTable")
    assert top_ups["TopUpsAudited"] >= 1 and top_ups["TopUpNotCredited"] == 0


def test_an_entry_changed_by_hand_is_reported(bundle: Deployed, app: App) -> None:
    """Root can do what no role may; the auditor sees it."""
    app.topped_up("500.00")
    bundle.stack.client("dynamodb").update_item(
        TableName=bundle.stack.resources["WalletEntriesTable"],
        Key={"wallet": {"S": app.get("/wallets/")["results"][0]["id"]}, "seq": {"N": "1"}},
        UpdateExpression="SET balance_paise = :more",
        ExpressionAttributeValues={":more": {"N": "99999900"}},
    )
    assert audited(bundle, "AuditWallets", "WalletEntriesTable")["LedgerEntryChanged"] == 1


def test_a_byte_changed_in_shared_is_what_the_alias_runs_after_the_next_deployment(bundle: Deployed) -> None:
    functions = [bundle.stack.resources[name] for name in ("ListWallets", "ReceiveWebhook")]
    before = [live(bundle, function) for function in functions]
    money = build.HOST / "build" / "SharedLayer" / "python" / "shared" / "money.py"
    money.write_text(money.read_text() + "\n")
    bundle.stack.finish_and_deploy()
    assert [live(bundle, function) for function in functions] == [version + 1 for version in before]


def live(bundle: Deployed, function: str) -> int:
    return int(bundle.stack.client("lambda").get_alias(FunctionName=function, Name="live")["FunctionVersion"])
