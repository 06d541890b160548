"""Endpoints for staff: who may call them, and that no customer's request is taken for one of staff, or reversed."""

import json
from typing import Any

import pytest

from shared import clock
from shared.errors import NotFound
from shared.http.endpoint import Endpoint, Request, Response
from shared.telemetry import journal, log
from tests.support.lambda_events import LambdaContext, request_event

NOW_S = 1_800_000_000
ROUTE = ("GET", "/api/x")


def view(request: Request) -> Response:
    return Response(200, [request.customer, request.staff.id, *request.staff.groups])


for_support = Endpoint(route=ROUTE, responses={200: {}}, staff=("support", "approver"))(view)
for_customers = Endpoint(route=ROUTE, responses={200: {}})(view)
for_everybody = Endpoint(route=ROUTE, responses={200: {}}, public=True)(view)


def call(handler: Any, context: dict[str, Any] | None) -> tuple[int, Any, str]:
    event = request_event("GET")
    event["requestContext"]["authorizer"] = context
    response = handler(event, LambdaContext())
    code = response["multiValueHeaders"].get("X-Error-Code", [""])[0]
    return response["statusCode"], json.loads(response["body"]), code


@pytest.mark.parametrize("groups", ["support", "approver", "support finance approver"])
def test_group_of_the_endpoint_may_call_it(groups: str) -> None:
    assert call(for_support, {"sub": "sunita", "groups": groups}) == (200, ["", "sunita", *groups.split()], "")


@pytest.mark.parametrize("groups", ["", "finance", "supports", "SUPPORT", "support,approver"])
def test_other_group_is_403(groups: str) -> None:
    refusal = {"detail": "You do not have permission to perform this action."}
    assert call(for_support, {"sub": "farid", "groups": groups}) == (403, refusal, "permission_denied")


@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        {"sub": "asha"},
        {"sub": "", "groups": "support"},
        {"sub": 7, "groups": "support"},
        {"groups": "support"},
        {"sub": "asha", "groups": None},
        {"sub": "asha", "groups": ["support"]},
        {"principalId": "asha", "groups": "support"},
    ],
)
def test_endpoint_of_staff_is_401_without_a_member_of_staff(context: dict[str, Any] | None) -> None:
    status, _, code = call(for_support, context)
    assert (status, code) == (401, "not_authenticated")


@pytest.mark.parametrize("groups", ["", "support", None, ["support"]])
def test_staff_are_nobody_to_the_endpoint_of_a_customer(groups: Any) -> None:
    assert call(for_customers, {"sub": "asha"})[:2] == (200, ["asha", ""])
    status, _, code = call(for_customers, {"sub": "asha", "groups": groups})
    assert (status, code) == (401, "not_authenticated")


def test_public_endpoint_knows_no_caller() -> None:
    assert call(for_everybody, {"sub": "asha", "groups": "support"})[1] == ["", ""]


@pytest.mark.parametrize(("expires_at_s", "status"), [(NOW_S + 1, 200), (NOW_S, 401)])
def test_token_of_staff_expires(expires_at_s: int, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now_us", lambda: NOW_S * 1_000_000)
    context = {"sub": "sunita", "groups": "support", "expires_at": str(expires_at_s)}
    assert call(for_support, context)[0] == status
    assert call(for_support, context | {"groups": "finance"})[0] == (403 if status == 200 else 401)


def test_request_of_staff_is_counted_and_logged_with_its_pseudonym(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, Any]] = []
    counted: list[str] = []
    monkeypatch.setattr(log, "canonical_log_line", lambda kind, **line: lines.append(line))
    monkeypatch.setattr(journal, "count", lambda name, value=1: counted.append(name))
    for groups in ("support", "finance"):
        call(for_support, {"sub": "sunita", "groups": groups})
    call(for_customers, {"sub": "asha"})
    assert [(line["staff"], line["customer"], line["status"]) for line in lines] == [
        (log.pseudonym("sunita"), "", 200),
        (log.pseudonym("sunita"), "", 403),
        ("", log.pseudonym("asha"), 200),
    ]
    assert counted == ["StaffRequest", "PermissionDenied"]


@pytest.mark.parametrize(
    ("path_id", "status"),
    [("auth0|5f7c", 200), ("order_RB58MiP5SPFYyM", 200), ("x" * 255, 200), ("x" * 256, 404), ("é", 404)],
)
def test_text_id_is_printable_ascii(path_id: str, status: int) -> None:
    endpoint = Endpoint(route=("GET", "/api/x/{id}"), responses={200: {}}, staff=("support",), text_ids=True)
    handler = endpoint(lambda request: Response(200, request.path["id"]))
    event = request_event("GET", f"/api/x/{path_id}/", sub="sunita", groups="support")
    response = handler(event, LambdaContext())
    assert response["statusCode"] == status, response["body"]
    assert status == 404 or json.loads(response["body"]) == path_id


@pytest.mark.parametrize(
    ("path_id", "found", "logged"),
    [
        ("order_RB58MiP5SPFYyM", True, "order_RB58MiP5SPFYyM"),
        ("5105105105105100", False, ""),
        ("00000000-0000-4000-8000-000000000000", False, "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_text_id_is_logged_only_if_it_named_something(
    path_id: str, found: bool, logged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(log, "canonical_log_line", lambda kind, **line: lines.append(line))

    def find(request: Request) -> Response:
        if not found:
            raise NotFound
        return Response(200, {})

    endpoint = Endpoint(route=("GET", "/api/x/{id}"), responses={200: None}, staff=("support",), text_ids=True)
    endpoint(find)(request_event("GET", f"/api/x/{path_id}/", sub="sunita", groups="support"), LambdaContext())
    assert [line["id"] for line in lines] == [logged]
