"""The HTTP door: what comes in is checked in Django's order, what goes out is always an answer."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from shared import fields, tally, telemetry
from shared.errors import Conflict, Failure, Unavailable
from shared.http import Answer, Endpoint, Handler, Request, paginate

METHOD_ID = "2f0c6f0e-6d1b-4c55-9a3a-8e2f1b7c9d10"
TABLE = {"type": fields.Choice(options=("card",), required=True), "note": fields.Text()}


class Context:
    function_name = "Test"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:ap-south-1:000000000000:function:Test"
    aws_request_id = "invocation"

    def get_remaining_time_in_millis(self) -> int:
        return 5_000


def event(method: str = "POST", path: str = "/api/x/", body: str | None = None, **more: Any) -> dict[str, Any]:
    query = more.pop("query", {})
    content_type = more.pop("content_type", "application/json")
    sub = more.pop("sub", "asha")
    return {
        "resource": path.rstrip("/"),
        "path": path,
        "httpMethod": method,
        "headers": {"Content-Type": content_type, "Host": "api.test", "X-Forwarded-Proto": "https"}
        | more.pop("headers", {}),
        "multiValueHeaders": {},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()},
        "pathParameters": None,
        "requestContext": {"requestId": "req-1", "path": path, "authorizer": {"sub": sub} if sub else None},
        "body": body,
        "isBase64Encoded": False,
    } | more


def door(rule: Callable[[Request], Answer] | None = None, method: str = "POST", **more: Any) -> Handler:
    settings = {"body": TABLE, "answers": {200: {}}} | more
    paths = settings.pop("paths", ("/api/x", "/api/y/{id}"))
    return Endpoint(route=(method, *paths), **settings)(rule or (lambda request: Answer(200, request.body)))


def call(handler: Handler, sent: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
    answer = handler(sent, Context())
    headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None, headers


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(tally, "count", lambda name, value=1: names.append(name))
    return names


def test_the_answer_carries_the_body_and_the_headers_of_every_answer() -> None:
    status, body, headers = call(door(), event(body='{"type":"card"}'))
    assert (status, body) == (200, {"type": "card", "note": ""})
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Request-Id"] == "req-1"


@pytest.mark.parametrize("path", ["/api/x", "/api/x/"])
def test_both_forms_of_a_path_answer(path: str) -> None:
    assert call(door(), event(path=path, body='{"type":"card"}'))[0] == 200


def test_without_a_customer_nothing_else_is_looked_at() -> None:
    for authorizer in (None, {}, {"sub": ""}, {"sub": 7}, {"principalId": "asha"}):
        sent = event(body="{bad", content_type="text/plain")
        sent["requestContext"]["authorizer"] = authorizer
        status, body, headers = call(door(), sent)
        assert (status, body) == (401, {"detail": "Authentication credentials were not provided."})
        assert headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain; charset=utf-8", ""])
def test_only_json_is_read(content_type: str) -> None:
    status, body, _ = call(door(), event(body="x", content_type=content_type))
    assert (status, body) == (415, {"detail": f'Unsupported media type "{content_type}" in request.'})


def test_an_empty_body_is_an_empty_object_whatever_its_type() -> None:
    for body in (None, ""):
        assert call(door(), event(body=body, content_type="text/plain"))[1] == {"type": ["This field is required."]}
    assert call(door(partial=True), event(body=None))[:2] == (200, {})


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
def test_what_is_not_json_is_refused(body: str, text: str) -> None:
    status, told, _ = call(door(), event(body=body))
    assert (status, told["detail"]) == (413 if "large" in text else 400, text)


@pytest.mark.parametrize("count", [1_000, 30_000])
def test_unclosed_nesting_is_a_parse_error(count: int) -> None:
    status, told, _ = call(door(), event(body="[" * count))
    assert status == 400 and told["detail"].startswith("JSON parse error - ")


def test_no_body_is_slow_to_refuse() -> None:
    started = time.process_time()
    for body in ("[" * 65 + '"' + '\\"' * 32_000, '{"note":' + "9" * 60_000 + "}", '{"type":1E1000000}'):
        assert call(door(), event(body=body))[0] == 400
    assert time.process_time() - started < 1


def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    status, body, _ = call(door(), event(body='{"note":"' + "x" * 65_536))
    assert (status, body["code"]) == (413, "too_large")


def test_a_base64_body_is_decoded() -> None:
    def encoded(raw: bytes) -> dict[str, Any]:
        return event(body=base64.b64encode(raw).decode(), isBase64Encoded=True)

    assert call(door(), encoded(b'{"type":"card"}'))[0] == 200
    for raw in (b'{"type":"\xff"}', b"\xff\xfe"):
        status, body, _ = call(door(), encoded(raw))
        assert status == 400 and body["detail"].startswith("JSON parse error - ")
    assert call(door(), event(body="%%%", isBase64Encoded=True))[0] == 400


@pytest.mark.parametrize("body", ['{"type":"card","note":"\\ud800"}', '{"type":"\\ud800"}', "\ud800"])
def test_a_lone_surrogate_is_refused(body: str) -> None:
    assert call(door(), event(body=body))[0] == 400


def test_a_raw_endpoint_gets_its_bytes_untouched() -> None:
    got: list[bytes] = []

    def rule(request: Request) -> Answer:
        got.append(request.raw)
        return Answer(200)

    handler = door(rule, raw=True, customer=False, body=None)
    for raw in (b"{bad", b"\xff\x00", b""):
        sent = event(body=base64.b64encode(raw).decode(), isBase64Encoded=True, content_type="text/plain", sub="")
        assert call(handler, sent)[0] == 200
    assert got == [b"{bad", b"\xff\x00", b""]
    assert call(handler, event(body="x" * (256 * 1024 + 1)))[0] == 413


@pytest.mark.parametrize("written", [METHOD_ID, METHOD_ID.upper(), METHOD_ID.replace("-", "")])
def test_an_id_is_canonical_however_it_is_written(written: str) -> None:
    handler = door(lambda request: Answer(200, dict(request.path)), body=None)
    assert call(handler, event(path=f"/api/y/{written}/"))[1] == {"id": METHOD_ID}


@pytest.mark.parametrize("written", ["abc", METHOD_ID + "0", "%00"])
def test_what_is_no_id_is_not_there(written: str) -> None:
    assert call(door(body=None), event(path=f"/api/y/{written}/"))[:2] == (404, {"detail": "Not found."})


def test_a_path_without_a_route_is_not_there() -> None:
    assert call(door(), event(path="/api/z/"))[:2] == (404, {"detail": "Not found."})


def failing(error: Exception) -> Handler:
    def rule(request: Request) -> Answer:
        raise error

    return door(rule, body=None)


def test_a_failure_becomes_its_answer() -> None:
    status, body, _ = call(failing(Conflict("Full.", code="wallet_limit")), event())
    assert (status, body) == (409, {"detail": "Full.", "code": "wallet_limit"})
    status, body, headers = call(failing(Unavailable()), event())
    assert (status, body["code"], headers["Retry-After"]) == (503, "unavailable", "2")


def test_anything_else_is_a_500_that_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    status, body, headers = call(failing(RuntimeError("asha@ybl secret")), event())
    assert (status, body) == (500, {"detail": Failure.text})
    assert headers["X-Request-Id"] == "req-1"
    assert "asha@ybl" not in capsys.readouterr().out


def test_an_event_that_is_no_request_is_a_500_too() -> None:
    assert door()({}, Context())["statusCode"] == 500


def test_the_log_line_names_no_customer_data(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(telemetry, "canonical", lambda kind, **line: told.append(line))
    sent = event(body='{"type":"asha@ybl"}', query={"q": "asha@ybl"}, headers={"Authorization": "Bearer asha@ybl"})
    call(door(), sent)
    assert set(told[0]) - {"failed"} == {
        "route", "status", "code", "id", "customer", "duration_ms", "request_id", "app_version", "cold_start",
    }  # fmt: skip
    assert told[0]["customer"] == telemetry.pseudonym("asha") != "asha"
    assert (told[0]["route"], told[0]["status"], told[0]["code"]) == ("POST /api/x", 400, "invalid")
    assert "asha" not in json.dumps(told) + capsys.readouterr().out


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\u0663", "a\n"])
def test_an_idempotency_key_is_printable_and_bounded(key: str) -> None:
    handler = door(lambda request: Answer(200, request.idempotency_key), body=None)
    assert call(handler, event(headers={"idempotency-key": "k-1"}))[1] == "k-1"
    assert call(handler, event())[1] is None
    assert call(handler, event(headers={"Idempotency-Key": key}))[0] == 400


def paged(count: int, query: dict[str, str]) -> tuple[int, Any]:
    def rule(request: Request) -> Answer:
        return Answer(
            200, paginate(request, count, lambda offset, limit: list(range(count))[offset : offset + limit])
        )  # type: ignore[arg-type,return-value]

    return call(door(rule, "GET", body=None), event("GET", query=query))[:2]


def test_a_page_links_to_its_neighbours_with_the_other_keys_kept_and_sorted() -> None:
    _, first = paged(45, {"type": "card"})
    assert (first["count"], first["previous"], len(first["results"])) == (45, None, 20)
    assert first["next"] == "https://api.test/api/x/?page=2&type=card"
    _, second = paged(45, {"page": "2", "type": "card", "a": "b c"})
    assert second["next"] == "https://api.test/api/x/?a=b+c&page=3&type=card"
    assert second["previous"] == "https://api.test/api/x/?a=b+c&type=card"
    _, last = paged(45, {"page": "last"})
    assert (last["next"], last["results"]) == (None, [40, 41, 42, 43, 44])


@pytest.mark.parametrize("page", ["0", "-1", "4", "abc", "1.0", "9" * 5_000])
def test_a_page_that_is_not_there_is_404(page: str) -> None:
    assert paged(45, {"page": page}) == (404, {"detail": "Invalid page."})


def test_the_first_page_of_nothing_is_empty() -> None:
    assert paged(0, {"page": "1"}) == (200, {"count": 0, "next": None, "previous": None, "results": []})
