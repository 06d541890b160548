"""Razorpay's API through its SDK: what a call returns, and that no call is silent, endless or ambiguous."""

import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import certifi
import pytest
import requests

from local.razorpay.entities import collection
from local.razorpay.fake import FakeRazorpay
from shared import clock
from shared.deadline import CALL_S_MIN, Deadline
from shared.errors import ServiceUnavailable
from shared.razorpay import api, client
from shared.razorpay.client import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, RazorpayRejected
from shared.razorpay.entities import UnexpectedPayload
from shared.razorpay.signatures import checkout_signature_matches
from shared.settings import settings
from shared.telemetry import journal

NOTES = {"payment_id": "p-1"}
CONTACT, OTHER_CONTACT = "+919876543210", "+919876543211"

pytestmark = pytest.mark.usefixtures("fake_razorpay")


@pytest.fixture
def requests_sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of every request that the SDK sends."""
    sent: list[dict[str, Any]] = []
    real = requests.Session.request

    def recorded(self: requests.Session, *args: Any, **kwargs: Any) -> requests.Response:
        sent.append(kwargs)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(requests.Session, "request", recorded)
    return sent


def test_order_is_created_paid_and_captured(fake_razorpay: FakeRazorpay, capsys: pytest.CaptureFixture[str]) -> None:
    order_id = api.create_order(50_000, "p-1", NOTES)
    assert api.fetch_order(order_id)["notes"] == NOTES and api.list_order_payments(order_id) == []
    paid = fake_razorpay.pay(order_id, "upi", "authorize")
    authorized = api.fetch_payment(paid["razorpay_payment_id"])
    assert (authorized.status, authorized.order, authorized.amount_paise) == ("authorized", order_id, 50_000)
    assert api.capture_payment(authorized).status == "captured"
    assert api.capture_payment(authorized).status == "captured"  # captured already: read, not an error
    assert checkout_signature_matches(order_id, paid["razorpay_payment_id"], paid["razorpay_signature"])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("fault", ["refuse", "drop", "500", "502_html", "429"])
def test_unknown_outcome_is_503_and_prints_nothing(
    fault: str, fake_razorpay: FakeRazorpay, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_razorpay.control("faults", [{"method": "POST", "path": "/v1/orders", "fault": fault}])
    with pytest.raises(ServiceUnavailable):
        api.create_order(50_000, "p-1", NOTES)
    assert capsys.readouterr().out == ""
    assert api.create_order(50_000, "p-1", NOTES).startswith("order_")


def test_rejection_keeps_status_and_reason() -> None:
    with pytest.raises(RazorpayRejected) as rejection:
        api.fetch_payment("pay_00000000000000")
    assert (rejection.value.status, rejection.value.reason) == (400, "input_validation_failed")


@pytest.mark.parametrize(
    "payment_id", ["pay_x/../../orders", "pay_x?a=b", "pay_x#f", "", "pay_x\n", "order_1", None, 1, ["pay_1"]]
)
def test_malformed_id_never_reaches_a_url(payment_id: Any, requests_sent: list[dict[str, Any]]) -> None:
    with pytest.raises(UnexpectedPayload):
        api.fetch_payment(payment_id)
    assert requests_sent == []


def test_call_has_timeouts_current_roots_and_no_redirects(requests_sent: list[dict[str, Any]]) -> None:
    order_id = api.create_order(50_000, "p-1", NOTES)
    api.fetch_order(order_id)
    assert [options["timeout"] for options in requests_sent] == 2 * [(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)]
    for options in requests_sent:
        assert options["allow_redirects"] is False and options["verify"] == certifi.where()
    assert Path(certifi.where()).exists()


def test_timeouts_of_a_call_end_before_the_deadline(
    requests_sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_us = [clock.now_us()]
    monkeypatch.setattr(clock, "now_us", lambda: now_us[0])
    order_id = api.create_order(50_000, "p-1", NOTES)
    with Deadline(seconds=3.0):
        api.fetch_order(order_id)
        now_us[0] += 1_500_000
        api.fetch_order(order_id)
    assert [options["timeout"] for options in requests_sent[1:]] == [(1.0, 2.0), (0.5, 1.0)]


def test_call_without_time_left_is_not_sent(
    requests_sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_us = clock.now_us()
    monkeypatch.setattr(clock, "now_us", lambda: now_us)
    with Deadline(seconds=CALL_S_MIN / 2), pytest.raises(ServiceUnavailable):
        api.create_order(50_000, "p-1", NOTES)
    assert requests_sent == []


def test_response_over_size_limit_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "RESPONSE_BYTES_MAX", 50)
    with pytest.raises(ServiceUnavailable):
        api.create_order(50_000, "p-1", NOTES)


class SlowBody(BaseHTTPRequestHandler):
    """Answers at once, and then sends a byte every twentieth of a second."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            for _ in range(200):
                self.wfile.write(b" ")
                time.sleep(0.05)

    def log_message(self, *args: Any) -> None:
        pass


def test_body_that_comes_in_drops_is_a_silence(fake_razorpay: FakeRazorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte would give the socket its whole timeout again."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowBody)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(client, "READ_TIMEOUT_S", 0.3)
    monkeypatch.setenv("RAZORPAY_BASE_URL", f"http://127.0.0.1:{server.server_port}")
    settings.cache_clear()
    started_s = time.monotonic()
    with pytest.raises(ServiceUnavailable) as raised:
        api.fetch_order("order_1")
    server.shutdown()
    server.server_close()
    assert raised.value.is_silence and time.monotonic() - started_s < 3


# --- lists and refunds


@pytest.mark.parametrize("lists_pages", [True, False])
def test_order_with_hundreds_of_attempts_is_read_whole(
    lists_pages: bool, fake_razorpay: FakeRazorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Razorpay may ignore the page and list them at once: far more than any other response may hold."""
    if not lists_pages:
        monkeypatch.setattr("local.razorpay.lists.page", lambda attempts, query: collection(list(attempts)))
    order_id = api.create_order(50_000, "p-1", NOTES)
    for _ in range(500):
        fake_razorpay.pay(order_id, "card", "fail")
    fake_razorpay.pay(order_id, "upi", "success")
    attempts = api.list_order_payments(order_id)
    assert len(attempts) == 501 and sum(attempt.status == "captured" for attempt in attempts) == 1
    listed = json.dumps(list(fake_razorpay.payments.values()))
    assert client.RESPONSE_BYTES_MAX < len(listed) < api.LIST_BYTES_MAX


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200])
def test_attempts_of_an_order_are_read_in_pages(count: int, fake_razorpay: FakeRazorpay) -> None:
    order_id = api.create_order(50_000, "p-1", NOTES)
    made = [fake_razorpay.pay(order_id, "upi", "fail")["razorpay_payment_id"] for _ in range(count)]
    assert sorted(attempt.id for attempt in api.list_order_payments(order_id)) == sorted(made)


def test_page_of_card_payments_exceeds_other_responses(
    fake_razorpay: FakeRazorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real card's entity is two or three times as large as the stand-in's."""
    order_id = api.create_order(50_000, "p-1", NOTES)
    for _ in range(100):
        fake_razorpay.pay(order_id, "card", "fail")
    monkeypatch.setattr(client, "RESPONSE_BYTES_MAX", 50_000)
    now_s = clock.now_s()
    assert len(api.list_payments(now_s - 60, now_s + 60, 0)) == len(api.list_order_payments(order_id)) == 100


def test_order_beyond_the_bound_is_malformed_not_unavailable(
    fake_razorpay: FakeRazorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Razorpay would answer the same again, so that waiting does not help."""
    monkeypatch.setattr(api, "LIST_BYTES_MAX", 500)
    order_id = api.create_order(50_000, "p-1", NOTES)
    fake_razorpay.pay(order_id, "upi", "success")
    with pytest.raises(UnexpectedPayload):
        api.list_order_payments(order_id)


def test_refunds_are_read_in_pages_oldest_first(fake_razorpay: FakeRazorpay) -> None:
    order_id = api.create_order(50_000, "p-1", NOTES)
    payment_id = fake_razorpay.pay(order_id, "upi", "success")["razorpay_payment_id"]
    assert api.fetch_refunds(payment_id) == [] and api.fetch_payment(payment_id).refunded_paise == 0
    made = [fake_razorpay.control("refund", {"payment_id": payment_id, "amount": 100})["id"] for _ in range(205)]
    assert [refund.id for refund in api.fetch_refunds(payment_id)] == made
    assert api.fetch_payment(payment_id).refunded_paise == 20_500


def test_malformed_id_of_payment_or_refund_is_refused(fake_razorpay: FakeRazorpay) -> None:
    order_id = api.create_order(50_000, "p-1", NOTES)
    payment_id = fake_razorpay.pay(order_id, "upi", "success")["razorpay_payment_id"]
    refund = fake_razorpay.control("refund", {"payment_id": payment_id})
    for malformed in ("pay_x/../../orders", "order_1", ""):
        with pytest.raises(UnexpectedPayload):
            api.fetch_refunds(malformed)
    fake_razorpay.refunds[refund["id"]] = refund | {"id": "rfnd_x/.."}
    with pytest.raises(UnexpectedPayload):
        api.fetch_refunds(payment_id)


def test_lists_read_a_window_newest_first(fake_razorpay: FakeRazorpay) -> None:
    order_id = api.create_order(50_000, "p-1", NOTES)
    payment_id = fake_razorpay.pay(order_id, "upi", "success")["razorpay_payment_id"]
    made = [fake_razorpay.control("refund", {"payment_id": payment_id, "amount": 100})["id"] for _ in range(101)]
    now_s = clock.now_s()
    window = (now_s - 60, now_s + 60)
    assert [entity["id"] for entity in api.list_refunds(*window, 0)] == made[:0:-1]
    assert [entity["id"] for entity in api.list_refunds(*window, 100)] == made[:1]
    assert [entity["id"] for entity in api.list_payments(*window, 0)] == [payment_id]
    assert api.list_payments(now_s + 30, now_s + 60, 0) == []


@pytest.mark.parametrize("fault", ["refuse", "500", "502_html", "429"])
def test_silence_of_razorpay_differs_from_other_trouble(fault: str, fake_razorpay: FakeRazorpay) -> None:
    fake_razorpay.control("faults", [{"method": "GET", "path": "/v1/orders", "fault": fault}])
    with pytest.raises(ServiceUnavailable) as raised:
        api.fetch_order("order_1")
    assert raised.value.is_silence
    with Deadline(seconds=CALL_S_MIN / 2), pytest.raises(ServiceUnavailable) as raised:
        api.fetch_order("order_1")
    assert not raised.value.is_silence


# --- customers and tokens


def saved_card(fake_razorpay: FakeRazorpay, customer: str) -> str:
    """Pay an order with a card that Razorpay saves for the customer; the payment's id."""
    order_id = api.create_order(50_000, "p-1", NOTES)
    paid = fake_razorpay.pay(order_id, "card", "success", customer_id=customer, save=True)
    return str(paid["razorpay_payment_id"])


def test_customer_and_card_are_saved_read_and_deleted(fake_razorpay: FakeRazorpay) -> None:
    """The same contact is the same customer. A card that is gone counts as deleted."""
    customer = api.create_customer(CONTACT)
    assert api.create_customer(CONTACT) == customer != api.create_customer(OTHER_CONTACT)
    payment = api.fetch_payment(saved_card(fake_razorpay, customer))
    assert (payment.customer, payment.method) == (customer, "card")
    token = api.fetch_token(customer, payment.token)
    assert (token.id, token.customer, token.status) == (payment.token, customer, "active")
    assert (token.last4, token.brand, token.issuer, token.expiry_year) == ("1007", "Visa", "HDFC", 2030)
    assert token.account and token.account not in token.id
    for _ in range(2):  # the second finds it gone
        api.delete_token(customer, payment.token)
    with pytest.raises(RazorpayRejected) as rejection:
        api.fetch_token(customer, payment.token)
    assert rejection.value.is_unknown_id


def test_token_is_read_only_under_its_own_customer(fake_razorpay: FakeRazorpay) -> None:
    customer, other = api.create_customer(CONTACT), api.create_customer(OTHER_CONTACT)
    token_id = api.fetch_payment(saved_card(fake_razorpay, customer)).token
    with pytest.raises(RazorpayRejected):
        api.fetch_token(other, token_id)
    api.delete_token(other, token_id)
    assert api.fetch_token(customer, token_id).id == token_id


def test_account_without_saved_cards_differs_from_unknown_id(fake_razorpay: FakeRazorpay) -> None:
    fake_razorpay.control("features", {"saved_cards": False})
    for call in (
        lambda: api.create_customer(CONTACT),
        lambda: api.fetch_token("cust_1", "token_1"),
        lambda: api.delete_token("cust_1", "token_1"),
    ):
        with pytest.raises(RazorpayRejected) as rejection:
            call()
        assert not rejection.value.is_unknown_id and rejection.value.reason == "NA"


class Orders:
    """The SDK's orders on an account where receipts are unique: a refusal, or the first order again."""

    def __init__(self, created: Any, listed: list[dict[str, Any]]) -> None:
        self.created, self.listed = created, listed
        self.sent: list[dict[str, Any]] = [{}]

    @property
    def order(self) -> "Orders":
        return self

    def create(self, body: dict[str, Any]) -> Any:
        self.sent.append(body)
        if isinstance(self.created, Exception):
            raise self.created
        return self.created

    def all(self, query: dict[str, Any]) -> Any:
        self.sent.append(query)
        return {"items": self.listed}


TAKEN = RazorpayRejected(400, "input_validation_failed", "Order receipt should be unique.")


def an_order(number: int, amount: int = 50_000, receipt: str = "p-1") -> dict[str, Any]:
    return {"id": f"order_{number}", "amount": amount, "receipt": receipt}


@pytest.fixture
def use_orders(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(created: Any, listed: list[dict[str, Any]], unique_receipt: str = "true") -> Orders:
        orders = Orders(created, listed)
        monkeypatch.setenv("UNIQUE_RECEIPT", unique_receipt)
        settings.cache_clear()
        monkeypatch.setattr(api, "call", lambda ask: ask(orders))
        return orders

    yield use
    settings.cache_clear()


@pytest.mark.parametrize(("setting", "sent"), [("true", True), ("false", None)])
def test_setting_asks_for_unique_receipt(setting: str, sent: bool | None, use_orders: Any) -> None:
    orders = use_orders(an_order(1), [], setting)
    assert api.create_order(50_000, "p-1", NOTES) == "order_1"
    assert orders.sent[-1].get("unique_receipt") is sent


def test_retried_order_whose_receipt_is_taken_is_first_one(use_orders: Any) -> None:
    """Razorpay lists, newest first, every order whose receipt contains the text."""
    listed = [an_order(4), an_order(3, receipt="p-12"), an_order(2), an_order(1, amount=100)]
    orders = use_orders(TAKEN, listed)
    assert api.create_order(50_000, "p-1", NOTES) == "order_2"
    assert orders.sent[-1] == {"receipt": "p-1", "count": 100}


@pytest.mark.parametrize("created", [TAKEN, an_order(1, amount=100)])
def test_first_order_of_another_amount_is_a_rejection(created: Any, use_orders: Any) -> None:
    use_orders(created, [an_order(1, amount=100)])
    with pytest.raises(RazorpayRejected) as rejected:
        api.create_order(50_000, "p-1", NOTES)
    assert rejected.value.is_receipt_taken


def test_other_rejection_of_order_asks_for_no_list(use_orders: Any) -> None:
    orders = use_orders(RazorpayRejected(400, "", "The amount must be at least INR 1.00"), [an_order(1)])
    with pytest.raises(RazorpayRejected):
        api.create_order(50_000, "p-1", NOTES)
    assert len(orders.sent) == 2


def test_refusal_by_razorpay_is_no_error_of_razorpays(fake_razorpay: FakeRazorpay) -> None:
    """An account without saved cards would raise the alarm on Razorpay's errors all by itself."""
    journal.drain()
    with pytest.raises(RazorpayRejected):
        api.fetch_payment("pay_00000000000099")
    counts = journal.drain()[0]
    assert counts["GatewayCalls"] == 1 and "GatewayErrors" not in counts
