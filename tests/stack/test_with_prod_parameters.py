"""The stack with prod's parameters, as far as the stand-in takes them: what prod adds is there, and the app answers.

The stand-in runs no canary, reserves no concurrency, and has no web ACL, no budget and no calculated alarms. Those
are only in the template's tests. Two parameters stay the stack's own: its key id and the address of its Razorpay. The
module is the last one: the stage is part of the URL, which changes with it, and the other tests use the one before.
"""

import time
from typing import Any

import pytest
import requests

from local.template import Template
from tests.support.api_client import API, App
from tests.support.deployed import DeployedStack
from tests.support.image_samples import phone_photo
from tests.support.monitoring import set_parameters
from tests.support.staff_client import Desk
from tools.smoke import main as smoke
from tools.stack import BUILT, KEY_ID, NAME

pytestmark = pytest.mark.stack
RECEIVERS = {"AlarmEmail": "alarms@example.in", "AlarmUrl": "https://alarms.example.in/page"}
PARAMETERS = set_parameters("prod") | RECEIVERS | {"RazorpayKeyId": KEY_ID}
WAIT_S = 60


@pytest.fixture(scope="module")
def prod(local_stack: DeployedStack) -> DeployedStack:
    """The stack in prod's stage. New versions take over its settings, as `make build` makes them after a change."""
    before = local_stack.api
    money = BUILT / "SharedLayer" / "python" / "shared" / "money.py"
    money.write_text(money.read_text() + "\n")
    local_stack.stack.finish_and_deploy(PARAMETERS)
    assert local_stack.api == before.replace("/dev", "/prod")
    return local_stack


@pytest.fixture
def app(prod: DeployedStack) -> App:
    return App(prod)  # type: ignore[arg-type]


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


def test_functions_of_prod_have_its_settings(prod: DeployedStack) -> None:
    name = prod.stack.resources["ReceiveWebhook"]
    live = prod.stack.client("lambda").get_function_configuration(FunctionName=name, Qualifier="live")
    assert live["Environment"]["Variables"]["STORE_CARD_EXPIRY"] == PARAMETERS["StoreCardExpiry"] == "false"


def test_top_up_and_spend_move_the_balance_in_prod(app: App) -> None:
    assert app.balance == "0.00"
    app.top_up("500.00")
    assert app.spend("200.00", "k-1").status_code == 201 and app.balance == "300.00"


def test_webhook_alone_credits_in_prod(prod: DeployedStack, app: App) -> None:
    payment = app.add_money("300.00")
    app.pay(payment)
    deadline = time.monotonic() + WAIT_S
    while app.status(payment) != "captured" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert app.balance == "300.00"


def test_photo_is_compressed_in_prod(app: App) -> None:
    assert app.upload_photo(phone_photo(600, 800, orientation=6))["status"] == "ready"


def test_staff_find_and_refund_a_payment_in_prod(prod: DeployedStack, app: App) -> None:
    payment, desk = app.top_up("500.00"), Desk(prod, "support")  # type: ignore[arg-type]
    found = desk.get(f"/search/?q={payment['id']}")["results"]
    assert [(row["id"], row["status"]) for row in found] == [(payment["id"], "captured")]
    assert desk.refund(payment, "200.00").status_code == 201 and app.balance == "300.00"


def test_wallet_whose_entries_are_lost_is_opened_by_an_adjustment(prod: DeployedStack, app: App) -> None:
    """As after a restore: its owner is there, and the root user has removed entry 0."""
    app.add_money("100.00")
    wallet = app.get("/wallets/")["results"][0]["id"]
    table, key = prod.stack.resources["WalletEntriesTable"], {"wallet": {"S": wallet}, "seq": {"N": "0"}}
    prod.stack.client("dynamodb").delete_item(TableName=table, Key=key)
    finance, approver = Desk(prod, "finance"), Desk(prod, "approver", sub="another")  # type: ignore[arg-type]
    body = {"amount": "250.00", "type": "credit", "reason": "Restore of a minute"}
    proposal = finance.call("POST", f"/wallets/{wallet}/adjustments/", body).json()
    approved = approver.call("POST", f"/proposals/{proposal['id']}/approve/", {"reason": "Compared"})
    assert approved.json()["status"] == "done" and app.balance == "250.00"


def test_smoke_test_passes_in_prod(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke([app.stack.api, app.customer["token"]]) == 0, capsys.readouterr().out


def test_gateway_responses_are_there_in_prod(prod: DeployedStack) -> None:
    response = requests.get(f"{prod.api}{API}/wallets/", timeout=30)
    assert (response.status_code, response.headers["X-Error-Code"]) == (401, "not_authenticated")
