"""New entities with the fields that Razorpay documents, added to the account's state."""

import hashlib
import secrets
from typing import Any

from local.razorpay.state import Entity, State

TOKEN_AGE_S = 4 * 365 * 86_400
RESPOND_WITHIN_S = 3 * 86_400


def new_order(state: State, amount: int, currency: str, receipt: str | None, notes: Any) -> Entity:
    order: Entity = {
        "id": state.new_id("order"),
        "entity": "order",
        "amount": amount,
        "amount_paid": 0,
        "amount_due": amount,
        "currency": currency,
        "receipt": receipt,
        "offer_id": None,
        "status": "created",
        "attempts": 0,
        "notes": notes,
        "created_at": state.now_s(),
    }
    state.orders[order["id"]] = order
    return order


def new_payment(state: State, order: Entity, method: str) -> Entity:
    payment: Entity = {
        "id": state.new_id("pay"),
        "entity": "payment",
        "amount": order["amount"],
        "currency": order["currency"],
        "status": "created",
        "order_id": order["id"],
        "invoice_id": None,
        "international": False,
        "method": method,
        "amount_refunded": 0,
        "refund_status": None,
        "captured": False,
        "description": None,
        "card_id": None,
        "bank": "HDFC" if method == "netbanking" else None,
        "wallet": "payzapp" if method == "wallet" else None,
        "vpa": "success@razorpay" if method == "upi" else None,
        "email": "customer@example.com",
        "contact": "+919000090000",
        "customer_id": None,
        "token_id": None,
        "notes": [],
        "fee": None,
        "tax": None,
        "error_code": None,
        "error_description": None,
        "error_source": None,
        "error_step": None,
        "error_reason": None,
        "acquirer_data": {},
        "created_at": state.now_s(),
    }
    state.payments[payment["id"]] = payment
    return payment


def new_refund(state: State, payment: Entity, amount: int, status: str) -> Entity:
    """A refund; the caller adds it to the state."""
    return {
        "id": state.new_id("rfnd"),
        "entity": "refund",
        "amount": amount,
        "currency": payment["currency"],
        "payment_id": payment["id"],
        "notes": [],
        "receipt": None,
        "acquirer_data": {"arn": None},
        "created_at": state.now_s(),
        "batch_id": None,
        "status": status,
        "speed_processed": "normal",
        "speed_requested": "normal",
    }


def arn_of(refund: Entity) -> str:
    """The acquirer's reference number, with which the customer can ask the bank: 23 digits."""
    return str(int(hashlib.sha256(refund["id"].encode()).hexdigest(), 16))[:23]


def new_dispute(state: State, payment: Entity, amount: int, phase: str) -> Entity:
    dispute: Entity = {
        "id": state.new_id("disp"),
        "entity": "dispute",
        "payment_id": payment["id"],
        "amount": amount,
        "currency": payment["currency"],
        "amount_deducted": 0,
        "reason_code": "processed_invalid_expired_card",
        "respond_by": state.now_s() + RESPOND_WITHIN_S,
        "status": "open",
        "phase": phase,
        "created_at": state.now_s(),
    }
    state.disputes[dispute["id"]] = dispute
    return dispute


def new_customer(state: State, name: Any, email: Any, contact: str, notes: Any) -> Entity:
    customer: Entity = {
        "id": state.new_id("cust"),
        "entity": "customer",
        "name": name,
        "email": email,
        "contact": contact,
        "gstin": None,
        "notes": notes,
        "created_at": state.now_s(),
    }
    state.customers[customer["id"]] = customer
    return customer


def new_token(state: State, customer_id: str, card: dict[str, Any], status: str) -> Entity:
    token: Entity = {
        "id": state.new_id("token"),
        "entity": "token",
        "token": secrets.token_urlsafe(10),
        "bank": None,
        "wallet": None,
        "method": "card",
        "customer_id": customer_id,
        "card": {
            "entity": "card",
            "name": "",
            "international": False,
            "emi": False,
            "sub_type": "consumer",
            "token_iin": "453335",
            "flows": {"otp": True, "recurring": False},
            **card,
        },
        "recurring": False,
        "recurring_details": {"status": "not_applicable", "failure_reason": None},
        "auth_type": None,
        "mrn": None,
        "used_at": state.now_s(),
        "created_at": state.now_s(),
        "expired_at": state.now_s() + TOKEN_AGE_S,
        "compliant_with_tokenisation_guidelines": True,
        "service_provider_tokens": [_service_provider_token(state, card, status)],
        "status": status,
        "status_reason": None,
        "notes": [],
    }
    state.tokens[token["id"]] = token
    return token


def _service_provider_token(state: State, card: dict[str, Any], status: str) -> Entity:
    return {
        "id": state.new_id("spt"),
        "entity": "service_provider_token",
        "provider_type": "network",
        "provider_name": card["network"].lower(),
        "interoperable": True,
        "status": status,
        "provider_data": {
            "token_reference_number": secrets.token_hex(16),
            "payment_account_reference": account_reference(card),
            "token_iin": "453335",
            "token_expiry_month": 12,
            "token_expiry_year": 2031,
        },
    }


def account_reference(card: dict[str, Any]) -> str:
    """The network's reference for the card's account: the same for every token of the card."""
    return hashlib.sha256(str(sorted(card.items())).encode()).hexdigest()[:29].upper()


def collection(items: list[Entity]) -> dict[str, Any]:
    return {"entity": "collection", "count": len(items), "items": items}
