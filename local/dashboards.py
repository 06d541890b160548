"""The dashboards of observability.yaml, as the pages draw them: titles, statistics and the names of metrics."""

import re
from typing import Any

import yaml

from local.template import ROOT, Loader

SEARCH = re.compile(r"SEARCH\('\{([\w/]+),.*MetricName=\"(\w+)\"", re.DOTALL)


def dashboards() -> list[dict[str, Any]]:
    """Each dashboard with its widgets. A metric's name is that of `Metrics`; one that ends with `/` is a prefix."""
    document = yaml.load((ROOT / "observability.yaml").read_text(), Loader)
    return [
        {
            "name": resource["Properties"]["DashboardName"]["Fn::Sub"].removeprefix("${ServiceName}-"),
            "widgets": [
                _widget(widget) for widget in resource["Properties"]["DashboardBody"]["Fn::ToJsonString"]["widgets"]
            ],
        }
        for resource in document["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Dashboard"
    ]


def _widget(widget: dict[str, Any]) -> dict[str, Any]:
    kind, properties = widget["type"], widget["properties"]
    drawn = {"type": kind, "width": widget["width"], "title": properties.get("title", "")}
    match kind:
        case "metric":
            stat = properties.get("stat", "Average")
            metrics = [_metric(row, stat) for row in properties["metrics"]]
            is_number = properties.get("view") == "singleValue"
            return drawn | {"is_number": is_number, "metrics": [metric for metric in metrics if metric]}
        case "text":
            return drawn | {"text": properties["markdown"]}
        case "alarm":
            return drawn | {"alarms": [_name(arn) for arn in properties["alarms"]]}
    return drawn


def _metric(row: list[Any], stat: str) -> dict[str, str] | None:
    options = row[-1] if isinstance(row[-1], dict) and "Ref" not in row[-1] else {}
    stat = options.get("stat", stat)
    if "expression" in options:
        expression = options["expression"]
        found = SEARCH.search(expression["Fn::Sub"] if isinstance(expression, dict) else expression)
        return {"name": f"{found[1]}/{found[2]}/", "label": found[2], "stat": stat} if found else None
    namespace, name = row[0], row[1]
    if namespace == "AWS/Lambda":
        function = _name(row[3])
        return {"name": f"{namespace}/{name}/{function}", "label": function, "stat": stat}
    return {"name": f"{namespace}/{name}", "label": options.get("label", name), "stat": stat}


def _name(reference: Any) -> str:
    """The resource or parameter that a reference names."""
    target = reference.get("Ref") or reference.get("Fn::GetAtt") or reference.get("Fn::Sub", "")
    return str(target[0] if isinstance(target, list) else target).removesuffix("Arn").removesuffix("Alarm")
