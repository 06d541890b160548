"""A process that tops up and spends without end, saying what was acknowledged, until it is killed.

`python -m tests.prove.worker <engine> <number>`: the rules as they are, on the tables at that address. Each line
names a payment that the rules have answered as done; it is written only then, and whole.
"""

import itertools
import os
import random
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from local.cloud import CREDENTIALS
from local.template import Template
from shared import clock, gateway, payments, store
from shared.errors import InsufficientFunds, Unavailable
from shared.gateway import GatewayPayment

CUSTOMERS = ("asha", "bilal")
AMOUNT_PAISE = 10_000
T = TypeVar("T")


def main(engine: str, number: str) -> None:
    os.environ.update(Template().environment({"RAZORPAY_BASE_URL": "http://127.0.0.1:9"}))
    os.environ.update({**CREDENTIALS, "AWS_ENDPOINT_URL": engine, "WALLET_BALANCE_PAISE_MAX": "9999999999"})
    names: Any = gateway
    names.gateway_key = lambda: ("rzp_test_worker", "secret")
    names.create_order = lambda amount_paise, receipt, notes, *more, **others: (
        f"order_{receipt.replace('-', '')[:30]}"
    )
    chance = random.Random(number)
    for step in itertools.count():
        customer, key = chance.choice(CUSTOMERS), f"{number}-{step}"
        if chance.random() < 0.6:
            say(customer, "credit", until_done(partial(topped_up, customer, key)))
        elif paid := until_done(partial(spent, customer, key)):
            say(customer, "debit", paid)


def topped_up(customer: str, key: str) -> str:
    """A top-up from its start to its credit; sent again after any trouble it is the same one."""
    started = payments.add_balance(customer, None, {"amount": AMOUNT_PAISE, "description": ""}, key).payment
    payment = store.payment(customer, started["id"])
    assert payment and payment.gateway_order
    paid = f"pay_{payment.id.replace('-', '')[:30]}"
    told = GatewayPayment(paid, payment.gateway_order, AMOUNT_PAISE, "INR", "captured", True, "upi", "")
    settled = payments.settle(payment, told, "worker", clock.now_us() + 5_000_000)
    assert settled.payment.status == "captured"
    return payment.id


def spent(customer: str, key: str) -> str:
    wanted = {"amount": AMOUNT_PAISE, "source": "wallet"}
    more = {"payment_method": None, "reference": "", "description": "", "contact": ""}
    try:
        return str(payments.create(customer, wanted | more, key).payment["id"])
    except InsufficientFunds:
        return ""


def until_done(act: Callable[[], T]) -> T:
    """Trouble passes: the engine is killed and comes back."""
    while True:
        try:
            return act()
        except Unavailable:
            clock.pause(0.02)


def say(customer: str, what: str, payment: str) -> None:
    os.write(sys.stdout.fileno(), f"{customer} {what} {payment}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
