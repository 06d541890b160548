"""Dry runs: the answer of the call, with nothing written, nothing counted and Razorpay not asked."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.errors import ApiError, Conflict
from shared.payments.create import add_balance, create_payment
from shared.payments.models import list_payment_ids
from shared.payments.serializers import serialize_payment_with_wallet, serialize_preview
from shared.payments.starts import read_counts
from tests.support.dynamodb_calls import Call, recorded_calls
from tests.unit.conftest import Razorpay
from tests.unit.payment_methods.conftest import CONTACT, FakeCards
from tests.unit.payments.support import ASHA, FROM_WALLET, THROUGH_RAZORPAY, TOP_UP, balance, credited, top_up

OWN = ("id", "checkout", "gateway_order_id", "created_at", "updated_at")  # different for every payment


@pytest.fixture
def calls() -> Iterator[list[Call]]:
    """The calls to DynamoDB since the last `clear`."""
    with recorded_calls() as calls:
        yield calls


def writes(calls: list[Call]) -> list[str]:
    return [call.operation for call in calls if not call.is_read]


def without_own(body: Any) -> dict[str, Any]:
    wallet = body["wallet"] and {name: body["wallet"][name] for name in body["wallet"] if name not in OWN}
    return {name: value for name, value in body.items() if name not in OWN} | {"wallet": wallet}


def dry(act: Callable[..., Any], *args: Any) -> Any:
    created = act(*args, dry_run=True)
    return serialize_preview(created.payment, created.entry)


@pytest.mark.parametrize(
    ("act", "args"),
    [
        (add_balance, (ASHA, None, TOP_UP, "key")),
        (add_balance, (ASHA, None, TOP_UP, None)),
        (create_payment, (ASHA, THROUGH_RAZORPAY, "key")),
        (create_payment, (ASHA, THROUGH_RAZORPAY | {"save_method": True, "contact": CONTACT}, "key")),
        (create_payment, (ASHA, FROM_WALLET, "key")),
    ],
    ids=["top-up", "without a key", "payment", "saving the card", "from the wallet"],
)
def test_dry_run_answers_as_the_call_and_changes_nothing(
    act: Callable[..., Any], args: Any, calls: list[Call], razorpay: Razorpay, razorpay_cards: FakeCards
) -> None:
    credited()
    calls.clear()
    razorpay.calls.clear()
    orders, before = len(razorpay.orders), read_counts(ASHA)["starts"].revision
    body = dry(act, *args)
    assert body["id"] is None and body["checkout"] is None
    assert (writes(calls), razorpay.calls, len(razorpay.orders)) == ([], [], orders)
    assert read_counts(ASHA)["starts"].revision == before and balance() == "500.00"
    created = act(*args)
    assert without_own(body) == without_own(serialize_payment_with_wallet(created.payment, created.entry))


@pytest.mark.parametrize(
    ("act", "args", "code"),
    [
        (add_balance, (ASHA, None, TOP_UP | {"amount": 20_000_001}, None), "wallet_limit"),
        (create_payment, (ASHA, FROM_WALLET | {"amount": 50_001}, "key"), "insufficient_funds"),
        (create_payment, (ASHA, FROM_WALLET, None), "invalid"),
        (create_payment, (ASHA, THROUGH_RAZORPAY | {"payment_method": "unknown"}, None), "invalid"),
        (add_balance, (ASHA, "another", TOP_UP, None), "not_found"),
    ],
)
def test_dry_refusal_is_the_real_one(act: Callable[..., Any], args: Any, code: str, calls: list[Call]) -> None:
    """The key of a payment that the wallet does not cover stays unused."""
    credited()
    calls.clear()
    with pytest.raises(ApiError) as dry_error:
        act(*args, dry_run=True)
    assert writes(calls) == []
    with pytest.raises(ApiError) as error:
        act(*args)
    assert dry_error.value.code == error.value.code == code and dry_error.value.body == error.value.body


def test_dry_start_meets_the_counting_limits() -> None:
    for _ in range(10):
        top_up(amount_paise=100)
    with pytest.raises(ApiError) as error:
        add_balance(ASHA, None, TOP_UP, None, dry_run=True)
    assert (error.value.status, error.value.code) == (429, "open_payments") and len(list_payment_ids(ASHA)) == 10


def test_used_key_is_looked_up(calls: list[Call]) -> None:
    add_balance(ASHA, None, TOP_UP, "key")
    calls.clear()
    again = add_balance(ASHA, None, TOP_UP, "key", dry_run=True)
    assert again.replayed and serialize_preview(again.payment, again.entry)["id"] is None
    with pytest.raises(Conflict) as conflict:
        add_balance(ASHA, None, TOP_UP | {"amount": 100}, "key", dry_run=True)
    assert conflict.value.code == "idempotency_key_reused" and writes(calls) == []
