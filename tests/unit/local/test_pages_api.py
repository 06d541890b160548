"""What the pages ask about this machine: webhooks, controls, metrics, and the dashboards to draw."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.dashboards import dashboards
from local.log import Log
from local.metrics import POINTS_MAX, Metrics
from local.pages_api import PagesApi
from local.razorpay.fake import FakeRazorpay
from tests.support.fake_account import a_payment

LINE = {
    "message": "request",
    "_aws": {
        "Timestamp": 1_700_000_000_000,
        "CloudWatchMetrics": [{"Namespace": "GarmentPay", "Metrics": [{"Name": "Paid"}, {"Name": "Milliseconds"}]}],
    },
    "Paid": 1,
    "Milliseconds": [4, 6],
}


@pytest.fixture
def pages_api(razorpay: FakeRazorpay, tmp_path: Path) -> PagesApi:
    ready = {"api": "", "razorpay": "", "customers": [], "staff": [], "key_secret": "s"}
    return PagesApi(razorpay, ready, {}, {}, Log(tmp_path / "log", is_raw=True, is_direct=True))


def ask(pages_api: PagesApi, url: str, body: Any = None) -> tuple[int, Any]:
    status, _, payload = pages_api.respond(url, json.dumps(body).encode() if body is not None else b"")
    return status, json.loads(payload)


def test_ready_has_no_secret(pages_api: PagesApi) -> None:
    status, ready = ask(pages_api, "/_pages/ready")
    assert status == 200 and set(ready) == {"api", "razorpay", "customers", "staff"}


def test_webhooks_come_newest_first(pages_api: PagesApi) -> None:
    a_payment(pages_api.stand_in)
    _, webhooks = ask(pages_api, "/_pages/webhooks")
    assert [webhook["event"] for webhook in webhooks] == ["order.paid", "payment.captured", "payment.authorized"]
    assert [(webhook["held"], webhook["status"]) for webhook in webhooks] == [(True, None)] * 3


def test_controls_are_passed_on_and_refusals_too(pages_api: PagesApi) -> None:
    assert ask(pages_api, "/_pages/razorpay/hold", {"hold": False}) == (200, {"hold": False})
    assert ask(pages_api, "/_pages/stand-in") == (200, {"holding": False, "faults": []})
    assert ask(pages_api, "/_pages/razorpay/dance", {})[0] == 400


@pytest.mark.parametrize("url", ["/_pages/", "/_pages/unknown", "/_pages/entries"])
def test_unknown_question_is_a_400(pages_api: PagesApi, url: str) -> None:
    assert ask(pages_api, url)[0] == 400


def test_functions_metrics_are_read_from_their_lines() -> None:
    metrics = Metrics()
    metrics.read(json.dumps(LINE).encode())
    assert metrics.series() == {
        "GarmentPay/Paid": [(1_700_000_000_000, 1)],
        "GarmentPay/Milliseconds": [(1_700_000_000_000, 4), (1_700_000_000_000, 6)],
    }


@pytest.mark.parametrize("line", [b"{", b"[]", b"{}", b'{"_aws": 1}', json.dumps(LINE | {"_aws": {}}).encode()])
def test_line_without_metrics_is_ignored(line: bytes) -> None:
    metrics = Metrics()
    metrics.read(line)
    assert metrics.series() == {}


def test_oldest_points_go() -> None:
    metrics = Metrics()
    for value in range(POINTS_MAX + 1):
        metrics.note("GarmentPay/Paid", value, 0)
    assert [value for _, value in metrics.series()["GarmentPay/Paid"]] == list(range(1, POINTS_MAX + 1))


def test_page_learns_that_nothing_is_measured(pages_api: PagesApi) -> None:
    assert ask(pages_api, "/_pages/metrics") == (200, {"is_measured": False, "points": {}})


def test_dashboards_are_the_three_of_the_template() -> None:
    found = dashboards()
    assert [board["name"] for board in found] == ["business", "service", "photos-and-cost"]
    widgets = [widget for board in found for widget in board["widgets"]]
    assert {widget["type"] for widget in widgets} == {"text", "metric", "alarm", "log"}
    drawn = [widget for widget in widgets if widget["type"] == "metric"]
    assert all(widget["title"] and widget["metrics"] for widget in drawn)
    names = {metric["name"] for widget in drawn for metric in widget["metrics"]}
    assert {"GarmentPay/PaymentCaptured", "AWS/ApiGateway/Count", "AWS/Lambda/Duration/"} <= names
    assert "AWS/Lambda/Duration/ReceiveWebhook" in names
    assert all(alarm for widget in widgets for alarm in widget.get("alarms", []))
