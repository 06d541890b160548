"""Concurrent requests over HTTP, through real processes and an engine that is correct under races."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests.support.api_client import App, at_once
from tests.support.local_stack import LocalStack


@pytest.mark.usefixtures("held")
def test_sixteen_clients_apply_one_payment_once(app: App, local_stack: LocalStack) -> None:
    payment = app.add_money()
    paid = app.pay(payment)
    phones = [app.another_phone() for _ in range(12)]
    verifies = [partial(phone.verify, payment, paid) for phone in phones]
    syncs = [partial(phone.call, "POST", f"/payments/{payment['id']}/sync/") for phone in phones[:3]]
    webhook = partial(local_stack.control, "deliver", {"times": 3})
    responses = at_once([*verifies, *syncs, webhook])
    assert [response.status_code for response in responses[:12]] == [200] * 12
    for synced in responses[12:-1]:  # of several syncs at once, one asks Razorpay; the others return what is stored
        assert synced.status_code == 200 or (synced.status_code == 202 and synced.headers["Retry-After"])
    local_stack.clock(3)
    assert syncs[0]().status_code == 200
    assert {delivery["status"] for delivery in responses[-1]} == {200}
    assert (app.balance, len(app.transactions)) == ("500.00", 1)


@pytest.mark.usefixtures("held")
def test_two_taps_with_one_key_make_one_payment(app: App) -> None:
    for number in range(5):
        key = f"tap-{number}"
        first, second = at_once([partial(app.another_phone().add_money, "10.00", key) for _ in range(2)])
        assert first == second
    assert app.get("/payments/")["count"] == 5


def test_balance_for_one_payment_pays_for_one(app: App) -> None:
    app.top_up("100.00")
    phones = [app.another_phone() for _ in range(16)]
    responses = at_once([partial(phone.spend, "100.00", f"key-{place}") for place, phone in enumerate(phones)])
    assert Counter(response.status_code for response in responses) == {201: 1, 400: 15}
    assert app.balance == "0.00"


def test_one_key_used_sixteen_times_is_one_payment(app: App) -> None:
    app.top_up("100.00")
    responses = at_once([partial(app.another_phone().spend, "60.00", "same") for _ in range(16)])
    assert {response.status_code for response in responses} == {201}
    assert len({response.json()["id"] for response in responses}) == 1
    assert app.balance == "40.00"


def test_concurrent_changes_leave_at_most_one_default(app: App) -> None:
    ids = [app.post("/payment-methods/", {"type": "upi", "upi_id": f"a{n}@ybl"})["id"] for n in range(6)]
    phones = [app.another_phone() for _ in ids]
    acts: list[Any] = [
        partial(phone.call, "POST", f"/payment-methods/{method_id}/set_default/")
        for phone, method_id in zip(phones, ids, strict=True)
    ]
    acts.append(partial(app.another_phone().call, "DELETE", f"/payment-methods/{ids[0]}/"))
    assert {result.status_code for result in at_once(acts)} <= {200, 204, 404}
    assert sum(method["is_default"] for method in app.get("/payment-methods/")["results"]) <= 1


def test_balances_of_eight_customers_equal_their_entries(
    local_stack: LocalStack,
) -> None:
    apps = [App(local_stack) for _ in range(8)]

    def use(app: App) -> None:
        for number in range(4):
            payment = app.add_money("50.00", key=f"top-{number}")
            paid = app.pay(payment)
            app.verify(payment, paid)
            app.spend("30.00", f"spend-{number}")
            app.spend("30.00", f"spend-{number}")

    at_once([partial(use, app) for app in apps])
    for app in apps:
        rows = app.transactions
        total_paise = sum((1 if row["type"] == "credit" else -1) * round(float(row["amount"]) * 100) for row in rows)
        assert rows[0]["balance_after"] == app.balance
        assert total_paise == round(float(app.balance) * 100) == 8_000
        assert Counter(row["category"] for row in rows) == {"top_up": 4, "payment": 4}
