"""Staff find a payment and refund it, over HTTP: by halves, to the source and to the wallet, once per key."""

import itertools
from typing import Any

import pytest
import requests

from tests.support.api_client import App, at_once
from tests.support.api_document import response_violations
from tests.support.local_stack import LocalStack

REASON = "Two shirts came back stained"
KEYS = itertools.count(1)


class Desk:
    """A member of staff at work."""

    def __init__(self, stack: LocalStack, *groups: str) -> None:
        self.stack = stack
        self.headers = {"Authorization": f"Bearer {stack.staff_token(*groups)}"}

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


@pytest.fixture
def app(local_stack: LocalStack) -> App:
    return App(local_stack)


@pytest.fixture
def desk(local_stack: LocalStack) -> Desk:
    return Desk(local_stack, "support")


def code(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.headers.get("X-Error-Code", "")


def test_half_of_a_top_up_goes_back_to_its_source(app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    (found,) = desk.get(f"/search/?q={payment['gateway_order_id']}")["results"]
    assert (found["id"], found["customer"], found["amount"]) == (payment["id"], app.customer["id"], "500.00")
    response = desk.refund(found, "250.00")
    assert response.status_code == 201, response.text
    refund = response.json()
    assert (refund["amount"], refund["destination"], refund["reason"]) == ("250.00", "source", REASON)
    assert refund["asked_by"].startswith("staff:") and refund["gateway_refund_id"].startswith("rfnd_")
    assert app.balance == "250.00"
    record = desk.get(f"/payments/{payment['id']}/")
    assert [row["id"] for row in record["refunds"]] == [refund["id"]]
    assert (found_by_refund := desk.get(f"/search/?q={refund['gateway_refund_id']}")["results"][0])
    assert found_by_refund["id"] == payment["id"]


def test_payment_from_the_wallet_goes_back_to_the_wallet(app: App, desk: Desk) -> None:
    app.top_up("500.00")
    payment = app.spend("120.00", "order-1").json()
    assert app.balance == "380.00"
    assert code(desk.refund(payment, "20.00", destination="source")) == (400, "invalid")
    refund = desk.refund(payment, "20.00").json()
    assert (refund["destination"], refund["status"]) == ("wallet", "processed")
    assert app.balance == "400.00"
    assert desk.refund(payment).json()["amount"] == "100.00", "all that is left"
    assert app.balance == "500.00" and app.status(payment) == "refunded"
    assert [entry["kind"] for entry in desk.get(f"/payments/{payment['id']}/")["entries"]] == [
        "debit",
        "credit",
        "credit",
    ]


def test_payment_through_razorpay_opens_the_wallet_that_it_is_refunded_to(app: App, desk: Desk) -> None:
    payment = app.post("/payments/", {"amount": "250.00", "source": "gateway"})
    assert app.verify(payment, app.pay(payment)).status_code == 200
    assert desk.get(f"/customers/{app.customer['id']}/")["wallet"] is None
    refund = desk.refund(payment, "100.00", destination="wallet").json()
    assert (refund["status"], refund["gateway_refund_id"]) == ("processed", None)
    assert desk.get(f"/customers/{app.customer['id']}/")["wallet"]["balance"] == app.balance == "100.00"


def test_same_key_refunds_once(app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    answers = [desk.refund(payment, "100.00", "refund-1") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true", "true"]
    assert code(desk.refund(payment, "200.00", "refund-1")) == (409, "idempotency_key_reused")
    assert app.balance == "400.00"


def test_two_at_once_refund_what_there_is_once(app: App, local_stack: LocalStack) -> None:
    payment = app.top_up("500.00")
    desks = [Desk(local_stack, "support") for _ in range(4)]
    answers = at_once([lambda desk=desk: desk.refund(payment, "300.00") for desk in desks])
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert app.balance == "200.00"


def test_more_than_is_left_is_refused(app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    assert code(desk.refund(payment, "500.01")) == (409, "refund_limit")
    assert desk.refund(payment, "500.00").status_code == 201
    assert code(desk.refund(payment, "1.00")) == (409, "refund_limit")


def test_spent_top_up_is_not_refunded(app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    app.spend("400.00", "order-1")
    assert code(desk.refund(payment, "100.01")) == (409, "insufficient_funds")
    assert desk.refund(payment, "100.00").status_code == 201


def test_refund_above_four_eyes_needs_approval(app: App, desk: Desk) -> None:
    payment = app.top_up("20000.00")
    assert code(desk.refund(payment, "10000.01")) == (403, "approval_required")
    assert code(desk.refund(payment)) == (403, "approval_required"), "all that is left is more, too"
    assert app.balance == "20000.00"
    assert desk.refund(payment, "10000.00").status_code == 201


@pytest.mark.parametrize("reason", [None, "", "   "])
def test_refund_needs_a_reason(reason: str | None, app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    body = {"amount": "100.00"} | ({} if reason is None else {"reason": reason})
    response = desk.call("POST", f"/payments/{payment['id']}/refunds/", body, "k-1")
    assert response.status_code == 400 and list(response.json()) == ["reason"]


def test_refund_needs_a_key(app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    response = desk.call("POST", f"/payments/{payment['id']}/refunds/", {"reason": REASON})
    assert response.status_code == 400 and list(response.json()) == ["Idempotency-Key"]


def test_dry_run_changes_nothing(app: App, desk: Desk) -> None:
    payment = app.top_up("500.00")
    response = desk.refund(payment, "100.00", query="?dry_run=true")
    assert response.status_code == 200, response.text
    assert (response.json()["id"], response.json()["amount"]) == (None, "100.00")
    assert code(desk.refund(payment, "500.01", query="?dry_run=true")) == (409, "refund_limit")
    assert app.balance == "500.00" and desk.get(f"/payments/{payment['id']}/")["refunds"] == []


@pytest.mark.parametrize("group", ["finance", "approver"])
def test_only_support_asks_for_refunds(group: str, app: App, local_stack: LocalStack) -> None:
    payment = app.top_up("500.00")
    other = Desk(local_stack, group)
    assert code(other.refund(payment, "100.00")) == (403, "permission_denied")
    assert other.get(f"/payments/{payment['id']}/")["refunds"] == [] and app.balance == "500.00"


def test_refund_is_logged_with_the_pseudonym_of_who_asked(app: App, desk: Desk, local_stack: LocalStack) -> None:
    refund = desk.refund(app.top_up("500.00"), "100.00")
    (line,) = [line for line in local_stack.log_text().splitlines() if refund.headers["X-Request-Id"] in line]
    assert '"staff":"' in line and '"StaffRequest":1' in line and '"RefundRequested":1' in line
    assert "5afa0000" not in line and REASON not in line
