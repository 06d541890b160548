"""What Razorpay says about a payment, as staff see it."""

from typing_extensions import TypedDict

from shared import clock
from shared.http.formats import Money, Time
from shared.money import rupees
from shared.staff.gateway_view import GatewayView


class GatewayAttemptBody(TypedDict):
    """An attempt to pay, in Razorpay's words. `amount_refunded` is what all its refunds took."""

    id: str
    status: str
    amount: Money
    currency: str
    is_captured: bool
    amount_refunded: Money
    method: str
    failure: str


class GatewayRefundBody(TypedDict):
    """A refund of an attempt, in Razorpay's words."""

    id: str
    attempt: str
    status: str
    amount: Money
    arn: str | None


class GatewayViewBody(TypedDict):
    """What Razorpay says at `asked_at`. `outage` says why some of it may be missing; null if nothing is."""

    asked_at: Time
    outage: str | None
    attempts: list[GatewayAttemptBody]
    refunds: list[GatewayRefundBody]


def serialize_gateway(view: GatewayView) -> GatewayViewBody:
    return {
        "asked_at": clock.iso(view.asked_at_us),
        "outage": view.outage,
        "attempts": [
            {
                "id": attempt.id,
                "status": attempt.status,
                "amount": rupees(attempt.amount_paise),
                "currency": attempt.currency,
                "is_captured": attempt.was_captured,
                "amount_refunded": rupees(attempt.refunded_paise),
                "method": attempt.method,
                "failure": attempt.failure,
            }
            for attempt in view.attempts
        ],
        "refunds": [
            {
                "id": refund.id,
                "attempt": refund.payment,
                "status": refund.status,
                "amount": rupees(refund.amount_paise),
                "arn": refund.arn,
            }
            for refund in view.refunds
        ],
    }
