"""The HTTP adapter: input is checked in Django's order, and every event gets a response."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from shared import clock, initialization
from shared.auth import ExpiredToken
from shared.deadline import Deadline
from shared.errors import (
    ApiError,
    Conflict,
    InsufficientFunds,
    LimitReached,
    NotAuthenticated,
    NotFound,
    ParseError,
    PayloadTooLarge,
    PermissionDenied,
    ServiceUnavailable,
    SignatureInvalid,
    Throttled,
    UnsupportedMediaType,
    ValidationError,
)
from shared.http import fields
from shared.http.endpoint import Endpoint, Request, Response
from shared.http.handler import Handler, _Call
from shared.telemetry import journal, log
from tests.support.lambda_events import LambdaContext, request_event

NOW_S = 1_800_000_000
METHOD_ID = "2f0c6f0e-6d1b-4c55-9a3a-8e2f1b7c9d10"
TABLE = {"type": fields.Choice(options=("card",), required=True), "note": fields.Text()}


def handler_of(view: Callable[[Request], Response] | None = None, method: str = "POST", **settings: Any) -> Handler:
    """A handler with two paths and two fields; without a view it returns the validated body."""
    settings = {"body": TABLE, "responses": {200: {}}} | settings
    endpoint = Endpoint(route=(method, "/api/x", "/api/y/{id}"), **settings)
    return endpoint(view or (lambda request: Response(200, request.body)))


def call(handler: Handler, event: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
    response = handler(event, LambdaContext())
    headers = {name: values[0] for name, values in response["multiValueHeaders"].items()}
    return response["statusCode"], json.loads(response["body"]) if response["body"] else None, headers


def raising(error: Exception) -> Handler:
    def view(request: Request) -> Response:
        raise error

    return handler_of(view, body=None)


REAL_COUNT = journal.count


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the metrics that were counted."""
    names: list[str] = []
    monkeypatch.setattr(journal, "count", lambda name, value=1: names.append(name))
    return names


def test_response_has_body_and_common_headers() -> None:
    status, body, headers = call(handler_of(), request_event(body='{"type":"card"}'))
    assert (status, body) == (200, {"type": "card", "note": ""})
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Request-Id"] == "req-1"
    assert "X-Error-Code" not in headers


@pytest.mark.parametrize("error", [None, NotFound(), RuntimeError("secret")])
def test_page_of_the_web_origin_may_read_every_response(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = raising(error) if error else handler_of(body=None)
    assert not [name for name in call(handler, request_event())[2] if name.startswith("Access-Control")]
    monkeypatch.setenv("WEB_ORIGIN", "https://app.example")
    headers = call(handler, request_event())[2]
    assert headers["Access-Control-Allow-Origin"] == "https://app.example"
    exposed = {"X-Error-Code", "Retry-After", "Idempotency-Replayed", "X-Request-Id"}
    assert set(headers["Access-Control-Expose-Headers"].split(",")) == exposed


@pytest.mark.parametrize("path", ["/api/x", "/api/x/"])
def test_trailing_slash_is_optional(path: str) -> None:
    assert call(handler_of(), request_event(path=path, body='{"type":"card"}'))[0] == 200


def test_missing_customer_is_refused_before_all_else() -> None:
    for authorizer in (None, {}, {"sub": ""}, {"sub": 7}, {"principalId": "asha"}):
        event = request_event(body="{bad", content_type="text/plain")
        event["requestContext"]["authorizer"] = authorizer
        status, body, headers = call(handler_of(), event)
        assert (status, body) == (401, {"detail": "Authentication credentials were not provided."})
        assert headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(("expires_at", "status"), [(NOW_S + 1, 200), (NOW_S, 401), (NOW_S - 299, 401)])
@pytest.mark.parametrize("kind", [int, str])
def test_token_that_expired_since_the_authorizer_saw_it_is_refused(
    expires_at: int, status: int, kind: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """API Gateway reuses the authorizer's result for five minutes, and turns its values into texts."""
    monkeypatch.setattr(clock, "now_us", lambda: NOW_S * 1_000_000)
    event = request_event(body='{"type":"card"}')
    event["requestContext"]["authorizer"]["expires_at"] = kind(expires_at)
    actual, body, headers = call(handler_of(), event)
    assert actual == status
    if status == 401:
        assert (headers["X-Error-Code"], body) == (ExpiredToken.code, {"detail": ExpiredToken.text})
        assert headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain; charset=utf-8", ""])
def test_other_content_type_than_json_is_415(content_type: str) -> None:
    status, body, _ = call(handler_of(), request_event(body="x", content_type=content_type))
    assert (status, body) == (415, {"detail": f'Unsupported media type "{content_type}" in request.'})


def test_empty_body_is_an_empty_object() -> None:
    """Its content type does not matter, as in Django REST framework."""
    for body in (None, ""):
        event = request_event(body=body, content_type="text/plain")
        assert call(handler_of(), event)[1] == {"type": ["This field is required."]}
    assert call(handler_of(partial=True), request_event(body=None))[:2] == (200, {})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{bad", "JSON parse error - Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ('{"type":NaN}', "JSON parse error - Out of range float values are not JSON compliant: 'NaN'"),
        ("[" * 100_000, "The request body is too large."),
        ("[" * 30_000 + "]" * 30_000, "JSON parse error - The document is nested too deeply."),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, "JSON parse error - The document is nested too deeply."),
        ("[" * 65 + "]" * 65, "JSON parse error - The document is nested too deeply."),
    ],
)
def test_malformed_json_is_refused(body: str, text: str) -> None:
    status, answer, _ = call(handler_of(), request_event(body=body))
    assert (status, answer["detail"]) == (413 if "large" in text else 400, text)


@pytest.mark.parametrize("count", [1_000, 30_000])
def test_unclosed_nesting_is_a_parse_error(count: int) -> None:
    status, body, _ = call(handler_of(), request_event(body="[" * count))
    assert status == 400 and body["detail"].startswith("JSON parse error - ")


def test_hostile_bodies_are_refused_quickly() -> None:
    started = time.process_time()
    for body in ("[" * 65 + '"' + '\\"' * 32_000, '{"note":' + "9" * 60_000 + "}", '{"type":1E1000000}'):
        assert call(handler_of(), request_event(body=body))[0] == 400
    assert time.process_time() - started < 1


def test_body_over_the_limit_is_413_before_parsing() -> None:
    status, body, _ = call(handler_of(), request_event(body='{"note":"' + "x" * 65_536))
    assert (status, body["code"]) == (413, "too_large")


def test_base64_body_is_decoded() -> None:
    def encoded(body: bytes) -> dict[str, Any]:
        return request_event(body=base64.b64encode(body).decode(), is_base64=True)

    assert call(handler_of(), encoded(b'{"type":"card"}'))[0] == 200
    for undecodable in (b'{"type":"\xff"}', b"\xff\xfe"):
        status, body, _ = call(handler_of(), encoded(undecodable))
        assert status == 400 and body["detail"].startswith("JSON parse error - ")
    assert call(handler_of(), request_event(body="%%%", is_base64=True))[0] == 400


@pytest.mark.parametrize("body", ['{"type":"card","note":"\\ud800"}', '{"type":"\\ud800"}', "\ud800"])
def test_lone_surrogate_is_refused(body: str) -> None:
    assert call(handler_of(), request_event(body=body))[0] == 400


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"note":"\xff\xfe"}', "'utf-8' codec can't decode byte 0xff in position 9: invalid start byte"),
        (b'{"note":"\xe9"}', "'utf-8' codec can't decode byte 0xe9 in position 9: invalid continuation byte"),
        (b'{"note":"\xed\xa0\x80"}', "'utf-8' codec can't decode byte 0xed in position 9: invalid continuation byte"),
        (b'{"note":"\xc0\xaf"}', "'utf-8' codec can't decode byte 0xc0 in position 9: invalid start byte"),
        ('{"note":1}'.encode("utf-16"), "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b'{"note":1}\x80', "'utf-8' codec can't decode byte 0x80 in position 10: invalid start byte"),
        (b'\xef\xbb\xbf{"note":1}', "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)"),
        (b'{"note":"caf\xc3', "Unterminated string starting at: line 1 column 9 (char 8)"),
        (b'{"note":"\x01"}', "Invalid control character at: line 1 column 10 (char 9)"),
    ],
)
def test_broken_utf8_is_worded_as_in_django(body: bytes, text: str) -> None:
    event = request_event(body=base64.b64encode(body).decode(), is_base64=True)
    assert call(handler_of(), event)[:2] == (400, {"detail": f"JSON parse error - {text}"})


def test_surrogate_of_an_event_is_broken_utf8() -> None:
    text = "'utf-8' codec can't decode byte 0xed in position 9: invalid continuation byte"
    answer = call(handler_of(), request_event(body='{"note":"\ud800"}'))
    assert answer[:2] == (400, {"detail": f"JSON parse error - {text}"})


def test_raw_endpoint_gets_its_bytes_untouched() -> None:
    received: list[bytes] = []

    def view(request: Request) -> Response:
        received.append(request.raw_body)
        return Response(200)

    handler = handler_of(view, raw_body=True, public=True, body=None)
    for body in (b"{bad", b"\xff\x00", b""):
        encoded = base64.b64encode(body).decode()
        assert call(handler, request_event(body=encoded, is_base64=True, content_type="text/plain", sub=""))[0] == 200
    assert received == [b"{bad", b"\xff\x00", b""]
    assert call(handler, request_event(body="x" * (256 * 1024 + 1)))[0] == 413


@pytest.mark.parametrize("written", [METHOD_ID, METHOD_ID.upper(), METHOD_ID.replace("-", "")])
def test_path_id_becomes_canonical(written: str) -> None:
    handler = handler_of(lambda request: Response(200, dict(request.path)), body=None)
    assert call(handler, request_event(path=f"/api/y/{written}/"))[1] == {"id": METHOD_ID}


@pytest.mark.parametrize("written", ["abc", METHOD_ID + "0", "%00"])
def test_malformed_path_id_is_404(written: str) -> None:
    event = request_event(path=f"/api/y/{written}/")
    assert call(handler_of(body=None), event)[:2] == (404, {"detail": "Not found."})


def test_unknown_path_is_404() -> None:
    status, body, headers = call(handler_of(), request_event(path="/api/z/"))
    assert (status, body) == (404, {"detail": "Not found."})
    assert headers["X-Error-Code"] == "not_found"


def test_api_error_becomes_its_response() -> None:
    status, body, _ = call(raising(Conflict("Full.", code="wallet_limit")), request_event())
    assert (status, body) == (409, {"detail": "Full.", "code": "wallet_limit"})
    status, body, headers = call(raising(ServiceUnavailable()), request_event())
    assert (status, body["code"], headers["Retry-After"]) == (503, "unavailable", "2")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValidationError({"amount": ["A valid number is required."]}), "invalid"),
        (ParseError(), "parse_error"),
        (SignatureInvalid(), "signature_invalid"),
        (InsufficientFunds(), "insufficient_funds"),
        (NotAuthenticated(), "not_authenticated"),
        (PermissionDenied(), "permission_denied"),
        (PermissionDenied("Ask.", "approval_required"), "approval_required"),
        (NotFound("Wallet"), "not_found"),
        (Conflict("Full.", code="wallet_limit"), "wallet_limit"),
        (PayloadTooLarge(), "too_large"),
        (UnsupportedMediaType("text/plain"), "unsupported_media_type"),
        (Throttled(60), "throttled"),
        (LimitReached("Too many.", "open_payments", 60), "open_payments"),
        (ServiceUnavailable(), "unavailable"),
        (RuntimeError("a bug"), "error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_every_error_names_its_code_in_a_header(error: Exception, code: str) -> None:
    """Recorded responses have no `code` in the body of a field error, a 401, 403, 404, 415 or 429."""
    _, body, headers = call(raising(error), request_event())
    assert headers["X-Error-Code"] == code
    assert body.get("code", code) == code


def test_refusals_are_counted_by_class_name(counted: list[str]) -> None:
    errors = [
        Conflict(),
        InsufficientFunds(),
        LimitReached("Too many.", "open_payments", 60),
        PermissionDenied(),
        SignatureInvalid(),
        ServiceUnavailable(),
    ]
    for error in (*errors, NotFound()):
        call(raising(error), request_event())
    assert counted == [type(error).__name__ for error in errors]


def test_unexpected_exception_is_500_and_reveals_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    status, body, headers = call(raising(RuntimeError("asha@ybl secret")), request_event())
    assert (status, body) == (500, {"detail": ApiError.text})
    assert headers["X-Request-Id"] == "req-1"
    assert "asha@ybl" not in capsys.readouterr().out


def test_malformed_event_is_500() -> None:
    status, body, headers = call(handler_of(), {})
    assert (status, body) == (500, {"detail": ApiError.text})
    assert (headers["Content-Type"], headers["X-Error-Code"]) == ("application/json", "error")


def test_nested_call_leaves_the_outer_response_alone() -> None:
    """A handler keeps nothing of an event, so a call that begins and ends within another one changes nothing."""
    lines: list[dict[str, Any]] = []

    def view(request: Request) -> Response:
        if request.query_text:
            assert call(handler, request_event("GET", "/api/z/"))[0] == 404
        return Response(200, dict(request.path))

    handler = handler_of(view, "GET", body=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "canonical_log_line", lambda kind, **line: lines.append(line))
        status, body, headers = call(handler, request_event("GET", f"/api/y/{METHOD_ID}/", query={"nested": "1"}))
    assert (status, body) == (200, {"id": METHOD_ID}) and "X-Error-Code" not in headers
    assert [(line["status"], line["code"], line["id"]) for line in lines] == [
        (404, "not_found", ""),
        (200, "", METHOD_ID),
    ]


def test_view_gets_the_time_that_lambda_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five seconds less 0.3 to send the response."""
    monkeypatch.setattr(clock, "now_us", lambda: 1_000_000_000)
    handler = handler_of(lambda request: Response(200, Deadline.current().remaining_s), body=None)
    assert call(handler, request_event())[1] == pytest.approx(4.7)


def test_log_line_holds_no_customer_data(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(log, "canonical_log_line", lambda kind, **line: lines.append(line))
    headers = {"Authorization": "Bearer asha@ybl"}
    call(handler_of(), request_event(body='{"type":"asha@ybl"}', query={"q": "asha@ybl"}, headers=headers))
    assert set(lines[0]) - {"failed"} == {
        "route", "status", "code", "id", "customer", "staff", "duration_ms", "request_id", "app_version",
        "cold_start",
    }  # fmt: skip
    assert lines[0]["customer"] == log.pseudonym("asha") != "asha" and lines[0]["staff"] == ""
    assert (lines[0]["route"], lines[0]["status"], lines[0]["code"]) == ("POST /api/x", 400, "invalid")
    assert "asha" not in json.dumps(lines) + capsys.readouterr().out


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\u0663", "a\n"])
def test_idempotency_key_is_printable_and_bounded(key: str) -> None:
    handler = handler_of(lambda request: Response(200, request.idempotency_key), body=None)
    assert call(handler, request_event(headers={"idempotency-key": "k-1"}))[1] == "k-1"
    assert call(handler, request_event())[1] is None
    assert call(handler, request_event(headers={"Idempotency-Key": key}))[0] == 400


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"body": None}, 404),
        ({"public": True, "body": None}, 404),
        ({"staff": ("support",), "body": None}, 404),
        ({"body": {"name": fields.Text(required=True)}}, 400),
    ],
)
def test_event_is_rehearsed_without_its_view(
    settings: dict[str, Any], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    viewed: list[Request] = []
    monkeypatch.setattr(initialization, "_clients", [])
    monkeypatch.setattr(initialization, "end_imports", lambda: None)
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")

    def view(request: Request) -> Response:
        viewed.append(request)
        return Response(200, {})

    rehearsed: list[int] = []
    refuse = _Call.refuse
    monkeypatch.setattr(_Call, "refuse", lambda self, error: rehearsed.append(error.status) or refuse(self, error))
    journal.drain()
    monkeypatch.setattr(journal, "count", REAL_COUNT)
    handler_of(view, method="GET", **settings)
    assert journal.drain() == ({}, [], [])
    assert viewed == [] and rehearsed == [status] and capsys.readouterr().out == ""


@pytest.mark.parametrize(("method", "writes"), [("GET", False), ("POST", True), ("DELETE", True)])
def test_write_is_rehearsed_unless_the_method_is_get(
    method: str, writes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished: list[bool] = []
    monkeypatch.setattr(initialization, "finish", lambda rehearse_event, writes: finished.append(writes))
    handler_of(lambda request: Response(200, {}), method=method, body=None)
    assert finished == [writes]
