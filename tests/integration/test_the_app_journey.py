"""A day of the app, over HTTP against the running bundle."""

import secrets

import pytest

from tests.app import App
from tests.conftest import Bundle

METHODS = (
    {"type": "card", "card_last4": "4242", "card_brand": "Visa"},
    {"type": "upi", "upi_id": "asha@okhdfcbank"},
    {"type": "netbanking", "bank_name": "HDFC Bank", "provider": "HDFC"},
    {"type": "wallet", "wallet_provider": "paytm", "wallet_number": "9876543210"},
)


@pytest.mark.usefixtures("held")
def test_a_day_of_the_app(app: App, bundle: Bundle) -> None:
    assert app.get("/payment-methods/")["count"] == 0
    for method in METHODS:
        app.post("/payment-methods/", method)
    assert [one["type"] for one in app.get("/saved-methods/")["results"]] == ["wallet", "netbanking", "upi", "card"]

    # Topped up, paid in checkout, verified.
    first = app.add_money("500.00")
    paid = app.pay(first)
    assert app.balance == "0.00"
    verified = app.verify(first, paid)
    assert verified.status_code == 200
    assert verified.json()["wallet"] == app.get("/wallets/")["results"][0]
    assert (app.balance, len(app.transactions)) == ("500.00", 1)

    # The webhooks come late, twice, and in the wrong order: nothing changes.
    delivered = bundle.control("deliver", {"times": 2, "order": "reverse"})
    assert [one["status"] for one in delivered] == [200] * 6
    assert app.verify(first, paid).status_code == 200
    assert (app.balance, len(app.transactions)) == ("500.00", 1)

    # The second one's verify call is lost: the webhook settles it.
    second = app.add_money("250.00")
    app.pay(second)
    bundle.control("deliver", {})
    assert (app.status(second), app.balance) == ("captured", "750.00")

    # The third one's webhook is lost too: the reconciler settles it.
    third = app.add_money("100.00")
    app.pay(third)
    bundle.control("deliver", {"drop": True})
    assert bundle.invoke("ReconcilePayments")["ReconcileCredited"] == 0  # too early to ask
    bundle.clock(61)
    assert bundle.invoke("ReconcilePayments")["ReconcileCredited"] >= 1
    assert (app.status(third), app.balance) == ("captured", "850.00")

    # Spent from the wallet, and refused when it is not enough.
    spent = app.spend("800.00", "order-1")
    assert (spent.status_code, spent.json()["wallet"]) == (201, app.get("/wallets/")["results"][0])
    refused = app.spend("50.01", "order-2")
    assert (refused.status_code, refused.json()["code"]) == (400, "insufficient_funds")
    assert app.balance == "50.00"
    assert [(one["type"], one["category"], one["amount"], one["balance_after"]) for one in app.transactions] == [
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
def test_a_day_of_saved_cards(app: App, bundle: Bundle) -> None:
    contact = f"+919{secrets.randbelow(10**9):09}"
    # Each card is learnt of another way, so that whoever settles may save.
    for card, learnt_by in zip(CARDS, ("verify", "webhook", "sync", "reconciler"), strict=True):
        wanted = {"amount": "250.00", "source": "gateway", "save_method": True, "contact": contact}
        payment = app.post("/payments/", wanted)
        paid = app.pay(payment, method="card", save=True, card=card)
        if learnt_by == "verify":
            assert app.verify(payment, paid).json()["save_method"]["status"] == "saved"
        elif learnt_by == "sync":
            assert app.post(f"/payments/{payment['id']}/sync/", status=200)["save_method"]["status"] == "saved"
        elif learnt_by == "webhook":
            assert {one["status"] for one in bundle.control("deliver", {})} == {200}
        else:
            bundle.clock(61)
            bundle.invoke("ReconcilePayments")
        saved = app.get(f"/payments/{payment['id']}/")["save_method"]
        assert saved["status"] == "saved", learnt_by
        method = app.get(f"/payment-methods/{saved['payment_method']}/")
        assert (method["last4"], method["status"]) == (card["last4"], "active")
    listed = app.get("/payment-methods/")["results"]
    assert [one["last4"] for one in listed] == ["1004", "1003", "1002", "1007"]

    # The bank suspends the last one, which its webhook tells, and takes that back.
    ordered = {"amount": "250.00", "source": "gateway", "payment_method": method["id"]}
    token = app.post("/payments/", ordered)["checkout"]["token"]
    for status, answered in (("suspended", 400), ("activated", 201)):
        bundle.control("token", {"token_id": token, "status": status})
        assert {one["status"] for one in bundle.control("deliver", {})} == {200}
        assert app.call("POST", "/payments/", ordered).status_code == answered

    # It is made the default and paid with, then forgotten: here, and at the gateway.
    assert app.post(f"/payment-methods/{method['id']}/set_default/", status=200)["is_default"]
    payment = app.post("/payments/", ordered)
    assert app.verify(payment, app.pay(payment, method="card", token=token)).json()["status"] == "captured"
    assert app.call("DELETE", f"/payment-methods/{method['id']}/").status_code == 204
    assert [one["last4"] for one in app.get("/payment-methods/")["results"]] == ["1003", "1002", "1007"]
    assert token not in bundle.control("state", {})["tokens"]

    # The gateway is away while another is forgotten: the reconciler finishes it.
    other = app.get("/payment-methods/")["results"][0]["id"]
    token = app.post("/payments/", ordered | {"payment_method": other})["checkout"]["token"]
    bundle.control("faults", [{"method": "DELETE", "path": "/v1/customers", "fault": "refuse", "times": 2}])
    assert app.call("DELETE", f"/payment-methods/{other}/").status_code == 204
    for _ in range(2):
        bundle.clock(61)
        bundle.invoke("ReconcilePayments")
    assert token not in bundle.control("state", {})["tokens"]


@pytest.mark.usefixtures("held")
def test_an_app_that_lost_everything_asks_again_with_sync(app: App) -> None:
    payment = app.add_money()
    assert app.call("POST", f"/payments/{payment['id']}/sync/").status_code == 202
    app.pay(payment)
    assert app.post(f"/payments/{payment['id']}/sync/", status=200)["status"] == "captured"
    assert app.balance == "500.00"


@pytest.mark.usefixtures("held")
def test_a_payment_that_fails_at_first_is_credited_when_the_bank_agrees_late(app: App, bundle: Bundle) -> None:
    payment = app.add_money()
    app.pay(payment, "late")
    bundle.control("deliver", {})
    shown = app.get(f"/payments/{payment['id']}/")
    assert shown["status"] == "failed" and shown["failure"]["code"] == "payment_failed" and shown["checkout"]
    bundle.control("late", {"order_id": payment["gateway_order_id"]})
    bundle.control("deliver", {"order": "reverse"})
    assert (app.status(payment), app.balance) == ("captured", "500.00")


@pytest.mark.usefixtures("held")
def test_verify_captures_what_is_only_authorised(app: App) -> None:
    payment = app.add_money()
    answer = app.verify(payment, app.pay(payment, "authorize"))
    assert (answer.status_code, answer.json()["status"], app.balance) == (200, "captured", "500.00")


def test_checkout_is_ready_for_the_gateways_sdk(app: App, bundle: Bundle) -> None:
    checkout = app.add_money("123.45")["checkout"]
    assert (checkout["key"], checkout["amount"], checkout["currency"]) == (bundle.key_id, 12_345, "INR")
    assert checkout["order_id"].startswith("order_")
    assert {"method": "upi", "flows": ["collect"]} in checkout["config"]["display"]["hide"]


@pytest.mark.usefixtures("held")
def test_refunds_are_taken_back_once_in_any_order(app: App, bundle: Bundle) -> None:
    payment = app.topped_up()
    paid = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    bundle.control("refund", {"payment_id": paid, "amount": 20_000})
    bundle.control("refund", {"payment_id": paid})
    bundle.control("deliver", {"order": "reverse", "times": 2})
    assert (app.status(payment), app.balance) == ("refunded", "0.00")


@pytest.mark.usefixtures("held")
def test_a_refund_that_overtakes_the_capture_still_ends_at_zero(app: App, bundle: Bundle) -> None:
    payment = app.add_money()
    paid = app.pay(payment)
    bundle.control("refund", {"payment_id": paid["razorpay_payment_id"]})
    bundle.control("deliver", {"order": "reverse"})
    assert (app.status(payment), app.balance, len(app.transactions)) == ("refunded", "0.00", 2)


@pytest.mark.usefixtures("held")
def test_a_second_payment_on_one_order_is_put_under_review_and_credits_nothing(app: App, bundle: Bundle) -> None:
    payment = app.topped_up()
    bundle.control("double_pay", {"order_id": payment["gateway_order_id"]})
    bundle.control("deliver", {})
    shown = app.get(f"/payments/{payment['id']}/")
    assert (shown["in_review"], shown["status"], app.balance) == (True, "captured", "500.00")


@pytest.mark.usefixtures("held")
def test_a_dispute_puts_the_payment_under_review(app: App, bundle: Bundle) -> None:
    payment = app.topped_up()
    paid = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    bundle.control("dispute", {"payment_id": paid, "status": "lost"})
    bundle.control("deliver", {})
    assert app.get(f"/payments/{payment['id']}/")["in_review"] is True


def test_pages_and_filters_count_exactly(app: App) -> None:
    app.topped_up("100.00")
    for number in range(22):
        assert app.spend("1.00", f"k{number}").status_code == 201
    page = app.get("/wallets/transactions/?page=2&type=debit")
    assert (page["count"], len(page["results"]), page["next"]) == (22, 2, None)
    assert page["previous"].endswith("/transactions/?type=debit")
    assert [one["balance_after"] for one in page["results"]] == ["98.00", "99.00"]
    assert app.get("/wallets/transactions/?category=top_up")["count"] == 1
    assert app.get("/wallets/transactions/?from=2020-01-01&to=2020-01-02")["count"] == 0
    middle = app.get("/wallets/transactions/")["results"][10]["created_at"]
    assert app.get(f"/wallets/transactions/?to={middle}")["count"] == 12
    assert app.get(f"/wallets/transactions/?from={middle}&type=debit")["count"] == 11
    assert app.call("GET", "/wallets/transactions/?type=cash").status_code == 400
    assert app.call("GET", "/wallets/transactions/?from=tomorrow").status_code == 400
    assert app.get("/payments/?page=last")["count"] == 23


def test_a_wallet_at_its_cap_takes_no_further_top_up(app: App) -> None:
    app.topped_up("200000.00")
    refused = app.call("POST", "/wallets/add-money/", {"amount": "1.00"})
    assert (refused.status_code, refused.json()["code"]) == (409, "wallet_limit")


@pytest.mark.parametrize(
    "path", ["/payment-methods", "/saved-methods", "/wallets", "/wallets/transactions", "/payments"]
)
def test_both_forms_of_a_path_answer_alike(path: str, app: App) -> None:
    assert app.get(path) == app.get(f"{path}/")
