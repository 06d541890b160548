"""What each flow costs in DynamoDB: reads, writes and write units."""

from typing import Any

import pytest

from shared import clock
from shared.deadline import Deadline
from shared.payments.apply import apply_attempt
from shared.payments.create import add_balance, create_payment
from shared.payments.models import find_by_gateway_order
from shared.razorpay import api
from shared.wallets.wallet import get_wallet
from tests.support.dynamodb_calls import recorded_calls
from tests.support.top_ups import SPEND, TOP_UP, captured_attempt

pytestmark = pytest.mark.usefixtures("engine")

COSTS = {
    # flow: (reads, writes, write units)
    "first read of a wallet": (1, 0, 0),
    "start a top-up": (2, 3, 6),  # opening the wallet costs 4 of the units; the limits a read and a write
    "apply a webhook": (3, 1, 4),
    "the same webhook again": (2, 0, 0),
    "pay from the wallet": (2, 1, 4),
    "the same payment again": (2, 0, 0),  # the payment, and the wallet's present state
}


def test_each_flow_costs_what_the_table_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "create_order", lambda *args: f"order_{clock.new_id().replace('-', '')[:14]}")
    customer = clock.new_id()
    costs = {}

    def measure(flow: str, act: Any) -> Any:
        with recorded_calls() as calls:
            result = act()
        writes = [call for call in calls if not call.is_read]
        units = sum(write_units(call.operation, call.sent) for call in writes)
        costs[flow] = (len(calls) - len(writes), len(writes), units)
        return result

    measure("first read of a wallet", lambda: get_wallet(customer))
    created = measure("start a top-up", lambda: add_balance(customer, None, TOP_UP, None))

    def webhook() -> Any:
        payment = find_by_gateway_order(created.payment.gateway_order)
        assert payment
        with Deadline(seconds=30):
            return apply_attempt(payment, captured_attempt(payment), "payment.captured", "evt")

    measure("apply a webhook", webhook)
    measure("the same webhook again", webhook)
    measure("pay from the wallet", lambda: create_payment(customer, SPEND, "key"))
    measure("the same payment again", lambda: create_payment(customer, SPEND, "key"))
    assert costs == COSTS


def write_units(operation: str, sent: dict[str, Any]) -> int:
    """Write units of the tables, without their indexes: one per KB, twice that in a transaction."""
    if operation == "TransactWriteItems":
        return sum(2 * kilobytes(next(iter(item.values()))) for item in sent["TransactItems"])
    return kilobytes(sent)


def kilobytes(write: dict[str, Any]) -> int:
    """The size of a put's item, or of the values that an update sends, since the items here stay below a KB."""
    values = write.get("Item") or write.get("ExpressionAttributeValues") or {}
    size = sum(len(name) + len(str(next(iter(value.values())))) for name, value in values.items())
    return max((size + 1_023) // 1_024, 1)
