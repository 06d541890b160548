"""A request leaves one log line with its metrics; a failed one also leaves its breadcrumbs."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.telemetry import journal, log


class Output(io.StringIO):
    """What the logger wrote."""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def output(monkeypatch: pytest.MonkeyPatch) -> Iterator[Output]:
    written = Output()
    monkeypatch.setattr(log.metrics.provider, "service", "garment-pay-test")
    monkeypatch.setattr(log.logger.registered_handler, "stream", written)
    journal.drain()
    yield written
    journal.drain()


def test_successful_request_is_one_line_without_breadcrumbs(output: Output) -> None:
    journal.breadcrumb("gateway POST /v1/orders: 200 in 12 ms")
    log.canonical_log_line("request", failed=False, route="GET /x", status=200, code="", id=None)
    (line,) = output.lines
    assert (line["message"], line["level"], line["status"]) == ("request", "INFO", 200)
    assert not {"steps", "code", "id", "_aws"} & set(line)


def test_failed_request_logs_its_breadcrumbs(output: Output) -> None:
    journal.breadcrumb("gateway POST /v1/orders: no answer in 5000 ms")
    journal.breadcrumb("tables: ThrottlingException")
    log.canonical_log_line("request", failed=True, status=503)
    (line,) = output.lines
    assert line["level"] == "ERROR"
    assert line["steps"] == ["gateway POST /v1/orders: no answer in 5000 ms", "tables: ThrottlingException"]


def test_breadcrumbs_end_with_their_request(output: Output) -> None:
    journal.breadcrumb("of the first request")
    log.canonical_log_line("request", failed=False, status=200)
    log.canonical_log_line("request", failed=True, status=500)
    assert output.lines[1]["steps"] == []


def test_breadcrumbs_are_bounded() -> None:
    for number in range(10 * journal.BREADCRUMBS_MAX):
        journal.breadcrumb(str(number))
    assert len(journal.drain()[1]) == journal.BREADCRUMBS_MAX


def test_metrics_have_one_dimension_and_a_unit(output: Output) -> None:
    """The metric's name ends with its unit; the only dimension is `service`."""
    log.count("PaymentCaptured")
    log.count("PaymentCaptured")
    log.count_each({"GatewayMilliseconds": 120, "ReconcileLagSeconds": 0})
    log.canonical_log_line("request", failed=False, status=200)
    (line,) = output.lines
    assert (line["PaymentCaptured"], line["GatewayMilliseconds"], line["ReconcileLagSeconds"]) == (2, 120, 0)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("GarmentPay", [["service"]])
    assert line["service"] and line["_aws"]["Timestamp"] > 1_700_000_000_000
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == {
        "PaymentCaptured": "Count",
        "GatewayMilliseconds": "Milliseconds",
        "ReconcileLagSeconds": "Seconds",
    }


def test_metrics_end_with_their_request(output: Output) -> None:
    log.count("PaymentCaptured")
    log.canonical_log_line("request", failed=False, status=200)
    log.canonical_log_line("request", failed=False, status=200)
    assert "_aws" not in output.lines[1]
