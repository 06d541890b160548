"""Saved methods over HTTP: paying with them, deleting them, and what is stored and logged."""

import json
from functools import partial
from typing import Any

import boto3
import pytest

from local.aws import CREDENTIALS
from local.template import Template
from tests.support.api_client import App, at_once
from tests.support.local_stack import LocalStack
from tests.support.saved_cards import (
    MASTERCARD,
    QUICK_FAULTS,
    change_token,
    list_methods,
    pay_and_verify,
    payment_body,
    reconcile,
    save_card,
    start_saving_payment,
    token_of,
    tokens_of,
)

# --- paying


OPENINGS = [
    ({"type": "netbanking", "bank_name": "HDFC Bank"}, {"method": "netbanking", "banks": ["HDFC"]}),
    ({"type": "netbanking", "bank_name": "State Bank of India"}, {"method": "netbanking", "banks": ["SBIN"]}),
    ({"type": "netbanking", "bank_name": "PUNB_R"}, {"method": "netbanking", "banks": ["PUNB_R"]}),
    ({"type": "netbanking", "bank_name": "No Such Bank"}, {"method": "netbanking"}),
    ({"type": "wallet", "wallet_provider": "PayZapp"}, {"method": "wallet", "wallets": ["payzapp"]}),
    ({"type": "wallet", "wallet_provider": "mine"}, {"method": "wallet"}),
    ({"type": "upi", "upi_id": "asha@okhdfcbank"}, {"method": "upi", "flows": ["intent"], "apps": ["google_pay"]}),
    ({"type": "upi", "upi_id": "asha@ybl"}, {"method": "upi", "flows": ["intent"], "apps": ["phonepe"]}),
    ({"type": "upi", "upi_id": "asha@nosuch"}, {"method": "upi"}),
    ({"type": "card", "card_last4": "4242"}, {"method": "card"}),
]


@pytest.mark.parametrize(("method", "instrument"), OPENINGS, ids=lambda values: "-".join(map(str, values.values())))
def test_checkout_opens_on_the_saved_method(method: dict[str, Any], instrument: dict[str, Any], app: App) -> None:
    saved_method = app.post("/payment-methods/", method)
    payment = app.post("/payments/", payment_body(payment_method=saved_method["id"]))
    assert payment["payment_method"] == saved_method["id"]
    checkout = payment["checkout"]
    assert checkout["prefill"]["method"] == instrument["method"] and "token" not in checkout
    display = checkout["config"]["display"]
    assert display["blocks"]["saved"]["instruments"] == [instrument] and display["sequence"] == ["block.saved"]
    assert display["hide"] == [{"method": "upi", "flows": ["collect"]}]
    assert app.get(f"/payments/{payment['id']}/")["checkout"] == checkout


def test_checkout_opens_on_the_saved_card(app: App) -> None:
    method = save_card(app)
    payment = app.post("/payments/", payment_body(payment_method=method["id"]))
    checkout = payment["checkout"]
    assert checkout["token"].startswith("token_") and checkout["customer_id"].startswith("cust_")
    assert checkout["remember_customer"] is True and checkout["prefill"] == {"method": "card"}
    done = pay_and_verify(app, payment, save=False, token=checkout["token"])
    assert (done["status"], done["save_method"], done["checkout"]) == ("captured", None, None)
    assert checkout["token"] not in json.dumps([done, list_methods(app), app.get("/payments/")])


@pytest.mark.usefixtures("held")
def test_unusable_method_is_rejected(app: App, local_stack: LocalStack) -> None:
    """A method is unusable if it is another customer's, deleted or suspended."""
    other = App(local_stack)
    foreign, deleted, suspended = save_card(other), save_card(app), save_card(app, card=MASTERCARD)
    change_token(local_stack, token_of(app, suspended), "suspended")
    assert app.call("DELETE", f"/payment-methods/{deleted['id']}/").status_code == 204
    before = app.get("/payments/")["count"]
    for method, text in (
        (foreign, f'Invalid pk "{foreign["id"]}" - object does not exist.'),
        (deleted, f'Invalid pk "{deleted["id"]}" - object does not exist.'),
        (suspended, "This card is suspended and cannot be used."),
    ):
        for body in (
            payment_body(payment_method=method["id"]),
            payment_body(payment_method=method["id"], source="wallet"),
        ):
            declined = app.call("POST", "/payments/", body, f"key-{method['id']}")
            assert (declined.status_code, declined.json()) == (400, {"payment_method": [text]})
    assert app.get("/payments/")["count"] == before


def test_app_cannot_change_a_cards_details(app: App) -> None:
    method = save_card(app)
    lies = {"card_last4": "9999", "card_brand": "Amex", "provider": "ICIC", "type": "upi", "upi_id": "a@ybl"}
    response = app.call("PATCH", f"/payment-methods/{method['id']}/", lies | {"nickname": "Mine", "is_default": True})
    assert response.status_code == 200
    changed = response.json()
    assert changed == method | {"nickname": "Mine", "is_default": True, "updated_at": changed["updated_at"]}


# --- deleting


def test_deleted_card_is_deleted_at_razorpay_at_once(app: App, local_stack: LocalStack) -> None:
    method = save_card(app)
    token = token_of(app, method)
    assert app.call("DELETE", f"/payment-methods/{method['id']}/").status_code == 204
    assert list_methods(app) == [] and token not in local_stack.control("state", {})["tokens"]
    assert app.call("DELETE", f"/payment-methods/{method['id']}/").status_code == 404


@pytest.mark.parametrize("fault", QUICK_FAULTS)
def test_reconciler_finishes_a_failed_deletion(fault: str, app: App, local_stack: LocalStack) -> None:
    method = save_card(app)
    token = token_of(app, method)
    local_stack.control("faults", [{"method": "DELETE", "path": "/v1/customers", "fault": fault, "times": 2}])
    assert app.call("DELETE", f"/payment-methods/{method['id']}/").status_code == 204
    assert list_methods(app) == []
    reconcile(local_stack, 1)  # still unavailable or, after a drop, already deleted there and now known here
    reconcile(local_stack, 61)
    assert token not in local_stack.control("state", {})["tokens"]


@pytest.mark.usefixtures("held")
def test_card_deleted_during_activation_stays_deleted(app: App, local_stack: LocalStack) -> None:
    method = save_card(app, activation="later")
    (token,) = tokens_of(app, local_stack)
    local_stack.control("faults", [{"method": "DELETE", "path": "/v1/customers", "fault": "refuse"}])
    assert app.call("DELETE", f"/payment-methods/{method['id']}/").status_code == 204
    assert {delivery["status"] for delivery in change_token(local_stack, token, "activated")} == {200}
    assert list_methods(app) == []
    reconcile(local_stack, 1)
    assert list_methods(app) == [] and token not in local_stack.control("state", {})["tokens"]


@pytest.mark.usefixtures("held")
def test_concurrent_events_never_restore_a_deleted_card(app: App, local_stack: LocalStack) -> None:
    for _ in range(5):
        method = save_card(app)
        token = token_of(app, method)
        local_stack.control("deliver", {"drop": True})
        for status in ("suspended", "activated"):
            local_stack.control("token", {"token_id": token, "status": status})
        delete = partial(app.another_phone().call, "DELETE", f"/payment-methods/{method['id']}/")
        deleted, deliveries = at_once([delete, partial(local_stack.control, "deliver", {"times": 2})])
        assert deleted.status_code == 204 and {delivery["status"] for delivery in deliveries} == {200}
        assert list_methods(app) == [] and token not in local_stack.control("state", {})["tokens"]


def test_deleted_card_saved_again_is_a_new_method(app: App) -> None:
    method = save_card(app)
    app.call("DELETE", f"/payment-methods/{method['id']}/")
    again = save_card(app)
    assert again["id"] != method["id"] and list_methods(app) == [again]


# --- storage and logs


def test_no_card_data_is_stored_or_logged(app: App, local_stack: LocalStack) -> None:
    """No card number, and no secret of a token, in any table or log line; no token or contact in the log."""
    contact = app.phone
    pay_and_verify(app, start_saving_payment(app))
    method = list_methods(app)[0]
    token = token_of(app, method)
    app.call("DELETE", f"/payment-methods/{save_card(app, card=MASTERCARD)['id']}/")
    entity = local_stack.control("state", {})["tokens"][token]
    provided = entity["service_provider_tokens"][0]["provider_data"]
    secret_values = [entity["token"], provided["token_reference_number"], provided["payment_account_reference"]]
    session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    dynamodb = session.client("dynamodb", region_name=CREDENTIALS["AWS_REGION"], endpoint_url=local_stack.s3)
    stored = ""
    for table in Template().of_type("AWS::DynamoDB::Table"):
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            stored += json.dumps(page["Items"], default=repr)
    assert token in stored and method["id"] in stored  # what is looked through is what was written
    for secret in [*secret_values, "4100280000001007"]:
        assert secret not in stored, secret
    for private in [*secret_values, token, contact, contact.removeprefix("+91"), entity["customer_id"]]:
        assert private not in local_stack.log_text(), private
