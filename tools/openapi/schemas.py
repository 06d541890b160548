"""JSON schemas: of responses from their types, of requests from their field tables."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from shared.error_catalogue import CATALOGUE
from shared.http import fields
from shared.http.multipart import FileField

Schema = dict[str, Any]
PREFIX = "#/components/schemas/"
# The errors' bodies, which shared.errors makes.
API_ERROR: Schema = {
    "type": "object",
    "description": "`detail` is a text for people. Where `code` is absent, the header X-Error-Code has it.",
    "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
    "required": ["detail"],
    # No enum: a client of today must read the error that gets a code tomorrow.
    "x-error-codes": [
        {
            "status": entry.status,
            "code": entry.code,
            "retry": entry.retry,
            "meaning": entry.meaning,
            "texts": {"en": next(iter(entry.texts)), "hi": next(iter(entry.texts.values()))},
        }
        for entry in CATALOGUE
    ],
}
FIELD_ERRORS: Schema = {
    "type": "object",
    "description": "What is wrong with each field. `non_field_errors` concerns the body as a whole.",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
}
ERRORS: Mapping[str, Schema] = {
    "ApiError": API_ERROR,
    "FieldErrors": FIELD_ERRORS,
    "RequestError": {"oneOf": [{"$ref": f"{PREFIX}ApiError"}, {"$ref": f"{PREFIX}FieldErrors"}]},
}
WEBHOOK_EVENT: Schema = {"type": "object", "description": "An event of Razorpay, byte for byte as it was signed."}


class _Generator(GenerateJsonSchema):
    """pydantic's generator with short names, without titles, and with null as one of a type's alternatives."""

    def normalize_name(self, name: str) -> str:
        """`PaymentBody` becomes `Payment`, and a page of them `PaymentPage`."""
        name = re.sub(r"Body\b", "", name)
        page = re.fullmatch(r"Page\[(\w+)\]", name)
        return super().normalize_name(f"{page[1]}Page" if page else name)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def typed_dict_schema(self, schema: Any) -> JsonSchemaValue:
        found = super().typed_dict_schema(schema)
        found.pop("title", None)
        return found

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if "$ref" in inner:
            return {"oneOf": [inner, {"type": "null"}]}
        return inner | {"type": [inner["type"], "null"]}


def response_schemas(types: Collection[Any]) -> tuple[dict[Any, Schema], dict[str, Schema]]:
    """The reference to each type, and the named schemas that they lead to."""
    inputs: Any = [(body, "serialization", TypeAdapter(body)) for body in types]
    found, document = TypeAdapter.json_schemas(inputs, ref_template=f"{PREFIX}{{model}}", schema_generator=_Generator)
    return {body: found[body, "serialization"] for body in types}, document["$defs"]


def request_schema(table: fields.Fields, partial: bool, named: Mapping[str, Schema]) -> Schema:
    """The schema of a body. With `partial` no field is required."""
    found = fields.schema(table)
    if partial:
        found.pop("required", None)
    return found | {"properties": {name: with_named_enum(s, named) for name, s in found["properties"].items()}}


def form_schema(file: FileField) -> Schema:
    """The schema of a form with this file. OpenAPI 3.1 describes bytes by a format."""
    first, *others = file.names
    description = f"Up to {file.size_bytes_max:,} bytes. The part may also be named {' or '.join(others)}."
    properties = {first: {"type": "string", "format": "binary", "description": description}}
    return {"type": "object", "properties": properties, "required": [first]}


def with_named_enum(schema: Schema, named: Mapping[str, Schema]) -> Schema:
    """The schema with a reference in place of its values if a named type has the same values."""
    name = next(
        (name for name, known in named.items() if "enum" in schema and schema["enum"] == known.get("enum")), ""
    )
    if not name:
        return schema
    return {"$ref": f"{PREFIX}{name}"} | {key: value for key, value in schema.items() if key not in ("type", "enum")}
