"""The API document, made from what the functions declare."""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from local.template import ROOT
from shared import errors
from shared.errors import ApiError
from shared.http.multipart import MEDIA_TYPE, FileField
from tools.openapi import schemas
from tools.openapi.components import HEADERS, PARAMETERS, error_examples, error_response, headers, refer
from tools.openapi.operations import Operation, operations

PATH = ROOT / "openapi.json"
DESCRIPTION = (
    "Saved payment methods, a stored-value wallet, payments through Razorpay, and photos. Amounts are rupees as text "
    "with two decimals; `checkout` holds Razorpay's own objects, in paise. Photos are uploaded straight to S3: start "
    "an upload, send the photo as its response says, then poll the photo's status; or send a photo of up to 4 MiB as "
    "a form. Each path also answers with a "
    "trailing slash."
)
TAGS = {
    "images": "Photos of garments.",
    "payment-methods": "Saved payment methods.",
    "payments": "Payments and top-ups.",
    "refunds": "Refunds of payments.",
    "staff": "What staff see and do, for any customer. Tokens of staff, from an issuer of their own.",
    "wallets": "The customer's wallet and its transactions.",
}


def text() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def document() -> dict[str, Any]:
    builder = _Builder(list(operations()))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "garment-pay",
            "version": "1.0.0",
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://127.0.0.1:8787", "description": "make run"}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": builder.paths(),
        "components": builder.components(),
    }


class _Builder:
    """Collects the components while it writes the operations that refer to them."""

    def __init__(self, declared: list[Operation]) -> None:
        self._operations = declared
        types = [body for operation in declared for body in operation.bodies.values() if body is not None]
        self._bodies, self._schemas = schemas.response_schemas(list(dict.fromkeys(types)))
        self._schemas |= schemas.ERRORS
        self._examples: dict[str, Any] = {}
        self._responses: dict[str, Any] = {}
        self._request_bodies: dict[str, Any] = {}

    def paths(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for operation in self._operations:
            method, (path, *aliases) = operation.endpoint.method.lower(), operation.endpoint.paths
            if operation.endpoint.actions:
                for each in (path, *aliases):
                    name = re.sub("^[A-Z][a-z]+", each.rpartition("/")[2], operation.name)
                    found.setdefault(each, {})[method] = self._operation(operation, name, each)
                continue
            name = operation.name[0].lower() + operation.name[1:]
            found.setdefault(path, {})[method] = self._operation(operation, name, path)
            for alias in aliases:
                described = self._operation(operation, f"{name}Alias", alias) | {"deprecated": True}
                found.setdefault(alias, {})[method] = described
        return dict(sorted(found.items()))

    def components(self) -> dict[str, Any]:
        bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        staff = bearer | {"description": "A token of staff, which names their groups."}
        return {
            "schemas": dict(sorted(self._schemas.items())),
            "parameters": dict(PARAMETERS),
            "requestBodies": dict(sorted(self._request_bodies.items())),
            "responses": dict(sorted(self._responses.items())),
            "headers": dict(HEADERS),
            "examples": dict(sorted(self._examples.items())),
            "securitySchemes": {"bearer": bearer, "staff": staff},
        }

    def _operation(self, operation: Operation, name: str, path: str) -> dict[str, Any]:
        body = self._request_body(operation)
        return {
            "operationId": name,
            "summary": operation.summary,
            "tags": [operation.noun.replace("_", "-")],
            "security": []
            if operation.endpoint.public
            else [{"staff" if operation.endpoint.staff else "bearer": []}],
            **({"parameters": found} if (found := self._parameters(operation, path)) else {}),
            **({"requestBody": body} if body else {}),
            "responses": self._success_responses(operation) | self._error_responses(operation, path),
        }

    def _parameters(self, operation: Operation, path: str) -> list[dict[str, Any]]:
        endpoint = operation.endpoint
        names = (
            ["TextId" if endpoint.text_ids else "Id"] * ("{id}" in path)
            + ["Rid"] * ("{rid}" in path)
            + ["Did"] * ("{did}" in path)
            + ["Page"] * endpoint.paginated
            + ["IdempotencyKey"] * endpoint.idempotent
        )
        names += ["RazorpaySignature", "RazorpayEventId"] * endpoint.raw_body
        found: list[dict[str, Any]] = [refer("parameters", name) for name in names]
        for name, field in endpoint.query_fields.items():
            schema = schemas.with_named_enum(field.schema(), self._schemas)
            description = {"description": field.description} if field.description else {}
            found.append({"name": name, "in": "query", **description, "schema": schema})
        return found

    def _request_body(self, operation: Operation) -> dict[str, str] | None:
        endpoint, name = operation.endpoint, f"{operation.name}Input"
        content: dict[str, Any] = {"schema": refer("schemas", name)}
        if endpoint.raw_body:
            self._schemas[name] = schemas.WEBHOOK_EVENT
        elif endpoint.body is None:
            return None
        else:
            self._schemas[name] = schemas.request_schema(endpoint.body, endpoint.partial, self._schemas)
            example = {key: field.example for key, field in endpoint.body.items() if field.example is not None}
            if example:
                self._examples[name] = {"value": example}
                content["examples"] = {name: refer("examples", name)}
        contents = {"application/json": content}
        if endpoint.file:
            contents[MEDIA_TYPE] = self._form(f"{operation.name}Form", endpoint.file)
        required = endpoint.raw_body or "required" in self._schemas[name]
        self._request_bodies[operation.name] = {"required": required, "content": contents}
        return refer("requestBodies", operation.name)

    def _form(self, name: str, file: FileField) -> dict[str, Any]:
        self._schemas[name] = schemas.form_schema(file)
        self._examples[name] = {"value": {file.names[0]: "(the bytes of the file)"}}
        return {"schema": refer("schemas", name), "examples": {name: refer("examples", name)}}

    def _success_responses(self, operation: Operation) -> dict[str, Any]:
        endpoint, found = operation.endpoint, dict[str, Any]()
        extra = ["Idempotency-Replayed"] * endpoint.idempotent + ["Retry-After"] * endpoint.polled
        for status, body in operation.bodies.items():
            response: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": headers(*extra)}
            if body is not None:
                schema = self._bodies[body]
                examples = self._add_examples(schema["$ref"].rpartition("/")[2], operation.examples(status))
                response["content"] = {"application/json": {"schema": schema, "examples": examples}}
            # Generated clients return the body of the lowest status, which must be that of the real call.
            is_dry_run = endpoint.dry_run and status == HTTPStatus.OK and len(operation.bodies) > 1
            found["2XX" if is_dry_run else str(status)] = response
        return found

    def _add_examples(self, type_name: str, examples: Mapping[str, Any]) -> dict[str, Any]:
        """References to a type's examples. Their names must differ unless they are the same."""
        for name, value in examples.items():
            if self._examples.setdefault(f"{type_name}{name}", {"value": value})["value"] != value:
                raise ValueError(f"two examples have the name {type_name}{name}")
        return {name: refer("examples", f"{type_name}{name}") for name in examples}

    def _error_responses(self, operation: Operation, path: str) -> dict[str, Any]:
        endpoint = operation.endpoint
        kinds: set[type[ApiError]] = {*endpoint.errors, ApiError, errors.ServiceUnavailable}
        if endpoint.body is not None or endpoint.query_fields:
            kinds.add(errors.ValidationError)
        if endpoint.body is not None:
            kinds |= {errors.ParseError, errors.UnsupportedMediaType, errors.PayloadTooLarge}
        if "{id}" in path or endpoint.paginated:
            kinds.add(errors.NotFound)
        if not endpoint.public:
            kinds.add(errors.NotAuthenticated)
        if endpoint.staff:
            kinds.add(errors.PermissionDenied)
        self._examples |= error_examples(kinds)
        found: dict[str, Any] = {}
        for status in sorted({kind.status for kind in kinds}):
            name, response = error_response([kind for kind in kinds if kind.status == status])
            self._responses[name] = response
            found[str(status)] = refer("responses", name)
        return found
