"""Tables in memory for every test of payments, and a check of both customers' ledgers after each."""

from collections.abc import Iterator

import pytest

from shared.razorpay import credentials
from shared.wallets.ledger import verify_chain
from tests.unit.conftest import Razorpay
from tests.unit.payment_methods.conftest import razorpay_cards
from tests.unit.payments.support import ASHA, BILAL, WEBHOOK_SECRETS, entries

__all__ = ["razorpay_cards"]  # a fixture that the tests of saved cards use as well


@pytest.fixture(autouse=True)
def sound_ledgers(tables: None, razorpay: Razorpay) -> Iterator[None]:
    yield
    for customer in (ASHA, BILAL):
        assert verify_chain(entries(customer)) == []


@pytest.fixture(autouse=True)
def webhook_secrets(monkeypatch: pytest.MonkeyPatch, razorpay: Razorpay) -> None:
    monkeypatch.setattr(credentials, "webhook_secrets", lambda: WEBHOOK_SECRETS)
