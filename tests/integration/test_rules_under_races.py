"""The rules themselves under threads, on the bundle's tables: no HTTP, no handler, one process."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from local.cloud import CREDENTIALS
from local.template import Template
from shared import clock, gateway, payments, settings, store, wallet
from shared.errors import InsufficientFunds
from shared.gateway import GatewayPayment
from shared.store import Payment
from tests.app import at_once
from tests.conftest import Bundle
from tests.engines import Dynoxide, why_not

MODELS = (store.PaymentMethod, store.Entry, store.Payment, store.Refund)
CACHES = (settings.settings, store._bind, store._connection)
TOP_UP = {"amount": 50_000, "description": ""}
SPEND = {
    "amount": 50_000,
    "source": "wallet",
    "payment_method": None,
    "reference": "",
    "description": "",
    "contact": "",
}


@pytest.fixture(scope="module")
def dynoxide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dynoxide]:
    engine = Dynoxide(tmp_path_factory.mktemp("dynoxide"))
    yield engine
    engine.kill()


@pytest.fixture(
    autouse=True,
    params=["ministack", pytest.param("dynoxide", marks=pytest.mark.skipif(bool(why_not()), reason=why_not()))],
)
def tables(request: pytest.FixtureRequest, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tables of the one engine or of the other; the tests are the same."""
    environment = Template().environment({"RAZORPAY_BASE_URL": bundle.razorpay})
    environment |= {**CREDENTIALS, "AWS_ENDPOINT_URL": bundle.s3}
    if request.param == "dynoxide":
        environment["AWS_ENDPOINT_URL"] = request.getfixturevalue("dynoxide").url
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(gateway, "gateway_key", lambda: (bundle.key_id, bundle.key_secret))
    monkeypatch.setattr(gateway, "retired_key_secrets", list)
    forget()
    yield
    forget()


def forget() -> None:
    for cached in CACHES:
        cached.cache_clear()
    for model in MODELS:
        model._connection = None


def top_up(customer: str) -> Payment:
    started = payments.add_balance(customer, None, TOP_UP, None)
    found = store.payment(customer, started.payment["id"])
    assert found
    return found


def told(payment: Payment, id: str = "pay_00000000000001") -> GatewayPayment:
    return GatewayPayment(id, str(payment.gateway_order), 50_000, "INR", "captured", True, "upi", "")


def ledger(customer: str) -> list[store.Entry]:
    return store.entries(wallet.wallet_id(customer), 0, 1_000, newest_first=False)


def test_sixteen_threads_settle_one_payment_and_one_entry_is_written() -> None:
    for _ in range(5):
        customer = clock.new_id()
        payment = top_up(customer)
        views = [store.payment(customer, payment.id) for _ in range(16)]
        deadline_us = clock.now_us() + 30_000_000
        acts = [partial(payments.settle, view, told(payment), "race", deadline_us) for view in views]
        settled: list[Any] = at_once(acts)
        assert sum(one.credited for one in settled) == 1
        assert {one.answer()["status"] for one in settled} == {"captured"}
        assert [one.seq for one in ledger(customer)] == [0, 1] and wallet.faults(ledger(customer)) == []


def test_eight_payments_into_one_wallet_at_once_are_all_credited() -> None:
    customer = clock.new_id()
    opened = [top_up(customer) for _ in range(8)]
    deadline_us = clock.now_us() + 60_000_000
    acts = [
        partial(payments.settle, payment, told(payment, f"pay_{place:014d}"), "race", deadline_us)
        for place, payment in enumerate(opened)
    ]
    assert all(one.credited for one in at_once(acts))
    entries = ledger(customer)
    assert [one.seq for one in entries] == list(range(9)) and entries[-1].balance_paise == 400_000
    assert wallet.faults(entries) == []


def test_credits_and_debits_at_once_never_go_below_zero() -> None:
    customer = clock.new_id()
    opened = [top_up(customer) for _ in range(4)]
    deadline_us = clock.now_us() + 60_000_000

    def spend(key: str) -> bool:
        try:
            payments.create(customer, SPEND, key)
        except InsufficientFunds:
            return False
        return True

    credits = [
        partial(payments.settle, payment, told(payment, f"pay_{place:014d}"), "race", deadline_us)
        for place, payment in enumerate(opened)
    ]
    done = at_once([*credits, *(partial(spend, f"key-{number}") for number in range(6))])
    entries = ledger(customer)
    assert wallet.faults(entries) == []
    assert entries[-1].balance_paise == 200_000 - 50_000 * sum(one is True for one in done[4:])


# --- the meter: what each flow costs, in calls and in write units

FLOWS = {
    # flow: (reads, writes, write units)
    "first look at a wallet": (1, 1, 2),
    "start a top-up": (1, 1, 1),
    "settle by webhook": (3, 1, 4),
    "the same webhook again": (2, 0, 0),
    "pay from the wallet": (2, 1, 4),
    "the same payment again": (2, 0, 0),  # the payment, and the wallet as it is by now
}
READS = ("GetItem", "Query")


def test_every_flow_costs_what_the_table_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from pynamodb.connection import Connection

    calls: list[str] = []
    units: list[float] = []
    real = Connection._make_api_call

    def metered(self: Connection, operation_name: str, operation_kwargs: dict[str, Any], *args: Any) -> Any:
        calls.append(operation_name)
        if operation_name not in READS:
            units.append(write_units(self, operation_name, operation_kwargs))
        return real(self, operation_name, operation_kwargs, *args)

    monkeypatch.setattr(Connection, "_make_api_call", metered)
    monkeypatch.setattr(gateway, "create_order", lambda *args: f"order_{clock.new_id().replace('-', '')[:14]}")
    customer = clock.new_id()
    costs = {}

    def measured(flow: str, act: Any) -> Any:
        calls.clear()
        units.clear()
        result = act()
        reads = sum(call in READS for call in calls)
        costs[flow] = (reads, len(calls) - reads, sum(units))
        return result

    measured("first look at a wallet", lambda: wallet.newest(customer))
    started = measured("start a top-up", lambda: payments.add_balance(customer, None, TOP_UP, None))
    order, deadline_us = started.payment["gateway_order_id"], clock.now_us() + 30_000_000

    def webhook() -> Any:
        found = store.payment_of_gateway_order(order)
        assert found
        return payments.settle(found, told(found), "payment.captured", deadline_us, "evt")

    measured("settle by webhook", webhook)
    measured("the same webhook again", webhook)
    measured("pay from the wallet", lambda: payments.create(customer, SPEND, "key"))
    measured("the same payment again", lambda: payments.create(customer, SPEND, "key"))
    assert costs == FLOWS


def write_units(connection: Any, operation: str, sent: dict[str, Any]) -> int:
    """Write units of the tables, without those of their indexes: one a KB, twice that in a transaction."""
    if operation == "TransactWriteItems":
        return sum(2 * kilobytes(next(iter(one.values()))) for one in sent["TransactItems"])
    return kilobytes(sent)


def kilobytes(write: dict[str, Any]) -> int:
    """Of a put its item; of an update the values it sends, since the items here stay below a KB."""
    values = write.get("Item") or write.get("ExpressionAttributeValues") or {}
    size = sum(len(name) + len(str(next(iter(value.values())))) for name, value in values.items())
    return max((size + 1_023) // 1_024, 1)
