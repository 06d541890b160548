"""A process that credits and spends without end and reports what was acknowledged, until it is killed.

`python -m tests.simulation.worker <engine> <number>` runs the rules themselves on the tables at that address. Each
line names a payment that the rules have confirmed. It is written only then, and in one write.
"""

import itertools
import os
import random
import sys
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from local.aws import CREDENTIALS
from local.template import Template
from shared import clock
from shared.deadline import Deadline
from shared.errors import InsufficientFunds, ServiceUnavailable
from shared.payments.apply import apply_attempt
from shared.payments.create import add_balance, create_payment
from shared.razorpay import api, credentials
from shared.razorpay.entities import GatewayPayment

CUSTOMERS = ("asha", "bilal")
AMOUNT_PAISE = 10_000
NO_LIMITS = {"WALLET_BALANCE_PAISE_MAX": "9999999999", "OPEN_PAYMENTS_MAX": "1000", "STARTS_PER_HOUR_MAX": "100000"}
T = TypeVar("T")


def main(engine: str, number: str) -> None:
    os.environ.update(Template().environment({"RAZORPAY_BASE_URL": "http://127.0.0.1:9"}))
    os.environ.update({**CREDENTIALS, "AWS_ENDPOINT_URL": engine, **NO_LIMITS})
    _replace_razorpay()
    chance = random.Random(number)
    for step in itertools.count():
        customer, key = chance.choice(CUSTOMERS), f"{number}-{step}"
        if chance.random() < 0.6:
            report(customer, "credit", until_done(partial(top_up, customer, key)))
        elif payment := until_done(partial(spend, customer, key)):
            report(customer, "debit", payment)


def _replace_razorpay() -> None:
    credentials.key_pair = lambda: ("rzp_test_worker", "secret")
    api.create_order = lambda amount_paise, receipt, notes: f"order_{receipt.replace('-', '')[:30]}"


def top_up(customer: str, key: str) -> str:
    """Start and credit a top-up; repeated after a failure it is the same payment. Returns its id."""
    payment = add_balance(customer, None, {"amount": AMOUNT_PAISE, "description": ""}, key).payment
    assert payment.gateway_order
    attempt_id = f"pay_{payment.id.replace('-', '')[:30]}"
    attempt = GatewayPayment(attempt_id, payment.gateway_order, AMOUNT_PAISE, "INR", "captured", True, "upi", "")
    with Deadline(seconds=5):
        result = apply_attempt(payment, attempt, "worker")
    assert result.payment.status == "captured"
    return payment.id


def spend(customer: str, key: str) -> str:
    """Pay from the wallet. Returns the payment's id, or an empty string if the balance is too low."""
    body = {"amount": AMOUNT_PAISE, "source": "wallet"}
    defaults = {"payment_method": None, "reference": "", "description": "", "contact": ""}
    try:
        return create_payment(customer, body | defaults, key).payment.id
    except InsufficientFunds:
        return ""


def until_done(act: Callable[[], T]) -> T:
    """Repeat until the engine, which is killed and restarted, is available."""
    while True:
        try:
            return act()
        except ServiceUnavailable:
            clock.sleep(0.02)


def report(customer: str, kind: str, payment: str) -> None:
    os.write(sys.stdout.fileno(), f"{customer} {kind} {payment}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
