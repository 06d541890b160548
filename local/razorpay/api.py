"""Razorpay's API: orders, payments, refunds, disputes; customers and tokens are in `cards`."""

import base64
from typing import Any

from local.razorpay import cards, lists, payments, refunds
from local.razorpay.entities import collection, new_order
from local.razorpay.fields import amount_of, notes_of, receipt_of, sent_fields
from local.razorpay.responses import Rejected, unknown_url
from local.razorpay.state import Entity, State


def handle(
    state: State, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
) -> dict[str, Any]:
    """One request; header names are lower case. Raises Rejected for a 4xx."""
    parts = path.strip("/").split("/")
    if parts[0] != "v1" or "//" in path:
        raise unknown_url()
    _authenticate(state, headers)
    sent = sent_fields(body, headers.get("content-type", ""))
    match [method, *parts[1:]]:
        case ["POST", "orders"]:
            return _create_order(state, sent)
        case ["GET", "orders"]:
            return _list_orders(state, query)
        case ["GET", "orders", order_id]:
            return state.find(state.orders, order_id)
        case ["GET", "orders", order_id, "payments"]:
            state.find(state.orders, order_id)
            attempts = [payment for payment in state.payments.values() if payment["order_id"] == order_id]
            return lists.page(attempts, query) if query else collection(attempts)
        case ["GET", "payments"]:
            return lists.page(state.payments.values(), query)
        case ["GET", "payments", payment_id]:
            return _expand(state.find(state.payments, payment_id), query)
        case ["POST", "payments", payment_id, "capture"]:
            return _capture(state, payment_id, sent)
        case ["POST", "payments", payment_id, "refund"]:
            return refunds.request(state, payment_id, sent, headers.get("x-refund-idempotency"))
        case ["GET", "payments", payment_id, "refunds"]:
            state.find(state.payments, payment_id)
            return lists.page([row for row in state.refunds.values() if row["payment_id"] == payment_id], query)
        case ["GET", "payments", payment_id, "refunds", refund_id]:
            return refunds.find(state, payment_id, refund_id)
        case ["GET", "refunds"]:
            return lists.page(state.refunds.values(), query)
        case ["GET", "refunds", refund_id]:
            return state.find(state.refunds, refund_id)
        case ["GET", "disputes"]:
            return lists.page(state.disputes.values(), query)
        case ["GET", "disputes", dispute_id]:
            return state.find(state.disputes, dispute_id)
        case [_, "customers", *rest] if state.saved_cards:
            return cards.handle(state, method, rest, query, sent)
    raise unknown_url()


def _authenticate(state: State, headers: dict[str, str]) -> None:
    expected = base64.b64encode(f"{state.key_id}:{state.key_secret}".encode()).decode()
    if headers.get("authorization") != f"Basic {expected}":
        raise Rejected("Authentication failed", 401)


def _create_order(state: State, sent: dict[str, Any]) -> Entity:
    amount, currency = amount_of(sent), sent.get("currency")
    if not isinstance(currency, str):
        raise Rejected(f"expected string but provided {currency}", field="currency")
    receipt, notes = receipt_of(sent), notes_of(sent)
    if receipt is not None and sent.get("unique_receipt") is True:
        for order in state.orders.values():
            if order["receipt"] == receipt:
                return _same_order(order, amount, currency)
    return new_order(state, amount, currency, receipt, notes)


def _same_order(order: Entity, amount: int, currency: str) -> Entity:
    """The order that has a unique receipt already; Rejected if it is not the order that is asked for."""
    if (order["amount"], order["currency"]) != (amount, currency):
        raise Rejected("Order receipt should be unique.", metadata={"order_id": order["id"]})
    return order


def _list_orders(state: State, query: dict[str, str]) -> dict[str, Any]:
    """Newest first; Razorpay finds orders whose receipt contains the text."""
    receipt = query.get("receipt", "")
    orders = [order for order in state.orders.values() if receipt in (order["receipt"] or "")]
    return lists.page(orders, query)


def _expand(payment: Entity, query: dict[str, str]) -> Entity:
    """The payment, with its offers if they are asked for: `expand[]=offers`, from the Node SDK `expand[expand]`."""
    is_asked = any(name.startswith("expand[") and value == "offers" for name, value in query.items())
    if not is_asked or not payment.get("offer_id"):
        return payment
    return payment | {"offers": collection([{"id": payment["offer_id"]}])}


def _capture(state: State, payment_id: str, sent: dict[str, Any]) -> Entity:
    payment = state.find(state.payments, payment_id)
    amount = amount_of(sent)
    if payment["captured"]:
        raise Rejected("This payment has already been captured")
    if payment["status"] != "authorized":
        raise Rejected("Only payments which have been authorized and not yet captured can be captured")
    if amount != payment["amount"]:
        raise Rejected("Capture amount must be equal to the amount authorized", field="amount")
    payments.capture(state, payment)
    return payment
