"""Staff as the backend sees them: a person with a bearer token who calls the routes of staff."""

import itertools
from typing import TYPE_CHECKING, Any

import requests

from tests.support.api_document import response_violations

if TYPE_CHECKING:
    from tests.support.local_stack import LocalStack

REASON = "Two shirts came back stained"
WHY = {"reason": REASON}
KEYS = itertools.count(1)
# Persons, each with whatever groups a test gives them.
FINANCE, APPROVER, OTHER = (f"5afa0000-0000-4000-8000-0000000000{number}" for number in ("b1", "b2", "b3"))


class Desk:
    """A member of staff at work."""

    def __init__(self, stack: "LocalStack", *groups: str, **claims: Any) -> None:
        """`claims` replaces others of the token: `sub` makes it another person."""
        self.stack = stack
        self.headers = {"Authorization": f"Bearer {stack.staff_token(*groups, **claims)}"}

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> requests.Response:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        url = f"{self.stack.api}/api/staff{path}"
        response = requests.request(method, url, json=body, headers=headers, timeout=60)
        assert response_violations(method, f"/api/staff{path}", response.status_code, response.json()) == []
        return response

    def get(self, path: str) -> Any:
        response = self.call("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def refund(
        self, payment: dict[str, Any], amount: str | None = None, key: str | None = None, query: str = "", **more: Any
    ) -> requests.Response:
        body = {"reason": REASON} | ({"amount": amount} if amount else {}) | more
        return self.call("POST", f"/payments/{payment['id']}/refunds/{query}", body, key or f"key-{next(KEYS)}")


def resolve(desk: Desk, review: dict[str, Any], action: str, **more: str) -> requests.Response:
    return desk.call("POST", f"/reviews/{review['id']}/resolve/", {"action": action, **WHY, **more})


def code(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.headers.get("X-Error-Code", "")
