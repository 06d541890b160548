"""Bad input on every route: a documented 4xx, nothing written, nothing in the log that must not be there."""

import hashlib
import hmac
import json
from typing import Any

import pytest
import requests

from local.template import Route, Template
from tests.app import App
from tests.conftest import Bundle

CARD = "4111111111111111"
ROUTES = Template().routes
WITH_BODY = [one for one in ROUTES if one.method in ("POST", "PATCH") and not one.is_open]
READS_BODY = [one for one in WITH_BODY if not one.path.endswith(("/sync", "/set_default"))]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
WEBHOOK = "/api/payments/webhooks/razorpay/"

BODIES: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"{bad", "application/json"),
    "cut short": (b'{"amount":', "application/json"),
    "100,000 nested arrays": (b"[" * 100_000, "application/json"),
    "60,000 nested arrays": (b"[" * 30_000 + b"]" * 30_000, "application/json"),
    "nested objects": (b'{"a":' * 9_000 + b"1" + b"}" * 9_000, "application/json"),
    "an array": (b"[1]", "application/json"),
    "a text": (b'"x"', "application/json"),
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


def raw(
    bundle: Bundle, app: App | None, route: Route, path_id: str, body: bytes, media_type: str
) -> requests.Response:
    headers = {"Content-Type": media_type} if media_type else {}
    if app:
        headers["Authorization"] = f"Bearer {app.customer['token']}"
    url = f"{bundle.api}{route.path.replace('{id}', path_id)}/"
    return requests.request(route.method, url, data=body, headers=headers, timeout=10)


def own_id(app: App, route: Route) -> str:
    """An id that is there, of the kind that the route asks for."""
    if "/wallets/" in route.path:
        return str(app.get("/wallets/")["results"][0]["id"])
    if "/images/" in route.path:
        return str(app.get("/api/mobile/images/")["results"][0]["id"])
    if "-methods/" in route.path:
        return str(app.get("/payment-methods/")["results"][0]["id"])
    return str(app.get("/payments/")["results"][0]["id"])


@pytest.fixture(scope="module")
def settled(bundle: Bundle) -> App:
    """A customer with a method, a payment and money."""
    app = App(bundle)
    app.post("/payment-methods/", {"type": "upi", "upi_id": "asha@okhdfcbank"})
    app.topped_up()
    app.post("/api/mobile/upload-image/", {"content_type": "image/jpeg"})
    return app


@pytest.mark.parametrize("route", READS_BODY, ids=lambda one: f"{one.method} {one.path}")
def test_a_body_that_cannot_be_read_is_refused_and_changes_nothing(
    route: Route, settled: App, bundle: Bundle
) -> None:
    before, path_id = settled.everything(), own_id(settled, route)
    for name, (body, media_type) in BODIES.items():
        answer = raw(bundle, settled, route, path_id, body, media_type)
        assert answer.status_code in (400, 413, 415), (name, answer.text)
        assert answer.json(), name
    assert settled.everything() == before


@pytest.mark.parametrize("route", READS_BODY, ids=lambda one: f"{one.method} {one.path}")
def test_a_wrong_value_in_any_field_is_refused_and_changes_nothing(
    route: Route, settled: App, bundle: Bundle
) -> None:
    before, path_id = settled.everything(), own_id(settled, route)
    fields = {"amount": "amount", "verify": "razorpay_payment_id", "methods": "nickname", "upload": "content_type"}
    field = next((value for key, value in fields.items() if key in route.path), "amount")
    for name, value in VALUES.items():
        if field == "nickname" and name in ("a 5,000-digit number", "a huge exponent", "a tiny exponent"):
            continue  # texts like any other in a nickname
        if field == "amount" and "card number" in name and route.path.endswith("payments"):
            continue
        body = json.dumps({field: value, "source": "gateway", "type": "upi", "upi_id": "a@ybl"}).encode()
        answer = raw(bundle, settled, route, path_id, body, "application/json")
        assert answer.status_code == 400, (name, answer.text)
        assert field in answer.json() or "detail" in answer.json(), (name, answer.text)
    assert settled.everything() == before


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda one: f"{one.method} {one.path}")
@pytest.mark.parametrize("key", ["cvv", "card_number", "note", "deep"])
def test_card_data_is_refused_whatever_the_field_and_never_logged(
    key: str, route: Route, settled: App, bundle: Bundle
) -> None:
    if route not in READS_BODY:
        return
    before = settled.everything()
    value: Any = {"deep": {"er": [CARD]}} if key == "deep" else "123" if key == "cvv" else CARD
    body = json.dumps({key: value, "amount": "5.00", "source": "gateway", "type": "upi", "upi_id": "a@ybl"}).encode()
    answer = raw(bundle, settled, route, own_id(settled, route), body, "application/json")
    assert answer.status_code == 400 and key in answer.json(), answer.text
    assert settled.everything() == before and CARD not in bundle.log_text()


@pytest.mark.parametrize(
    "route", [one for one in ROUTES if "{id}" in one.path], ids=lambda one: f"{one.method} {one.path}"
)
def test_another_customers_ids_look_like_ids_of_nothing(route: Route, settled: App, bundle: Bundle) -> None:
    stranger, body = (
        App(bundle),
        json.dumps({"amount": "5.00", "razorpay_payment_id": "pay_1", "razorpay_signature": "x"}),
    )
    before = settled.everything()
    theirs = raw(bundle, stranger, route, own_id(settled, route), body.encode(), "application/json")
    nothing = raw(bundle, stranger, route, UNKNOWN, body.encode(), "application/json")
    assert (theirs.status_code, theirs.content) == (404, nothing.content) and nothing.status_code == 404
    for odd in ("abc", "..%2F..", "%00", "a" * 3_000, "é"):
        assert raw(bundle, stranger, route, odd, body.encode(), "application/json").status_code == 404, odd
    assert settled.everything() == before


@pytest.mark.parametrize(
    "route", [one for one in ROUTES if not one.is_open], ids=lambda one: f"{one.method} {one.path}"
)
def test_no_route_answers_without_a_good_token(route: Route, settled: App, bundle: Bundle) -> None:
    url = f"{bundle.api}{route.path.replace('{id}', UNKNOWN)}/"
    good = settled.customer["token"]
    for header in (
        None,
        "Bearer x",
        good,
        f"Basic {good}",
        f"Bearer {good}, Bearer {good}",
        f"Bearer {good[:-4]}AAAA",
    ):
        answer = requests.request(route.method, url, headers={"Authorization": header} if header else {}, timeout=10)
        assert answer.status_code == 401 and answer.json() == {
            "detail": "Authentication credentials were not provided."
        }


def test_unknown_paths_and_methods_are_not_found(settled: App, bundle: Bundle) -> None:
    for method, path in (("GET", "/nope"), ("PUT", "/api/payments/wallets/"), ("DELETE", "/api/payments/wallets/")):
        answer = settled.session.request(method, bundle.api + path, timeout=10)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("signature", [None, "", "0" * 64, "x" * 10_000, "é".encode("latin-1"), "sha256=" + "0" * 64])
def test_a_webhook_without_a_good_signature_is_refused(signature: Any, settled: App, bundle: Bundle) -> None:
    before, body = settled.everything(), b'{"event":"payment.captured","payload":{}}'
    headers = {"X-Razorpay-Signature": signature} if signature is not None else {}
    answer = requests.post(bundle.api + WEBHOOK, data=body, headers=headers, timeout=10)
    assert answer.status_code == 401 and settled.everything() == before


def test_a_tampered_webhook_is_refused_and_an_old_secret_is_still_good(app: App, bundle: Bundle, held: None) -> None:
    payment = app.add_money()
    app.pay(payment)
    events = [one["event_id"] for one in bundle.control("state", {})["held"]]
    for sent in ({"tamper": True}, {"secret": "another"}, {"secret": bundle.key_secret}):
        answered = [bundle.control("deliver", {"event_id": one, **sent})[0]["status"] for one in events]
        assert set(answered) == {401} and app.balance == "0.00"
    for one in events:
        assert bundle.control("deliver", {"event_id": one, "secret": "whsec_local_old"})[0]["status"] == 200
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
        json.dumps({"event": "payment.captured", "payload": {"payment": {"entity": odd}}}).encode()
        for odd in (None, [], {}, 1)
    ],
)
def test_a_signed_body_of_any_shape_is_survived(body: bytes, bundle: Bundle) -> None:
    signature = hmac.new(bundle.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
    answer = requests.post(bundle.api + WEBHOOK, data=body, headers={"X-Razorpay-Signature": signature}, timeout=10)
    assert answer.status_code == 200 and answer.json()["status"] in ("ignored", "unusable")


def test_a_forged_checkout_signature_is_refused(app: App, bundle: Bundle, held: None) -> None:
    cheap, dear = app.add_money("1.00"), app.add_money("1000.00")
    paid = app.pay(cheap)
    forged = app.verify(dear, paid | {"razorpay_order_id": dear["gateway_order_id"]})
    assert (forged.status_code, forged.json()["code"]) == (400, "signature_invalid")
    for odd in ("pay_x/../../orders", "pay_x?expand[]=card", "pay_x#f", "", "pay_x\n", ["pay_1"], 1):
        refused = app.verify(dear, paid | {"razorpay_payment_id": odd})  # type: ignore[dict-item]
        assert refused.status_code == 400, odd
    assert app.balance == "0.00"


def test_an_odd_idempotency_key_is_refused(settled: App) -> None:
    for key in ("x" * 256, "a b", "\u00e9"):
        answer = settled.call("POST", "/wallets/add-money/", {"amount": "5.00"}, key)
        assert answer.status_code == 400 and "Idempotency-Key" in answer.json(), key


def test_nothing_secret_or_personal_reached_the_log(settled: App, bundle: Bundle) -> None:
    log = bundle.log_text()
    for secret in (bundle.key_secret, bundle.webhook_secret, settled.customer["token"], CARD, "asha@okhdfcbank"):
        assert secret not in log
    assert "Traceback" not in log and "unexpected error" not in log
