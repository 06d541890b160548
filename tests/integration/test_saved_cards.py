"""Saved cards over HTTP: from the ticked box in checkout to the method, its payments, its states and its end."""

import json
import secrets
from functools import partial
from typing import Any

import boto3
import pytest

from local.cloud import CREDENTIALS
from local.template import Template
from tests.app import App, at_once
from tests.conftest import Bundle

QUICK = ["refuse", "drop", "500", "502_html", "429"]
MASTERCARD = {"last4": "1002", "network": "MasterCard", "type": "debit", "issuer": "ICIC"}


def a_contact() -> str:
    """A phone number that nobody else has."""
    return f"+919{secrets.randbelow(10**9):09}"


def ordered(**values: Any) -> dict[str, Any]:
    return {"amount": "250.00", "source": "gateway"} | values


def start(app: App, contact: str | None = None, key: str | None = None) -> dict[str, Any]:
    """A payment that asks for its card to be saved."""
    return dict(app.post("/payments/", ordered(save_method=True, contact=contact or a_contact()), key))


def pay_by_card(app: App, payment: dict[str, Any], outcome: str = "success", **choice: Any) -> dict[str, str]:
    return app.pay(payment, outcome, "card", **({"save": True} | choice))


def verified(app: App, payment: dict[str, Any], **choice: Any) -> dict[str, Any]:
    answer = app.verify(payment, pay_by_card(app, payment, **choice))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def saved(app: App, **choice: Any) -> dict[str, Any]:
    """A card saved by paying with it: the method, as the app sees it."""
    save_method = verified(app, start(app), **choice)["save_method"]
    assert save_method["status"] == "saved"
    return dict(app.get(f"/payment-methods/{save_method['payment_method']}/"))


def methods(app: App) -> list[dict[str, Any]]:
    return list(app.get("/payment-methods/")["results"])


def save_status(app: App, payment: dict[str, Any]) -> str:
    return str(app.get(f"/payments/{payment['id']}/")["save_method"]["status"])


def token_of(app: App, method: dict[str, Any]) -> str:
    """The card's token, from the one place where the app sees it."""
    return str(app.post("/payments/", ordered(payment_method=method["id"]))["checkout"]["token"])


def tell(bundle: Bundle, token: str, status: str, **more: Any) -> list[dict[str, Any]]:
    """A token event, delivered; needs `held`."""
    bundle.control("token", {"token_id": token, "status": status, **more})
    return list(bundle.control("deliver", {}))


def reconcile(bundle: Bundle, forward_s: int = 61) -> None:
    bundle.clock(forward_s)
    bundle.invoke("ReconcilePayments")


# --- saving


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("learnt_by", ["verify", "webhook", "sync", "reconciler"])
def test_a_card_becomes_a_method_by_whichever_way_its_capture_is_learnt(
    learnt_by: str, app: App, bundle: Bundle
) -> None:
    payment = start(app)
    assert payment["save_method"] == {"status": "pending", "payment_method": None}
    paid = pay_by_card(app, payment)
    if learnt_by == "verify":
        app.verify(payment, paid)
    elif learnt_by == "sync":
        app.post(f"/payments/{payment['id']}/sync/", status=200)
    elif learnt_by == "webhook":
        assert {one["status"] for one in bundle.control("deliver", {})} == {200}
    else:
        reconcile(bundle)
    (method,) = methods(app)
    assert (method["type"], method["card_brand"], method["provider"]) == ("card", "Visa", "HDFC")
    assert (method["card_last4"], method["last4"], method["status"]) == ("1007", "1007", "active")
    now = app.get(f"/payments/{payment['id']}/")
    assert now["status"] == "captured"
    assert now["save_method"] == {"status": "saved", "payment_method": method["id"]}


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("order", ["", "reverse", "shuffle"])
def test_events_before_and_after_verify_doubled_and_in_any_order_save_one_method(
    order: str, app: App, bundle: Bundle
) -> None:
    first, second = start(app), start(app)
    pay_by_card(app, first)
    assert {one["status"] for one in bundle.control("deliver", {"times": 2, "order": order})} == {200}
    app.verify(second, pay_by_card(app, second))
    assert {one["status"] for one in bundle.control("deliver", {"times": 2, "order": order})} == {200}
    (method,) = methods(app)
    for payment in (first, second):
        assert app.get(f"/payments/{payment['id']}/")["save_method"]["payment_method"] == method["id"]


@pytest.mark.usefixtures("held")
def test_many_at_once_save_one_method(app: App, bundle: Bundle) -> None:
    payment = start(app)
    paid = pay_by_card(app, payment)
    verifies = [partial(app.another_phone().verify, payment, paid) for _ in range(8)]
    answers = at_once([*verifies, partial(bundle.control, "deliver", {"times": 3})])
    assert {one.status_code for one in answers[:-1]} == {200} and {one["status"] for one in answers[-1]} == {200}
    assert len(methods(app)) == 1 and save_status(app, payment) == "saved"


def test_the_same_card_again_is_the_same_method_and_another_card_another(app: App) -> None:
    method = saved(app)
    assert saved(app)["id"] == method["id"]
    assert saved(app, card=MASTERCARD)["card_brand"] == "MasterCard" and len(methods(app)) == 2


def test_two_tokens_of_one_card_are_one_method_and_the_second_is_given_back(app: App, bundle: Bundle) -> None:
    method = saved(app)
    assert saved(app, anew=True) == method and methods(app) == [method]
    reconcile(bundle, 0)
    customer = start(app)["checkout"]["customer_id"]
    tokens = bundle.control("state", {})["tokens"].values()
    assert [one["id"] for one in tokens if one["customer_id"] == customer] == [token_of(app, method)]


@pytest.mark.usefixtures("held")
def test_a_card_saved_anew_takes_the_place_of_its_dead_token(app: App, bundle: Bundle) -> None:
    dead = saved(app)
    app.call("PATCH", f"/payment-methods/{dead['id']}/", {"nickname": "Mine", "is_default": True})
    token = token_of(app, dead)
    tell(bundle, token, "deactivated")
    fresh = saved(app, anew=True)
    assert methods(app) == [fresh] and fresh["id"] != dead["id"]
    assert (fresh["status"], fresh["nickname"], fresh["is_default"]) == ("active", "Mine", True)
    reconcile(bundle, 0)
    assert token not in bundle.control("state", {})["tokens"]


def test_one_card_of_two_customers_is_a_method_of_each(app: App, bundle: Bundle) -> None:
    other = App(bundle)
    assert saved(app)["id"] != saved(other)["id"]
    assert len(methods(app)) == len(methods(other)) == 1


def test_a_payment_by_upi_has_no_card_to_save(app: App) -> None:
    payment = start(app)
    answer = app.verify(payment, app.pay(payment)).json()
    assert answer["save_method"] == {"status": "not_saved", "payment_method": None} and methods(app) == []


@pytest.mark.usefixtures("held")
def test_a_card_whose_box_was_not_ticked_is_not_saved(app: App, bundle: Bundle) -> None:
    payment = start(app)
    assert verified(app, payment, save=False)["save_method"]["status"] == "pending"
    for age_s in (61, 121, 301, 901, 3_601):
        reconcile(bundle, age_s)
    assert save_status(app, payment) == "not_saved" and methods(app) == []


def test_a_payment_that_fails_saves_nothing_until_it_is_paid_after_all(app: App, bundle: Bundle) -> None:
    payment = start(app)
    pay_by_card(app, payment, "fail")
    assert save_status(app, payment) == "pending" and methods(app) == []
    assert verified(app, payment)["save_method"]["status"] == "saved"


def test_saving_needs_a_contact_and_the_gateway(app: App) -> None:
    refused = app.call("POST", "/payments/", ordered(save_method=True))
    assert (refused.status_code, list(refused.json())) == (400, ["contact"])
    from_wallet = ordered(save_method=True, contact=a_contact(), source="wallet")
    refused = app.call("POST", "/payments/", from_wallet, "key")
    assert (refused.status_code, list(refused.json())) == (400, ["save_method"])
    assert app.get("/payments/")["count"] == 0


def test_asking_to_save_is_part_of_what_a_key_stands_for(app: App) -> None:
    contact = a_contact()
    first = start(app, contact, "key")
    assert start(app, contact, "key") == first
    other = app.call("POST", "/payments/", ordered(contact=contact), "key")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert "save_method" in other.json()["detail"]


def test_a_payment_that_does_not_ask_is_as_it_was(app: App) -> None:
    payment = app.post("/payments/", ordered())
    assert payment["save_method"] is None
    assert not {"customer_id", "remember_customer", "token"} & set(payment["checkout"])
    assert payment["checkout"]["config"] == {"display": {"hide": [{"method": "upi", "flows": ["collect"]}]}}


# --- the customer at the gateway


def test_the_gateways_customer_is_made_once_and_checkout_asked_to_remember(app: App, bundle: Bundle) -> None:
    contact = a_contact()
    first, second = start(app, contact), start(app)
    checkout = first["checkout"]
    assert checkout["remember_customer"] is True and checkout["customer_id"] == second["checkout"]["customer_id"]
    found = bundle.control("state", {})["customers"].values()
    assert [one["id"] for one in found if one["contact"] == contact] == [checkout["customer_id"]]


def test_the_gateways_customer_of_another_is_not_ours_to_save_with(app: App, bundle: Bundle) -> None:
    contact, other = a_contact(), App(bundle)
    saved_first = verified(app, start(app, contact))
    assert saved_first["save_method"]["status"] == "saved"
    payment = start(other, contact)
    assert payment["save_method"] == {"status": "not_available", "payment_method": None}
    assert "customer_id" not in payment["checkout"]
    done = verified(other, payment)
    assert (done["status"], done["save_method"]["status"]) == ("captured", "not_available")
    assert methods(other) == [] and len(methods(app)) == 1
    assert start(other)["save_method"]["status"] == "pending"  # with a contact of their own


def test_two_customers_who_come_at_once_with_one_contact_never_share(bundle: Bundle) -> None:
    for _ in range(3):
        contact, apps = a_contact(), [App(bundle) for _ in range(4)]
        payments = at_once([partial(start, app, contact) for app in apps])
        assert sorted(one["save_method"]["status"] for one in payments) == ["not_available"] * 3 + ["pending"]


def test_one_customer_who_comes_at_once_is_one_at_the_gateway(app: App) -> None:
    payments = at_once([partial(start, app.another_phone()) for _ in range(6)])
    assert {one["save_method"]["status"] for one in payments} == {"pending"}
    assert len({one["checkout"]["customer_id"] for one in payments}) == 1


def test_an_account_without_saved_cards_takes_the_payment_and_says_so(app: App, bundle: Bundle) -> None:
    bundle.control("features", {"saved_cards": False})
    try:
        payment = start(app)
        assert payment["save_method"] == {"status": "not_available", "payment_method": None}
        assert "customer_id" not in payment["checkout"]
        done = verified(app, payment)
    finally:
        bundle.control("features", {"saved_cards": True})
    assert (done["status"], done["save_method"]["status"]) == ("captured", "not_available")
    assert methods(app) == []


@pytest.mark.usefixtures("held")
def test_saved_cards_switched_off_between_start_and_capture_leave_the_payment_captured(
    app: App, bundle: Bundle
) -> None:
    payment = start(app)
    paid = pay_by_card(app, payment)
    bundle.control("features", {"saved_cards": False})
    try:
        done = app.verify(payment, paid).json()
        assert (done["status"], done["save_method"]["status"]) == ("captured", "pending") and methods(app) == []
    finally:
        bundle.control("features", {"saved_cards": True})
    reconcile(bundle)
    assert save_status(app, payment) == "saved" and len(methods(app)) == 1


# --- answers that are lost


@pytest.mark.parametrize("fault", QUICK)
def test_a_start_that_met_a_fault_at_the_customer_can_be_sent_again(fault: str, app: App, bundle: Bundle) -> None:
    contact = a_contact()
    bundle.control("faults", [{"method": "POST", "path": "/v1/customers", "fault": fault}])
    failed = app.call("POST", "/payments/", ordered(save_method=True, contact=contact), "key")
    assert (failed.status_code, failed.json()["code"]) == (503, "unavailable")
    assert app.get("/payments/")["count"] == 0
    assert start(app, contact, "key")["save_method"]["status"] == "pending"
    found = bundle.control("state", {})["customers"].values()
    assert len([one for one in found if one["contact"] == contact]) == 1


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("fault", QUICK)
def test_a_token_that_cannot_be_read_does_not_hold_up_the_money_and_is_saved_later(
    fault: str, app: App, bundle: Bundle
) -> None:
    payment = start(app)
    paid = pay_by_card(app, payment)
    bundle.control("faults", [{"method": "GET", "path": "/v1/customers", "fault": fault}])
    done = app.verify(payment, paid)
    assert (done.status_code, done.json()["status"]) == (200, "captured")
    assert done.json()["save_method"]["status"] == "pending" and methods(app) == []
    reconcile(bundle)
    assert save_status(app, payment) == "saved" and len(methods(app)) == 1


@pytest.mark.usefixtures("held")
def test_a_token_that_cannot_be_read_is_saved_by_the_next_event_or_verify(app: App, bundle: Bundle) -> None:
    payments = [start(app) for _ in range(2)]
    paid = [pay_by_card(app, one) for one in payments]
    bundle.control("faults", [{"method": "GET", "path": "/v1/customers", "fault": "500", "times": 2}])
    for payment, one in zip(payments, paid, strict=True):
        assert app.verify(payment, one).json()["save_method"]["status"] == "pending"
    assert app.verify(payments[0], paid[0]).json()["save_method"]["status"] == "saved"
    assert {one["status"] for one in bundle.control("deliver", {})} == {200}
    assert save_status(app, payments[1]) == "saved" and len(methods(app)) == 1


@pytest.mark.usefixtures("held")
def test_a_gateway_that_hangs_while_a_card_is_saved_delays_no_webhook_beyond_what_it_waits_for(
    app: App, bundle: Bundle
) -> None:
    payment = start(app)
    pay_by_card(app, payment)
    bundle.control("faults", [{"method": "GET", "path": "/v1/customers", "fault": "timeout_before", "times": 1}])
    told = bundle.control("deliver", {"order": "reverse"})
    assert {one["status"] for one in told} == {200}
    assert app.status(payment) == "captured"


# --- what becomes of a token


STATES = ["suspended", "activated", "deactivated", "failed", "cancelled"]


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("family", ["service_provider", "token"])
@pytest.mark.parametrize("state", STATES)
def test_a_methods_status_follows_its_tokens_events(state: str, family: str, app: App, bundle: Bundle) -> None:
    method = saved(app)
    told = tell(bundle, token_of(app, method), state, family=family)
    assert told[-1]["status"] == 200
    (now,) = methods(app)
    assert now["status"] == {"activated": "active"}.get(state, state)
    assert now | {"status": "", "updated_at": ""} == method | {"status": "", "updated_at": ""}


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("order", ["reverse", "shuffle"])
def test_events_of_a_token_in_any_order_and_doubled_end_in_what_the_gateway_says_last(
    order: str, app: App, bundle: Bundle
) -> None:
    method = saved(app)
    token = token_of(app, method)
    for state in ("suspended", "activated", "suspended"):
        bundle.control("token", {"token_id": token, "status": state})
    bundle.control("deliver", {"times": 2, "order": order})
    assert methods(app)[0]["status"] == "suspended"


@pytest.mark.usefixtures("held")
def test_events_that_come_before_the_method_is_there_are_not_missed(app: App, bundle: Bundle) -> None:
    payment = start(app)
    paid = pay_by_card(app, payment, activation="later")
    token = list(bundle.control("state", {})["tokens"])[-1]
    held_back = bundle.control("state", {})["held"]
    bundle.control("token", {"token_id": token, "status": "activated"})
    activated = bundle.control("state", {})["held"][len(held_back)]
    assert bundle.control("deliver", {"event_id": activated["event_id"]})[0]["status"] == 200
    assert methods(app) == []
    app.verify(payment, paid)
    assert methods(app)[0]["status"] == "active"


@pytest.mark.usefixtures("held")
def test_a_token_whose_activation_is_told_by_nobody_is_asked_for(app: App, bundle: Bundle) -> None:
    method = saved(app, activation="later")
    assert method["status"] == "initiated"
    refused = app.call("POST", "/payments/", ordered(payment_method=method["id"]))
    assert refused.status_code == 400
    customer = start(app)["checkout"]["customer_id"]
    tokens = bundle.control("state", {})["tokens"].values()
    (token,) = [one["id"] for one in tokens if one["customer_id"] == customer]
    tell(bundle, token, "activated", family="token")
    bundle.control("deliver", {"drop": True})
    reconcile(bundle)
    assert methods(app)[0]["status"] == "active"


@pytest.mark.usefixtures("held")
def test_a_token_event_that_meets_a_fault_is_taken_and_finished_by_the_reconciler(app: App, bundle: Bundle) -> None:
    method = saved(app)
    token = token_of(app, method)
    bundle.control("deliver", {"drop": True})
    bundle.control("faults", [{"method": "GET", "path": "/v1/customers", "fault": "500"}])
    assert tell(bundle, token, "suspended")[0]["status"] == 200
    assert methods(app)[0]["status"] == "active"
    reconcile(bundle, 1)
    assert methods(app)[0]["status"] == "suspended"


@pytest.mark.usefixtures("held")
def test_a_token_event_for_the_gateways_customer_of_another_changes_nothing(app: App, bundle: Bundle) -> None:
    other = App(bundle)
    method, theirs = saved(app), start(other)["checkout"]["customer_id"]
    token = token_of(app, method)
    entity = bundle.control("state", {})["tokens"][token] | {"customer_id": theirs, "status": "suspended"}
    body = {"entity": "event", "event": "token.service_provider.cancelled", "payload": {"token": {"entity": entity}}}
    sent = bundle.control("event", {"body": body})
    assert bundle.control("deliver", {"event_id": sent["event_id"]})[0]["status"] == 200
    assert methods(app) == [method] and methods(other) == []


@pytest.mark.usefixtures("held")
def test_a_token_on_a_payment_that_is_anothers_is_put_under_review_and_the_money_is_settled(
    app: App, bundle: Bundle
) -> None:
    other = App(bundle)
    theirs = start(other)["checkout"]["customer_id"]
    payment = start(app)
    done = verified(app, payment, customer_id=theirs)
    assert (done["status"], done["save_method"]["status"], done["in_review"]) == ("captured", "not_saved", True)
    assert methods(app) == methods(other) == []


@pytest.mark.parametrize(
    "body",
    [
        {"event": "token.initiated", "payload": {}},
        {"event": "token.initiated", "payload": {"token": {"entity": []}}},
        {"event": "token.service_provider.activated", "payload": {"token": {"entity": {"id": "token_x/../orders"}}}},
        {"event": {"name": "token.service_provider.failed"}},
        {"event": {"name": "token.service_provider.failed", "payload": []}},
        {
            "event": "token.confirmed",
            "payload": {"token": {"entity": {"id": "token_FHfn3rIiM1Z8nr", "method": "upi"}}},
        },
        {"event": "refund.speed_changed", "payload": {"created_at": 1}},
        {"event": "payment.downtime.started", "payload": {"payment.downtime": {"entity": {}}}},
    ],
)
@pytest.mark.usefixtures("held")
def test_an_irregular_envelope_is_acknowledged(body: dict[str, Any], bundle: Bundle) -> None:
    sent = bundle.control("event", {"body": body})
    assert bundle.control("deliver", {"event_id": sent["event_id"]})[0]["status"] == 200


# --- paying with a saved method


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


@pytest.mark.parametrize(("method", "instrument"), OPENINGS, ids=lambda one: "-".join(map(str, one.values())))
def test_checkout_opens_on_the_saved_method(method: dict[str, Any], instrument: dict[str, Any], app: App) -> None:
    saved_method = app.post("/payment-methods/", method)
    payment = app.post("/payments/", ordered(payment_method=saved_method["id"]))
    assert payment["payment_method"] == saved_method["id"]
    checkout = payment["checkout"]
    assert checkout["prefill"]["method"] == instrument["method"] and "token" not in checkout
    display = checkout["config"]["display"]
    assert display["blocks"]["saved"]["instruments"] == [instrument] and display["sequence"] == ["block.saved"]
    assert display["hide"] == [{"method": "upi", "flows": ["collect"]}]
    assert app.get(f"/payments/{payment['id']}/")["checkout"] == checkout


def test_checkout_opens_on_the_saved_card_and_takes_the_payment(app: App) -> None:
    method = saved(app)
    payment = app.post("/payments/", ordered(payment_method=method["id"]))
    checkout = payment["checkout"]
    assert checkout["token"].startswith("token_") and checkout["customer_id"].startswith("cust_")
    assert checkout["remember_customer"] is True and checkout["prefill"] == {"method": "card"}
    done = verified(app, payment, save=False, token=checkout["token"])
    assert (done["status"], done["save_method"], done["checkout"]) == ("captured", None, None)
    assert checkout["token"] not in json.dumps([done, methods(app), app.get("/payments/")])


@pytest.mark.usefixtures("held")
def test_anothers_a_deleted_and_a_suspended_method_are_refused(app: App, bundle: Bundle) -> None:
    other = App(bundle)
    theirs, gone, suspended = saved(other), saved(app), saved(app, card=MASTERCARD)
    tell(bundle, token_of(app, suspended), "suspended")
    assert app.call("DELETE", f"/payment-methods/{gone['id']}/").status_code == 204
    before = app.get("/payments/")["count"]
    for method, text in (
        (theirs, f'Invalid pk "{theirs["id"]}" - object does not exist.'),
        (gone, f'Invalid pk "{gone["id"]}" - object does not exist.'),
        (suspended, "This card cannot be used, it is suspended."),
    ):
        for body in (ordered(payment_method=method["id"]), ordered(payment_method=method["id"], source="wallet")):
            refused = app.call("POST", "/payments/", body, f"key-{method['id']}")
            assert (refused.status_code, refused.json()) == (400, {"payment_method": [text]})
    assert app.get("/payments/")["count"] == before


def test_what_the_gateway_tells_of_a_card_is_not_the_apps_to_change(app: App) -> None:
    method = saved(app)
    lies = {"card_last4": "9999", "card_brand": "Amex", "provider": "ICIC", "type": "upi", "upi_id": "a@ybl"}
    answer = app.call("PATCH", f"/payment-methods/{method['id']}/", lies | {"nickname": "Mine", "is_default": True})
    assert answer.status_code == 200
    changed = answer.json()
    assert changed == method | {"nickname": "Mine", "is_default": True, "updated_at": changed["updated_at"]}


# --- deleting


def test_a_deleted_card_is_gone_at_once_here_and_at_the_gateway(app: App, bundle: Bundle) -> None:
    method = saved(app)
    token = token_of(app, method)
    assert app.call("DELETE", f"/payment-methods/{method['id']}/").status_code == 204
    assert methods(app) == [] and token not in bundle.control("state", {})["tokens"]
    assert app.call("DELETE", f"/payment-methods/{method['id']}/").status_code == 404


@pytest.mark.parametrize("fault", QUICK)
def test_a_card_deleted_while_the_gateway_is_away_is_forgotten_there_by_the_reconciler(
    fault: str, app: App, bundle: Bundle
) -> None:
    method = saved(app)
    token = token_of(app, method)
    bundle.control("faults", [{"method": "DELETE", "path": "/v1/customers", "fault": fault, "times": 2}])
    assert app.call("DELETE", f"/payment-methods/{method['id']}/").status_code == 204
    assert methods(app) == []
    reconcile(bundle, 1)  # away still, or (drop) done already and told so
    reconcile(bundle, 61)
    assert token not in bundle.control("state", {})["tokens"]


@pytest.mark.usefixtures("held")
def test_a_card_deleted_during_its_activation_stays_deleted(app: App, bundle: Bundle) -> None:
    method = saved(app, activation="later")
    customer = start(app)["checkout"]["customer_id"]
    tokens = bundle.control("state", {})["tokens"].values()
    (token,) = [one["id"] for one in tokens if one["customer_id"] == customer]
    bundle.control("faults", [{"method": "DELETE", "path": "/v1/customers", "fault": "refuse"}])
    assert app.call("DELETE", f"/payment-methods/{method['id']}/").status_code == 204
    assert {one["status"] for one in tell(bundle, token, "activated")} == {200}
    assert methods(app) == []
    reconcile(bundle, 1)
    assert methods(app) == [] and token not in bundle.control("state", {})["tokens"]


@pytest.mark.usefixtures("held")
def test_events_and_deletion_at_once_never_bring_a_card_back(app: App, bundle: Bundle) -> None:
    for _ in range(5):
        method = saved(app)
        token = token_of(app, method)
        bundle.control("deliver", {"drop": True})
        for status in ("suspended", "activated"):
            bundle.control("token", {"token_id": token, "status": status})
        delete = partial(app.another_phone().call, "DELETE", f"/payment-methods/{method['id']}/")
        deleted, told = at_once([delete, partial(bundle.control, "deliver", {"times": 2})])
        assert deleted.status_code == 204 and {one["status"] for one in told} == {200}
        assert methods(app) == [] and token not in bundle.control("state", {})["tokens"]


def test_a_deleted_card_that_is_saved_again_is_a_new_method(app: App) -> None:
    method = saved(app)
    app.call("DELETE", f"/payment-methods/{method['id']}/")
    again = saved(app)
    assert again["id"] != method["id"] and methods(app) == [again]


# --- what is stored and what is logged


def test_no_card_number_code_or_secret_of_a_token_is_stored_or_logged(app: App, bundle: Bundle) -> None:
    contact = a_contact()
    verified(app, start(app, contact))
    method = methods(app)[0]
    token = token_of(app, method)
    app.call("DELETE", f"/payment-methods/{saved(app, card=MASTERCARD)['id']}/")
    entity = bundle.control("state", {})["tokens"][token]
    provided = entity["service_provider_tokens"][0]["provider_data"]
    secret_values = [entity["token"], provided["token_reference_number"], provided["payment_account_reference"]]
    session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    dynamodb = session.client("dynamodb", region_name=CREDENTIALS["AWS_REGION"], endpoint_url=bundle.s3)
    stored = ""
    for table in Template().of_type("AWS::DynamoDB::Table"):
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            stored += json.dumps(page["Items"])
    assert token in stored and method["id"] in stored  # what is looked through is what was written
    for secret in [*secret_values, "4100280000001007"]:
        assert secret not in stored, secret
    for private in [*secret_values, token, contact, contact.removeprefix("+91"), entity["customer_id"]]:
        assert private not in bundle.log_text(), private
