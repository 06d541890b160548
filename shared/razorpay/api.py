"""Razorpay's API as we use it: orders, payments, refunds, disputes, customers and tokens.

Every function raises RazorpayRejected when Razorpay refuses, ServiceUnavailable when the outcome is unknown, and
UnexpectedPayload when a response does not have the shape of what was asked for.
"""

from collections.abc import Mapping
from typing import Any

from shared.errors import ServiceUnavailable
from shared.razorpay.client import RECEIPT_TAKEN, RazorpayRejected, ResponseTooLarge, call
from shared.razorpay.entities import (
    GatewayDispute,
    GatewayPayment,
    GatewayRefund,
    RazorpayToken,
    UnexpectedPayload,
    dispute_from,
    is_id,
    payment_from,
    refund_from,
    require_id,
    token_from,
)
from shared.settings import settings

# Captured however late the bank authorizes, so that the customer gets the money rather than a refund days later.
CAPTURE = {
    "capture": "automatic",
    "capture_options": {
        "automatic_expiry_period": 7200,
        "manual_expiry_period": 7200,
        "refund_speed": "normal",
    },
}


# A payment by card takes 1 to 3 KB, so a page of a list may be larger than any other response. Razorpay may also list
# all attempts to pay an order at once, whatever page is asked for: in this size at least 1,400 of them.
LIST_BYTES_MAX = 4 * 1024 * 1024
PAGE_COUNT = 100  # the most that Razorpay lists at once
PAGES_MAX = 20  # of one payment's refunds, or one order's attempts


def create_order(amount_paise: int, receipt: str, notes: Mapping[str, str]) -> str:
    """Create an order; its id. If the account has one order a receipt, a retry finds the first one.

    RazorpayRejected if that is an order of another amount.
    """
    body = {"amount": amount_paise, "currency": "INR", "receipt": receipt, "notes": dict(notes), "payment": CAPTURE}
    if settings().unique_receipt:
        body["unique_receipt"] = True  # an account without the feature may refuse the field
    try:
        order = call(lambda client: client.order.create(body))
    except RazorpayRejected as rejection:
        first = _find_order(amount_paise, receipt) if rejection.is_receipt_taken else None
        if first is None:
            raise
        order = first
    if settings().unique_receipt and order.get("receipt") == receipt and order.get("amount") != amount_paise:
        raise RazorpayRejected(400, "", RECEIPT_TAKEN)
    if not _is_order(order, amount_paise, receipt):
        raise ServiceUnavailable
    return require_id(order.get("id"), "order")


def fetch_order(order_id: str) -> dict[str, Any]:
    require_id(order_id, "order")
    return _same_id(order_id, call(lambda client: client.order.fetch(order_id)))


def list_order_payments(order_id: str) -> list[GatewayPayment]:
    """Every attempt to pay the order, in no particular order; UnexpectedPayload if they are too many to read."""
    require_id(order_id, "order")
    found: dict[str, GatewayPayment] = {}  # by id: a page may repeat attempts when a new one arrives meanwhile
    for page in range(PAGES_MAX):
        attempts = [payment_from(entity) for entity in _page_of_attempts(order_id, page * PAGE_COUNT)]
        is_new = any(attempt.id not in found for attempt in attempts)
        found |= {attempt.id: attempt for attempt in attempts}
        if len(attempts) < PAGE_COUNT or not is_new:  # the last page, or Razorpay lists all at once
            return list(found.values())
    raise UnexpectedPayload("an order with too many payments")


def list_payments(from_s: int, to_s: int, skip: int) -> list[Any]:
    """A page of the entities of payments created between two times, newest first."""
    window = _window(from_s, to_s, skip)
    return _items(call(lambda client: client.payment.all(window, bytes_max=LIST_BYTES_MAX)))


def list_refunds(from_s: int, to_s: int, skip: int) -> list[Any]:
    """A page of the entities of refunds created between two times, newest first."""
    window = _window(from_s, to_s, skip)
    return _items(call(lambda client: client.refund.all(window, bytes_max=LIST_BYTES_MAX)))


def list_disputes(from_s: int, to_s: int, skip: int) -> list[Any]:
    """A page of the entities of disputes created between two times, newest first."""
    window = _window(from_s, to_s, skip)
    return _items(call(lambda client: client.dispute.all(window, bytes_max=LIST_BYTES_MAX)))


def fetch_refunds(payment_id: str) -> list[GatewayRefund]:
    """Every refund of the payment, oldest first."""
    require_id(payment_id, "pay")
    found: dict[str, GatewayRefund] = {}  # by id: a page may repeat refunds when a new one arrives meanwhile
    for page in range(PAGES_MAX):
        items = _page_of_refunds(payment_id, page * PAGE_COUNT)
        for refund in map(refund_from, items):
            if refund.payment != payment_id:
                raise UnexpectedPayload("a refund of another payment")
            found.setdefault(refund.id, refund)
        if len(items) < PAGE_COUNT:
            return list(found.values())[::-1]
    raise UnexpectedPayload("a payment with too many refunds")


def fetch_refund(refund_id: str) -> GatewayRefund:
    require_id(refund_id, "rfnd")
    return refund_from(_same_id(refund_id, call(lambda client: client.refund.fetch(refund_id))))


def fetch_dispute(dispute_id: str) -> GatewayDispute:
    require_id(dispute_id, "disp")
    return dispute_from(_same_id(dispute_id, call(lambda client: client.dispute.fetch(dispute_id))))


def create_refund(payment_id: str, amount_paise: int, reference: str) -> GatewayRefund:
    """Refund a captured payment to its source. The reference is our refund's id: a repetition makes no second one."""
    require_id(payment_id, "pay")
    body = {"amount": amount_paise, "speed": "normal", "receipt": reference, "notes": {"refund": reference}}
    headers = {"X-Refund-Idempotency": f"refund-{reference}"}
    refund = refund_from(call(lambda client: client.payment.refund(payment_id, dict(body), headers=dict(headers))))
    if refund.payment != payment_id or refund.amount_paise != amount_paise:
        raise UnexpectedPayload("another refund than the one that was asked for")
    return refund


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


def _find_order(amount_paise: int, receipt: str) -> dict[str, Any] | None:
    """The oldest order with this receipt and amount. Razorpay lists every order whose receipt contains the text."""
    query = {"receipt": receipt, "count": PAGE_COUNT}
    orders = _items(call(lambda client: client.order.all(query)))  # newest first
    return next((order for order in orders[::-1] if _is_order(order, amount_paise, receipt)), None)


def _is_order(order: Any, amount_paise: int, receipt: str) -> bool:
    return isinstance(order, dict) and order.get("amount") == amount_paise and order.get("receipt") == receipt


def _page_of_refunds(payment_id: str, skip: int) -> list[Any]:
    page = {"count": PAGE_COUNT, "skip": skip}
    return _items(call(lambda client: client.payment.fetch_multiple_refund(payment_id, page)))


def _page_of_attempts(order_id: str, skip: int) -> list[Any]:
    page = {"count": PAGE_COUNT, "skip": skip}
    try:
        return _items(call(lambda client: client.order.payments(order_id, page, bytes_max=LIST_BYTES_MAX)))
    except ResponseTooLarge:
        raise UnexpectedPayload("an order with too many payments") from None


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
