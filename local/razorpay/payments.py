"""What happens to a payment at Razorpay, with the events that follow from it."""

from local.razorpay import webhooks
from local.razorpay.entities import new_dispute, new_refund
from local.razorpay.responses import Rejected
from local.razorpay.state import Entity, State


def authorize(state: State, payment: Entity) -> None:
    payment["status"] = "authorized"
    webhooks.emit(state, "payment.authorized", payment=payment)


def capture(state: State, payment: Entity) -> None:
    """Capture a payment, with Razorpay's usual fee, and mark its order paid."""
    order = state.orders[payment["order_id"]]
    base = round(payment["amount"] * 0.02)
    tax = round(base * 0.18)
    payment |= {"status": "captured", "captured": True, "fee": base + tax, "tax": tax}
    order |= {"status": "paid", "amount_paid": order["amount"], "amount_due": 0}
    webhooks.emit(state, "payment.captured", payment=payment)
    webhooks.emit(state, "order.paid", payment=payment, order=order)


def fail(state: State, payment: Entity) -> None:
    payment |= {
        "status": "failed",
        "error_code": "BAD_REQUEST_ERROR",
        "error_description": "Payment was unsuccessful due to a temporary issue.",
        "error_source": "gateway",
        "error_step": "payment_response",
        "error_reason": "payment_failed",
    }
    webhooks.emit(state, "payment.failed", payment=payment)


def refund(state: State, payment: Entity, amount: int, status: str = "processed") -> Entity:
    """Refund paise of a payment; only a `processed` refund changes the payment, a `pending` one is ended later."""
    refund = new_refund(state, payment, amount, status)
    _count_refund(payment, refund)
    webhooks.emit(state, "refund.created", refund=refund, payment=payment)
    if status != "pending":
        webhooks.emit(state, f"refund.{status}", refund=refund, payment=payment)
    return refund


def end_refund(state: State, refund: Entity, status: str) -> Entity:
    """Bring a pending refund to its end: `processed` or `failed`."""
    if refund["status"] != "pending" or status not in ("processed", "failed"):
        raise Rejected("Only a pending refund can become processed or failed", field="status")
    payment = state.payments[refund["payment_id"]]
    refund["status"] = status
    _count_refund(payment, refund)
    webhooks.emit(state, f"refund.{status}", refund=refund, payment=payment)
    return refund


def _count_refund(payment: Entity, refund: Entity) -> None:
    """Add a processed refund to its payment's `amount_refunded`."""
    if refund["status"] != "processed":
        return
    total = payment["amount_refunded"] + refund["amount"]
    is_full = total >= payment["amount"]
    payment |= {"amount_refunded": total, "refund_status": "full" if is_full else "partial"}
    if is_full:
        payment["status"] = "refunded"


def dispute(state: State, payment: Entity, status: str = "created") -> Entity:
    dispute = new_dispute(state, payment, status)
    webhooks.emit(state, f"payment.dispute.{status}", payment=payment, dispute=dispute)
    return dispute
