"""Saving a card by paying with it, over HTTP: the ticked box in checkout, Razorpay's customer, and lost responses."""

from functools import partial

import pytest

from tests.support.api_client import App, at_once, new_contact
from tests.support.local_stack import LocalStack
from tests.support.saved_cards import (
    MASTERCARD,
    QUICK_FAULTS,
    change_token,
    list_methods,
    pay_and_verify,
    pay_by_card,
    payment_body,
    reconcile,
    save_card,
    save_status,
    start_saving_payment,
    token_of,
    tokens_of,
)

# --- saving


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("reported_by", ["verify", "webhook", "sync", "reconciler"])
def test_card_is_saved_however_its_capture_is_reported(reported_by: str, app: App, local_stack: LocalStack) -> None:
    payment = start_saving_payment(app)
    assert payment["save_method"] == {"status": "pending", "payment_method": None}
    paid = pay_by_card(app, payment)
    if reported_by == "verify":
        app.verify(payment, paid)
    elif reported_by == "sync":
        app.post(f"/payments/{payment['id']}/sync/", status=200)
    elif reported_by == "webhook":
        assert {delivery["status"] for delivery in local_stack.control("deliver", {})} == {200}
    else:
        reconcile(local_stack)
    (method,) = list_methods(app)
    assert (method["type"], method["card_brand"], method["provider"]) == ("card", "Visa", "HDFC")
    assert (method["card_last4"], method["last4"], method["status"]) == ("1007", "1007", "active")
    current = app.get(f"/payments/{payment['id']}/")
    assert current["status"] == "captured"
    assert current["save_method"] == {"status": "saved", "payment_method": method["id"]}


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("order", [{}, {"order": "reverse"}, {"order": "shuffle"}], ids=str)
def test_repeated_events_in_any_order_save_one_method(
    order: dict[str, str], app: App, local_stack: LocalStack
) -> None:
    first, second = start_saving_payment(app), start_saving_payment(app)
    pay_by_card(app, first)
    assert {delivery["status"] for delivery in local_stack.control("deliver", {"times": 2} | order)} == {200}
    app.verify(second, pay_by_card(app, second))
    assert {delivery["status"] for delivery in local_stack.control("deliver", {"times": 2} | order)} == {200}
    (method,) = list_methods(app)
    for payment in (first, second):
        assert app.get(f"/payments/{payment['id']}/")["save_method"]["payment_method"] == method["id"]


@pytest.mark.usefixtures("held")
def test_concurrent_requests_save_one_method(app: App, local_stack: LocalStack) -> None:
    payment = start_saving_payment(app)
    paid = pay_by_card(app, payment)
    verifies = [partial(app.another_phone().verify, payment, paid) for _ in range(8)]
    responses = at_once([*verifies, partial(local_stack.control, "deliver", {"times": 3})])
    assert {response.status_code for response in responses[:-1]} == {200}
    assert {delivery["status"] for delivery in responses[-1]} == {200}
    assert len(list_methods(app)) == 1 and save_status(app, payment) == "saved"


def test_each_card_has_one_method(app: App) -> None:
    method = save_card(app)
    assert save_card(app)["id"] == method["id"]
    assert save_card(app, card=MASTERCARD)["card_brand"] == "MasterCard" and len(list_methods(app)) == 2


def test_second_token_of_a_card_is_deleted_at_razorpay(app: App, local_stack: LocalStack) -> None:
    method = save_card(app)
    assert save_card(app, duplicate_token=True) == method and list_methods(app) == [method]
    reconcile(local_stack, 0)
    assert tokens_of(app, local_stack) == [token_of(app, method)]


@pytest.mark.usefixtures("held")
def test_new_token_replaces_a_deactivated_one(app: App, local_stack: LocalStack) -> None:
    """The new method takes over the nickname and the default."""
    old = save_card(app)
    app.call("PATCH", f"/payment-methods/{old['id']}/", {"nickname": "Mine", "is_default": True})
    token = token_of(app, old)
    change_token(local_stack, token, "deactivated")
    new = save_card(app, duplicate_token=True)
    assert list_methods(app) == [new] and new["id"] != old["id"]
    assert (new["status"], new["nickname"], new["is_default"]) == ("active", "Mine", True)
    reconcile(local_stack, 0)
    assert token not in local_stack.control("state", {})["tokens"]


def test_two_customers_can_save_the_same_card(app: App, local_stack: LocalStack) -> None:
    other = App(local_stack)
    assert save_card(app)["id"] != save_card(other)["id"]
    assert len(list_methods(app)) == len(list_methods(other)) == 1


def test_upi_payment_saves_no_card(app: App) -> None:
    payment = start_saving_payment(app)
    response = app.verify(payment, app.pay(payment)).json()
    assert response["save_method"] == {"status": "not_saved", "payment_method": None} and list_methods(app) == []


@pytest.mark.usefixtures("held")
def test_card_is_not_saved_without_consent_in_checkout(app: App, local_stack: LocalStack) -> None:
    payment = start_saving_payment(app)
    assert pay_and_verify(app, payment, save=False)["save_method"]["status"] == "pending"
    for age_s in (61, 121, 301, 901, 3_601):
        reconcile(local_stack, age_s)
    assert save_status(app, payment) == "not_saved" and list_methods(app) == []


def test_failed_payment_saves_its_card_once_paid(app: App, local_stack: LocalStack) -> None:
    payment = start_saving_payment(app)
    pay_by_card(app, payment, "fail")
    assert save_status(app, payment) == "pending" and list_methods(app) == []
    assert pay_and_verify(app, payment)["save_method"]["status"] == "saved"


def test_top_up_saves_its_card_and_the_next_one_opens_on_it(app: App) -> None:
    path, amount = "/wallets/add-money/", {"amount": "250.00"}
    assert set(app.call("POST", path, amount | {"save_method": True}).json()) == {"contact"}
    started = app.post(path, amount | {"save_method": True, "contact": app.phone})
    saved = pay_and_verify(app, started)["save_method"]
    assert saved["status"] == "saved" and app.balance == "250.00"
    (method,) = list_methods(app)
    assert method["id"] == saved["payment_method"]
    again = app.post(path, amount | {"payment_method": method["id"]})
    assert again["payment_method"] == method["id"] and again["checkout"]["token"]
    unknown = app.call("POST", path, amount | {"payment_method": started["id"]})
    assert unknown.status_code == 400 and set(unknown.json()) == {"payment_method"}


def test_saving_requires_contact_and_gateway_source(app: App) -> None:
    declined = app.call("POST", "/payments/", payment_body(save_method=True))
    assert (declined.status_code, list(declined.json())) == (400, ["contact"])
    from_wallet = payment_body(save_method=True, contact=new_contact(), source="wallet")
    declined = app.call("POST", "/payments/", from_wallet, "key")
    assert (declined.status_code, list(declined.json())) == (400, ["save_method"])
    assert app.get("/payments/")["count"] == 0


def test_key_reused_without_save_method_conflicts(app: App) -> None:
    contact = new_contact()
    first = start_saving_payment(app, contact, "key")
    assert start_saving_payment(app, contact, "key") == first
    other = app.call("POST", "/payments/", payment_body(contact=contact), "key")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert "save_method" in other.json()["detail"]


def test_payment_without_save_method_has_plain_checkout(app: App) -> None:
    payment = app.post("/payments/", payment_body())
    assert payment["save_method"] is None
    assert not {"customer_id", "remember_customer", "token"} & set(payment["checkout"])
    assert payment["checkout"]["config"] == {"display": {"hide": [{"method": "upi", "flows": ["collect"]}]}}


# --- the customer at Razorpay


def test_razorpay_customer_is_created_once(app: App, local_stack: LocalStack) -> None:
    """Checkout is opened for that customer and offers to remember the card."""
    first, second = start_saving_payment(app), start_saving_payment(app, new_contact())
    checkout = first["checkout"]
    assert checkout["remember_customer"] is True and checkout["customer_id"] == second["checkout"]["customer_id"]
    found = local_stack.control("state", {})["customers"].values()
    assert [customer["id"] for customer in found if customer["contact"] == app.phone] == [checkout["customer_id"]]


def test_contact_of_another_customer_saves_nothing(app: App, local_stack: LocalStack) -> None:
    """Razorpay's customer belongs to the first customer who proved the number, also when it is given to another."""
    other = App(local_stack, phone=app.phone)
    saved_first = pay_and_verify(app, start_saving_payment(app))
    assert saved_first["save_method"]["status"] == "saved"
    payment = start_saving_payment(other)
    assert payment["save_method"] == {"status": "not_available", "payment_method": None}
    assert "customer_id" not in payment["checkout"]
    done = pay_and_verify(other, payment)
    assert (done["status"], done["save_method"]["status"]) == ("captured", "not_available")
    assert list_methods(other) == [] and len(list_methods(app)) == 1


def test_concurrent_customers_never_share_a_contact(local_stack: LocalStack) -> None:
    for _ in range(3):
        contact = new_contact()
        apps = [App(local_stack, phone=contact) for _ in range(4)]
        payments = at_once([partial(start_saving_payment, app) for app in apps])
        assert sorted(payment["save_method"]["status"] for payment in payments) == ["not_available"] * 3 + ["pending"]


def test_concurrent_payments_share_one_razorpay_customer(app: App) -> None:
    payments = at_once([partial(start_saving_payment, app.another_phone()) for _ in range(6)])
    assert {payment["save_method"]["status"] for payment in payments} == {"pending"}
    assert len({payment["checkout"]["customer_id"] for payment in payments}) == 1


def test_number_that_no_token_proves_gets_the_same_response(app: App, local_stack: LocalStack) -> None:
    """Taken or free: nobody learns by asking whether somebody saves cards under a number, or takes it from them."""
    assert pay_and_verify(app, start_saving_payment(app))["save_method"]["status"] == "saved"
    stranger = App(local_stack, phone="")
    taken, free = start_saving_payment(stranger, app.phone), start_saving_payment(stranger, new_contact())
    for payment in (taken, free):
        assert payment["save_method"] == {"status": "pending", "payment_method": None}
        assert not {"customer_id", "remember_customer"} & payment["checkout"].keys()
        assert pay_and_verify(stranger, payment)["save_method"]["status"] == "not_saved"


def test_capture_that_names_a_number_claims_it(app: App, local_stack: LocalStack) -> None:
    """The next payment of the customer saves its card. Another number in checkout, or no capture, claims nothing."""
    stranger, contact = App(local_stack, phone=""), new_contact()
    first = start_saving_payment(stranger, contact)
    pay_by_card(stranger, first, "fail")
    assert "customer_id" not in start_saving_payment(stranger, contact)["checkout"]
    pay_and_verify(stranger, start_saving_payment(stranger, contact), contact=new_contact())
    assert "customer_id" not in start_saving_payment(stranger, contact)["checkout"]
    assert pay_and_verify(stranger, first)["save_method"]["status"] == "not_saved"
    second = start_saving_payment(stranger, contact)
    assert second["checkout"]["customer_id"] and pay_and_verify(stranger, second)["save_method"]["status"] == "saved"


def test_account_without_saved_cards_still_takes_payment(app: App, local_stack: LocalStack) -> None:
    local_stack.control("features", {"saved_cards": False})
    try:
        payment = start_saving_payment(app)
        assert payment["save_method"] == {"status": "not_available", "payment_method": None}
        assert "customer_id" not in payment["checkout"]
        done = pay_and_verify(app, payment)
    finally:
        local_stack.control("features", {"saved_cards": True})
    assert (done["status"], done["save_method"]["status"]) == ("captured", "not_available")
    assert list_methods(app) == []


@pytest.mark.usefixtures("held")
def test_disabling_saved_cards_leaves_payment_captured(app: App, local_stack: LocalStack) -> None:
    """The card is saved later, once the feature is enabled again."""
    payment = start_saving_payment(app)
    paid = pay_by_card(app, payment)
    local_stack.control("features", {"saved_cards": False})
    try:
        done = app.verify(payment, paid).json()
        assert (done["status"], done["save_method"]["status"]) == ("captured", "pending") and list_methods(app) == []
    finally:
        local_stack.control("features", {"saved_cards": True})
    reconcile(local_stack)
    assert save_status(app, payment) == "saved" and len(list_methods(app)) == 1


# --- lost responses


@pytest.mark.parametrize("fault", QUICK_FAULTS)
def test_failed_customer_creation_prevents_no_payment(fault: str, app: App, local_stack: LocalStack) -> None:
    """The payment starts without saving its card; the next one saves it."""
    local_stack.control("faults", [{"method": "POST", "path": "/v1/customers", "fault": fault}])
    started = app.call("POST", "/payments/", payment_body(save_method=True, contact=app.phone), "key")
    assert (started.status_code, started.json()["save_method"]["status"]) == (201, "not_available")
    assert started.json()["checkout"] and app.get("/payments/")["count"] == 1
    assert start_saving_payment(app, key="another-key")["save_method"]["status"] == "pending"
    found = local_stack.control("state", {})["customers"].values()
    assert [customer["contact"] for customer in found].count(app.phone) == 1


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("fault", QUICK_FAULTS)
def test_unreadable_token_is_saved_by_the_reconciler(fault: str, app: App, local_stack: LocalStack) -> None:
    """The payment is captured at once all the same."""
    payment = start_saving_payment(app)
    paid = pay_by_card(app, payment)
    local_stack.control("faults", [{"method": "GET", "path": "/v1/customers", "fault": fault}])
    done = app.verify(payment, paid)
    assert (done.status_code, done.json()["status"]) == (200, "captured")
    assert done.json()["save_method"]["status"] == "pending" and list_methods(app) == []
    reconcile(local_stack)
    assert save_status(app, payment) == "saved" and len(list_methods(app)) == 1


@pytest.mark.usefixtures("held")
def test_unreadable_token_is_saved_by_next_event_or_verify(app: App, local_stack: LocalStack) -> None:
    payments = [start_saving_payment(app) for _ in range(2)]
    paid = [pay_by_card(app, payment) for payment in payments]
    local_stack.control("faults", [{"method": "GET", "path": "/v1/customers", "fault": "500", "times": 2}])
    for payment, fields in zip(payments, paid, strict=True):
        assert app.verify(payment, fields).json()["save_method"]["status"] == "pending"
    assert app.verify(payments[0], paid[0]).json()["save_method"]["status"] == "saved"
    assert {delivery["status"] for delivery in local_stack.control("deliver", {})} == {200}
    assert save_status(app, payments[1]) == "saved" and len(list_methods(app)) == 1


@pytest.mark.usefixtures("held")
def test_hanging_token_read_does_not_fail_webhooks(app: App, local_stack: LocalStack) -> None:
    """Razorpay waits five seconds for a webhook's response."""
    payment = start_saving_payment(app)
    pay_by_card(app, payment)
    local_stack.control("faults", [{"method": "GET", "path": "/v1/customers", "fault": "timeout_before", "times": 1}])
    deliveries = local_stack.control("deliver", {"order": "reverse"})
    assert {delivery["status"] for delivery in deliveries} == {200}
    assert app.status(payment) == "captured"
