"""The dashboards, alarms and saved queries of the template, every reference filled in, as CloudWatch gets them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.template import Template

TEMPLATE = Template()
NAMESPACE = "GarmentPay"
STACK = "garment-pay-test"
DEFAULTS = {name: one.get("Default", "") for name, one in TEMPLATE.document["Parameters"].items()}
PSEUDO = {"AWS::StackName": STACK, "AWS::Region": "ap-south-1", "AWS::Partition": "aws", "AWS::AccountId": "1" * 12}


def rendered(value: Any) -> Any:
    """The value with its intrinsic functions worked out; a resource is called by its logical id."""
    match value:
        case {"Ref": name}:
            return _named(name)
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{_named(name)}.{attribute}"
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([A-Za-z:.]+)\}", lambda match: str(_named(match[1])), text)
        case {"Fn::Join": [separator, parts]}:
            return separator.join(rendered(part) for part in parts)
        case {"Fn::ToJsonString": body}:
            return json.dumps(rendered(body))
        case dict():
            return {name: rendered(one) for name, one in value.items()}
        case list():
            return [rendered(one) for one in value]
    return value


def _named(name: str) -> Any:
    if name in PSEUDO or name in DEFAULTS:
        return PSEUDO.get(name, DEFAULTS.get(name))
    assert name.split(".")[0] in TEMPLATE.resources, f"nothing is called {name}"
    return name


@dataclass(frozen=True)
class Line:
    """One metric that somebody looks at."""

    where: str
    namespace: str
    name: str
    dimensions: frozenset[str]
    values: tuple[str, ...] = ()


DASHBOARDS: dict[str, list[dict[str, Any]]] = {
    name: json.loads(rendered(one["DashboardBody"]))["widgets"]
    for name, one in TEMPLATE.of_type("AWS::CloudWatch::Dashboard").items()
}
ALARMS: dict[str, dict[str, Any]] = rendered(TEMPLATE.of_type("AWS::CloudWatch::Alarm"))
QUERIES: dict[str, dict[str, Any]] = rendered(TEMPLATE.of_type("AWS::Logs::QueryDefinition"))
SEARCH = re.compile(r"SEARCH\('\{([^}]+)\} \"([^\"]+)\" MetricName=\"(\w+)\"', '\w+', \d+\)")


def lines_of_dashboards() -> Iterator[Line]:
    for name, widgets in DASHBOARDS.items():
        for widget in widgets:
            if widget["type"] != "metric":
                continue
            where = f"{name}, {widget['properties']['title']}"
            for metric in widget["properties"]["metrics"]:
                yield _line(where, metric)


def _line(where: str, metric: list[Any]) -> Line:
    if isinstance(metric[0], dict):
        found = SEARCH.fullmatch(metric[0]["expression"])
        assert found, metric
        namespace, *dimensions = found[1].split(",")
        assert found[2] == STACK, "a search over other stacks' metrics"
        return Line(where, namespace, found[3], frozenset(dimensions))
    plain = [one for one in metric if not isinstance(one, dict)]
    namespace, name, *pairs = plain
    assert len(pairs) % 2 == 0, metric
    return Line(where, namespace, name, frozenset(pairs[::2]), tuple(pairs[1::2]))


def lines_of_alarms() -> Iterator[Line]:
    for name, alarm in ALARMS.items():
        metrics = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
        for metric in metrics or [alarm]:
            dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
            yield Line(
                name, metric["Namespace"], metric["MetricName"], frozenset(dimensions), tuple(dimensions.values())
            )
