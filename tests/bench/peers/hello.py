"""Hello world: what Python and the runtime's client cost alone."""

from typing import Any


def handler(event: Any, context: Any) -> dict[str, Any]:
    return {"statusCode": 200, "body": "{}"}
