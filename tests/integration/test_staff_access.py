"""Who gets in where: every route of staff against every kind of token, and the customers' routes against staff."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests

from local.issuer import AUDIENCE, ISSUER, STAFF_AUDIENCE, STAFF_ISSUER, TOKEN_AGE_S
from local.template import Route, Template
from shared.staff.groups import ALLOWED, GROUPS
from tests.support.local_stack import LocalStack
from tests.support.staff_actions import ACTIONS
from tools.openapi.operations import operations

ROUTES = Template().routes
STAFF_ROUTES = [route for route in ROUTES if route.path.startswith("/api/staff/")]
CUSTOMERS_ROUTES = [route for route in ROUTES if not route.is_open and route not in STAFF_ROUTES]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
REFUSED: dict[str, Callable[[LocalStack], str]] = {
    "no token": lambda stack: "",
    "garbage": lambda stack: "not.a.token",
    "a customer's": lambda stack: stack.customers[0]["token"],
    "a customer's with groups": lambda stack: customers_token(stack, groups=list(GROUPS)),
    "a customer's for staff": lambda stack: customers_token(stack, groups=list(GROUPS), client_id=STAFF_AUDIENCE),
    "the other issuer's key": lambda stack: customers_token(
        stack, groups=list(GROUPS), client_id=STAFF_AUDIENCE, iss=STAFF_ISSUER
    ),
    "another issuer": lambda stack: stack.staff_token(*GROUPS, iss=ISSUER),
    "another audience": lambda stack: stack.staff_token(*GROUPS, client_id=AUDIENCE),
    "an id token": lambda stack: stack.staff_token(*GROUPS, token_use="id"),
    "expired": lambda stack: stack.staff_token(*GROUPS, exp=int(time.time()) - 3_600),
}
CODES = {"no token": "not_authenticated", "expired": "token_expired"}


def customers_token(stack: LocalStack, **claims: Any) -> str:
    """A token by the issuer of the customers' tokens."""
    return stack.issuer.token("a5a00000-0000-4000-8000-000000000001", int(time.time()), **claims)


def ask(stack: LocalStack, route: Route, token: str) -> requests.Response:
    url = f"{stack.api}{route.path.replace('{id}', UNKNOWN).replace('{did}', UNKNOWN)}/"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.request(route.method, url, headers=headers, timeout=30)


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_every_route_of_staff_has_an_action_and_its_groups() -> None:
    declared = {operation.name: operation.endpoint.staff for operation in operations() if operation.endpoint.staff}
    assert declared == {function: ALLOWED[action] for function, action in ACTIONS.items()}
    assert {route.function for route in STAFF_ROUTES} == set(ACTIONS)
    assert set(ALLOWED) == set(ACTIONS.values())
    assert all(set(groups) <= set(GROUPS) for groups in ALLOWED.values()) and ALLOWED["read"] == GROUPS


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("route", STAFF_ROUTES, ids=name)
def test_route_of_staff_refuses_other_tokens(route: Route, kind: str, local_stack: LocalStack) -> None:
    response = ask(local_stack, route, REFUSED[kind](local_stack))
    assert response.status_code == 401, response.text
    assert response.headers["X-Error-Code"] == CODES.get(kind, "token_invalid")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("groups", [(), *((group,) for group in GROUPS), GROUPS, ("admins",)], ids=" ".join)
@pytest.mark.parametrize("route", STAFF_ROUTES, ids=name)
def test_route_of_staff_serves_its_groups_alone(
    route: Route, groups: tuple[str, ...], local_stack: LocalStack
) -> None:
    response = ask(local_stack, route, local_stack.staff_token(*groups))
    if set(groups) & set(ALLOWED[ACTIONS[route.function]]):
        assert response.status_code in (200, 400, 404), response.text
    else:
        assert (response.status_code, response.headers["X-Error-Code"]) == (403, "permission_denied")
        assert response.json() == {"detail": "You do not have permission to perform this action."}


@pytest.mark.parametrize("route", CUSTOMERS_ROUTES, ids=name)
def test_staff_are_no_customers(route: Route, local_stack: LocalStack) -> None:
    response = ask(local_stack, route, local_stack.staff_token(*GROUPS))
    assert (response.status_code, response.headers["X-Error-Code"]) == (401, "token_invalid")


def test_groups_may_come_as_cognito_names_them(local_stack: LocalStack) -> None:
    (route,) = [route for route in STAFF_ROUTES if route.function == "SearchStaff"]
    token = local_stack.staff_token(**{"cognito:groups": ["finance"]})
    assert ask(local_stack, route, token).json() == {"count": 0, "next": None, "previous": None, "results": []}


def test_ready_line_has_a_person_for_each_group_and_one_in_all(local_stack: LocalStack) -> None:
    assert [person["groups"] for person in local_stack.staff] == [*([group] for group in GROUPS), list(GROUPS)]
    assert len({person["id"] for person in local_stack.staff}) == 4 and all(
        person["name"] for person in local_stack.staff
    )
    for person in local_stack.staff:
        assert set(person) == {"id", "name", "groups", "token"}
        claims = jwt.decode(person["token"], options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == TOKEN_AGE_S and claims["sub"] == person["id"]
        assert ask(local_stack, STAFF_ROUTES[0], person["token"]).status_code == 200


def test_env_file_has_a_token_for_each_group(local_stack: LocalStack) -> None:
    lines = (local_stack.state / "env").read_text().splitlines()
    exported = dict(line.removeprefix("export ").split("=") for line in lines)
    names = ("SUPPORT", "FINANCE", "APPROVER", "STAFF")
    assert [exported[name] for name in names] == [person["token"] for person in local_stack.staff]
