"""Writes openapi.json from what the handlers say of themselves: their endpoints, field tables and examples."""

import importlib
import inspect
import json
import sys
from typing import Any

from local.template import ROOT, Template

sys.path[:0] = [str(ROOT), str(ROOT / "functions")]
PATH = ROOT / "openapi.json"
NOUNS = {"saved-methods": "payment-methods", "upload-image": "images"}  # what a path calls otherwise
DESCRIPTION = (
    "Saved payment methods, a stored-value wallet, payments through Razorpay, and photos. Amounts are rupees as text "
    "with two places; `checkout` holds Razorpay's own objects, in paise. Photos go straight to S3: ask for a ticket, "
    "send the photo with what it says, follow the photo's status. Every path also answers without its last slash."
)


def document() -> dict[str, Any]:
    from shared.http import Handler

    template, paths = Template(), {}
    for function in template.functions.values():
        module_name, _, name = function.handler.rpartition(".")
        module = importlib.import_module(module_name)
        handler = getattr(module, name)
        if not isinstance(handler, Handler):
            continue  # no route: the authorizer and what runs on a schedule
        for place, path in enumerate(handler.endpoint.paths):
            operation = _operation(function.id, handler.endpoint, inspect.getdoc(module) or "", path)
            if place:
                operation |= {"operationId": f"{function.id}Alias", "deprecated": True}
            paths.setdefault(f"{path}/", {})[handler.endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "garment-pay", "version": "1.0.0", "description": DESCRIPTION},
        "servers": [{"url": "http://127.0.0.1:8787", "description": "make run"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            }
        },
    }


def _operation(name: str, endpoint: Any, doc: str, path: str) -> dict[str, Any]:
    from shared import fields

    noun = NOUNS.get(path.split("/")[3], path.split("/")[3])
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": doc.partition(": ")[2] or doc,
        "tags": [noun],
        "security": [{"bearer": []}] if endpoint.customer else [],
        "parameters": _parameters(endpoint, path),
        "responses": _responses(endpoint, path),
    }
    if endpoint.raw:
        content: dict[str, Any] = {"schema": {"type": "object"}}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    elif endpoint.body is not None:
        schema = fields.schema(endpoint.body)
        if endpoint.partial:
            schema.pop("required", None)
        example = {key: field.example for key, field in endpoint.body.items() if field.example is not None}
        content = {"schema": schema, "example": example}
        operation["requestBody"] = {"required": "required" in schema, "content": {"application/json": content}}
    return operation


def _parameters(endpoint: Any, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if "{id}" in path:
        found.append({"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}})
    for name, field in endpoint.query.items():
        found.append({"name": name, "in": "query", "schema": field.schema(), "description": field.description})
    if endpoint.paged:
        page = {"type": "string", "pattern": "^([1-9][0-9]*|last)$"}
        found.append({"name": "page", "in": "query", "schema": page, "description": "Pages of 20 rows, or `last`."})
    if endpoint.idempotent:
        description = "The same key is the same payment, for ever. Required for a payment from the wallet."
        schema = {"type": "string", "minLength": 1, "maxLength": 255}
        found.append({"name": "Idempotency-Key", "in": "header", "schema": schema, "description": description})
    if endpoint.raw:
        for name, required in (("X-Razorpay-Signature", True), ("x-razorpay-event-id", False)):
            found.append({"name": name, "in": "header", "required": required, "schema": {"type": "string"}})
    return found


def _responses(endpoint: Any, path: str) -> dict[str, Any]:
    from shared import errors

    responses: dict[str, Any] = {}
    for status, answer in endpoint.answers.items():
        examples = [] if answer is None else list(answer) if isinstance(answer, tuple) else [answer]
        if endpoint.paged:
            rows = {"count": len(examples), "next": None, "previous": None, "results": examples}
            examples = [rows]
        responses[str(status)] = {"description": "Done."} | _content(examples)
    kinds = [*endpoint.errors]
    if endpoint.body is not None or endpoint.query:
        kinds.append(errors.Invalid)
    if endpoint.body is not None:
        kinds += [errors.Malformed, errors.UnsupportedMedia, errors.TooLarge]
    if "{id}" in path or endpoint.paged:
        kinds.append(errors.NotFound)
    if endpoint.customer:
        kinds.append(errors.NotAuthenticated)
    for status in sorted({kind.status for kind in [*kinds, errors.Failure, errors.Unavailable]}):
        same = [kind for kind in [*kinds, errors.Failure, errors.Unavailable] if kind.status == status]
        bodies = [_example(kind) for kind in dict.fromkeys(same)]
        names = " or ".join(dict.fromkeys(kind.__name__ for kind in same))
        responses[str(status)] = {"description": names} | _content(bodies)
    return responses


def _example(kind: Any) -> Any:
    """The body of one failure of that kind."""
    arguments: dict[str, list[Any]] = {
        "Invalid": [{"amount": ["A valid number is required."]}],
        "UnsupportedMedia": ["text/plain"],
        "Throttled": [60],
    }
    return kind(*arguments.get(kind.__name__, [])).body


def _content(examples: list[Any]) -> dict[str, Any]:
    if not examples:
        return {}
    named = {f"example{place or ''}": {"value": one} for place, one in enumerate(examples)}
    schemas = [schema_of(one) for one in examples]
    schema = schemas[0] if all(one == schemas[0] for one in schemas) else merged(schemas)
    return {"content": {"application/json": {"schema": schema, "examples": named}}}


def schema_of(example: Any) -> dict[str, Any]:
    """The JSON schema that an example implies."""
    match example:
        case None:
            return {"type": "null"}
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case list() | tuple():
            return {"type": "array"} | ({"items": merged([schema_of(one) for one in example])} if example else {})
    properties = {name: schema_of(value) for name, value in example.items()}
    return {"type": "object", "properties": properties}


def merged(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """One schema that takes what any of these takes: types united, properties merged by name."""
    types = list(dict.fromkeys(kind for one in schemas for kind in _types(one)))
    result: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    objects = [one["properties"] for one in schemas if "properties" in one]
    if objects:
        names = list(dict.fromkeys(name for one in objects for name in one))
        result["properties"] = {name: merged([one[name] for one in objects if name in one]) for name in names}
    items = [one["items"] for one in schemas if "items" in one]
    return result | ({"items": merged(items)} if items else {})


def _types(schema: dict[str, Any]) -> list[str]:
    return [schema["type"]] if isinstance(schema["type"], str) else schema["type"]


def text() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text())
    print(f"{PATH.name} is written")
