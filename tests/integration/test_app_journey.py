"""A day of the app, over HTTP against the running service."""

import pytest

from tests.support.api_client import App
from tests.support.local_stack import LocalStack

METHODS = (
    {"type": "card", "card_last4": "4242", "card_brand": "Visa"},
    {"type": "upi", "upi_id": "asha@okhdfcbank"},
    {"type": "netbanking", "bank_name": "HDFC Bank", "provider": "HDFC"},
    {"type": "wallet", "wallet_provider": "paytm", "wallet_number": "9876543210"},
)


@pytest.mark.usefixtures("held")
def test_day_of_the_app(app: App, local_stack: LocalStack) -> None:
    assert app.get("/payment-methods/")["count"] == 0
    for method in METHODS:
        app.post("/payment-methods/", method)
    assert [method["type"] for method in app.get("/saved-methods/")["results"]] == [
        "wallet",
        "netbanking",
        "upi",
        "card",
    ]

    # A top-up is paid in checkout and verified.
    first = app.add_money("500.00")
    paid = app.pay(first)
    assert app.balance == "0.00"
    verified = app.verify(first, paid)
    assert verified.status_code == 200
    assert verified.json()["wallet"] == app.get("/wallets/")["results"][0]
    assert (app.balance, len(app.transactions)) == ("500.00", 1)

    # The webhooks arrive late, twice, and in the wrong order. Nothing changes.
    delivered = local_stack.control("deliver", {"times": 2, "order": "reverse"})
    assert [delivery["status"] for delivery in delivered] == [200] * 6
    assert app.verify(first, paid).status_code == 200
    assert (app.balance, len(app.transactions)) == ("500.00", 1)

    # The second top-up's verify call is lost. The webhook applies it.
    second = app.add_money("250.00")
    app.pay(second)
    local_stack.control("deliver", {})
    assert (app.status(second), app.balance) == ("captured", "750.00")

    # The third top-up's webhook is lost too. The reconciler applies it.
    third = app.add_money("100.00")
    app.pay(third)
    local_stack.control("deliver", {"drop": True})
    assert local_stack.invoke("ReconcilePayments")["ReconcileCredited"] >= 1  # by Razorpay's list: it is not due yet
    assert app.balance == "850.00"
    local_stack.clock(61)
    assert local_stack.invoke("ReconcilePayments")["ReconcileFailed"] == 0
    assert (app.status(third), app.balance) == ("captured", "850.00")

    # A payment from the wallet is accepted, and declined when the balance is too low.
    spent = app.spend("800.00", "order-1")
    assert (spent.status_code, spent.json()["wallet"]) == (201, app.get("/wallets/")["results"][0])
    declined = app.spend("50.01", "order-2")
    assert (declined.status_code, declined.json()["code"]) == (400, "insufficient_funds")
    assert app.balance == "50.00"
    assert [
        (entry["type"], entry["category"], entry["amount"], entry["balance_after"]) for entry in app.transactions
    ] == [
        ("debit", "payment", "800.00", "50.00"),
        ("credit", "top_up", "100.00", "850.00"),
        ("credit", "top_up", "250.00", "750.00"),
        ("credit", "top_up", "500.00", "500.00"),
    ]


CARDS = (
    {"last4": "1007", "network": "Visa", "issuer": "HDFC"},
    {"last4": "1002", "network": "MasterCard", "issuer": "ICIC"},
    {"last4": "1003", "network": "RuPay", "issuer": "SBIN"},
    {"last4": "1004", "network": "Visa", "issuer": "UTIB"},
)


@pytest.mark.usefixtures("held")
def test_day_of_saved_cards(app: App, local_stack: LocalStack) -> None:
    # Each capture is reported in another way, and each way saves the card.
    for card, reported_by in zip(CARDS, ("verify", "webhook", "sync", "reconciler"), strict=True):
        wanted = {"amount": "250.00", "source": "gateway", "save_method": True, "contact": app.phone}
        payment = app.post("/payments/", wanted)
        paid = app.pay(payment, method="card", save=True, card=card)
        if reported_by == "verify":
            assert app.verify(payment, paid).json()["save_method"]["status"] == "saved"
        elif reported_by == "sync":
            assert app.post(f"/payments/{payment['id']}/sync/", status=200)["save_method"]["status"] == "saved"
        elif reported_by == "webhook":
            assert {delivery["status"] for delivery in local_stack.control("deliver", {})} == {200}
        else:
            local_stack.clock(61)
            local_stack.invoke("ReconcilePayments")
        saved = app.get(f"/payments/{payment['id']}/")["save_method"]
        assert saved["status"] == "saved", reported_by
        method = app.get(f"/payment-methods/{saved['payment_method']}/")
        assert (method["last4"], method["status"]) == (card["last4"], "active")
    listed = app.get("/payment-methods/")["results"]
    assert [method["last4"] for method in listed] == ["1004", "1003", "1002", "1007"]

    # The bank suspends the last card, which a webhook reports, and then reactivates it.
    ordered = {"amount": "250.00", "source": "gateway", "payment_method": method["id"]}
    token = app.post("/payments/", ordered)["checkout"]["token"]
    for status, expected in (("suspended", 400), ("activated", 201)):
        local_stack.control("token", {"token_id": token, "status": status})
        assert {delivery["status"] for delivery in local_stack.control("deliver", {})} == {200}
        assert app.call("POST", "/payments/", ordered).status_code == expected

    # The card becomes the default, pays, and is deleted: here and at Razorpay.
    assert app.post(f"/payment-methods/{method['id']}/set_default/", status=200)["is_default"]
    payment = app.post("/payments/", ordered)
    assert app.verify(payment, app.pay(payment, method="card", token=token)).json()["status"] == "captured"
    assert app.call("DELETE", f"/payment-methods/{method['id']}/").status_code == 204
    assert [method["last4"] for method in app.get("/payment-methods/")["results"]] == ["1003", "1002", "1007"]
    assert token not in local_stack.control("state", {})["tokens"]

    # Razorpay is unavailable while another card is deleted. The reconciler finishes the deletion.
    other = app.get("/payment-methods/")["results"][0]["id"]
    token = app.post("/payments/", ordered | {"payment_method": other})["checkout"]["token"]
    local_stack.control("faults", [{"method": "DELETE", "path": "/v1/customers", "fault": "refuse", "times": 2}])
    assert app.call("DELETE", f"/payment-methods/{other}/").status_code == 204
    for _ in range(2):
        local_stack.clock(61)
        local_stack.invoke("ReconcilePayments")
    assert token not in local_stack.control("state", {})["tokens"]


@pytest.mark.usefixtures("held")
def test_sync_recovers_lost_checkout_fields(app: App, local_stack: LocalStack) -> None:
    payment = app.add_money()
    pending = app.call("POST", f"/payments/{payment['id']}/sync/")
    assert pending.status_code == 202
    app.pay(payment)
    local_stack.clock(int(pending.headers["Retry-After"]))
    assert app.post(f"/payments/{payment['id']}/sync/", status=200)["status"] == "captured"
    assert app.balance == "500.00"


@pytest.mark.usefixtures("held")
def test_late_success_credits_a_failed_payment(app: App, local_stack: LocalStack) -> None:
    payment = app.add_money()
    app.pay(payment, "late")
    local_stack.control("deliver", {})
    payment_now = app.get(f"/payments/{payment['id']}/")
    assert (
        payment_now["status"] == "failed"
        and payment_now["failure"]["code"] == "payment_failed"
        and payment_now["checkout"]
    )
    local_stack.control("late", {"order_id": payment["gateway_order_id"]})
    local_stack.control("deliver", {"order": "reverse"})
    assert (app.status(payment), app.balance) == ("captured", "500.00")


@pytest.mark.usefixtures("held")
def test_verify_captures_an_authorized_payment(app: App) -> None:
    payment = app.add_money()
    response = app.verify(payment, app.pay(payment, "authorize"))
    assert (response.status_code, response.json()["status"], app.balance) == (200, "captured", "500.00")


def test_checkout_has_what_razorpays_sdk_needs(app: App, local_stack: LocalStack) -> None:
    checkout = app.add_money("123.45")["checkout"]
    assert (checkout["key"], checkout["amount"], checkout["currency"]) == (local_stack.key_id, 12_345, "INR")
    assert checkout["order_id"].startswith("order_")
    assert {"method": "upi", "flows": ["collect"]} in checkout["config"]["display"]["hide"]


@pytest.mark.usefixtures("held")
def test_refunds_debit_once_in_any_order(app: App, local_stack: LocalStack) -> None:
    payment = app.top_up()
    paid = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    local_stack.control("refund", {"payment_id": paid, "amount": 20_000})
    local_stack.control("refund", {"payment_id": paid})
    local_stack.control("deliver", {"order": "reverse", "times": 2})
    assert (app.status(payment), app.balance) == ("refunded", "0.00")


@pytest.mark.usefixtures("held")
def test_refund_before_its_capture_ends_at_zero(app: App, local_stack: LocalStack) -> None:
    payment = app.add_money()
    paid = app.pay(payment)
    local_stack.control("refund", {"payment_id": paid["razorpay_payment_id"]})
    local_stack.control("deliver", {"order": "reverse"})
    assert (app.status(payment), app.balance, len(app.transactions)) == ("refunded", "0.00", 2)


@pytest.mark.usefixtures("held")
def test_second_capture_is_reviewed_and_credits_nothing(app: App, local_stack: LocalStack) -> None:
    payment = app.top_up()
    local_stack.control("double_pay", {"order_id": payment["gateway_order_id"]})
    local_stack.control("deliver", {})
    payment_now = app.get(f"/payments/{payment['id']}/")
    assert (payment_now["in_review"], payment_now["status"], app.balance) == (True, "captured", "500.00")


def test_pages_and_filters_count_exactly(app: App) -> None:
    app.top_up("100.00")
    for number in range(22):
        assert app.spend("1.00", f"k{number}").status_code == 201
    page = app.get("/wallets/transactions/?page=2&type=debit")
    assert (page["count"], len(page["results"]), page["next"]) == (22, 2, None)
    assert page["previous"].endswith("/transactions/?type=debit")
    assert [entry["balance_after"] for entry in page["results"]] == ["98.00", "99.00"]
    assert app.get("/wallets/transactions/?category=top_up")["count"] == 1
    assert app.get("/wallets/transactions/?from=2020-01-01&to=2020-01-02")["count"] == 0
    middle = app.get("/wallets/transactions/")["results"][10]["created_at"]
    assert app.get(f"/wallets/transactions/?to={middle}")["count"] == 12
    assert app.get(f"/wallets/transactions/?from={middle}&type=debit")["count"] == 11
    assert app.call("GET", "/wallets/transactions/?type=cash").status_code == 400
    assert app.call("GET", "/wallets/transactions/?from=tomorrow").status_code == 400
    assert app.get("/payments/?page=last")["count"] == 23


def test_full_wallet_rejects_top_up(app: App) -> None:
    app.top_up("200000.00")
    declined = app.call("POST", "/wallets/add-money/", {"amount": "1.00"})
    assert (declined.status_code, declined.json()["code"]) == (409, "wallet_limit")


@pytest.mark.parametrize(
    "path", ["/payment-methods", "/saved-methods", "/wallets", "/wallets/transactions", "/payments"]
)
def test_trailing_slash_is_optional(path: str, app: App) -> None:
    app.call(
        "POST", "/wallets/add-money/", {"amount": "1.00"}
    )  # it opens the wallet, which shows the time until then
    assert app.get(path) == app.get(f"{path}/")
