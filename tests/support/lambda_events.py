"""What Lambda hands to a function: an API Gateway event, a sample of each trigger's, and an invocation's context."""

import json
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).resolve().parent.parent / "events"


def sample_event(function: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"{function}.json").read_text()))


class LambdaContext:
    """The context of an invocation that has five seconds left."""

    function_name = "Test"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:ap-south-1:000000000000:function:Test"
    aws_request_id = "invocation"

    def get_remaining_time_in_millis(self) -> int:
        return 5_000


def request_event(
    method: str = "POST",
    path: str = "/api/x/",
    body: str | None = None,
    *,
    sub: str = "asha",
    groups: str | None = None,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
    is_base64: bool = False,
) -> dict[str, Any]:
    """A request as API Gateway sends it, with `sub` as the authorizer's customer; an empty one means none.

    With `groups`, even empty ones, it is a request of staff.
    """
    query = query or {}
    context = {"sub": sub} | ({} if groups is None else {"groups": groups})
    return {
        "resource": path.rstrip("/"),
        "path": path,
        "httpMethod": method,
        "headers": {"Content-Type": content_type, "Host": "api.test", "X-Forwarded-Proto": "https"} | (headers or {}),
        "multiValueHeaders": {},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()},
        "pathParameters": None,
        "requestContext": {"requestId": "req-1", "path": path, "authorizer": context if sub else None},
        "body": body,
        "isBase64Encoded": is_base64,
    }
