"""Razorpay's API: orders, payments, refunds; customers and tokens are in `cards`."""

import base64
import json
from typing import Any

from local.razorpay import cards, lists, payments
from local.razorpay.entities import collection, new_order
from local.razorpay.responses import Rejected, unknown_url
from local.razorpay.state import Entity, State

NOTE_PAIRS_MAX, NOTE_LENGTH_MAX, RECEIPT_LENGTH_MAX = 15, 256, 40
REFUND_KEY_LENGTH_MIN = 10


def handle(
    state: State, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
) -> dict[str, Any]:
    """One request; header names are lower case. Raises Rejected for a 4xx."""
    parts = path.strip("/").split("/")
    if parts[0] != "v1" or "//" in path:
        raise unknown_url()
    _authenticate(state, headers)
    sent = _json_object(body)
    match [method, *parts[1:]]:
        case ["POST", "orders"]:
            return _create_order(state, sent)
        case ["GET", "orders"]:
            return _list_orders(state, query)
        case ["GET", "orders", order_id]:
            return state.find(state.orders, order_id)
        case ["GET", "orders", order_id, "payments"]:
            state.find(state.orders, order_id)
            return collection([payment for payment in state.payments.values() if payment["order_id"] == order_id])
        case ["GET", "payments"]:
            return lists.page(state.payments.values(), query)
        case ["GET", "payments", payment_id]:
            return state.find(state.payments, payment_id)
        case ["POST", "payments", payment_id, "capture"]:
            return _capture(state, payment_id, sent)
        case ["POST", "payments", payment_id, "refund"]:
            return _refund(state, payment_id, sent, headers.get("x-refund-idempotency"))
        case ["GET", "payments", payment_id, "refunds"]:
            state.find(state.payments, payment_id)
            return lists.page([row for row in state.refunds.values() if row["payment_id"] == payment_id], query)
        case ["GET", "refunds"]:
            return lists.page(state.refunds.values(), query)
        case ["GET", "refunds", refund_id]:
            return state.find(state.refunds, refund_id)
        case [_, "customers", *rest] if state.saved_cards:
            return cards.handle(state, method, rest, sent)
    raise unknown_url()


def _authenticate(state: State, headers: dict[str, str]) -> None:
    expected = base64.b64encode(f"{state.key_id}:{state.key_secret}".encode()).decode()
    if headers.get("authorization") != f"Basic {expected}":
        raise Rejected("Authentication failed", 401)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        sent = json.loads(body or b"{}")
    except ValueError:
        raise Rejected("The request body is not valid JSON") from None
    return sent if isinstance(sent, dict) else {}


def _amount(sent: dict[str, Any]) -> int:
    amount = sent.get("amount")
    if amount is None:
        raise Rejected("amount: is required.", field="amount")
    if type(amount) is not int:
        raise Rejected("The amount must be an integer.", field="amount")
    if amount < 100:
        raise Rejected("The amount must be at least INR 1.00", field="amount")
    return amount


def _create_order(state: State, sent: dict[str, Any]) -> Entity:
    amount, currency = _amount(sent), sent.get("currency")
    receipt: Any = sent.get("receipt")
    notes: Any = sent.get("notes") or []
    if not isinstance(currency, str):
        raise Rejected(f"expected string but provided {currency}", field="currency")
    if receipt is not None and (not isinstance(receipt, str) or len(receipt) > RECEIPT_LENGTH_MAX):
        raise Rejected("The receipt may not be greater than 40 characters.", field="receipt")
    if notes and (len(notes) > NOTE_PAIRS_MAX or any(len(str(note)) > NOTE_LENGTH_MAX for note in notes.values())):
        raise Rejected("The notes are too many or too long.", field="notes")
    return new_order(state, amount, currency, receipt, notes)


def _list_orders(state: State, query: dict[str, str]) -> dict[str, Any]:
    """Newest first; Razorpay finds orders whose receipt contains the text."""
    receipt = query.get("receipt", "")
    orders = [order for order in state.orders.values() if receipt in (order["receipt"] or "")]
    return lists.page(orders, query)


def _capture(state: State, payment_id: str, sent: dict[str, Any]) -> Entity:
    payment = state.find(state.payments, payment_id)
    amount = _amount(sent)
    if payment["captured"]:
        raise Rejected("This payment has already been captured")
    if payment["status"] != "authorized":
        raise Rejected("Only payments which have been authorized and not yet captured can be captured")
    if amount != payment["amount"]:
        raise Rejected("Capture amount must be equal to the amount authorized", field="amount")
    payments.capture(state, payment)
    return payment


def _refund(state: State, payment_id: str, sent: dict[str, Any], key: str | None) -> Entity:
    payment = state.find(state.payments, payment_id)
    if key is not None:
        if len(key) < REFUND_KEY_LENGTH_MIN:
            raise Rejected("The idempotency key must be at least 10 characters long.")
        if key in state.refund_keys:
            first_sent, refund_id = state.refund_keys[key]
            if first_sent != sent:
                raise Rejected("Different request with the same idempotency key has already been processed.", 409)
            return state.refunds[refund_id]
    if not payment["captured"]:
        raise Rejected("The payment status should be captured for action to be taken")
    left = payment["amount"] - payment["amount_refunded"]
    if left == 0:
        raise Rejected("The payment has been fully refunded already")
    amount = _amount(sent) if "amount" in sent else left
    if amount > left:
        raise Rejected("The refund amount provided is greater than amount captured", field="amount")
    refund = payments.refund(state, payment, amount)
    if key is not None:
        state.refund_keys[key] = (sent, refund["id"])
    return refund
