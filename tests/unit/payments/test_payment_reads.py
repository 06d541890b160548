"""Reading a customer's payments."""

from typing import Any

import pytest
from pynamodb.connection import Connection

from shared.payments.create import create_payment
from shared.payments.models import get_payments, list_payment_ids
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
