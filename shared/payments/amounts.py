"""What an attempt is worth when its amount differs from the payment's.

Less arrives with one of Razorpay's offers: what arrived is credited. More arrives if the customer bears Razorpay's
fee: the payment's amount is credited. Any other difference is a mismatch.
"""

from typing import NamedTuple

from shared.payments.models import Payment
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayPayment, UnexpectedPayload
from shared.settings import settings


class Amounts(NamedTuple):
    """What a capture credits, with the offer's discount and the fee that the customer paid besides."""

    paid_paise: int
    discount_paise: int = 0
    fee_paise: int = 0


def amounts_of(payment: Payment, attempt: GatewayPayment) -> Amounts | None:
    """The amounts of this attempt to pay this payment; None if nothing accepted explains the difference."""
    ordered_paise, fee_paise = payment.amount_paise, attempt.fee_on_customer_paise
    if attempt.amount_paise == ordered_paise and not (attempt.has_offer and fee_paise):
        return Amounts(ordered_paise)
    if attempt.is_accepted:
        paid_paise = attempt.amount_paise - fee_paise
        return Amounts(paid_paise, max(ordered_paise - paid_paise, 0), fee_paise) if paid_paise > 0 else None
    if fee_paise and not settings().accept_fees:
        return None
    paid_paise = attempt.amount_paise - fee_paise
    has_offer = attempt.has_offer or bool(attempt.order_is_paid)
    if paid_paise == ordered_paise or (0 < paid_paise < ordered_paise and has_offer and settings().accept_offers):
        return Amounts(paid_paise, ordered_paise - paid_paise, fee_paise)
    return None


def may_fit(payment: Payment, attempt: GatewayPayment) -> bool:
    """Whether the amount fits, as far as can be seen: the fee of an authorized attempt may not be known yet."""
    is_fee_open = attempt.status == "authorized" and attempt.is_fee_on_customer and not attempt.fee_paise
    if is_fee_open and settings().accept_fees and attempt.amount_paise > payment.amount_paise:
        return True
    return amounts_of(payment, attempt) is not None


def with_order(payment: Payment, attempt: GatewayPayment) -> GatewayPayment:
    """The attempt, with its fee, and with what its order says if less arrived and the attempt names no offer."""
    attempt = _with_fee(payment, attempt)
    if not _needs_order(payment, attempt):
        return attempt
    try:
        order = api.fetch_order(attempt.order)
        is_paid = order.get("status") == "paid" and _paid_order(attempt, order.get("amount_paid"))
    except (RazorpayRejected, UnexpectedPayload):
        is_paid = False
    return attempt._replace(order_is_paid=is_paid)


def _with_fee(payment: Payment, attempt: GatewayPayment) -> GatewayPayment:
    """The attempt, with the fee that its customer paid: an event may say that they did, and not yet how much."""
    is_other = attempt.amount_paise != payment.amount_paise or attempt.has_offer
    is_fee_open = is_other and attempt.is_fee_on_customer and not attempt.fee_paise
    if not is_fee_open or not settings().accept_fees or not _is_new_capture(payment, attempt):
        return attempt
    try:
        return attempt._replace(fee_paise=api.fetch_payment(attempt.id).fee_paise)
    except (RazorpayRejected, UnexpectedPayload):
        return attempt


def _is_new_capture(payment: Payment, attempt: GatewayPayment) -> bool:
    is_captured = attempt.was_captured and attempt.status in ("captured", "refunded")
    return is_captured and not payment.is_paid and attempt.order == payment.gateway_order


def _needs_order(payment: Payment, attempt: GatewayPayment) -> bool:
    if not _is_new_capture(payment, attempt):
        return False
    if attempt.order_is_paid is not None or not settings().accept_offers:
        return False
    is_less = 0 < attempt.amount_paise - attempt.fee_on_customer_paise < payment.amount_paise
    return is_less and amounts_of(payment, attempt) is None


def _paid_order(attempt: GatewayPayment, amount_paid: object) -> bool:
    """Whether it was this attempt that paid the order, which may count an offer as paid or not."""
    if amount_paid in (attempt.amount_paise, attempt.amount_paise - attempt.fee_on_customer_paise):
        return True
    others = [other for other in api.list_order_payments(attempt.order) if other.id != attempt.id]
    return not any(other.was_captured for other in others)  # it may be the other one, with an offer of its own
