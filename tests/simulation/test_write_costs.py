"""Moving money costs four write units and what the indexes take, and a repeated report or request costs none."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.template import Template
from tests.simulation.faults import parsed_item
from tests.simulation.flows.flow import API, fund_wallet, start_top_up
from tests.simulation.world import World
from tools.cost.meter import Meter
from tools.cost.prices import Usage

pytestmark = pytest.mark.usefixtures("harness")
SPEND = {"amount": "200.00", "source": "wallet", "reference": "garment-order-1042", "description": "Dry cleaning"}


class Reader:
    """A client that reads the stored items, past the code under test."""

    def __init__(self, world: World) -> None:
        self.world = world

    def get_item(self, **request: Any) -> dict[str, Any]:
        item = self.world.dynamodb.call("GetItem", request).get("Item", {})
        return {"Item": parsed_item(item)}


@pytest.fixture
def meter(world: World) -> Iterator[Meter]:
    """Counts the write units of the tables, without their indexes."""
    counter = Meter(Template(), Reader(world))
    counter.tables = {name: {"KeySchema": table["KeySchema"]} for name, table in counter.tables.items()}
    with counter:
        yield counter


def test_settling_a_top_up_takes_four_units_once(world: World, meter: Meter) -> None:
    customer = world.customers[0]
    payment = start_top_up(world, customer)
    world.pay(payment["gateway_order_id"])
    event = world.events_of("payment.captured")[-1]
    units = []
    for _ in range(3):
        meter.reset(Usage())
        assert world.deliver(event).status == 200
        units.append(meter.usage.write_units)
    assert units == [4, 0, 0] and world.balance_paise(customer) == 50_000


def test_spending_takes_four_units_once(world: World, meter: Meter) -> None:
    customer = world.customers[0]
    fund_wallet(world, customer)
    units = []
    for _ in range(3):
        meter.reset(Usage())
        assert world.call(customer, "POST", f"{API}/payments/", SPEND, "key").status == 201
        units.append(meter.usage.write_units)
    assert units == [4, 0, 0] and world.balance_paise(customer) == 30_000


def test_looking_writes_nothing(world: World, meter: Meter) -> None:
    meter.reset(Usage())
    customer = world.customers[0]
    for path in ("wallets/", "wallets/transactions/", "payments/"):
        assert world.call(customer, "GET", f"{API}/{path}").status == 200
    assert meter.usage.write_units == 0 and world.dynamodb.journal == []
