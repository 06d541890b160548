"""What botocore and moto do again for every client and every call, though it never changes: done once or left out.

It took half of the CPU of the rules' tests.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.loaders import Loader
from moto.core.serialize import BaseJSONSerializer

_models: dict[Any, Any] = {}  # by the loader's call: descriptions of services, which each session reads anew
_make_loader = Loader.__init__
_serialize_structure = BaseJSONSerializer._serialize_type_structure


@contextmanager
def cheap_aws() -> Iterator[None]:
    """Make clients and moto's responses cheaper until the block ends."""
    with (
        patch.object(Loader, "__init__", _loader_of_read_models),
        patch.object(BaseJSONSerializer, "_serialize_type_structure", _serialize),
    ):
        yield


def _loader_of_read_models(loader: Loader, *arguments: Any, **options: Any) -> None:
    _make_loader(loader, *arguments, **options)
    if not arguments and not options:
        vars(loader)["_cache"] = _models


def _serialize(serializer: BaseJSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """moto looks up all ten kinds of each value of DynamoDB, under four names each. A value has one."""
    if shape.name == "AttributeValue" and (found := _attribute_value(value)) is not None:
        serialized[key] = found
    else:
        _serialize_structure(serializer, serialized, value, shape, key)


def _attribute_value(value: Any) -> dict[str, Any] | None:
    """The value as JSON; None if it is of a kind that the tables do not have."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((kind, content),) = value.items()
    match kind:
        case "S" | "N":
            return {kind: str(content)}
        case "BOOL" | "NULL" if isinstance(content, bool):
            return value
        case "B":
            return {kind: base64.b64encode(content.encode() if isinstance(content, str) else content).decode()}
        case "M":
            inner = {name: _attribute_value(member) for name, member in content.items()}
            return None if None in inner.values() else {kind: inner}
        case "L":
            members = [_attribute_value(member) for member in content]
            return None if None in members else {kind: members}
    return None
