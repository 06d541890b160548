"""What happens to a payment at Razorpay, with the events that follow from it."""

from local.razorpay import failures, webhooks
from local.razorpay.state import Entity, State


def authorize(state: State, payment: Entity) -> None:
    payment["status"] = "authorized"
    webhooks.emit(state, "payment.authorized", payment=payment)


def capture(state: State, payment: Entity) -> None:
    """Capture a payment, with Razorpay's usual fee unless the customer bears one, and pay its order."""
    order = state.orders[payment["order_id"]]
    if not _is_fee_on_top(payment):
        base = round(payment["amount"] * 0.02)
        tax = round(base * 0.18)
        payment |= {"fee": base + tax, "tax": tax}
    payment |= {"status": "captured", "captured": True}
    webhooks.emit(state, "payment.captured", payment=payment)
    _pay_order(order, payment)
    if order["status"] == "paid":
        webhooks.emit(state, "order.paid", payment=payment, order=order)


def _pay_order(order: Entity, payment: Entity) -> None:
    """The order is paid when enough has arrived. With an offer, its discounted amount is enough."""
    arrived = payment["amount"] - (payment["fee"] if _is_fee_on_top(payment) else 0)
    paid = min(order["amount"], order["amount_paid"] + arrived)
    if payment.get("offer_id") or paid == order["amount"]:
        order |= {"status": "paid", "amount_paid": paid, "amount_due": 0}
    else:
        order |= {"amount_paid": paid, "amount_due": order["amount"] - paid}


def _is_fee_on_top(payment: Entity) -> bool:
    return payment.get("fee_bearer") == "customer"


def fail(state: State, payment: Entity, reason: str = failures.DEFAULT) -> None:
    failure = failures.failure_of(reason)
    payment |= {
        "status": "failed",
        "error_code": failure.code,
        "error_description": failure.description,
        "error_source": failure.source,
        "error_step": failure.step,
        "error_reason": reason,
    }
    webhooks.emit(state, "payment.failed", payment=payment)
