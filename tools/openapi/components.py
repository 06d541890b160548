"""What the operations share: parameters, headers and the responses to errors."""

from collections.abc import Collection, Mapping
from typing import Any

from shared import errors
from shared.errors import ApiError, NotAuthenticated
from tools.openapi.schemas import PREFIX

PARAMETERS: Mapping[str, Any] = {
    "Id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}},
    "Rid": {
        "name": "rid",
        "in": "path",
        "required": True,
        "description": "The refund's id.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "Did": {
        "name": "did",
        "in": "path",
        "required": True,
        "description": "The dispute's id.",
        "schema": {"type": "string", "maxLength": 255},
    },
    "TextId": {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 255}},
    "Page": {
        "name": "page",
        "in": "query",
        "description": "Pages have 20 rows. `last` is the last page.",
        "schema": {"type": "string", "pattern": "^([1-9][0-9]*|last)$"},
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Repeating a key returns the result of the first request; keys never expire. Required for a "
        "payment from the wallet and for a refund.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    "RazorpaySignature": {
        "name": "X-Razorpay-Signature",
        "in": "header",
        "required": True,
        "description": "The HMAC-SHA256 of the body with the webhook's secret, in hexadecimal.",
        "schema": {"type": "string"},
    },
    "RazorpayEventId": {
        "name": "x-razorpay-event-id",
        "in": "header",
        "description": "The event's id, noted in the payment's timeline.",
        "schema": {"type": "string"},
    },
}
HEADERS: Mapping[str, Any] = {
    "Idempotency-Replayed": {
        "description": "`true` if an earlier request with the same Idempotency-Key was answered.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Retry-After": {"description": "When to ask again, in seconds.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}},
    "X-Error-Code": {
        "description": "The error's code. Codes never change; branch on them.",
        "schema": {"type": "string"},
    },
    "X-Request-Id": {"description": "Names the request in the service's log.", "schema": {"type": "string"}},
}
# Errors whose constructor needs arguments.
ARGUMENTS: Mapping[type[ApiError], tuple[Any, ...]] = {
    errors.ValidationError: ({"amount": ["A valid number is required."]},),
    errors.UnsupportedMediaType: ("text/plain",),
    errors.Throttled: (60,),
    errors.LimitReached: ("Too many payments are open at once.", "open_payments", 60),
}
KINDS = (*ApiError.__subclasses__(), ApiError)


def refer(section: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{section}/{name}"}


def headers(*names: str) -> dict[str, Any]:
    return {name: refer("headers", name) for name in sorted({*names, "X-Request-Id"})}


def error_examples(kinds: Collection[type[ApiError]]) -> dict[str, Any]:
    return {kind.__name__: {"value": error_body(kind)} for kind in kinds}


def error_body(kind: type[ApiError]) -> Any:
    """The body of such an error. An unexpected one has no code: the HTTP adapter answers it itself."""
    return {"detail": ApiError.text} if kind is ApiError else kind(*ARGUMENTS.get(kind, ())).body


def error_response(kinds: Collection[type[ApiError]]) -> tuple[str, dict[str, Any]]:
    """The response to errors of one status, and its name: `ValidationErrorOrParseError`."""
    ordered = [kind for kind in KINDS if kind in kinds]
    names = [kind.__name__ for kind in ordered]
    has_fields = errors.ValidationError in ordered
    schema = "FieldErrors" if ordered == [errors.ValidationError] else "RequestError" if has_fields else "ApiError"
    raised = [kind(*ARGUMENTS.get(kind, ())) for kind in ordered]
    extra = ["Retry-After"] * any(error.retry_after_s for error in raised)
    extra += ["WWW-Authenticate"] * (NotAuthenticated in ordered)
    content = {
        "schema": {"$ref": f"{PREFIX}{schema}"},
        "examples": {name: refer("examples", name) for name in names},
    }
    return "Or".join(names), {
        "description": " ".join(error.text for error in raised),
        "headers": headers("X-Error-Code", *extra),
        "content": {"application/json": content},
    }
