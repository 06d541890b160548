"""The alarms, dashboards and saved queries of both templates, with every reference resolved as in prod."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.template import ROOT, Template

TEMPLATE = Template()
OBSERVABILITY = Template(ROOT / TEMPLATE.resources["Observability"]["Properties"]["TemplateURL"])
NAMESPACE = "GarmentPay"
STACK = "garment-pay-test"
PSEUDO = {"AWS::StackName": STACK, "AWS::Region": "ap-south-1", "AWS::Partition": "aws", "AWS::AccountId": "1" * 12}


class Resolver:
    """Resolves the intrinsic functions of one template; a reference to a resource becomes its logical id."""

    def __init__(self, template: Template, parameters: dict[str, Any]) -> None:
        self.template, self.values = template, PSEUDO | parameters

    def resolve(self, value: Any) -> Any:
        match value:
            case {"Ref": name}:
                return self._reference(name)
            case {"Fn::GetAtt": [name, "QueueName"]}:
                return self._reference(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return f"{self._reference(name)}.{attribute}"
            case {"Fn::Sub": text}:
                return re.sub(r"\$\{([A-Za-z:.]+)\}", lambda match: str(self._reference(match[1])), text)
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self.resolve(part) for part in parts)
            case {"Fn::ToJsonString": body}:
                return json.dumps(self.resolve(body))
            case dict():
                return {name: self.resolve(item) for name, item in value.items()}
            case list():
                return [self.resolve(item) for item in value]
        return value

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        return dict(self.resolve(self.template.of_type(kind)))

    def _reference(self, name: str) -> Any:
        if name in self.values:
            return self.values[name]
        assert name.split(".")[0] in self.template.resources, f"no resource or parameter is called {name}"
        return name


def parameters(template: Template, stage: str) -> dict[str, Any]:
    """The parameters of a deployment of this stage: the defaults, and what samconfig.toml sets."""
    defaults = {name: row.get("Default", "") for name, row in template.document["Parameters"].items()}
    return defaults | set_parameters(stage)


def set_parameters(stage: str) -> dict[str, str]:
    """The parameters that samconfig.toml sets for this stage."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    overrides = config[stage]["deploy"]["parameters"]["parameter_overrides"]
    return dict(override.split("=", 1) for override in overrides)


class Monitoring:
    """The alarms of both templates by logical id, resolved with prod's parameters."""

    def __init__(self, parent: Template, nested: Template) -> None:
        self.parent = Resolver(parent, parameters(parent, "prod"))
        self.nested_parameters: dict[str, Any] = self.parent.resolve(
            parent.resources["Observability"]["Properties"]["Parameters"]
        )
        self.nested = Resolver(nested, self.nested_parameters)
        self.alarms = self.parent.of_type("AWS::CloudWatch::Alarm") | self.nested.of_type("AWS::CloudWatch::Alarm")


MONITORING = Monitoring(TEMPLATE, OBSERVABILITY)
NESTED, NESTED_PARAMETERS, ALARMS = MONITORING.nested, MONITORING.nested_parameters, MONITORING.alarms


@dataclass(frozen=True)
class Line:
    """One metric on a dashboard or in an alarm."""

    where: str
    namespace: str
    name: str
    dimensions: frozenset[str]
    values: tuple[str, ...] = ()


DASHBOARDS: dict[str, list[dict[str, Any]]] = {
    name: json.loads(dashboard["DashboardBody"])["widgets"]
    for name, dashboard in NESTED.of_type("AWS::CloudWatch::Dashboard").items()
}
QUERIES = NESTED.of_type("AWS::Logs::QueryDefinition")
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
        search = SEARCH.fullmatch(metric[0]["expression"])
        assert search, metric
        namespace, *dimensions = search[1].split(",")
        assert search[2] == STACK, "a search over the metrics of other stacks"
        return Line(where, namespace, search[3], frozenset(dimensions))
    namespace, name, *pairs = [part for part in metric if not isinstance(part, dict)]
    assert len(pairs) % 2 == 0, metric
    return Line(where, namespace, name, frozenset(pairs[::2]), tuple(pairs[1::2]))


def lines_of_alarms() -> Iterator[Line]:
    for name, alarm in ALARMS.items():
        metrics = [row["MetricStat"]["Metric"] for row in alarm.get("Metrics", []) if "MetricStat" in row]
        for metric in metrics or [alarm]:
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", [])}
            yield Line(
                name, metric["Namespace"], metric["MetricName"], frozenset(dimensions), tuple(dimensions.values())
            )
