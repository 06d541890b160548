"""The Lambda handler of an HTTP function: an API Gateway event in, Django REST framework's response out.

Every event gets a response and one log line. An `ApiError` has its own body; any other exception is a 500 that
reveals nothing. Every error names its code in the header X-Error-Code, also where the body has none. Its texts are in
Hindi for a caller whose Accept-Language prefers that.
"""

import json
import os
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler import Response as GatewayResponse
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from shared import clock, initialization
from shared.deadline import Deadline
from shared.errors import (
    ApiError,
    Conflict,
    InsufficientFunds,
    LimitReached,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
    SignatureInvalid,
)
from shared.http import fields
from shared.http.caller import customer_of, staff_of
from shared.http.messages import Request, Response
from shared.telemetry import journal, log

RESERVE_MS = 300  # reserved for sending the response
FIXED_HEADERS = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
CHALLENGE = 'Bearer realm="api"'
# Each is a metric with the class's name.
COUNTED_ERRORS = (
    Conflict,
    InsufficientFunds,
    LimitReached,
    PermissionDenied,
    SignatureInvalid,
    ServiceUnavailable,
)
EXPOSED_HEADERS = "X-Error-Code,Retry-After,Idempotency-Replayed,X-Request-Id"  # that a web page may read
APP_VERSION = re.compile(r"[A-Za-z0-9.+_-]{1,32}", re.ASCII)
REHEARSED_BODY = {
    "headers": {"Content-Type": "application/json"},
    "body": '{"rehearsal": "as long as a card number"}',  # shorter texts are not searched for one
}

View = Callable[[Request], Response]


class Route(Protocol):
    """What a handler needs of its endpoint."""

    @property
    def method(self) -> str: ...

    @property
    def paths(self) -> tuple[str, ...]: ...

    @property
    def staff(self) -> tuple[str, ...]: ...

    @property
    def about_customer(self) -> bool: ...

    def read_request(self, event: Mapping[str, Any], path: Mapping[str, str]) -> Request: ...


class Handler:
    """The Lambda handler of one endpoint. All state of an event is in its `_Call`."""

    def __init__(self, endpoint: Route, view: View) -> None:
        self.endpoint = endpoint
        self.view = view
        self._resolver = APIGatewayRestResolver()
        self._resolver.not_found(lambda error: self._call.refuse(NotFound()))
        for path in endpoint.paths:
            rule = re.sub(r"{(\w+)}", r"<\1>", path)
            self._resolver.route(rule, method=endpoint.method)(lambda **values: self._call.respond(values))
        initialization.finish(self._rehearse, writes=endpoint.method != "GET")

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        call = _Call(self.endpoint, self.view, event)
        self._resolver.context["call"] = call
        try:
            with Deadline((context.get_remaining_time_in_millis() - RESERVE_MS) / 1_000):
                result = self._resolver.resolve(event, context)
        except Exception as error:  # the event is no API Gateway request
            builder: ResponseBuilder[APIGatewayProxyEvent] = ResponseBuilder(call.fail(error))
            result = builder.build(APIGatewayProxyEvent({}))
        result["multiValueHeaders"]["X-Request-Id"] = [call.request_id]
        call.write_log_line(result["statusCode"])
        return result

    def _rehearse(self) -> None:
        """Resolve an event whose view finds nothing.

        Powertools builds its routes' chains in the first event, and the patterns of card numbers compile in the first
        body.
        """
        path = re.sub(r"{\w+}", str(uuid.UUID(int=0)), self.endpoint.paths[0])
        groups = {"groups": " ".join(self.endpoint.staff)} if self.endpoint.staff else {}
        caller = {"authorizer": {"sub": "rehearsal", **groups}}
        event = {"path": path, "httpMethod": self.endpoint.method, "requestContext": caller} | REHEARSED_BODY
        context: Any = None
        self._resolver.context["call"] = _Call(self.endpoint, _find_nothing, event)
        self._resolver.resolve(event, context)
        journal.drain()  # a rehearsal is no request

    @property
    def _call(self) -> "_Call":
        """The call being resolved; the resolver clears its context after each event."""
        call: _Call = self._resolver.context["call"]
        return call


def _find_nothing(request: Request) -> Response:
    raise NotFound


class _Call:
    """The handling of one event, up to its response and log line."""

    def __init__(self, endpoint: Route, view: View, event: Mapping[str, Any]) -> None:
        self.endpoint = endpoint
        self.view = view
        self.event = event
        self.started_us = clock.now_us()
        self.request_id: str = (event.get("requestContext") or {}).get("requestId", "")
        self.error_code = self.log_id = self.subject = ""

    def respond(self, path: Mapping[str, str]) -> "GatewayResponse[str]":
        try:
            request = self.endpoint.read_request(self.event, path)
            path_id = request.path.get("id", "")
            if self.endpoint.about_customer:
                self.subject, path_id = path_id, ""
            # Any other text may be anything, a card number too: it is logged only once it named something.
            self.log_id = path_id if fields.uuid_from(path_id) else ""
            if request.staff.id:
                log.count("StaffRequest")
            response = self.view(request)
        except ApiError as error:
            return self.refuse(error)
        except Exception as error:
            return self.fail(error)
        body_id = response.body.get("id", "") if isinstance(response.body, dict) else ""
        body_id = "" if self.subject else body_id
        self.log_id = self.log_id or body_id or path_id or response.log_id
        headers = {"Idempotency-Replayed": "true"} if response.replayed else {}
        return self._response(response.status, response.body, headers, response.retry_after_s)

    def refuse(self, error: ApiError) -> "GatewayResponse[str]":
        """The response to an error that the API defines."""
        self.error_code = error.code
        if isinstance(error, COUNTED_ERRORS):
            log.count(type(error).__name__)
        headers = {"WWW-Authenticate": CHALLENGE} if error.status == NotAuthenticated.status else {}
        return self._error_response(error.status, error.body, headers, error.retry_after_s)

    def fail(self, error: Exception) -> "GatewayResponse[str]":
        """The response to any other exception: a 500 that reveals nothing."""
        journal.unexpected(error)
        self.error_code = ApiError.code
        return self._error_response(ApiError.status, {"detail": ApiError.text}, {})

    def _error_response(
        self, status: int, body: Any, headers: Mapping[str, str], retry_after_s: int | None = None
    ) -> "GatewayResponse[str]":
        """A response whose texts are in the caller's language."""
        accepted = _header(self.event, "accept-language")
        if "hi" in accepted.lower():
            from shared.http import hindi  # only such a call loads the texts

            if hindi.is_preferred(accepted):
                body = hindi.translate_error(status, self.error_code, body)
                headers = {**headers, "Content-Language": "hi"}
        return self._response(status, body, headers, retry_after_s)

    def _response(
        self, status: int, body: Any, headers: Mapping[str, str], retry_after_s: int | None = None
    ) -> "GatewayResponse[str]":
        all_headers: dict[str, str | list[str]] = {**FIXED_HEADERS, **headers}
        if web_origin := os.environ.get("WEB_ORIGIN"):
            all_headers["Access-Control-Allow-Origin"] = web_origin
            all_headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        if self.error_code:
            all_headers["X-Error-Code"] = self.error_code
        if retry_after_s is not None:
            all_headers["Retry-After"] = str(retry_after_s)
        text = "" if body is None else json.dumps(body, separators=(",", ":"))
        return GatewayResponse(status_code=status, content_type="application/json", body=text, headers=all_headers)

    def write_log_line(self, status: int) -> None:
        log.canonical_log_line(
            "request",
            failed=status >= 500,
            route=f"{self.endpoint.method} {self.event.get('resource')}",
            status=status,
            code=self.error_code,
            id=self.log_id,
            customer=log.pseudonym(customer_of(self.event) or self.subject),
            staff=log.pseudonym(staff_of(self.event).id),
            duration_ms=(clock.now_us() - self.started_us) // 1_000,
            request_id=self.request_id,
            app_version=_app_version(self.event),
            cold_start=log.is_cold_start(),
        )


def _app_version(event: Mapping[str, Any]) -> str:
    version = _header(event, "x-app-version")
    return version if APP_VERSION.fullmatch(version) else ""


def _header(event: Mapping[str, Any], lower_name: str) -> str:
    headers = event.get("headers") or {}
    return next((value for name, value in headers.items() if name.lower() == lower_name), "") or ""
