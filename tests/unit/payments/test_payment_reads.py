"""Reading a customer's payments."""

from typing import Any

import pytest
from pynamodb.connection import Connection

from shared.aws.dynamodb import Insert, execute
from shared.payments.create import create_payment
from shared.payments.models import ListPosition, find_by_id, get_payments, list_payment_ids
from tests.support.dynamodb_calls import recorded_calls
from tests.unit.payments.support import ASHA, THROUGH_RAZORPAY


def test_payments_are_listed_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch read returns rows in any order, and DynamoDB may leave part of it for a second request."""
    created = [create_payment(ASHA, THROUGH_RAZORPAY, None).payment.id for _ in range(7)]
    real = Connection._make_api_call

    def in_parts(self: Connection, operation_name: str, sent: dict[str, Any], *more: Any) -> Any:
        if operation_name != "BatchGetItem":
            return real(self, operation_name, sent, *more)
        ((table, request),) = sent["RequestItems"].items()
        assert request["ConsistentRead"]
        now, later = request["Keys"][:2], request["Keys"][2:]
        response = real(self, operation_name, {"RequestItems": {table: request | {"Keys": now}}}, *more)
        return response | {"UnprocessedKeys": {table: request | {"Keys": later}} if later else {}}

    monkeypatch.setattr(Connection, "_make_api_call", in_parts)
    ids = list_payment_ids(ASHA)

    def page(offset: int, limit: int) -> list[str]:
        return [payment.id for payment in get_payments(ASHA, ids[offset : offset + limit])]

    assert len(ids) == 7 and page(0, 20) == created[::-1]
    assert page(5, 5) == created[1::-1] and page(7, 5) == []


def test_payment_is_found_by_id_as_it_stands_now() -> None:
    """One read of keys alone, then one consistent read of the payment."""
    payment_id = create_payment(ASHA, THROUGH_RAZORPAY, None).payment.id
    create_payment("ravi", THROUGH_RAZORPAY, None)
    with recorded_calls() as calls:
        found = find_by_id(payment_id)
    assert found and (found.customer, found.id, found.status) == (ASHA, payment_id, "created")
    consistent = [(call.operation, call.sent.get("ConsistentRead", False)) for call in calls]
    assert consistent == [("Query", False), ("GetItem", True)]


@pytest.mark.parametrize("name", ["payments", "3f0c1f0e-7d55-5a3e-8a51-1d6a1f7f3b11"])
def test_id_of_no_payment_finds_nothing(name: str) -> None:
    assert execute(Insert(ListPosition.at("payments", 0)))
    assert find_by_id(name) is None
