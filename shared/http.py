"""The door of every HTTP function: an API Gateway event in, Django REST framework's answer out.

An `Endpoint` says method, paths and tables; it wraps a function of one checked `Request` that gives an `Answer`.
Nothing gets past it unanswered: every `Failure` has its body, everything else is a 500 that tells nothing.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from shared import clock, fields, telemetry
from shared.errors import (
    Conflict,
    Failure,
    InsufficientFunds,
    Invalid,
    Malformed,
    NotAuthenticated,
    NotFound,
    SignatureInvalid,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
)

BODY_BYTES_MAX = 64 * 1024
RAW_BYTES_MAX = 256 * 1024
NESTING_MAX = 64
PAGE_ROWS = 20
RESERVE_MS = 300  # kept back for the answer itself
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
SERVER_ERROR = {"detail": Failure.text}
CHALLENGE = 'Bearer realm="api"'
COUNTED = (Conflict, InsufficientFunds, SignatureInvalid, Unavailable)  # a metric of the failure's own name
APP_VERSION = re.compile(r"[A-Za-z0-9.+_-]{1,32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Request:
    """What a function may know of its request; body and query are checked by the endpoint's tables."""

    customer: str
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: dict[str, Any]
    headers: Mapping[str, str]
    raw: bytes
    url: str
    query_text: Mapping[str, str]
    deadline_us: int

    @property
    def idempotency_key(self) -> str | None:
        key = self.headers.get("idempotency-key")
        if key is None:
            return None
        if not IDEMPOTENCY_KEY.fullmatch(key):
            raise Invalid({"Idempotency-Key": ["Use 1 to 255 printable ASCII characters without spaces."]})
        return key


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body, which None leaves empty; `replayed` when the same key had been answered before.

    `about` is the id that the log's line names when neither the path nor the body has one.
    """

    status: int
    body: Any = None
    replayed: bool = False
    about: str = ""
    retry_after_s: int | None = None  # when to ask again, of something that is not finished


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One route and its aliases, with the tables of what goes in and examples of what comes out."""

    route: tuple[str, ...]  # the method, the path, then the path's aliases
    answers: Mapping[int, Any]
    body: fields.Fields | None = None
    query: fields.Fields = field(default_factory=dict)
    errors: tuple[type[Failure], ...] = ()
    customer: bool = True
    paged: bool = False
    partial: bool = False
    idempotent: bool = False
    raw: bool = False

    @property
    def method(self) -> str:
        return self.route[0]

    @property
    def paths(self) -> tuple[str, ...]:
        return self.route[1:]

    def __call__(self, rule: Callable[[Request], Answer]) -> "Handler":
        return Handler(self, rule)


class Handler:
    """The Lambda handler of an endpoint."""

    def __init__(self, endpoint: Endpoint, rule: Callable[[Request], Answer]) -> None:
        self.endpoint = endpoint
        self.rule = rule
        self.resolver = APIGatewayRestResolver()
        self.resolver.not_found(lambda error: _failed(NotFound()))
        for path in endpoint.paths:
            self.resolver.route(re.sub(r"{(\w+)}", r"<\1>", path), method=endpoint.method)(self._respond)

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        started_us = clock.now_us()
        self._context = context
        self._code = self._about = ""
        try:
            answer = self.resolver.resolve(event, context)
        except Exception as error:
            telemetry.unexpected(error)
            self._code = Failure.code
            answer = _plain(500, SERVER_ERROR)
        request_id = (event.get("requestContext") or {}).get("requestId", "")
        answer.setdefault("multiValueHeaders", {})["X-Request-Id"] = [request_id]
        telemetry.canonical(
            "request",
            failed=answer["statusCode"] >= 500,
            route=f"{self.endpoint.method} {event.get('resource')}",
            status=answer["statusCode"],
            code=self._code,
            id=self._about,
            customer=telemetry.pseudonym(_customer(event)),
            duration_ms=(clock.now_us() - started_us) // 1_000,
            request_id=request_id,
            app_version=_app_version(event),
            cold_start=telemetry.is_cold_start(),
        )
        return answer

    def _respond(self, **path: str) -> Response[str]:
        try:
            request = self._request(path)
            self._about = request.path.get("id", "")
            answer = self.rule(request)
        except Failure as failure:
            self._code = failure.code
            return _failed(failure)
        except Exception as error:
            telemetry.unexpected(error)
            self._code = Failure.code
            return _response(500, SERVER_ERROR)
        made = answer.body.get("id", "") if isinstance(answer.body, dict) else ""
        self._about = self._about or made or answer.about
        headers = {"Idempotency-Replayed": "true"} if answer.replayed else {}
        if answer.retry_after_s is not None:
            headers["Retry-After"] = str(answer.retry_after_s)
        return _response(answer.status, answer.body, headers)

    def _request(self, path: Mapping[str, str]) -> Request:
        event = self.resolver.current_event.raw_event
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        customer = _customer(event) if self.endpoint.customer else ""
        if self.endpoint.customer and not customer:
            raise NotAuthenticated
        raw = _raw(event, RAW_BYTES_MAX if self.endpoint.raw else BODY_BYTES_MAX)
        query_text = {name: str(value) for name, value in (event.get("queryStringParameters") or {}).items()}
        remaining_ms = self._context.get_remaining_time_in_millis() - RESERVE_MS
        return Request(
            customer=customer,
            path={name: _id(value) for name, value in path.items()},
            query=fields.check_query(self.endpoint.query, query_text),
            body=self._body(raw, headers),
            headers=headers,
            raw=raw,
            url=_url(event, headers),
            query_text=query_text,
            deadline_us=clock.now_us() + max(remaining_ms, 0) * 1_000,
        )

    def _body(self, raw: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        if self.endpoint.body is None or self.endpoint.raw:
            return {}
        if not raw:
            return fields.check(self.endpoint.body, {}, self.endpoint.partial)
        media_type = headers.get("content-type", "")
        if media_type.split(";")[0].strip().lower() != "application/json":
            raise UnsupportedMedia(media_type)
        return fields.check(self.endpoint.body, _json(raw), self.endpoint.partial)


def paginate(request: Request, count: int, rows: Callable[[int, int], list[dict[str, Any]]]) -> dict[str, Any]:
    """Django's envelope round the page that was asked for; `rows(offset, limit)` gets its rows."""
    last = max((count + PAGE_ROWS - 1) // PAGE_ROWS, 1)
    asked = request.query_text.get("page") or "1"
    page = last if asked == "last" else int(asked) if re.fullmatch(r"[0-9]{1,9}", asked) else 0
    if not 1 <= page <= last:
        raise NotFound(text="Invalid page.")

    def link(number: int) -> str:
        query = {name: value for name, value in request.query_text.items() if name != "page"}
        query |= {"page": str(number)} if number > 1 else {}
        return request.url + (f"?{urlencode(sorted(query.items()))}" if query else "")

    return {
        "count": count,
        "next": link(page + 1) if page < last else None,
        "previous": link(page - 1) if page > 1 else None,
        "results": rows((page - 1) * PAGE_ROWS, PAGE_ROWS),
    }


def _customer(event: Mapping[str, Any]) -> str:
    """The `sub` that the authorizer vouched for; without one the door stays shut."""
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    sub = authorizer.get("sub")
    return sub if isinstance(sub, str) else ""


def _app_version(event: Mapping[str, Any]) -> str:
    sent = next((v for name, v in (event.get("headers") or {}).items() if name.lower() == "x-app-version"), "")
    return sent if APP_VERSION.fullmatch(sent or "") else ""


def _id(text: str) -> str:
    found = fields.uuid_from(text)
    if found is None:
        raise NotFound
    return found


def _raw(event: Mapping[str, Any], bytes_max: int) -> bytes:
    body = event.get("body") or ""
    if len(body) > bytes_max * 2:
        raise TooLarge
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise Malformed("JSON parse error - the body is not valid.") from None
    if len(raw) > bytes_max:
        raise TooLarge
    return raw


def _json(raw: bytes) -> Any:
    """Strict JSON with its numbers as text, nested no deeper than any table asks for."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, parse_int=fields.Number, parse_float=fields.Number, parse_constant=_not_a_number)
        if _is_deep(value):
            raise RecursionError
        return value
    except RecursionError:
        raise Malformed("JSON parse error - The document is nested too deeply.") from None
    except UnicodeDecodeError:
        raise Malformed("JSON parse error - The body is not UTF-8.") from None
    except ValueError as error:
        raise Malformed(f"JSON parse error - {error}") from None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(NESTING_MAX):
        containers = [one for one in level if isinstance(one, dict | list)]
        level = [inner for one in containers for inner in (one.values() if isinstance(one, dict) else one)]
        if not level:
            return False
    return True


def _not_a_number(name: str) -> None:
    raise ValueError(f"Out of range float values are not JSON compliant: {name!r}")


def _url(event: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    stage = (event.get("requestContext") or {}).get("path") or event.get("path") or ""
    path = stage if stage.endswith("/") else f"{stage}/"
    return f"{headers.get('x-forwarded-proto', 'https')}://{headers.get('host', '')}{path}"


def _failed(failure: Failure) -> Response[str]:
    headers = {}
    if failure.status == NotAuthenticated.status:
        headers["WWW-Authenticate"] = CHALLENGE
    if failure.retry_after_s is not None:
        headers["Retry-After"] = str(failure.retry_after_s)
    if isinstance(failure, COUNTED):
        telemetry.count(type(failure).__name__)
    return _response(failure.status, failure.body, headers)


def _response(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response[str]:
    text = "" if body is None else json.dumps(body, separators=(",", ":"))
    return Response(
        status_code=status,
        content_type="application/json",
        body=text,
        headers={"Cache-Control": "private, no-store", **(headers or {})},
    )


def _plain(status: int, body: Any) -> dict[str, Any]:
    headers = {"Content-Type": ["application/json"], "Cache-Control": ["private, no-store"]}
    return {
        "statusCode": status,
        "body": json.dumps(body),
        "isBase64Encoded": False,
        "multiValueHeaders": headers,
    }
