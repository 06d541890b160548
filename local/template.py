"""`template.yaml`, parsed for the local stand-ins: functions, routes, triggers and the resources by type."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader  # ten times faster
except ImportError:  # a PyYAML that was built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

ROOT = Path(__file__).resolve().parent.parent
# CloudFormation's pseudo parameters.
PSEUDO = {
    "AWS::StackName": "garment-pay",
    "AWS::AccountId": "000000000000",
    "AWS::Region": "ap-south-1",
    "AWS::Partition": "aws",
}
AUTHORIZER_CONTEXT = "context.authorizer."


class Loader(SafeLoader):
    """Reads YAML with CloudFormation's short forms: `!Ref X` becomes {"Ref": "X"}, `!Sub X` {"Fn::Sub": "X"}."""


def _short_form(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
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
    authorizer: str  # the function that judges its callers' tokens, or empty

    @property
    def is_open(self) -> bool:
        return not self.authorizer

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The path's parameters, or None if the route does not match. The trailing slash is optional."""
        if method != self.method:
            return None
        expected_parts, parts = self.path.strip("/").split("/"), path.strip("/").split("/")
        if len(expected_parts) != len(parts) or not path.startswith("/") or "//" in path:
            return None
        parameters = {}
        for expected, part in zip(expected_parts, parts, strict=True):
            if expected.startswith("{"):
                parameters[expected[1:-1]] = part
            elif expected != part:
                return None
        return parameters


@dataclass(frozen=True)
class Trigger:
    """S3 invokes a function for uploads below a prefix; an event that fails permanently goes to a queue."""

    function: str
    bucket: str
    events: list[str]
    prefix: str
    retries: int
    on_failure: str


class Template:
    """The parsed template. A reference resolves to the name that the resource has on this machine."""

    def __init__(self, path: Path = ROOT / "template.yaml") -> None:
        self.document = yaml.load(path.read_text(), Loader)
        self.resources: dict[str, Any] = self.document["Resources"]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of this type, by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

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
        (api,) = self.of_type("AWS::Serverless::Api").values()
        routes, authorizers = [], self.authorizers | {"NONE": ""}
        for name, properties in self.of_type("AWS::Serverless::Function").items():
            for event in properties.get("Events", {}).values():
                if event["Type"] == "Api":
                    route = event["Properties"]
                    authorizer = route.get("Auth", {}).get("Authorizer", api["Auth"]["DefaultAuthorizer"])
                    routes.append(Route(route["Method"].upper(), route["Path"], name, authorizers[authorizer]))
        return sorted(routes, key=lambda route: route.path.count("{"))

    @property
    def scheduled(self) -> list[str]:
        return [
            name
            for name, properties in self.of_type("AWS::Serverless::Function").items()
            if any(event["Type"] == "Schedule" for event in properties.get("Events", {}).values())
        ]

    @property
    def triggers(self) -> list[Trigger]:
        triggers = []
        for name, properties in self.of_type("AWS::Serverless::Function").items():
            for event in properties.get("Events", {}).values():
                if event["Type"] == "S3":
                    source, asynchronous = event["Properties"], properties["EventInvokeConfig"]
                    on_failure = asynchronous["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
                    triggers.append(
                        Trigger(
                            name,
                            self.bucket(source["Bucket"]["Ref"]),
                            source["Events"],
                            source["Filter"]["S3Key"]["Rules"][0]["Value"],
                            asynchronous["MaximumRetryAttempts"],
                            on_failure,
                        )
                    )
        return triggers

    def bucket(self, logical_id: str) -> str:
        """The bucket's name."""
        return self._resolve(self.resources[logical_id]["Properties"]["BucketName"])

    @property
    def authorizers(self) -> dict[str, str]:
        """The API's authorizers by name: the function of each."""
        (api,) = self.of_type("AWS::Serverless::Api").values()
        authorizers = api["Auth"]["Authorizers"].items()
        return {name: authorizer["FunctionArn"]["Ref"].removesuffix(".Alias") for name, authorizer in authorizers}

    @property
    def binary_media_types(self) -> list[str]:
        """The types of the bodies that API Gateway puts into an event as base64."""
        (api,) = self.of_type("AWS::Serverless::Api").values()
        return [name.replace("~1", "/") for name in api.get("BinaryMediaTypes", [])]

    @property
    def gateway_responses(self) -> list[str]:
        """The kinds of responses that API Gateway sends by itself."""
        (api,) = self.of_type("AWS::Serverless::Api").values()
        return list(api["GatewayResponses"])

    def preflight(self, web_origin: str) -> dict[str, str]:
        """The headers with which API Gateway says what a page of this origin may send."""
        (api,) = self.of_type("AWS::Serverless::Api").values()
        names = {
            "MaxAge": "Max-Age",
            **{f"Allow{what}": f"Allow-{what}" for what in ("Origin", "Methods", "Headers")},
        }
        return {
            f"Access-Control-{names[name]}": _quoted(value, web_origin).strip("'")
            for name, value in api["Cors"].items()
        }

    def gateway_response(
        self, kind: str, authorizer: Mapping[str, str] | None = None, web_origin: str = ""
    ) -> tuple[int, dict[str, str], str]:
        """A response that API Gateway sends by itself: status, headers and body.

        `authorizer` is the context of the authorizer's policy, which a response may quote.
        """
        (api,) = self.of_type("AWS::Serverless::Api").values()
        response = api["GatewayResponses"][kind]
        context = authorizer or {}
        headers = {}
        for name, unresolved in response.get("ResponseParameters", {}).get("Headers", {}).items():
            value = _quoted(unresolved, web_origin)
            quoted = value.removeprefix(AUTHORIZER_CONTEXT)
            headers[name] = value.strip("'") if quoted == value else context.get(quoted, "")
        body = re.sub(
            r"\$context\.authorizer\.(\w+)",
            lambda match: context.get(match[1], ""),
            response["ResponseTemplates"]["application/json"],
        )
        status = response.get("StatusCode", 500 if kind.endswith("5XX") else 400)
        return int(status), headers, body

    def environment(self, overrides: dict[str, str]) -> dict[str, str]:
        """The variables of all functions together, with references resolved."""
        environment = {}
        for function in self.functions.values():
            for name, value in function.environment.items():
                environment[name] = overrides.get(name) or self._resolve(value)
        return environment

    def settings(self) -> set[str]:
        """The variables that a template parameter fills."""
        variables = [item for function in self.functions.values() for item in function.environment.items()]
        parameters = self.document["Parameters"]
        return {name for name, value in variables if isinstance(value, dict) and value.get("Ref") in parameters}

    def _resolve(self, value: Any) -> str:
        if isinstance(value, dict) and "Ref" in value:
            name = str(PSEUDO.get(value["Ref"], value["Ref"]))
            parameters = self.document["Parameters"]
            if self.resources.get(name, {}).get("Type") == "AWS::S3::Bucket":
                return self.bucket(name)
            return str(parameters[name]["Default"]) if name in parameters else name
        if isinstance(value, dict) and "Fn::Sub" in value:
            return re.sub(r"\$\{(.+?)\}", lambda match: PSEUDO[match[1]], value["Fn::Sub"])
        return "" if isinstance(value, dict) else str(value)


def _quoted(value: Any, web_origin: str) -> str:
    """A header's value in the template's quotes. The only condition that one has is HasWebOrigin."""
    if not isinstance(value, dict):
        return str(value)
    condition, with_origin, without = value["Fn::If"]
    assert condition == "HasWebOrigin", condition
    return str(with_origin["Fn::Sub"]).replace("${WebOrigin}", web_origin) if web_origin else str(without)
