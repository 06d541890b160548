"""The controls of the fake Razorpay: what is unknown, missing or malformed is a 400 in words."""

from typing import Any

import pytest
import requests

from local.razorpay.control import CONTROLS
from local.razorpay.fake import FakeRazorpay
from local.razorpay.responses import Rejected
from local.razorpay.server import Server
from tests.support.fake_account import a_payment, an_order


def test_unknown_control_is_rejected_with_the_list(razorpay: FakeRazorpay) -> None:
    with pytest.raises(Rejected, match="'earthquake'.*faults, pay, .*dispute"):
        razorpay.control("earthquake", {})


@pytest.mark.parametrize("action", CONTROLS)
def test_unknown_field_is_rejected_with_the_list(action: str, razorpay: FakeRazorpay) -> None:
    known = (*CONTROLS[action].required, *CONTROLS[action].optional)
    with pytest.raises(Rejected, match=f"unknown field 'amuont', known fields: {', '.join(known) or 'none'}"):
        razorpay.control(action, {"amuont": 1})


@pytest.mark.parametrize("action", [action for action in CONTROLS if CONTROLS[action].required])
def test_missing_field_is_named(action: str, razorpay: FakeRazorpay) -> None:
    with pytest.raises(Rejected, match=f"field '{CONTROLS[action].required[0]}' is required"):
        razorpay.control(action, {})


@pytest.mark.parametrize(
    ("action", "sent"),
    [
        ("faults", {}),
        ("faults", ["500"]),
        ("faults", [{"method": "GET", "path": "/", "fault": "500", "time": 1}]),
        ("faults", [{"method": "GET", "fault": "500"}]),
        ("pay", []),
        ("pay", {"order_id": "?", "outcome": "perhaps"}),
        ("pay", {"order_id": "?", "method": "cheque"}),
        ("refund", {"payment_id": "?", "amount": 0}),
        ("refund", {"payment_id": "?", "amount": "100"}),
        ("dispute", {"payment_id": "?", "status": "forgotten"}),
        ("balance", {"paise": -1}),
        ("balance", {"paise": 1.5}),
        ("deliver", {"order": "sideways"}),
        ("deliver", {"event_id": "unknown"}),
        ("deliver", {"times": 0}),
        ("deliver", {"times": "2"}),
        ("deliver", {"tamper": "yes"}),
        ("hold", {"hold": "false"}),
        ("hold", {"hold": None}),
        ("features", {"saved_cards": 0}),
        ("pay", {"order_id": "?", "late_s": -1}),
        ("pay", {"order_id": "?", "late_s": "soon"}),
        ("pay", {"order_id": "?", "card": "4111"}),
        ("pay", {"order_id": "?", "card": {"last4": 1007}}),
        ("pay", {"order_id": "?", "vpa": 7}),
        ("pay", {"order_id": ["?"]}),
        ("faults", [{"method": "GET", "path": 7, "fault": "500"}]),
        ("faults", [{"method": "GET", "path": "/", "fault": "500", "times": 0}]),
    ],
)
def test_malformed_control_is_rejected_without_effect(action: str, sent: Any, razorpay: FakeRazorpay) -> None:
    ids = {"order_id": an_order(razorpay), "payment_id": a_payment(razorpay)}
    if isinstance(sent, dict):
        sent = {name: ids[name] if value == "?" else value for name, value in sent.items()}
    before = razorpay.snapshot()
    with pytest.raises(Rejected):
        razorpay.control(action, sent)
    assert razorpay.snapshot() == before


def test_null_field_counts_as_absent(razorpay: FakeRazorpay) -> None:
    paid = razorpay.control("pay", {"order_id": an_order(razorpay), "customer_id": None, "offer_paise": None})
    assert razorpay.payments[paid["razorpay_payment_id"]]["amount"] == 50_000


@pytest.mark.parametrize(
    "headers, words",
    [
        ({"Host": "garment.example"}, "is not the local service"),
        ({"Origin": "https://garment.example"}, "may not control the local service"),
        ({"Origin": "null"}, "may not control the local service"),
    ],
)
def test_other_site_controls_nothing(headers: dict[str, str], words: str, server: Server) -> None:
    response = requests.post(f"{server.url}/_control/hold", json={"hold": False}, headers=headers, timeout=5)
    assert response.status_code == 403 and words in response.json()["error"]["description"]
    assert server.stand_in.holding


def test_own_page_controls(server: Server) -> None:
    headers = {"Origin": server.url}
    assert requests.post(f"{server.url}/_control/state", headers=headers, timeout=5).status_code == 200


@pytest.mark.parametrize(
    "body, words", [("{", "not valid JSON"), ("[]", "must be an object"), ("7", "must be an object")]
)
def test_malformed_body_is_refused_in_words(body: str, words: str, server: Server) -> None:
    response = requests.post(f"{server.url}/_control/hold", data=body, timeout=5)
    assert response.status_code == 400 and words in response.json()["error"]["description"]


def test_control_is_a_post(server: Server) -> None:
    response = requests.get(f"{server.url}/_control/state", timeout=5)
    assert response.status_code == 405 and "send a POST" in response.json()["error"]["description"]


def test_rejected_control_is_400_over_http(server: Server) -> None:
    response = requests.post(f"{server.url}/_control/pay", json={"order": "order_1"}, timeout=5)
    assert response.status_code == 400 and "order_id" in response.json()["error"]["description"]
