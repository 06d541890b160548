"""Alarms, dashboards and saved queries: valid references, widgets on the grid, runbooks, and metrics that AWS has."""

import re
from itertools import combinations

import pytest

from tests.support.monitoring import (
    ALARMS,
    DASHBOARDS,
    NAMESPACE,
    NESTED_PARAMETERS,
    OBSERVABILITY,
    QUERIES,
    TEMPLATE,
    Line,
    lines_of_alarms,
    lines_of_dashboards,
)

API = [{"ApiName"}, {"ApiName", "Stage"}, {"ApiName", "Stage", "Method", "Resource"}]
FUNCTION = [set(), {"FunctionName"}, {"FunctionName", "Resource"}, {"FunctionName", "Resource", "ExecutedVersion"}]
TABLE = [{"TableName"}]
# The metrics of AWS, each with the sets of dimensions it is emitted under. A line with any other set stays empty.
AWS = {
    "AWS/ApiGateway": dict.fromkeys(("Count", "4XXError", "5XXError", "Latency", "IntegrationLatency"), API),
    "AWS/Lambda": {
        **dict.fromkeys(("Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"), FUNCTION),
        "IteratorAge": FUNCTION[1:],
        "PolledEventCount": [{"EventSourceMappingUUID"}],
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
    "AWS/WAFV2": {"BlockedRequests": [{"WebACL", "Region", "Rule"}]},
    "AWS/Logs": {name: [{"LogGroupName"}] for name in ("IncomingBytes", "IncomingLogEvents")},
}

# The metrics that filters make of log lines, with the dimensions that they take from a line.
for filter_ in TEMPLATE.of_type("AWS::Logs::MetricFilter").values():
    for made in filter_["MetricTransformations"]:
        dimensions = {dimension["Key"] for dimension in made["Dimensions"]}
        AWS.setdefault(made["MetricNamespace"], {})[made["MetricName"]] = [dimensions]

EVERY_LINE = [*lines_of_dashboards(), *lines_of_alarms()]
TOPICS = ("MoneyPages", "ServicePages", "Tickets")


def test_nested_stack_gets_every_parameter_and_uses_it() -> None:
    """A parameter that the parent does not pass, or that nothing refers to, is a mistake."""
    assert set(NESTED_PARAMETERS) == set(OBSERVABILITY.document["Parameters"])
    resources = str(OBSERVABILITY.resources)
    for name in NESTED_PARAMETERS:
        assert f"'Ref': '{name}'" in resources or f"${{{name}}}" in resources, name


def test_parent_outputs_are_outputs_of_the_nested_stack() -> None:
    references = [
        output["Value"]["Fn::GetAtt"]
        for output in TEMPLATE.document["Outputs"].values()
        if "Fn::GetAtt" in output["Value"] and output["Value"]["Fn::GetAtt"][0] == "Observability"
    ]
    assert {name for _, name in references} == {f"Outputs.{name}" for name in OBSERVABILITY.document["Outputs"]}
    assert len(references) == len(DASHBOARDS)


@pytest.mark.parametrize("line", EVERY_LINE, ids=lambda line: f"{line.where}: {line.name}")
def test_aws_metric_exists_with_these_dimensions(line: Line) -> None:
    if line.namespace != NAMESPACE:
        assert set(line.dimensions) in AWS[line.namespace][line.name]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_widgets_fit_the_grid_without_overlap(name: str) -> None:
    widgets = DASHBOARDS[name]
    assert 0 < len(widgets) <= 500
    for widget in widgets:
        assert widget["x"] >= 0 and widget["y"] >= 0 and widget["width"] >= 1 and widget["height"] >= 1
        assert widget["x"] + widget["width"] <= 24
    for first, second in combinations(widgets, 2):
        apart_in_x = first["x"] + first["width"] <= second["x"] or second["x"] + second["width"] <= first["x"]
        apart_in_y = first["y"] + first["height"] <= second["y"] or second["y"] + second["height"] <= first["y"]
        assert apart_in_x or apart_in_y, (first, second)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_widget_has_title_region_and_statistic(name: str) -> None:
    for widget in DASHBOARDS[name]:
        properties = widget["properties"]
        assert properties.get("markdown") or properties["title"]
        if widget["type"] in ("metric", "log"):
            assert properties["region"] == "ap-south-1"
        if widget["type"] == "metric":
            assert properties["stat"] and properties["period"] % 60 == 0 and properties["metrics"]


@pytest.mark.parametrize("name", ALARMS)
def test_alarm_description_is_a_runbook(name: str) -> None:
    """What happened, then where to look, then what to do: the description is the body of the mail."""
    text = ALARMS[name]["AlarmDescription"]
    what, look, do = re.fullmatch(r"(.+?) Look: (.+?) Do: (.+)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    assert all(part.strip().endswith(".") for part in (what, look, do))
    assert len(text) <= 1_024  # the limit of CloudWatch


@pytest.mark.parametrize("name", ALARMS)
def test_alarm_notifies_one_topic_by_itself(name: str) -> None:
    """Through a composite alarm, the second incident would notify nobody while the first lasts."""
    (topic,) = ALARMS[name]["AlarmActions"]
    assert topic in TOPICS and ALARMS[name]["OKActions"] == [topic]


def test_service_dashboard_shows_alarms_by_topic() -> None:
    widgets = [widget for widget in DASHBOARDS["ServiceDashboard"] if widget["type"] == "alarm"]
    shown = [[arn.removesuffix(".Arn") for arn in widget["properties"]["alarms"]] for widget in widgets]
    for topic, alarms in zip(TOPICS, shown, strict=True):
        assert sorted(alarms) == sorted(name for name in ALARMS if ALARMS[name]["AlarmActions"] == [topic])


@pytest.mark.parametrize("name", [name for name in ALARMS if "Metrics" in ALARMS[name]])
def test_alarm_expression_uses_exactly_its_metrics(name: str) -> None:
    (result,) = [row for row in ALARMS[name]["Metrics"] if "Expression" in row]
    fetched = {row["Id"] for row in ALARMS[name]["Metrics"] if "MetricStat" in row}
    assert set(re.findall(r"\b[a-z_]+\b", result["Expression"])) == fetched
    assert len(fetched) <= 10 and result["ReturnData"] is True


@pytest.mark.parametrize("queue", TEMPLATE.of_type("AWS::SQS::Queue"))
def test_queue_has_alarms_on_depth_and_age(queue: str) -> None:
    watched = {line.name for line in lines_of_alarms() if line.namespace == "AWS/SQS" and queue in str(line.values)}
    assert watched == {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}


@pytest.mark.parametrize(
    "function",
    [
        str(mapping["FunctionName"]["Ref"]).removesuffix(".Alias")
        for mapping in TEMPLATE.of_type("AWS::Lambda::EventSourceMapping").values()
    ],
)
def test_stream_age_is_on_a_dashboard(function: str) -> None:
    lines = [line for line in lines_of_dashboards() if line.name == "IteratorAge"]
    assert [line for line in lines if function in line.values]


@pytest.mark.parametrize("name", QUERIES)
def test_saved_query_is_in_the_folder_of_the_stack(name: str) -> None:
    assert QUERIES[name]["Name"].startswith("garment-pay-test/")
    assert QUERIES[name]["LogGroupNames"] == ["Logs"]
