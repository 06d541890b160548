"""`apply_report`: what every way in does with a report about a payment. It applies the attempt, then its refunds.

A refund can be made in Razorpay's dashboard, or come back from the bank, and its webhook can be lost. The payment
itself still says so: its refunded amount differs from the recorded one. Its refunds are then fetched, and each is
applied as if a webhook had reported it.
"""

from shared import clock
from shared.aws.dynamodb import OPEN, Update, execute, retrying
from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.payments import lifecycle
from shared.payments.amounts import with_order
from shared.payments.apply import apply_attempt, mismatch
from shared.payments.models import Payment, get_or_404
from shared.payments.results import ApplyResult
from shared.payments.review import REFUNDED_BEFORE_CREDIT
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayPayment, UnexpectedPayload
from shared.refunds.apply import apply_refund
from shared.telemetry import journal

# Sources that have just read the payment. A webhook may be late.
READ_NOW = ("verify", "sync", "reconcile", "list", "staff")
ASK_LATER_S = 0.5  # reserved for leaving the refunds to the reconciler


def apply_report(payment: Payment, attempt: GatewayPayment, source: str, event_id: str = "") -> ApplyResult:
    """Apply what Razorpay reports about an attempt, and those of its refunds that are not recorded."""
    result, attempt = ApplyResult(payment), with_order(payment, attempt)
    if mismatch(payment, attempt) == REFUNDED_BEFORE_CREDIT:
        # Neither the capture nor the refunds are known. The refunds bring the credit before them.
        try:
            result = _apply_refunds(result, attempt, source)
        except (RazorpayRejected, UnexpectedPayload):
            journal.breadcrumb("payments: the refunds cannot be read")
    result = result.merge(apply_attempt(result.payment, attempt, source, event_id))
    return apply_unknown_refunds(result, attempt, source)


def apply_unknown_refunds(result: ApplyResult, attempt: GatewayPayment, source: str = "refund") -> ApplyResult:
    """Fetch and apply the refunds of the credited attempt, if it has other ones than are recorded.

    Less than is recorded means that money came back, or that the report is old, unless its source has just read it.
    What cannot be done now is left to the reconciler: the attempt itself is applied.
    """
    payment = result.payment
    if not payment.is_paid or payment.gateway_payment != attempt.id:
        return result  # the refunds of another attempt move nothing
    recorded_paise = payment.refunded_at_gateway_paise
    is_other = (
        attempt.refunded_paise != recorded_paise if source in READ_NOW else attempt.refunded_paise > recorded_paise
    )
    if not is_other and payment.refunds_due_us is None:
        return result
    try:
        with Deadline(Deadline.current().remaining_s - ASK_LATER_S):
            return _apply_refunds(result, attempt, source)
    except (ServiceUnavailable, RazorpayRejected, UnexpectedPayload):
        journal.count("RefundsDeferred")
        return result._replace(payment=_ask_later(payment))


def _apply_refunds(result: ApplyResult, attempt: GatewayPayment, source: str) -> ApplyResult:
    due_us = result.payment.refunds_due_us
    for refund in api.fetch_refunds(attempt.id):
        result = result.merge(apply_refund(result.payment, attempt, refund, "", source))
    if due_us is not None:
        _stop_asking(result.payment, due_us)
    return result


def _ask_later(payment: Payment) -> Payment:
    """Let the reconciler fetch the refunds of a paid payment; the stored payment."""
    at_us = clock.now_us()

    def try_reopen() -> Payment | None:
        current = get_or_404(payment.customer, payment.id)
        if not current.is_paid:
            return current  # it is open, and the reconciler asks about it anyway
        values = {"refunds_due_us": at_us}
        if current.open is None:
            values |= {"open": OPEN, "next_check_at_us": lifecycle.first_check_us(at_us), "checks": 0}
        return current if execute(Update(current, values, expect={"open": current.open})) else None

    return retrying(try_reopen)


def _stop_asking(payment: Payment, due_us: int) -> None:
    """The refunds are read, unless others were reported meanwhile."""
    execute(Update(payment, {"refunds_due_us": None}, expect={"refunds_due_us": due_us}))
