"""The payment that an attempt at Razorpay belongs to."""

from shared import clock
from shared.aws.dynamodb import Insert, execute
from shared.payments.lifecycle import GATEWAY, UNKNOWN
from shared.payments.models import Payment, find_by_gateway_order, get_payment
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayPayment, is_id


def find_payment(attempt: GatewayPayment) -> Payment | None:
    """The payment of the attempt's order. Razorpay is asked if the index does not know the order (yet)."""
    if not is_id(attempt.order, "order"):
        return None
    if payment := find_by_gateway_order(attempt.order):
        return payment
    try:
        order = api.fetch_order(attempt.order)
    except RazorpayRejected:
        return None
    notes = order.get("notes")
    notes = notes if isinstance(notes, dict) else {}
    customer, payment_id = notes.get("customer"), notes.get("payment_id")
    if not isinstance(customer, str) or not isinstance(payment_id, str) or order.get("receipt") != payment_id:
        return None  # another system's order on the same account
    payment = get_payment(customer, payment_id)
    if payment and payment.gateway_order == attempt.order:
        return payment
    if attempt.status not in ("captured", "refunded"):
        return None  # no money arrived
    recorded = get_payment(customer, attempt.order)
    if recorded or attempt.status == "refunded":
        return recorded
    return _record_unknown_payment(customer, payment_id, attempt)


def _record_unknown_payment(customer: str, payment_id: str, attempt: GatewayPayment) -> Payment:
    """Record a capture on one of our orders that has no payment, under the order's id.

    It fits no payment, so whoever applies it puts it in review.
    """
    at_us = clock.now_us()
    payment = Payment(
        customer,
        attempt.order,
        purpose=UNKNOWN,
        source=GATEWAY,
        status="created",
        amount_paise=attempt.amount_paise,
        reference=payment_id,
        created_at_us=at_us,
        updated_at_us=at_us,
    )
    execute(Insert(payment))
    return payment
