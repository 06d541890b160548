"""The fake Razorpay by itself: faults, events, saved cards, snapshots, and what `_control` does."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from local.razorpay.fake import FakeRazorpay
from local.razorpay.faults import FAULTS, ConnectionDropped
from local.razorpay.responses import Rejected
from local.razorpay.server import Server
from tests.support.fake_account import (
    AUTHORIZATION,
    KEY_ID,
    KEY_SECRET,
    NOW_S,
    ORDER,
    WEBHOOK_SECRET,
    a_customer,
    an_order,
    ask,
    call,
    event_names,
    ids_in,
)


class Receiver(BaseHTTPRequestHandler):
    """A webhook endpoint that checks the signature and answers 400 if it is wrong."""

    events: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_valid = self.headers["X-Razorpay-Signature"] == FakeRazorpay.sign(WEBHOOK_SECRET, body)
        self.events.append(json.loads(body)["event"])
        self.send_response(200 if is_valid else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def received(razorpay: FakeRazorpay) -> Iterator[list[str]]:
    """The names of the events that arrive at the account's webhook URL."""
    Receiver.events = []
    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, args=(0.01,), daemon=True).start()
    razorpay.webhook_url = f"http://127.0.0.1:{receiver.server_address[1]}/"
    yield Receiver.events
    receiver.shutdown()
    receiver.server_close()


# --- faults


def test_unknown_fault_is_400_listing_known_faults(razorpay: FakeRazorpay, server: Server) -> None:
    known = [{"method": "POST", "path": "/v1/orders", "fault": "drop"}]
    url = f"{server.url}/_control/faults"
    assert requests.post(url, json=known, timeout=5).status_code == 200
    unknown = [{"method": "GET", "path": "/", "fault": "500"}, {"method": "GET", "path": "/", "fault": "earthquake"}]
    response = requests.post(url, json=unknown, timeout=5)
    description = response.json()["error"]["description"]
    assert response.status_code == 400 and "earthquake" in description
    assert all(fault in description for fault in FAULTS)
    assert razorpay.faults == [{"times": 1, **known[0]}]  # unchanged


def test_fault_without_name_is_400(server: Server) -> None:
    response = requests.post(f"{server.url}/_control/faults", json=[{"method": "GET", "path": "/"}], timeout=5)
    assert response.status_code == 400 and "fault" in response.json()["error"]["description"]


@pytest.mark.parametrize(
    ("fault", "hangs", "orders_created"),
    [("refuse", False, 0), ("timeout_before", True, 0), ("timeout_after", True, 1), ("drop", False, 1)],
)
def test_dropped_connection_loses_request_or_response(
    fault: str, hangs: bool, orders_created: int, razorpay: FakeRazorpay
) -> None:
    razorpay.control("faults", [{"method": "POST", "path": "/v1/orders", "fault": fault}])
    with pytest.raises(ConnectionDropped) as dropped:
        an_order(razorpay)
    assert dropped.value.hang == hangs and len(razorpay.orders) == orders_created


@pytest.mark.parametrize(("fault", "status"), [("500", 500), ("502_html", 502), ("429", 429)])
def test_error_fault_answers_without_effect(fault: str, status: int, razorpay: FakeRazorpay) -> None:
    razorpay.control("faults", [{"method": "POST", "path": "/v1/orders", "fault": fault}])
    response = razorpay.handle("POST", "/v1/orders", {}, {"authorization": AUTHORIZATION}, json.dumps(ORDER).encode())
    assert response[0] == status and razorpay.orders == {}


def test_fault_applies_to_matching_requests_only_so_often(razorpay: FakeRazorpay) -> None:
    order_id = an_order(razorpay)
    razorpay.control("faults", [{"method": "GET", "path": f"/v1/orders/{order_id}", "fault": "500", "times": 2}])
    other_id = an_order(razorpay)
    assert call(razorpay, "GET", f"/v1/orders/{other_id}")[0] == 200
    assert [call(razorpay, "GET", f"/v1/orders/{order_id}")[0] for _ in range(3)] == [500, 500, 200]


# --- the API


def test_wrong_key_is_401(razorpay: FakeRazorpay) -> None:
    assert call(razorpay, "GET", "/v1/orders", authorization="Basic wrong")[0] == 401


@pytest.mark.parametrize("path", ["/v1/nothing", "/v2/orders", "/v1//orders", "/v1/orders/order_1/nothing"])
def test_unknown_url_is_400(path: str, razorpay: FakeRazorpay) -> None:
    status, body = call(razorpay, "GET", path)
    assert status == 400 and body["error"]["reason"] == "NA"


# --- the shopper and the banks


def test_lists_are_newest_first_in_pages_by_creation(razorpay: FakeRazorpay) -> None:
    """`from` and `to` are included, and without `count` a page has ten."""
    made = []
    for number in range(12):
        razorpay.now_s = partial(NOW_S.__add__, number)
        order = razorpay.handle(
            "POST", "/v1/orders", {}, {"authorization": AUTHORIZATION}, json.dumps(ORDER).encode()
        )
        payment_id = razorpay.pay(json.loads(order[2])["id"], "upi", "success")["razorpay_payment_id"]
        made.append((payment_id, razorpay.control("refund", {"payment_id": payment_id, "amount": 100})["id"]))
    for place, path in enumerate(("/v1/payments", "/v1/refunds")):
        newest_first = [pair[place] for pair in reversed(made)]
        assert ids_in(razorpay, path) == newest_first[:10]
        assert ids_in(razorpay, path, count="5", skip="5") == newest_first[5:10]
        assert ids_in(razorpay, path, skip="20") == []
        window = {"from": str(NOW_S + 2), "to": str(NOW_S + 4)}
        assert ids_in(razorpay, path, **window) == newest_first[7:10]
    assert len(ids_in(razorpay, "/v1/payments", count="100")) == 12
    for query in ({"count": "0"}, {"count": "101"}, {"from": "yesterday"}, {"skip": "-1"}):
        assert ask(razorpay, "/v1/payments", **query)[0] == 400


def test_customers_are_listed_in_pages(razorpay: FakeRazorpay) -> None:
    made = [
        call(razorpay, "POST", "/v1/customers", {"contact": f"+91987654321{number}"})[1]["id"] for number in range(3)
    ]
    assert ids_in(razorpay, "/v1/customers", count="2") == [made[2], made[1]]
    assert ids_in(razorpay, "/v1/customers", skip="2") == [made[0]]


UNIQUE = ORDER | {"unique_receipt": True}


def test_unique_receipt_returns_the_same_order(razorpay: FakeRazorpay) -> None:
    first = call(razorpay, "POST", "/v1/orders", UNIQUE)
    assert call(razorpay, "POST", "/v1/orders", UNIQUE) == first
    assert len(razorpay.orders) == 1
    assert an_order(razorpay) != first[1]["id"]  # without the flag a receipt may repeat


@pytest.mark.parametrize("other", [{"amount": 50_001}, {"currency": "USD"}])
def test_unique_receipt_of_another_order_is_400(other: dict[str, Any], razorpay: FakeRazorpay) -> None:
    order_id = an_order(razorpay)
    status, body = call(razorpay, "POST", "/v1/orders", UNIQUE | other)
    assert status == 400 and body["error"]["description"] == "Order receipt should be unique."
    assert body["error"]["metadata"] == {"order_id": order_id} and len(razorpay.orders) == 1


def test_unique_receipt_without_a_receipt_creates_orders(razorpay: FakeRazorpay) -> None:
    body = {"amount": 50_000, "currency": "INR", "unique_receipt": True}
    ids = {call(razorpay, "POST", "/v1/orders", body)[1]["id"] for _ in range(2)}
    assert len(ids) == 2


def test_paid_order_rejects_second_payment_except_double_pay(razorpay: FakeRazorpay) -> None:
    order_id = an_order(razorpay)
    razorpay.pay(order_id, "upi", "success")
    with pytest.raises(Rejected) as rejected:
        razorpay.pay(order_id, "upi", "success")
    assert rejected.value.body["error"]["reason"] == "order_already_paid"
    razorpay.control("double_pay", {"order_id": order_id})
    assert len(razorpay.payments) == 2 and all(payment["captured"] for payment in razorpay.payments.values())


def test_late_authorization_captures_failed_payment(razorpay: FakeRazorpay) -> None:
    order_id = an_order(razorpay)
    failed = razorpay.pay(order_id, "upi", "late")
    assert "razorpay_signature" not in failed
    late = razorpay.control("late", {"order_id": order_id})
    payment = razorpay.payments[failed["razorpay_payment_id"]]
    assert late["razorpay_signature"] and payment["status"] == "captured" and payment["error_code"] is None
    assert event_names(razorpay) == ["payment.failed", "payment.authorized", "payment.captured", "order.paid"]


def test_saved_card_keeps_its_token_unless_duplicated(razorpay: FakeRazorpay) -> None:
    choice = {"method": "card", "customer_id": a_customer(razorpay), "save": True}

    def token_id(**more: Any) -> str:
        paid = razorpay.control("pay", {"order_id": an_order(razorpay), **choice, **more})
        return str(razorpay.payments[paid["razorpay_payment_id"]]["token_id"])

    first = token_id()
    assert token_id() == first
    second = token_id(duplicate_token=True)
    assert second != first and set(razorpay.tokens) == {first, second}
    accounts = {
        token["service_provider_tokens"][0]["provider_data"]["payment_account_reference"]
        for token in razorpay.tokens.values()
    }
    assert len(accounts) == 1


def test_failed_token_event_has_nested_name_and_list(razorpay: FakeRazorpay) -> None:
    """The two irregularities that Razorpay documents for this event."""
    choice = {"customer_id": a_customer(razorpay), "save": True}
    razorpay.pay(an_order(razorpay), "card", "success", **choice)
    (token_id,) = razorpay.tokens
    razorpay.control("token", {"token_id": token_id, "status": "failed"})
    body = json.loads(list(razorpay.events.values())[-1]["body"])
    assert body["event"]["name"] == "token.service_provider.failed"
    assert isinstance(body["event"]["payload"]["payload"]["service_provider_token"]["entity"], list)


# --- webhooks


def test_held_events_arrive_reversed_and_twice(razorpay: FakeRazorpay, received: list[str]) -> None:
    razorpay.pay(an_order(razorpay), "upi", "success")
    assert received == []
    deliveries = razorpay.control("deliver", {"times": 2, "order": "reverse"})
    names = ["order.paid", "payment.captured", "payment.authorized"]
    assert received == [name for name in names for _ in range(2)]
    assert [delivery["event"] for delivery in deliveries] == received
    assert {delivery["status"] for delivery in deliveries} == {200}
    assert razorpay.control("deliver", {}) == []  # nothing is held any more


@pytest.mark.parametrize("trouble", [{"tamper": True}, {"secret": "another"}])
def test_tampered_or_foreign_event_fails_signature(
    trouble: dict[str, Any], razorpay: FakeRazorpay, received: list[str]
) -> None:
    razorpay.pay(an_order(razorpay), "upi", "authorize")
    (event_id,) = razorpay.events
    assert [delivery["status"] for delivery in razorpay.control("deliver", trouble)] == [400]
    assert [delivery["status"] for delivery in razorpay.control("deliver", {"event_id": event_id})] == [200]
    assert received == ["payment.authorized"] * 2


def test_dropped_events_never_arrive(razorpay: FakeRazorpay, received: list[str]) -> None:
    razorpay.pay(an_order(razorpay), "upi", "success")
    assert razorpay.control("deliver", {"drop": True}) == [] and razorpay.held == []
    assert razorpay.control("deliver", {}) == [] and received == []


# --- the state


def test_snapshot_can_be_restored_more_than_once(razorpay: FakeRazorpay) -> None:
    order_id = an_order(razorpay)
    before = json.dumps(razorpay.control("state", {}))
    snapshot = razorpay.snapshot()
    for outcome in ("success", "fail"):
        razorpay.pay(order_id, "upi", outcome)
        razorpay.control("features", {"saved_cards": False})
        razorpay.control("hold", {"hold": False})
        razorpay.control("balance", {"paise": 0})
        razorpay.control("refund_status", {"status": "pending"})
        razorpay.restore(snapshot)
        assert json.dumps(razorpay.control("state", {})) == before
        assert razorpay.saved_cards and razorpay.holding
        assert (razorpay.balance_paise, razorpay.refund_status) == (None, "processed")


def test_dump_survives_json_and_load(razorpay: FakeRazorpay) -> None:
    paid = razorpay.pay(an_order(razorpay), "card", "success", customer_id=a_customer(razorpay), save=True)
    razorpay.control("dispute", {"payment_id": paid["razorpay_payment_id"]})
    dump = json.dumps(razorpay.dump())
    restarted = FakeRazorpay(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, lambda: NOW_S)
    restarted.load(json.loads(dump))
    assert json.dumps(restarted.dump()) == dump


def test_default_ids_have_razorpays_shape_and_sort_by_time() -> None:
    razorpay = FakeRazorpay(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, lambda: NOW_S)
    first, second = an_order(razorpay), an_order(razorpay)
    assert len(first) == len("order_") + 14 and first[: len("order_") + 10] < second[: len("order_") + 10]


def test_checkout_page_is_served(server: Server) -> None:
    page = requests.get(f"{server.url}/checkout?order_id=order_1", timeout=5)
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
