"""What `template.yaml` says, for those who stand in for AWS: functions, routes, tables, buckets and secrets."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
# What the stack would be told of itself.
PSEUDO = {
    "AWS::StackName": "garment-pay",
    "AWS::AccountId": "000000000000",
    "AWS::Region": "ap-south-1",
    "AWS::Partition": "aws",
}


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref X` becomes {"Ref": "X"}, `!Sub` {"Fn::Sub": …}."""


def _short_form(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _short_form)


@dataclass(frozen=True)
class Function:
    id: str
    handler: str
    timeout_s: int
    environment: dict[str, Any]


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    function: str
    is_open: bool  # no authorizer in front

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The path's parameters, or None; a slash at the end makes no difference."""
        if method != self.method:
            return None
        wanted, given = self.path.strip("/").split("/"), path.strip("/").split("/")
        if len(wanted) != len(given) or not path.startswith("/") or "//" in path:
            return None
        values = {}
        for name, value in zip(wanted, given, strict=True):
            if name.startswith("{"):
                values[name[1:-1]] = value
            elif name != value:
                return None
        return values


@dataclass(frozen=True)
class Trigger:
    """S3 calls a function on uploads below a prefix; what fails for good goes to a queue."""

    function: str
    bucket: str
    events: list[str]
    prefix: str
    retries: int
    on_failure: str


class Template:
    """The parsed template; `names` gives what a reference stands for on this machine."""

    def __init__(self, path: Path = ROOT / "template.yaml") -> None:
        self.document = yaml.load(path.read_text(), Loader)
        self.resources: dict[str, Any] = self.document["Resources"]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Logical id to properties."""
        found = {name: one for name, one in self.resources.items() if one["Type"] == kind}
        return {name: one.get("Properties", {}) for name, one in found.items()}

    @property
    def functions(self) -> dict[str, Function]:
        common = self.document["Globals"]["Function"]
        shared = common["Environment"]["Variables"]
        return {
            name: Function(
                name,
                properties["Handler"],
                properties.get("Timeout", common["Timeout"]),
                shared | properties.get("Environment", {}).get("Variables", {}),
            )
            for name, properties in self.of_type("AWS::Serverless::Function").items()
        }

    @property
    def routes(self) -> list[Route]:
        """Literal paths before those with parameters, as API Gateway prefers them."""
        found = []
        for name, properties in self.of_type("AWS::Serverless::Function").items():
            for event in properties.get("Events", {}).values():
                if event["Type"] == "Api":
                    route = event["Properties"]
                    is_open = route.get("Auth", {}).get("Authorizer") == "NONE"
                    found.append(Route(route["Method"].upper(), route["Path"], name, is_open))
        return sorted(found, key=lambda route: route.path.count("{"))

    @property
    def scheduled(self) -> list[str]:
        return [
            name
            for name, properties in self.of_type("AWS::Serverless::Function").items()
            if any(event["Type"] == "Schedule" for event in properties.get("Events", {}).values())
        ]

    @property
    def triggers(self) -> list[Trigger]:
        found = []
        for name, properties in self.of_type("AWS::Serverless::Function").items():
            for event in properties.get("Events", {}).values():
                if event["Type"] == "S3":
                    source, asynchronous = event["Properties"], properties["EventInvokeConfig"]
                    on_failure = asynchronous["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
                    found.append(
                        Trigger(
                            name,
                            self.bucket(source["Bucket"]["Ref"]),
                            source["Events"],
                            source["Filter"]["S3Key"]["Rules"][0]["Value"],
                            asynchronous["MaximumRetryAttempts"],
                            on_failure,
                        )
                    )
        return found

    def bucket(self, logical_id: str) -> str:
        """The bucket's name."""
        return self._resolved(self.resources[logical_id]["Properties"]["BucketName"])

    @property
    def authorizer(self) -> str:
        (api,) = self.of_type("AWS::Serverless::Api").values()
        (authorizer,) = api["Auth"]["Authorizers"].values()
        return str(authorizer["FunctionArn"]["Ref"]).removesuffix(".Alias")

    def gateway_response(self, kind: str) -> tuple[int, dict[str, str], str]:
        """The API's own answer: status, headers and body."""
        (api,) = self.of_type("AWS::Serverless::Api").values()
        response = api["GatewayResponses"][kind]
        headers = response.get("ResponseParameters", {}).get("Headers", {})
        body = response["ResponseTemplates"]["application/json"]
        status = response.get("StatusCode", 500 if kind.endswith("5XX") else 400)
        return int(status), {name: value.strip("'") for name, value in headers.items()}, body

    def environment(self, overrides: dict[str, str]) -> dict[str, str]:
        """Every function's variables, with references resolved: resources are called by their logical id."""
        resolved = {}
        for function in self.functions.values():
            for name, value in function.environment.items():
                resolved[name] = overrides.get(name) or self._resolved(value)
        return resolved

    def _resolved(self, value: Any) -> str:
        if isinstance(value, dict) and "Ref" in value:
            name = PSEUDO.get(value["Ref"], value["Ref"])
            parameters = self.document["Parameters"]
            if self.resources.get(name, {}).get("Type") == "AWS::S3::Bucket":
                return self.bucket(name)
            return str(parameters[name]["Default"]) if name in parameters else str(name)
        if isinstance(value, dict) and "Fn::Sub" in value:
            return re.sub(r"\$\{(.+?)\}", lambda found: PSEUDO[found[1]], value["Fn::Sub"])
        return "" if isinstance(value, dict) else str(value)
