"""Find what staff are asked about, by any id that a customer or Razorpay may give."""

from typing import NamedTuple

from shared.http.fields import uuid_from
from shared.payment_methods.models import list_methods, owner_of
from shared.payments.models import Payment, find_by_gateway_order, find_by_id, list_payment_ids
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import is_id
from shared.wallets.models import find_customer, get_head
from shared.wallets.wallet import wallet_id

ASKED_KINDS = ("pay", "rfnd", "disp")  # ids whose order Razorpay has to name


class Found(NamedTuple):
    """A customer or, with `payment`, one of their payments."""

    customer: str
    payment: Payment | None = None


def search(text: str) -> list[Found]:
    """What has this id: a customer, a wallet, a payment, or `order_…`, `pay_…`, `rfnd_…`, `disp_…` and `cust_…`.

    A `cust_…` finds who has the claim on it. Razorpay is asked which order another id of its own belongs to.
    ServiceUnavailable if it does not answer.
    """
    if is_id(text, "order"):
        return _payment(find_by_gateway_order(text) or find_by_id(text))  # the latter: a capture without a payment
    if any(is_id(text, kind) for kind in ASKED_KINDS):
        order = _order_of(text)
        return _payment(find_by_gateway_order(order)) if order else []
    if is_id(text, "cust"):
        owner = owner_of(text)
        return [Found(owner)] if owner else []
    canonical = uuid_from(text)
    owner = find_customer(canonical) if canonical else None
    payment = find_by_id(canonical) if canonical else None
    customers = dict.fromkeys([*([owner] if owner else []), *([text] if text and is_customer(text) else [])])
    return [*_payment(payment), *map(Found, customers)]


def is_customer(customer: str) -> bool:
    """Whether anything is stored of this customer's money or methods."""
    return bool(get_head(wallet_id(customer)) or list_payment_ids(customer, limit=1) or list_methods(customer))


def _payment(payment: Payment | None) -> list[Found]:
    return [Found(payment.customer, payment)] if payment else []


def _order_of(gateway_id: str) -> str:
    """The gateway order of a payment, refund or dispute at Razorpay; empty if Razorpay does not know it."""
    try:
        if is_id(gateway_id, "rfnd"):
            gateway_id = api.fetch_refund(gateway_id).payment
        elif is_id(gateway_id, "disp"):
            gateway_id = api.fetch_dispute(gateway_id).payment
        return api.fetch_payment(gateway_id).order
    except RazorpayRejected:
        return ""
