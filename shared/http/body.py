"""Request bodies: bytes within a limit, then strict JSON."""

import base64
import binascii
import codecs
import json
from collections.abc import Mapping
from typing import Any

from shared.errors import ParseError, PayloadTooLarge
from shared.http.fields import JsonNumber

NESTING_MAX = 64


def read_body(event: Mapping[str, Any], bytes_max: int, too_large: str | None = None) -> bytes:
    """The body of an API Gateway event, decoded from base64 where API Gateway encoded it.

    `too_large` is the text of the 413, in place of the usual one.
    """
    body = event.get("body") or ""
    if len(body) > bytes_max * 2:
        raise PayloadTooLarge(too_large)
    try:
        # A lone surrogate becomes the bytes that no decoder of UTF-8 accepts.
        is_base64 = event.get("isBase64Encoded")
        raw = base64.b64decode(body, validate=True) if is_base64 else body.encode("utf-8", "surrogatepass")
    except (binascii.Error, ValueError):
        raise ParseError("JSON parse error - the body is not valid.") from None
    if len(raw) > bytes_max:
        raise PayloadTooLarge(too_large)
    return raw


def parse_json(raw: bytes) -> Any:
    """Strict JSON: numbers stay text, NaN and Infinity are refused, nesting stays below what any table asks for.

    As in Django, a last character that is cut short is left out, and what is before it decides.
    """
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(raw)
        value = json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=_refuse_constant)
        if _is_too_deep(value):
            raise RecursionError
        return value
    except RecursionError:
        raise ParseError("JSON parse error - The document is nested too deeply.") from None
    except ValueError as error:
        raise ParseError(f"JSON parse error - {error}") from None


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(NESTING_MAX):
        containers = [item for item in level if isinstance(item, dict | list)]
        level = [item for box in containers for item in (box.values() if isinstance(box, dict) else box)]
        if not level:
            return False
    return True


def _refuse_constant(name: str) -> None:
    raise ValueError(f"Out of range float values are not JSON compliant: {name!r}")
