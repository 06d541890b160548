"""Bad input on every route: a documented 4xx, nothing written, and nothing private in the log."""

import hashlib
import hmac
import json
from typing import Any

import pytest
import requests

from local.template import Route, Template
from shared.staff.groups import GROUPS
from tests.support.api_client import App
from tests.support.local_stack import LocalStack

CARD = "4111111111111111"
ROUTES = Template().routes
WITH_BODY = [route for route in ROUTES if route.method in ("POST", "PATCH") and not route.is_open]
READS_BODY = [route for route in WITH_BODY if not route.path.endswith(("/sync", "/set_default"))]
OWN = [route for route in ROUTES if "{id}" in route.path and not route.path.startswith("/api/staff/")]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
WEBHOOK = "/api/payments/webhooks/razorpay/"

BODIES: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"{bad", "application/json"),
    "cut short": (b'{"amount":', "application/json"),
    "100,000 nested arrays": (b"[" * 100_000, "application/json"),
    "60,000 nested arrays": (b"[" * 30_000 + b"]" * 30_000, "application/json"),
    "nested objects": (b'{"a":' * 9_000 + b"1" + b"}" * 9_000, "application/json"),
    "an array": (b"[1]", "application/json"),
    "a string": (b'"x"', "application/json"),
    "null": (b"null", "application/json"),
    "NaN": (b'{"amount":NaN,"type":NaN}', "application/json"),
    "Infinity": (b'{"amount":Infinity,"type":Infinity}', "application/json"),
    "not UTF-8": (b'{"a":"\xff\xfe"}', "application/json"),
    "UTF-16": ('{"amount":1}'.encode("utf-16"), "application/json"),
    "another media type": (b"x", "text/plain"),
    "no media type": (b"{}x", ""),
    "too long": (b'{"a":"' + b"x" * 70_000 + b'"}', "application/json"),
}

VALUES: dict[str, Any] = {
    "a 5,000-digit number": int("9" * 4_299),
    "a huge exponent": "1E1000000",
    "a tiny exponent": "1E-1000000",
    "an array": [1],
    "an object": {"a": 1},
    "a lone surrogate": "\ud800",
    "a NUL": "a\x00b",
    "a card number": CARD,
    "a card number with spaces": "4111 1111 1111 1111",
    "10,000 letters": "x" * 10_000,
    "null": None,
    "true": True,
}


def route_name(route: Route) -> str:
    return f"{route.method} {route.path}"


def raw(
    local_stack: LocalStack, app: App | None, route: Route, path_id: str, body: bytes, media_type: str
) -> requests.Response:
    headers = {"Content-Type": media_type} if media_type else {}
    if app:
        is_for_staff = route.path.startswith("/api/staff/")
        token = local_stack.staff_token(*GROUPS) if is_for_staff else app.customer["token"]
        headers["Authorization"] = f"Bearer {token}"
    url = f"{local_stack.api}{route.path.replace('{id}', path_id).replace('{rid}', path_id)}/"
    return requests.request(route.method, url, data=body, headers=headers, timeout=10)


def own_id(app: App, route: Route) -> str:
    """The id of one of the app's own rows, of the kind that the route requires."""
    if "/wallets/" in route.path:
        return str(app.get("/wallets/")["results"][0]["id"])
    if "/images/" in route.path:
        return str(app.get("/api/mobile/images/")["results"][0]["id"])
    if "-methods/" in route.path:
        return str(app.get("/payment-methods/")["results"][0]["id"])
    return str(app.get("/payments/")["results"][0]["id"])


@pytest.fixture(scope="module")
def customer_app(local_stack: LocalStack) -> App:
    """A customer with a method, a payment and money."""
    app = App(local_stack)
    app.post("/payment-methods/", {"type": "upi", "upi_id": "asha@okhdfcbank"})
    app.top_up()
    app.post("/api/mobile/upload-image/", {"content_type": "image/jpeg"})
    return app


@pytest.mark.parametrize("route", READS_BODY, ids=route_name)
def test_unreadable_body_is_rejected_and_changes_nothing(
    route: Route, customer_app: App, local_stack: LocalStack
) -> None:
    before, path_id = customer_app.read_everything(), own_id(customer_app, route)
    for name, (body, media_type) in BODIES.items():
        response = raw(local_stack, customer_app, route, path_id, body, media_type)
        assert response.status_code in (400, 413, 415), (name, response.text)
        assert response.json(), name
    assert customer_app.read_everything() == before


@pytest.mark.parametrize("route", READS_BODY, ids=route_name)
def test_wrong_value_is_rejected_and_changes_nothing(
    route: Route, customer_app: App, local_stack: LocalStack
) -> None:
    before, path_id = customer_app.read_everything(), own_id(customer_app, route)
    fields = {"verify": "razorpay_payment_id", "methods": "nickname", "upload": "content_type"}
    reasons = ("block", "approve", "reject", "resolve", "release", "replay", "cancel")
    fields = dict.fromkeys(reasons, "reason") | fields
    field = next((value for key, value in fields.items() if key in route.path), "amount")
    for name, value in VALUES.items():
        if field in ("nickname", "reason") and name in ("a huge exponent", "a tiny exponent"):
            continue  # valid texts
        if field == "nickname" and name == "a 5,000-digit number":
            continue
        if field == "amount" and "card number" in name and route.path.endswith("payments"):
            continue
        others = {"source": "gateway", "type": "upi", "upi_id": "a@ybl", "reason": "x", "action": "dismiss"}
        body = json.dumps(others | {field: value}).encode()
        response = raw(local_stack, customer_app, route, path_id, body, "application/json")
        assert response.status_code == 400, (name, response.text)
        assert field in response.json() or "detail" in response.json(), (name, response.text)
    assert customer_app.read_everything() == before


@pytest.mark.parametrize("route", WITH_BODY, ids=route_name)
@pytest.mark.parametrize("key", ["cvv", "card_number", "note", "deep"])
def test_card_data_is_rejected_and_never_logged(
    key: str, route: Route, customer_app: App, local_stack: LocalStack
) -> None:
    if route not in READS_BODY:
        return
    before = customer_app.read_everything()
    value: Any = {"deep": {"er": [CARD]}} if key == "deep" else "123" if key == "cvv" else CARD
    body = json.dumps({key: value, "amount": "5.00", "source": "gateway", "type": "upi", "upi_id": "a@ybl"}).encode()
    response = raw(local_stack, customer_app, route, own_id(customer_app, route), body, "application/json")
    assert response.status_code == 400 and key in response.json(), response.text
    assert customer_app.read_everything() == before and CARD not in local_stack.log_text()


@pytest.mark.parametrize(
    "text",
    [
        "Ring the bell, +91 98450 12345 / 99000 54321",
        "Collect on 14-08-2026 98450 12344",
        "Three shirts, 63661 23450 560034",
        "Aadhaar 2345 6789 0123, PIN 560 001, order 402-1234567-1234567",
        "098450-12345, 080 4123 4567 or order GC-48213",
    ],
)
def test_phone_numbers_in_a_text_are_no_card(text: str, app: App) -> None:
    payment = app.post("/payments/", {"amount": "100.00", "source": "gateway", "description": text})
    assert payment["description"] == text


@pytest.mark.parametrize("route", OWN, ids=route_name)
def test_foreign_id_looks_like_an_unknown_id(route: Route, customer_app: App, local_stack: LocalStack) -> None:
    stranger = App(local_stack)
    body = json.dumps({"amount": "5.00", "razorpay_payment_id": "pay_1", "razorpay_signature": "x"})
    before = customer_app.read_everything()
    foreign = raw(local_stack, stranger, route, own_id(customer_app, route), body.encode(), "application/json")
    unknown = raw(local_stack, stranger, route, UNKNOWN, body.encode(), "application/json")
    assert (foreign.status_code, foreign.content) == (404, unknown.content) and unknown.status_code == 404
    for malformed in ("abc", "..%2F..", "%00", "a" * 3_000, "é"):
        assert raw(local_stack, stranger, route, malformed, body.encode(), "application/json").status_code == 404, (
            malformed
        )
    assert customer_app.read_everything() == before


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.is_open], ids=route_name)
def test_route_requires_a_valid_bearer_token(route: Route, customer_app: App, local_stack: LocalStack) -> None:
    url = f"{local_stack.api}{route.path.replace('{id}', UNKNOWN)}/"
    valid = customer_app.customer["token"]
    for header in (
        None,
        "Bearer x",
        valid,
        f"Basic {valid}",
        f"Bearer {valid}, Bearer {valid}",
        f"Bearer {valid[:-4]}AAAA",
    ):
        response = requests.request(
            route.method, url, headers={"Authorization": header} if header else {}, timeout=10
        )
        invalid = {"detail": "The access token is not valid.", "code": "token_invalid"}
        missing = {"detail": "Authentication credentials were not provided."}
        assert response.status_code == 401 and response.json() == (invalid if header else missing)
        assert response.headers["X-Error-Code"] == ("token_invalid" if header else "not_authenticated")
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_unknown_paths_and_methods_are_not_found(customer_app: App, local_stack: LocalStack) -> None:
    for method, path in (("GET", "/nope"), ("PUT", "/api/payments/wallets/"), ("DELETE", "/api/payments/wallets/")):
        response = customer_app.session.request(method, local_stack.api + path, timeout=10)
        assert (response.status_code, response.json()) == (404, {"detail": "Not found."})
        assert response.headers["X-Error-Code"] == "not_found"


@pytest.mark.parametrize("signature", [None, "", "0" * 64, "x" * 10_000, "é".encode("latin-1"), "sha256=" + "0" * 64])
def test_webhook_requires_a_valid_signature(signature: Any, customer_app: App, local_stack: LocalStack) -> None:
    before, body = customer_app.read_everything(), b'{"event":"payment.captured","payload":{}}'
    headers = {"X-Razorpay-Signature": signature} if signature is not None else {}
    response = requests.post(local_stack.api + WEBHOOK, data=body, headers=headers, timeout=10)
    assert response.status_code == 401 and customer_app.read_everything() == before


def test_tampered_webhook_is_rejected_and_old_secret_accepted(app: App, local_stack: LocalStack, held: None) -> None:
    payment = app.add_money()
    app.pay(payment)
    events = [event["event_id"] for event in local_stack.control("state", {})["held"]]
    for sent in ({"tamper": True}, {"secret": "another"}, {"secret": local_stack.key_secret}):
        statuses = [local_stack.control("deliver", {"event_id": event, **sent})[0]["status"] for event in events]
        assert set(statuses) == {401} and app.balance == "0.00"
    for event in events:
        assert local_stack.control("deliver", {"event_id": event, "secret": "whsec_local_old"})[0]["status"] == 200
    assert app.balance == "500.00"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{bad",
        b'"x"',
        b'{"event":{}}',
        b'{"event":"payment.captured"}',
        b"[" * 200_000,
        b"\xff\xfe",
        b'{"a":NaN}',
    ]
    + [
        json.dumps({"event": "payment.captured", "payload": {"payment": {"entity": entity}}}).encode()
        for entity in (None, [], {}, 1)
    ],
)
def test_signed_body_of_any_shape_is_acknowledged(body: bytes, local_stack: LocalStack) -> None:
    signature = hmac.new(local_stack.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
    response = requests.post(
        local_stack.api + WEBHOOK, data=body, headers={"X-Razorpay-Signature": signature}, timeout=10
    )
    assert response.status_code == 200 and response.json()["status"] in ("ignored", "unusable")


def test_forged_checkout_signature_is_rejected(app: App, local_stack: LocalStack, held: None) -> None:
    cheap, expensive = app.add_money("1.00"), app.add_money("1000.00")
    paid = app.pay(cheap)
    forged = app.verify(expensive, paid | {"razorpay_order_id": expensive["gateway_order_id"]})
    assert (forged.status_code, forged.json()["code"]) == (400, "signature_invalid")
    for malformed in ("pay_x/../../orders", "pay_x?expand[]=card", "pay_x#f", "", "pay_x\n", ["pay_1"], 1):
        rejected = app.verify(expensive, paid | {"razorpay_payment_id": malformed})  # type: ignore[dict-item]
        assert rejected.status_code == 400, malformed
    assert app.balance == "0.00"


def test_malformed_idempotency_key_is_rejected(customer_app: App) -> None:
    for key in ("x" * 256, "a b", "\u00e9"):
        response = customer_app.call("POST", "/wallets/add-money/", {"amount": "5.00"}, key)
        assert response.status_code == 400 and "Idempotency-Key" in response.json(), key


def test_log_has_nothing_secret_or_personal(customer_app: App, local_stack: LocalStack) -> None:
    log = local_stack.log_text()
    for secret in (
        local_stack.key_secret,
        local_stack.webhook_secret,
        customer_app.customer["token"],
        CARD,
        "asha@okhdfcbank",
    ):
        assert secret not in log
    assert "Traceback" not in log and "unexpected error" not in log
