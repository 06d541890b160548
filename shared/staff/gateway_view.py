"""What Razorpay says about a payment at this moment. Staff ask for it; nothing is changed by it."""

from dataclasses import dataclass, field

from shared import clock
from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.payments.models import Payment
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayPayment, GatewayRefund, UnexpectedPayload, is_id

ASK_S_MAX = 5.0  # the rest of the view does not wait longer
RESERVE_S = 1.0  # of the time left, for the answer
SILENT = "Razorpay does not answer."
REFUSED = "Razorpay refuses to answer."
UNREADABLE = "What Razorpay answers cannot be read."


@dataclass(slots=True)
class GatewayView:
    """The attempts to pay a payment's order, with their refunds. `outage` says why some of it may be missing."""

    asked_at_us: int
    outage: str | None = None
    attempts: list[GatewayPayment] = field(default_factory=list)
    refunds: list[GatewayRefund] = field(default_factory=list)


def ask_gateway(payment: Payment) -> GatewayView | None:
    """What Razorpay says now; None for a payment that has no order at Razorpay."""
    order = payment.gateway_order or (payment.id if is_id(payment.id, "order") else None)
    if not order:
        return None
    view = GatewayView(clock.now_us())
    try:
        with Deadline(min(ASK_S_MAX, Deadline.current().remaining_s - RESERVE_S)):
            view.attempts = api.list_order_payments(order)
            for attempt in view.attempts:
                if attempt.refunded_paise:
                    view.refunds += api.fetch_refunds(attempt.id)
    except ServiceUnavailable:
        view.outage = SILENT
    except RazorpayRejected:
        view.outage = REFUSED
    except UnexpectedPayload:
        view.outage = UNREADABLE
    return view
