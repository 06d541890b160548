"""What a request leaves behind: one line, its metrics under one dimension, and its steps only when it failed."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared import clock, events, tally, telemetry
from tests.unit.test_http_door import Context


class Log(io.StringIO):
    """What the logger wrote."""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    written = Log()
    monkeypatch.setattr(telemetry.metrics.provider, "service", "garment-pay-test")
    monkeypatch.setattr(telemetry.logger.registered_handler, "stream", written)
    tally.taken()
    yield written
    tally.taken()


def test_a_request_that_went_well_is_one_line_without_its_steps(log: Log) -> None:
    tally.step("gateway POST /v1/orders: 200 in 12 ms")
    telemetry.canonical("request", failed=False, route="GET /x", status=200, code="", id=None)
    (line,) = log.lines
    assert (line["message"], line["level"], line["status"]) == ("request", "INFO", 200)
    assert not {"steps", "code", "id", "_aws"} & set(line)


def test_a_request_that_failed_tells_every_step_that_led_there(log: Log) -> None:
    tally.step("gateway POST /v1/orders: no answer in 5000 ms")
    tally.step("tables: ThrottlingException")
    telemetry.canonical("request", failed=True, status=503)
    (line,) = log.lines
    assert line["level"] == "ERROR"
    assert line["steps"] == ["gateway POST /v1/orders: no answer in 5000 ms", "tables: ThrottlingException"]


def test_the_steps_of_one_request_are_not_told_by_the_next(log: Log) -> None:
    tally.step("of the first")
    telemetry.canonical("request", failed=False, status=200)
    telemetry.canonical("request", failed=True, status=500)
    assert log.lines[1]["steps"] == []


def test_steps_are_bounded() -> None:
    for number in range(10 * tally.STEPS_MAX):
        tally.step(str(number))
    assert len(tally.taken()[1]) == tally.STEPS_MAX


def test_metrics_are_in_the_line_with_one_dimension_and_the_unit_of_their_name(log: Log) -> None:
    telemetry.count("PaymentCaptured")
    telemetry.count("PaymentCaptured")
    telemetry.count_each({"GatewayMilliseconds": 120, "ReconcileLagSeconds": 0})
    telemetry.canonical("request", failed=False, status=200)
    (line,) = log.lines
    assert (line["PaymentCaptured"], line["GatewayMilliseconds"], line["ReconcileLagSeconds"]) == (2, 120, 0)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("GarmentPay", [["service"]])
    assert line["service"] and line["_aws"]["Timestamp"] > 1_700_000_000_000
    assert {one["Name"]: one["Unit"] for one in directive["Metrics"]} == {
        "PaymentCaptured": "Count",
        "GatewayMilliseconds": "Milliseconds",
        "ReconcileLagSeconds": "Seconds",
    }


def test_the_metrics_of_one_request_are_not_those_of_the_next(log: Log) -> None:
    telemetry.count("PaymentCaptured")
    telemetry.canonical("request", failed=False, status=200)
    telemetry.canonical("request", failed=False, status=200)
    assert "_aws" not in log.lines[1]


def test_a_schedule_that_raises_is_told_as_failed_and_raises(log: Log) -> None:
    def broken(deadline_us: int) -> dict[str, int]:
        raise RuntimeError("asha@ybl")

    with pytest.raises(RuntimeError):
        events.scheduled(broken)({}, Context())
    assert "asha@ybl" not in log.getvalue()
    assert [line["message"] for line in log.lines] == ["unexpected error", "schedule"]


def test_a_schedule_gets_the_time_that_lambda_leaves_it() -> None:
    given: list[int] = []

    def rule(deadline_us: int) -> dict[str, int]:
        given.append(deadline_us)
        return {}

    before_us = clock.now_us()
    events.scheduled(rule)({}, Context())
    assert given[0] - before_us >= 4_000_000
