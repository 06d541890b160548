"""Payments in the states that tests start from, and what Razorpay reports about them."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from shared import clock
from shared.payments.apply import apply_attempt
from shared.payments.create import add_balance
from shared.payments.models import Payment, get_or_404
from shared.payments.results import ApplyResult, CreatedPayment, WebhookResult
from shared.payments.serializers import PaymentWithWalletBody, serialize_payment_with_wallet
from shared.payments.webhook import handle_webhook
from shared.razorpay.entities import GatewayPayment, GatewayRefund
from shared.wallets.models import Entry, list_entries
from shared.wallets.serializers import WalletBody, serialize_wallet
from shared.wallets.wallet import get_wallet, wallet_id
from tests.unit.conftest import KEY_SECRET, an_attempt

ASHA, BILAL = "asha", "bilal"
ATTEMPT_ID, SECOND_ATTEMPT_ID = "pay_00000000000001", "pay_00000000000002"
WEBHOOK_SECRETS = ["new", "old"]
TOP_UP = {"amount": 50_000, "description": "Wallet top-up"}
FROM_WALLET = {
    "amount": 20_000,
    "source": "wallet",
    "payment_method": None,
    "reference": "garment-order-1",
    "description": "Dry cleaning",
    "contact": "",
}
THROUGH_RAZORPAY = FROM_WALLET | {"source": "gateway"}

REAL_NOW_US = clock.now_us


def top_up(customer: str = ASHA, amount_paise: int = 50_000) -> Payment:
    """A new top-up, as stored."""
    created = add_balance(customer, None, TOP_UP | {"amount": amount_paise}, None)
    return get_or_404(customer, created.payment.id)


def credited(customer: str = ASHA, amount_paise: int = 50_000, attempt_id: str = ATTEMPT_ID) -> Payment:
    """A top-up whose money has arrived."""
    payment = top_up(customer, amount_paise)
    captured = an_attempt(payment.gateway_order, amount_paise, id=attempt_id)
    assert apply_attempt(payment, captured, "test").captured
    return payment


def stored(payment: Payment) -> Payment:
    return get_or_404(payment.customer, payment.id)


def wallet_body(customer: str = ASHA) -> WalletBody:
    return serialize_wallet(get_wallet(customer))


def balance(customer: str = ASHA) -> str:
    return wallet_body(customer)["balance"]


def entries(customer: str = ASHA) -> list[Entry]:
    """The whole ledger, oldest first; entry 0 opens it."""
    return list_entries(wallet_id(customer), 0, 1_000, newest_first=False)


def response_body(result: ApplyResult | CreatedPayment) -> PaymentWithWalletBody:
    return serialize_payment_with_wallet(result.payment, result.entry)


def a_refund(amount_paise: int, **values: Any) -> GatewayRefund:
    """A processed refund of the attempt that tests pay with."""
    fields = {"id": "rfnd_00000000000001", "payment": ATTEMPT_ID, "currency": "INR", "status": "processed"}
    return GatewayRefund(amount_paise=amount_paise, **fields | values)


def hmac_sha256(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def checkout_response(payment: Payment, attempt_id: str = ATTEMPT_ID) -> dict[str, str]:
    """What checkout returns to the app after an attempt to pay this payment."""
    signature = hmac_sha256(KEY_SECRET, f"{payment.gateway_order}|{attempt_id}".encode())
    return {"razorpay_payment_id": attempt_id, "razorpay_signature": signature}


def payment_entity(attempt: GatewayPayment, **values: Any) -> dict[str, Any]:
    """The attempt in Razorpay's JSON."""
    fields = {
        "id": attempt.id,
        "order_id": attempt.order,
        "amount": attempt.amount_paise,
        "currency": attempt.currency,
        "status": attempt.status,
        "captured": attempt.was_captured,
        "method": attempt.method,
        "notes": [],
    }
    return fields | values


def deliver(name: str, payload: dict[str, Any]) -> WebhookResult:
    """Handle a webhook that is signed with the older secret; `payload` maps kinds to entities."""
    return deliver_json({"event": name, "payload": {kind: {"entity": entity} for kind, entity in payload.items()}})


def deliver_json(event: Any) -> WebhookResult:
    body = json.dumps(event).encode()
    return handle_webhook(body, hmac_sha256(WEBHOOK_SECRETS[-1], body), "evt")


def forward(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the clock to this many seconds from the real time."""
    monkeypatch.setattr(clock, "now_us", lambda: REAL_NOW_US() + seconds * 1_000_000)
