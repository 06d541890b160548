"""Many at once, over HTTP through real processes and an engine that holds under races."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests.app import App, at_once
from tests.conftest import Bundle


@pytest.mark.usefixtures("held")
def test_sixteen_clients_settle_one_payment_and_one_entry_is_written(app: App, bundle: Bundle) -> None:
    payment = app.add_money()
    paid = app.pay(payment)
    phones = [app.another_phone() for _ in range(12)]
    verifies = [partial(phone.verify, payment, paid) for phone in phones]
    syncs = [partial(phone.call, "POST", f"/payments/{payment['id']}/sync/") for phone in phones[:3]]
    webhook = partial(bundle.control, "deliver", {"times": 3})
    answers = at_once([*verifies, *syncs, webhook])
    assert [one.status_code for one in answers[:-1]] == [200] * 15
    assert {one["status"] for one in answers[-1]} == {200}
    assert (app.balance, len(app.transactions)) == ("500.00", 1)


@pytest.mark.usefixtures("held")
def test_two_taps_with_one_key_are_one_payment_with_one_gateway_order(app: App, bundle: Bundle) -> None:
    for number in range(5):
        key = f"tap-{number}"
        first, second = at_once([partial(app.another_phone().add_money, "10.00", key) for _ in range(2)])
        assert first == second
    orders = bundle.control("state", {})["orders"].values()
    seen = {one["gateway_order_id"] for one in app.get("/payments/")["results"]}
    assert len(seen) == 5
    assert all(one["status"] == "created" for one in orders if one["id"] in seen)


def test_a_balance_for_one_payment_pays_for_one(app: App) -> None:
    app.topped_up("100.00")
    phones = [app.another_phone() for _ in range(16)]
    answers = at_once([partial(phone.spend, "100.00", f"key-{place}") for place, phone in enumerate(phones)])
    assert Counter(one.status_code for one in answers) == {201: 1, 400: 15}
    assert app.balance == "0.00"


def test_one_key_spent_sixteen_times_at_once_is_one_payment(app: App) -> None:
    app.topped_up("100.00")
    answers = at_once([partial(app.another_phone().spend, "60.00", "same") for _ in range(16)])
    assert {one.status_code for one in answers} == {201} and len({one.json()["id"] for one in answers}) == 1
    assert app.balance == "40.00"


def test_two_defaults_cannot_exist_whatever_races(app: App) -> None:
    ids = [app.post("/payment-methods/", {"type": "upi", "upi_id": f"a{n}@ybl"})["id"] for n in range(6)]
    phones = [app.another_phone() for _ in ids]
    acts: list[Any] = [
        partial(phone.call, "POST", f"/payment-methods/{one}/set_default/")
        for phone, one in zip(phones, ids, strict=True)
    ]
    acts.append(partial(app.another_phone().call, "DELETE", f"/payment-methods/{ids[0]}/"))
    assert {one.status_code for one in at_once(acts)} <= {200, 204, 404}
    assert sum(one["is_default"] for one in app.get("/payment-methods/")["results"]) <= 1


def test_the_traffic_of_eight_customers_at_once_leaves_every_balance_the_sum_of_its_entries(bundle: Bundle) -> None:
    apps = [App(bundle) for _ in range(8)]

    def day(app: App) -> None:
        for number in range(4):
            payment = app.add_money("50.00", key=f"top-{number}")
            paid = app.pay(payment)
            app.verify(payment, paid)
            app.spend("30.00", f"spend-{number}")
            app.spend("30.00", f"spend-{number}")

    at_once([partial(day, app) for app in apps for _ in (1,)])
    for app in apps:
        rows = app.transactions
        moved = sum((1 if row["type"] == "credit" else -1) * round(float(row["amount"]) * 100) for row in rows)
        assert rows[0]["balance_after"] == app.balance
        assert moved == round(float(app.balance) * 100) == 8_000
        assert Counter(row["category"] for row in rows) == {"top_up": 4, "payment": 4}
