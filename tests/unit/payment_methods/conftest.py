"""Razorpay's customers and card tokens, as a test sets them up."""

from collections.abc import Callable
from typing import Any

import pytest

from shared import clock
from shared.payment_methods import card_sync, models
from shared.payment_methods import cards as saved_cards
from shared.payment_methods.cards import CardSaveResult
from shared.payment_methods.models import PaymentMethod
from shared.razorpay import api
from shared.razorpay.client import NO_SUCH_ID, RazorpayRejected
from shared.razorpay.entities import GatewayPayment, RazorpayToken

ASHA, BILAL, CONTACT = "asha", "bilal", "+919876543210"
CUSTOMER, TOKEN, OTHER_TOKEN = "cust_1Aa00000000004", "token_HouA2OQR5Z2jTL", "token_HouA2OQR5Z2jTM"


class FakeCards:
    """Razorpay's customers and tokens. The next of `between` runs after a token was read, before it is returned."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.customers: dict[str, str] = {}
        self.tokens: dict[str, RazorpayToken] = {}
        self.between: list[Callable[[], Any]] = []
        self.deleted: list[str] = []
        for name in ("create_customer", "fetch_token", "delete_token"):
            monkeypatch.setattr(api, name, getattr(self, name))

    def create_customer(self, contact: str) -> str:
        return self.customers.setdefault(contact, f"cust_{len(self.customers) + 1:014d}")

    def fetch_token(self, customer_id: str, token_id: str) -> RazorpayToken:
        token = self.tokens.get(token_id)
        if self.between:
            self.between.pop(0)()
        if token is None or token.customer not in ("", customer_id):
            raise RazorpayRejected(400, "input_validation_failed", NO_SUCH_ID)
        return token

    def delete_token(self, customer_id: str, token_id: str) -> None:
        self.deleted.append(token_id)
        self.tokens.pop(token_id, None)


@pytest.fixture
def razorpay_cards(monkeypatch: pytest.MonkeyPatch) -> FakeCards:
    return FakeCards(monkeypatch)


def a_token(status: str = "active", **values: Any) -> RazorpayToken:
    fields: dict[str, Any] = {
        "id": TOKEN,
        "customer": CUSTOMER,
        "method": "card",
        "status": status,
        "last4": "1007",
        "brand": "Visa",
        "issuer": "HDFC",
        "expiry_month": 12,
        "expiry_year": 2030,
        "account": "",
    }
    return RazorpayToken(**fields | values)


def card_attempt(token: str = TOKEN, customer: str = CUSTOMER) -> GatewayPayment:
    """A captured payment whose card Razorpay saved."""
    return GatewayPayment(
        id="pay_00000000000001",
        order="order_1",
        amount_paise=50_000,
        currency="INR",
        status="captured",
        was_captured=True,
        method="card",
        failure="",
        customer=customer,
        token=token,
    )


def save(attempt: GatewayPayment | None = None, customer: str = ASHA) -> CardSaveResult:
    """Save the card for a customer who has claimed CUSTOMER, as Asha has unless another one was first."""
    if models.owner_of(CUSTOMER) is None:
        models.Owner(CUSTOMER, owner=customer).save()
    return saved_cards.save_card(customer, CUSTOMER, attempt or card_attempt())


def saved_card(razorpay_cards: FakeCards, **values: Any) -> PaymentMethod:
    """A saved card of Asha's; the values are its token's."""
    token = a_token(**values)
    razorpay_cards.tokens[token.id] = token
    result = save(card_attempt(token.id))
    assert result.status == "saved" and result.method_id
    method = models.get_method(ASHA, result.method_id)
    assert method
    return method


def handle_event(**values: Any) -> str:
    """The outcome of a token event."""
    entity = {"id": TOKEN, "customer_id": CUSTOMER} | values
    return card_sync.handle_event({"token": {"entity": entity}})


REAL_NOW_US = clock.now_us


def forward(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now_us", lambda: REAL_NOW_US() + seconds * 1_000_000)
