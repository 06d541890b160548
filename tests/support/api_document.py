"""The committed API document: its operations, and whether a response is as it says."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from openapi_schema_validator import OAS31Validator, oas31_format_checker

from local.template import ROOT, Route, Template

PATH = ROOT / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(PATH.read_text())
TEMPLATE_ROUTES = Template().routes


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation by its method and path: `GET /api/payments/wallets`."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def resolve(node: dict[str, Any]) -> Any:
    """What a reference leads to; the node itself if it is not a reference."""
    if "$ref" not in node:
        return node
    found: Any = DOCUMENT
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


@cache
def validator(reference: str) -> OAS31Validator:
    schema = {"$ref": reference, "components": DOCUMENT["components"]}
    return OAS31Validator(schema, format_checker=oas31_format_checker)


def schema_violations(schema: dict[str, Any], value: Any) -> list[str]:
    """How the value differs from a schema of the document, given as a reference."""
    return [f"{error.json_path}: {error.message}" for error in validator(schema["$ref"]).iter_errors(value)]


def response_violations(method: str, path: str, status: int, body: Any) -> list[str]:
    """How a response differs from the document; `body` is None if it is empty. Unknown routes are not described."""
    route = find_route(method, path.partition("?")[0])
    if route is None:
        return []
    responses = DOCUMENT["paths"][route.path][method.lower()]["responses"]
    described = responses.get(str(status)) or (responses.get("2XX") if status == 200 else None)
    if described is None:
        return [f"the status {status} is not described"]
    content = resolve(described).get("content")
    if content is None:
        return [] if body is None else ["the body should be empty"]
    return schema_violations(content["application/json"]["schema"], body)


def find_route(method: str, path: str) -> Route | None:
    return next((route for route in TEMPLATE_ROUTES if route.match(method, path) is not None), None)
