"""Alarms, dashboards and queries by themselves: whole, on the grid, each with its runbook; AWS's metrics exist."""

import re
from itertools import combinations

import pytest

from tests.monitoring import (
    ALARMS,
    DASHBOARDS,
    NAMESPACE,
    QUERIES,
    TEMPLATE,
    Line,
    lines_of_alarms,
    lines_of_dashboards,
    rendered,
)

API = [{"ApiName"}, {"ApiName", "Stage"}, {"ApiName", "Stage", "Method", "Resource"}]
FUNCTION = [set(), {"FunctionName"}, {"FunctionName", "Resource"}, {"FunctionName", "Resource", "ExecutedVersion"}]
TABLE = [{"TableName"}]
# What AWS emits, and under which sets of dimensions; a line that asks for any other set stays empty for ever.
AWS = {
    "AWS/ApiGateway": dict.fromkeys(("Count", "4XXError", "5XXError", "Latency", "IntegrationLatency"), API),
    "AWS/Lambda": {
        **dict.fromkeys(("Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"), FUNCTION),
        "IteratorAge": FUNCTION[1:],
        "AsyncEventsDropped": FUNCTION[1:],
        "DeadLetterErrors": FUNCTION[1:],
        "DestinationDeliveryFailures": FUNCTION[1:],
    },
    "AWS/DynamoDB": {
        **dict.fromkeys(("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "TransactionConflict"), TABLE),
        **dict.fromkeys(("ReadThrottleEvents", "WriteThrottleEvents", "ConditionalCheckFailedRequests"), TABLE),
        "SuccessfulRequestLatency": [{"TableName", "Operation"}],
        "ThrottledRequests": [{"TableName", "Operation"}],
        "SystemErrors": [{"TableName", "Operation"}],
    },
    "AWS/SQS": {
        name: [{"QueueName"}]
        for name in (
            "ApproximateNumberOfMessagesVisible",
            "ApproximateAgeOfOldestMessage",
            "NumberOfMessagesReceived",
        )
    },
    "AWS/S3": {name: [{"BucketName", "StorageType"}] for name in ("BucketSizeBytes", "NumberOfObjects")},
    "AWS/Logs": {name: [{"LogGroupName"}] for name in ("IncomingBytes", "IncomingLogEvents")},
}

EVERY_LINE = [*lines_of_dashboards(), *lines_of_alarms()]
(PAGE,) = TEMPLATE.of_type("AWS::CloudWatch::CompositeAlarm").values()
PAGING = set(re.findall(r'ALARM\("(\w+)"\)', rendered(PAGE["AlarmRule"])))


@pytest.mark.parametrize("line", EVERY_LINE, ids=lambda line: f"{line.where}: {line.name}")
def test_a_metric_of_aws_is_emitted_by_aws_under_these_dimensions(line: Line) -> None:
    if line.namespace != NAMESPACE:
        assert set(line.dimensions) in AWS[line.namespace][line.name]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboards_widgets_lie_on_the_grid_and_not_on_each_other(name: str) -> None:
    widgets = DASHBOARDS[name]
    assert 0 < len(widgets) <= 500
    for one in widgets:
        assert one["x"] >= 0 and one["y"] >= 0 and one["width"] >= 1 and one["height"] >= 1
        assert one["x"] + one["width"] <= 24
    for one, other in combinations(widgets, 2):
        beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        above = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert beside or above, (one, other)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_widget_says_what_it_shows(name: str) -> None:
    for widget in DASHBOARDS[name]:
        properties = widget["properties"]
        assert properties.get("markdown") or properties["title"]
        if widget["type"] in ("metric", "log"):
            assert properties["region"] == "ap-south-1"
        if widget["type"] == "metric":
            assert properties["stat"] and properties["period"] % 60 == 0 and properties["metrics"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_its_own_runbook(name: str) -> None:
    text = ALARMS[name]["AlarmDescription"]
    says, look, do = re.fullmatch(r"(.+?) Look: (.+?) Do: (.+)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    assert all(part.strip().endswith(".") for part in (says, look, do))
    assert len(text) <= 1_024  # CloudWatch takes no more


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reaches_somebody_and_stands_on_the_service_dashboard(name: str) -> None:
    assert (name in PAGING) != bool(ALARMS[name].get("AlarmActions")), "it pages through Page, or writes a ticket"
    shown = {arn for one in DASHBOARDS["ServiceDashboard"] for arn in one["properties"].get("alarms", [])}
    assert f"{name}.Arn" in shown


def test_what_pages_are_alarms_that_there_are() -> None:
    assert set(ALARMS) >= PAGING and PAGE["AlarmActions"] == [{"Ref": "Pages"}]


@pytest.mark.parametrize("name", [name for name in ALARMS if "Metrics" in ALARMS[name]])
def test_an_alarm_that_calculates_uses_what_it_fetches_and_nothing_else(name: str) -> None:
    (result,) = [one for one in ALARMS[name]["Metrics"] if "Expression" in one]
    fetched = {one["Id"] for one in ALARMS[name]["Metrics"] if "MetricStat" in one}
    assert set(re.findall(r"\b[a-z_]+\b", result["Expression"])) == fetched
    assert len(fetched) <= 10 and result["ReturnData"] is True


@pytest.mark.parametrize("queue", TEMPLATE.of_type("AWS::SQS::Queue"))
def test_a_queue_has_an_alarm_on_how_much_waits_in_it_and_for_how_long(queue: str) -> None:
    watched = {line.name for line in lines_of_alarms() if line.namespace == "AWS/SQS" and queue in str(line.values)}
    assert watched == {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}


@pytest.mark.parametrize(
    "function",
    [
        str(one["FunctionName"]["Ref"]).removesuffix(".Alias")
        for one in TEMPLATE.of_type("AWS::Lambda::EventSourceMapping").values()
    ],
)
def test_a_stream_that_is_not_read_is_seen(function: str) -> None:
    shown = [line for line in lines_of_dashboards() if line.name == "IteratorAge"]
    assert [line for line in shown if function in line.values]


@pytest.mark.parametrize("name", QUERIES)
def test_a_saved_query_is_in_the_stacks_folder_and_searches_the_stacks_log(name: str) -> None:
    assert QUERIES[name]["Name"].startswith("garment-pay-test/")
    assert QUERIES[name]["LogGroupNames"] == ["Logs"]
