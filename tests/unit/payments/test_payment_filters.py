"""The list of payments: its filters, its pages, and how far a search goes."""

import json
from typing import Any

import pytest

from payments.list import handler
from shared import clock
from shared.aws.dynamodb import Insert, execute
from shared.payments.models import Payment
from shared.payments.queries import list_payments
from tests.support.lambda_events import LambdaContext, request_event
from tests.unit.payments.support import ASHA, BILAL

SECOND_US = 1_000_000
NOON_US = 1_767_961_800 * SECOND_US  # 2026-01-09T12:30:00Z, 18:00 in India
A_PAYMENT: dict[str, Any] = {"purpose": "payment", "source": "gateway", "status": "created", "amount_paise": 100}
DAY_START_US = NOON_US - 18 * 3_600 * SECOND_US  # the 9th begins in India


def add(at_us: int, customer: str = ASHA, **values: Any) -> str:
    """A payment that was created then; its id."""
    payment_id = values.pop("id", None) or clock.new_id()
    fields = A_PAYMENT | values
    assert execute(Insert(Payment(customer, payment_id, created_at_us=at_us, updated_at_us=at_us, **fields)))
    return payment_id


def add_many(count: int, **values: Any) -> list[str]:
    """Payments of one second after another; their ids, newest first."""
    with Payment.batch_write() as batch:
        ids = [clock.new_id() for _ in range(count)]
        fields = A_PAYMENT | values
        for number, payment_id in enumerate(ids):
            at_us = NOON_US + number * SECOND_US
            batch.save(Payment(ASHA, payment_id, created_at_us=at_us, updated_at_us=at_us, **fields))
    return ids[::-1]


def listed(**query: str) -> dict[str, Any]:
    """The body of the list."""
    response = handler(request_event("GET", "/api/payments/payments/", query=query, sub=ASHA), LambdaContext())
    body: dict[str, Any] = json.loads(response["body"])
    return body | {"status_code": response["statusCode"]}


def found(filters: dict[str, Any]) -> list[str]:
    count, rows = list_payments(ASHA, filters)
    payments = rows(0, 1_000)
    assert count == len(payments)
    return [payment.id for payment in payments]


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("status", "captured", "created"),
        ("purpose", "top_up", "payment"),
        ("source", "wallet", "gateway"),
        ("reference", "garment-order-1", "garment-order-10"),
    ],
)
def test_filter_finds_only_its_value(name: str, value: str, other: str) -> None:
    wanted = add(NOON_US, **{name: value})
    add(NOON_US + 1, **{name: other})
    add(NOON_US + 2, customer=BILAL, **{name: value})
    assert found({name: value}) == [wanted]


def test_filters_must_all_match() -> None:
    wanted = add(NOON_US, status="captured", source="wallet")
    add(NOON_US + 1, status="captured")
    assert found({"status": "captured", "source": "wallet"}) == [wanted]


def test_from_is_included_and_to_is_not() -> None:
    before, first, last, after = (add(NOON_US + number) for number in range(4))
    assert found({"from": NOON_US + 1, "to": NOON_US + 3}) == [last, first]
    assert found({"from": NOON_US + 3}) == [after] and found({"to": NOON_US + 1}) == [before]
    assert found({"from": NOON_US + 1, "to": NOON_US + 1}) == found({"from": NOON_US, "to": 0}) == []
    assert found({"from": -(10**17), "to": 10**18}) == [after, last, first, before]
    assert found({"from": 10**18}) == found({"to": -1}) == []


def test_unknown_capture_is_in_no_list() -> None:
    add(NOON_US, id="order_00000000000001", purpose="unknown")
    assert found({}) == found({"from": NOON_US}) == found({"status": "created"}) == []


@pytest.mark.parametrize("filters", [{"from": 0}, {"status": "created"}])
def test_search_ends_after_newest_payments(filters: dict[str, Any]) -> None:
    ids = add_many(500)
    assert found(filters) == ids
    newest = add(NOON_US + 10_000 * SECOND_US)
    assert found(filters) == [newest, *ids[:-1]]
    assert len(found({})) == 501


def test_match_beyond_searched_payments_is_not_counted() -> None:
    old = add(NOON_US - 1, status="captured")
    add_many(499)
    assert found({"status": "captured"}) == [old]
    add(NOON_US + 10_000 * SECOND_US)
    assert found({"status": "captured"}) == []
    assert found({"status": "captured", "to": NOON_US}) == [old]  # an earlier window reaches it


@pytest.mark.parametrize("query", [{}, {"status": "created"}, {"from": "2026-01-09"}])
def test_page_holds_exactly_twenty_rows(query: dict[str, str]) -> None:
    add_many(20)
    body = listed(**query)
    assert (body["count"], len(body["results"]), body["next"], body["previous"]) == (20, 20, None, None)
    assert listed(**query, page="2")["status_code"] == 404
    oldest = add(NOON_US - 1)
    second = listed(**query, page="2")
    assert (second["count"], [row["id"] for row in second["results"]]) == (21, [oldest])


def test_links_keep_filters() -> None:
    add_many(21)
    link = listed(status="created")["next"]
    assert link == "https://api.test/api/payments/payments/?page=2&status=created"


def test_bare_date_is_a_day_in_india() -> None:
    add(DAY_START_US - 1)
    first, last = add(DAY_START_US), add(DAY_START_US + 86_400 * SECOND_US - 1)
    add(DAY_START_US + 86_400 * SECOND_US)
    found_rows = listed(**{"from": "2026-01-09", "to": "2026-01-10"})["results"]
    assert [row["id"] for row in found_rows] == [last, first]


@pytest.mark.parametrize("name", ["status", "purpose", "source", "from", "to"])
def test_bad_filter_is_refused_by_its_name(name: str) -> None:
    response = handler(request_event("GET", "/api/payments/payments/", query={name: "x"}, sub=ASHA), LambdaContext())
    assert (response["statusCode"], list(json.loads(response["body"]))) == (400, [name])
