"""Calls to a fake Razorpay account in the same process, as its API is called over HTTP."""

import base64
import json
from typing import Any

from local.razorpay.fake import FakeRazorpay

KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_1", "key_secret_1", "whsec_1"
NOW_S = 1_767_960_000
AUTHORIZATION = "Basic " + base64.b64encode(f"{KEY_ID}:{KEY_SECRET}".encode()).decode()
ORDER = {"amount": 50_000, "currency": "INR", "receipt": "p-1"}
CONTACT = "+919876543210"
FORM = "application/x-www-form-urlencoded"


def call(razorpay: FakeRazorpay, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Send JSON, or text as it is; in names of headers `_` stands for `-`."""
    sent = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    all_headers = {"authorization": AUTHORIZATION, **{name.replace("_", "-"): headers[name] for name in headers}}
    status, _, payload = razorpay.handle(method, path, {}, all_headers, sent)
    return status, json.loads(payload)


def ask(razorpay: FakeRazorpay, path: str, **query: str) -> tuple[int, dict[str, Any]]:
    status, _, body = razorpay.handle("GET", path, query, {"authorization": AUTHORIZATION}, b"")
    return status, json.loads(body)


def ids_in(razorpay: FakeRazorpay, path: str, **query: str) -> list[str]:
    status, body = ask(razorpay, path, **query)
    assert status == 200 and body["count"] == len(body["items"])
    return [item["id"] for item in body["items"]]


def an_order(razorpay: FakeRazorpay) -> str:
    status, order = call(razorpay, "POST", "/v1/orders", ORDER)
    assert status == 200
    return str(order["id"])


def a_payment(razorpay: FakeRazorpay) -> str:
    """A captured payment of 500.00."""
    return str(razorpay.pay(an_order(razorpay), "upi", "success")["razorpay_payment_id"])


def a_customer(razorpay: FakeRazorpay) -> str:
    return str(call(razorpay, "POST", "/v1/customers", {"contact": CONTACT})[1]["id"])


def event_names(razorpay: FakeRazorpay) -> list[str]:
    return [event["event"] for event in razorpay.events.values()]


def last_event(razorpay: FakeRazorpay) -> dict[str, Any]:
    """The body of the newest event."""
    body: dict[str, Any] = json.loads(list(razorpay.events.values())[-1]["body"])
    return body
