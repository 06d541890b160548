"""Razorpay's API as we use it: orders, payments, refunds, customers and tokens.

Every function raises RazorpayRejected when Razorpay refuses, ServiceUnavailable when the outcome is unknown, and
UnexpectedPayload when a response does not have the shape of what was asked for.
"""

from collections.abc import Mapping
from typing import Any

from shared.errors import ServiceUnavailable
from shared.razorpay.client import RazorpayRejected, ResponseTooLarge, call
from shared.razorpay.entities import (
    GatewayPayment,
    GatewayRefund,
    RazorpayToken,
    UnexpectedPayload,
    is_id,
    payment_from,
    refund_from,
    require_id,
    token_from,
)

# Captured however late the bank authorizes, so that the customer gets the money rather than a refund days later.
CAPTURE = {
    "capture": "automatic",
    "capture_options": {
        "automatic_expiry_period": 7200,
        "manual_expiry_period": 7200,
        "refund_speed": "normal",
    },
}


# Razorpay lists all attempts to pay an order at once, and a customer can make any number. An attempt by card takes
# 1 to 3 KB, so this is at least 1,400 attempts. Reading them takes some 30 MB of memory.
ORDER_PAYMENTS_BYTES_MAX = 4 * 1024 * 1024
PAGE_COUNT = 100  # the most that Razorpay lists at once
REFUND_PAGES_MAX = 20


def create_order(amount_paise: int, receipt: str, notes: Mapping[str, str]) -> str:
    """Create an order; its id."""
    body = {"amount": amount_paise, "currency": "INR", "receipt": receipt, "notes": dict(notes), "payment": CAPTURE}
    order = call(lambda client: client.order.create(body))
    if order.get("amount") != amount_paise or order.get("receipt") != receipt:
        raise ServiceUnavailable
    return require_id(order.get("id"), "order")


def fetch_order(order_id: str) -> dict[str, Any]:
    require_id(order_id, "order")
    return _same_id(order_id, call(lambda client: client.order.fetch(order_id)))


def list_order_payments(order_id: str) -> list[GatewayPayment]:
    """Every attempt to pay the order, in no particular order; UnexpectedPayload if they are too many to read."""
    require_id(order_id, "order")
    try:
        response = call(lambda client: client.order.payments(order_id, bytes_max=ORDER_PAYMENTS_BYTES_MAX))
    except ResponseTooLarge:
        raise UnexpectedPayload("an order with too many payments") from None
    return [payment_from(entity) for entity in _items(response)]


def list_payments(from_s: int, to_s: int, skip: int) -> list[Any]:
    """A page of the entities of payments created between two times, newest first."""
    window = _window(from_s, to_s, skip)
    return _items(call(lambda client: client.payment.all(window)))


def list_refunds(from_s: int, to_s: int, skip: int) -> list[Any]:
    """A page of the entities of refunds created between two times, newest first."""
    window = _window(from_s, to_s, skip)
    return _items(call(lambda client: client.refund.all(window)))


def fetch_refunds(payment_id: str) -> list[GatewayRefund]:
    """Every refund of the payment, oldest first."""
    require_id(payment_id, "pay")
    found: dict[str, GatewayRefund] = {}  # by id: a page may repeat refunds when a new one arrives meanwhile
    for page in range(REFUND_PAGES_MAX):
        items = _page_of_refunds(payment_id, page * PAGE_COUNT)
        for refund in map(refund_from, items):
            if refund.payment != payment_id:
                raise UnexpectedPayload("a refund of another payment")
            found.setdefault(refund.id, refund)
        if len(items) < PAGE_COUNT:
            return list(found.values())[::-1]
    raise UnexpectedPayload("a payment with too many refunds")


def fetch_payment(payment_id: str) -> GatewayPayment:
    require_id(payment_id, "pay")
    return payment_from(_same_id(payment_id, call(lambda client: client.payment.fetch(payment_id))))


def capture_payment(authorized: GatewayPayment) -> GatewayPayment:
    """Capture an authorized payment. If it was captured meanwhile, the payment as it stands."""
    try:
        captured = call(
            # A new dict for every call: the SDK writes the amount into its shared default argument.
            lambda client: client.payment.capture(authorized.id, authorized.amount_paise, {"currency": "INR"})
        )
    except RazorpayRejected:
        return fetch_payment(authorized.id)
    return payment_from(captured)


def create_customer(contact: str) -> str:
    """The id of Razorpay's customer with this contact, new or existing: asking again returns the same id."""
    # "0" as text: Razorpay misreads the number 0.
    customer = call(lambda client: client.customer.create({"contact": contact, "fail_existing": "0"}))
    if not is_id(customer.get("id"), "cust"):
        raise ServiceUnavailable
    return str(customer["id"])


def fetch_token(customer_id: str, token_id: str) -> RazorpayToken:
    """The customer's card token as it stands; RazorpayRejected when the customer does not have it."""
    path = require_id(customer_id, "cust"), require_id(token_id, "token")
    return token_from(_same_id(token_id, call(lambda client: client.token.fetch(*path))))


def delete_token(customer_id: str, token_id: str) -> None:
    """Delete the card at Razorpay; a token that Razorpay does not know counts as deleted."""
    path = require_id(customer_id, "cust"), require_id(token_id, "token")
    try:
        response = call(lambda client: client.token.delete(*path))
    except RazorpayRejected as rejection:
        if rejection.is_unknown_id:
            return
        raise
    if response.get("deleted") is not True:
        raise ServiceUnavailable


def _page_of_refunds(payment_id: str, skip: int) -> list[Any]:
    page = {"count": PAGE_COUNT, "skip": skip}
    return _items(call(lambda client: client.payment.fetch_multiple_refund(payment_id, page)))


def _window(from_s: int, to_s: int, skip: int) -> dict[str, int]:
    return {"from": from_s, "to": to_s, "count": PAGE_COUNT, "skip": skip}


def _items(collection: Mapping[str, Any]) -> list[Any]:
    items = collection.get("items")
    if not isinstance(items, list):
        raise ServiceUnavailable
    return items


def _same_id(requested_id: str, entity: dict[str, Any]) -> dict[str, Any]:
    if entity.get("id") != requested_id:
        raise ServiceUnavailable
    return entity
