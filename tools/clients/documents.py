"""The API's document, changed where a generator would make code of it that is wrong."""

import copy
from typing import Any


def for_generators(document: Any) -> Any:
    """The document in which the lowest success status has the schema of `2XX`, where an operation has one.

    A generated client returns the type of the lowest status alone. `2XX` is the body of a dry run, whose type also
    fits the body of the request itself.
    """
    changed = copy.deepcopy(document)
    for methods in changed["paths"].values():
        for operation in methods.values():
            responses = operation["responses"]
            if "2XX" in responses:
                lowest = min(status for status in responses if status.startswith("2") and status.isdigit())
                schema = responses["2XX"]["content"]["application/json"]["schema"]
                responses[lowest]["content"]["application/json"] = {"schema": schema}
    return changed


def for_dart(document: Any) -> Any:
    """Also without amounts, of which Dart's generator makes floating-point numbers, and without texts or numbers."""
    return _plain(for_generators(document))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"anyOf"}:
        return {}  # any value: Object
    is_amount = value.get("format") == "decimal" and value.get("type") in ("string", ["string", "null"])
    return {name: _plain(member) for name, member in value.items() if not (is_amount and name == "format")}
