"""The real SDK against the stand-in: what the wrapper promises of it, and the gateway's own signatures."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
import requests

from local.gateway import Server, StandIn, serve
from shared import gateway
from shared.errors import Unavailable
from shared.gateway import Unusable
from shared.settings import settings
from tests.unit.conftest import ENVIRONMENT

KEY = ("rzp_test_1", "key_secret_1")
NOTES = {"payment_id": "p-1"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    stand_in = StandIn(*KEY, "whsec_test_1", lambda: int(time.time()))
    stand_in.holding = True
    running = serve(stand_in)
    monkeypatch.setattr(gateway, "gateway_key", lambda: KEY)
    monkeypatch.setattr(gateway, "retired_key_secrets", list)
    for name, value in (ENVIRONMENT | {"RAZORPAY_BASE_URL": running.url}).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield running
    stand_in.close()
    running.shutdown()
    running.server_close()
    settings.cache_clear()
    gateway._client.cache_clear()


def test_an_order_is_opened_paid_captured_and_read_back(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    order_id = gateway.create_order(50_000, "p-1", NOTES)
    assert gateway.order(order_id)["notes"] == NOTES and gateway.payments_of_order(order_id) == []
    paid = server.stand_in.pay(order_id, "upi", "authorize")
    authorized = gateway.payment(paid["razorpay_payment_id"])
    assert (authorized.status, authorized.order, authorized.amount_paise) == ("authorized", order_id, 50_000)
    assert gateway.capture(authorized).status == "captured"
    assert gateway.capture(authorized).status == "captured"  # captured already: read, not an error
    assert gateway.checkout_signature_matches(order_id, paid["razorpay_payment_id"], paid["razorpay_signature"])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("fault", ["refuse", "drop", "500", "502_html", "429"])
def test_an_outcome_that_is_not_known_is_unavailable_and_nothing_is_printed(
    fault: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.stand_in.control("faults", [{"method": "POST", "path": "/v1/orders", "fault": fault}])
    with pytest.raises(Unavailable):
        gateway.create_order(50_000, "p-1", NOTES)
    assert capsys.readouterr().out == ""
    assert gateway.create_order(50_000, "p-1", NOTES).startswith("order_")


def test_a_no_keeps_its_status_and_reason(server: Server) -> None:
    with pytest.raises(gateway.Refused) as refused:
        gateway.payment("pay_00000000000000")
    assert (refused.value.status, refused.value.reason) == (400, "input_validation_failed")


@pytest.mark.parametrize(
    "odd", ["pay_x/../../orders", "pay_x?a=b", "pay_x#f", "", "pay_x\n", "order_1", None, 1, ["pay_1"]]
)
def test_what_is_not_an_id_never_reaches_a_url(odd: Any, server: Server) -> None:
    with pytest.raises(Unusable):
        gateway.payment(odd)


def test_every_call_has_timeouts_current_roots_and_no_redirects(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    real = requests.Session.request

    def watched(self: requests.Session, *args: Any, **kwargs: Any) -> requests.Response:
        seen.append(kwargs)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(requests.Session, "request", watched)
    order_id = gateway.create_order(50_000, "p-1", NOTES)
    gateway.order(order_id, timeout_s=gateway.WEBHOOK_TIMEOUT_S)
    assert [one["timeout"] for one in seen] == [gateway.TIMEOUT_S, gateway.WEBHOOK_TIMEOUT_S]
    assert all(one["allow_redirects"] is False and one["verify"] == certifi.where() for one in seen)
    assert Path(certifi.where()).exists()


def test_an_answer_beyond_the_cap_is_not_read(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "ANSWER_BYTES_MAX", 50)
    with pytest.raises(Unavailable):
        gateway.create_order(50_000, "p-1", NOTES)


# --- customers and tokens


def test_a_customer_is_found_again_by_contact_and_a_card_saved_read_and_forgotten(server: Server) -> None:
    customer = gateway.create_customer("+919876543210")
    assert gateway.create_customer("+919876543210") == customer != gateway.create_customer("+919876543211")
    order_id = gateway.create_order(50_000, "p-1", NOTES)
    paid = server.stand_in.pay(order_id, "card", "success", customer_id=customer, save=True)
    payment = gateway.payment(paid["razorpay_payment_id"])
    assert (payment.customer, payment.method) == (customer, "card")
    token = gateway.token(customer, payment.token)
    assert (token.id, token.customer, token.status) == (payment.token, customer, "active")
    assert (token.last4, token.brand, token.issuer, token.expiry_year) == ("1007", "Visa", "HDFC", 2030)
    assert token.account and token.account not in token.id
    for _ in range(2):  # the second finds it gone
        gateway.delete_token(customer, payment.token)
    with pytest.raises(gateway.Refused) as refused:
        gateway.token(customer, payment.token)
    assert refused.value.is_unknown_id


def test_a_token_is_read_under_its_own_customer_alone(server: Server) -> None:
    customer, other = gateway.create_customer("+919876543210"), gateway.create_customer("+919876543211")
    order_id = gateway.create_order(50_000, "p-1", NOTES)
    paid = server.stand_in.pay(order_id, "card", "success", customer_id=customer, save=True)
    token_id = gateway.payment(paid["razorpay_payment_id"]).token
    with pytest.raises(gateway.Refused):
        gateway.token(other, token_id)
    gateway.delete_token(other, token_id)
    assert gateway.token(customer, token_id).id == token_id


def test_an_account_without_saved_cards_is_told_from_an_id_that_is_gone(server: Server) -> None:
    server.stand_in.control("features", {"saved_cards": False})
    for ask in (
        lambda: gateway.create_customer("+919876543210"),
        lambda: gateway.token("cust_1", "token_1"),
        lambda: gateway.delete_token("cust_1", "token_1"),
    ):
        with pytest.raises(gateway.Refused) as refused:
            ask()
        assert not refused.value.is_unknown_id and refused.value.reason == "NA"


@pytest.mark.parametrize(
    ("entity", "expected"),
    [
        ({"status": "activated"}, ("active", None, None, "")),
        ({"status": "something new"}, ("suspended", None, None, "")),
        ({"recurring_details": {"status": "cancelled"}}, ("cancelled", None, None, "")),
        ({"card": {"expiry_month": "12", "expiry_year": "2030"}}, ("active", 12, 2030, "")),
        ({"card": {"expiry_month": 0, "expiry_year": 99}}, ("active", None, None, "")),
        ({"card": None, "service_provider_tokens": []}, ("active", None, None, "")),
        ({"service_provider_tokens": [{}, {"provider_data": {"payment_account_reference": "V1"}}]},)
        + (("active", None, None, "V1"),),
    ],
)
def test_a_token_is_read_however_much_the_gateway_leaves_out(entity: dict[str, Any], expected: Any) -> None:
    token = gateway.token_from({"id": "token_1", "method": "card", **entity})
    assert (token.status, token.expiry_month, token.expiry_year, token.account) == expected


@pytest.mark.parametrize("odd", [None, [], "x", {}, {"id": 1}, {"id": "token_1", "card": "x"}, {"id": "token_x/.."}])
def test_what_is_not_shaped_like_a_token_is_unusable(odd: Any) -> None:
    with pytest.raises(Unusable):
        gateway.token_from(odd)


# --- signatures: the gateway's published samples, and those of its SDK's own tests

OFFICIAL = "0d4e745a1838664ad6c9c9902212a32d627d68e917290b0ad5f08ff4561bc50f"
FROM_SDK = "b2335e3b0801106b84a7faff035df56ecffde06918c9ddd1f0fafbb37a51cc89"
WEBHOOK_BODY = (
    rb'{"entity":"event","account_id":"acc_GC00000000001A","event":"payment.captured","contains":["payment"],'
    rb'"payload":{"payment":{"entity":{"id":"pay_GC00000000001A","entity":"payment","amount":49900,"currency":"INR",'
    rb'"status":"captured","order_id":"order_GC00000000001A","method":"upi","captured":true,'
    rb'"description":"Top-up \u20b9499 https:\/\/x.example\/w","notes":[],"created_at":1764000000}}},'
    rb'"created_at":1764000003}'
)
WEBHOOK = "4918496d505e9b39bb58ec79de2ac7c65eba8cf577454107a340451cbb6e73de"


@pytest.mark.parametrize(
    ("secret", "order", "payment", "signature"),
    [
        ("EnLs21M47BllR3X8PSFtjtbd", "order_IEIaMR65cu6nz3", "pay_IH4NVgf4Dreq1l", OFFICIAL),
        ("key_secret", "fake_order_id", "fake_payment_id", FROM_SDK),
    ],
)
def test_published_checkout_signatures_match(
    secret: str, order: str, payment: str, signature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "gateway_key", lambda: ("k", secret))
    monkeypatch.setattr(gateway, "retired_key_secrets", list)
    assert gateway.checkout_signature_matches(order, payment, signature)
    assert not gateway.checkout_signature_matches(payment, order, signature)


def test_a_webhook_is_checked_over_its_raw_bytes_with_every_secret() -> None:
    assert len(WEBHOOK_BODY) == 414
    assert gateway.webhook_signature_matches(["another", "whsec_test_1"], WEBHOOK_BODY, WEBHOOK)
    again = json.dumps(json.loads(WEBHOOK_BODY), separators=(",", ":")).encode()
    assert not gateway.webhook_signature_matches(["whsec_test_1"], again, WEBHOOK)


@pytest.mark.parametrize(
    "signature", ["", "é", "\udcff", WEBHOOK.upper(), f" {WEBHOOK}", f"sha256={WEBHOOK}", "0" * 10_000]
)
def test_an_odd_signature_is_wrong_and_no_error(signature: str) -> None:
    assert not gateway.webhook_signature_matches(["whsec_test_1"], WEBHOOK_BODY, signature)


def test_an_empty_secret_signs_nothing() -> None:
    assert not gateway.webhook_signature_matches([""], b"x", StandIn.sign("", b"x"))
