"""The rules under threads in this process, on the local stack's tables: no HTTP and no handler."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from shared import clock
from shared.deadline import Deadline
from shared.errors import InsufficientFunds
from shared.payments.apply import apply_attempt
from shared.payments.create import add_balance, create_payment
from shared.payments.models import Payment, get_or_404
from shared.payments.results import ApplyResult
from shared.razorpay.entities import GatewayPayment
from shared.wallets.ledger import verify_chain
from shared.wallets.models import Entry, list_entries
from shared.wallets.wallet import wallet_id
from tests.support.api_client import at_once
from tests.support.top_ups import SPEND, TOP_UP, captured_attempt

pytestmark = pytest.mark.usefixtures("engine")


def top_up(customer: str) -> Payment:
    return add_balance(customer, None, TOP_UP, None).payment


def apply(payment: Payment, attempt: GatewayPayment, seconds: float) -> ApplyResult:
    with Deadline(seconds):  # of this thread: a new thread starts without one
        return apply_attempt(payment, attempt, "race")


def credits(payments: list[Payment]) -> list[Callable[[], Any]]:
    """One act per payment, which applies its own captured attempt."""
    attempts = [captured_attempt(payment, f"pay_{place:014d}") for place, payment in enumerate(payments)]
    return [partial(apply, payment, attempt, 60) for payment, attempt in zip(payments, attempts, strict=True)]


def ledger(customer: str) -> list[Entry]:
    return list_entries(wallet_id(customer), 0, 1_000, newest_first=False)


def test_sixteen_threads_apply_one_payment_once() -> None:
    for _ in range(5):
        customer = clock.new_id()
        payment = top_up(customer)
        copies = [get_or_404(customer, payment.id) for _ in range(16)]
        acts: list[Callable[[], Any]] = [partial(apply, copy, captured_attempt(payment), 30) for copy in copies]
        results = at_once(acts)
        assert sum(result.captured for result in results) == 1
        assert {result.payment.status for result in results} == {"captured"}
        assert [entry.seq for entry in ledger(customer)] == [0, 1] and verify_chain(ledger(customer)) == []


def test_eight_concurrent_top_ups_are_all_credited() -> None:
    customer = clock.new_id()
    payments = [top_up(customer) for _ in range(8)]
    assert all(result.captured for result in at_once(credits(payments)))
    entries = ledger(customer)
    assert [entry.seq for entry in entries] == list(range(9)) and entries[-1].cash_paise == 400_000
    assert verify_chain(entries) == []


def test_concurrent_credits_and_debits_stay_above_zero() -> None:
    customer = clock.new_id()
    payments = [top_up(customer) for _ in range(4)]

    def spend(key: str) -> bool:
        try:
            create_payment(customer, SPEND, key)
        except InsufficientFunds:
            return False
        return True

    results = at_once([*credits(payments), *(partial(spend, f"key-{number}") for number in range(6))])
    entries = ledger(customer)
    assert verify_chain(entries) == []
    assert entries[-1].cash_paise == 200_000 - 50_000 * sum(result is True for result in results[4:])
