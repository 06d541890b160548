"""The actions about reviews that move money, each of whose steps is done once however often it is repeated."""

from collections.abc import Callable, Mapping

from shared.desk import reviews
from shared.desk.reviews import ReviewItem
from shared.errors import Conflict
from shared.payments.apply import mismatch
from shared.payments.gateway_refusals import translate_rejections
from shared.payments.models import Payment, get_or_404
from shared.payments.review import is_open, marks_of
from shared.payments.verify import apply_order_attempts
from shared.razorpay import api
from shared.razorpay.entities import GatewayPayment, is_id
from shared.refunds.apply import apply_to_paid
from shared.refunds.models import Refund, find_by_gateway_refund, get_refund
from shared.refunds.report import apply_report
from shared.refunds.send import look_up

REFUSED = "Razorpay refused."
STILL_OPEN = "What Razorpay says is still not clear."
SOURCE = "staff"  # of what an action reports, in the payment's timeline


def move(item: ReviewItem, action: str) -> None:
    """Do the action. Conflict if it cannot be done, or if Razorpay refuses."""
    with translate_rejections(REFUSED):
        MOVES[action](item)


def moved_paise(item: ReviewItem, action: str) -> int:
    """What the action would move now. Conflict if it cannot be done."""
    with translate_rejections(REFUSED):
        attempt = _captured_attempt(item)
    if action == reviews.ACCEPT_AMOUNT:
        return _acceptable_paise(attempt)
    return _left_paise(item, attempt)


def _accept_amount(item: ReviewItem) -> None:
    """Credit what arrived, less the fee that the customer bore."""
    attempt = _captured_attempt(item)
    if not _is_credited(item, attempt):
        _check_amount(item, _acceptable_paise(attempt))
    result = apply_report(item.payment, attempt._replace(is_accepted=True), SOURCE)
    if result.payment.gateway_payment != attempt.id:
        raise Conflict("This payment cannot be credited with this attempt.", code="not_acceptable")


def _refund_attempt(item: ReviewItem) -> None:
    """Send the money of an attempt that was not credited back to its source. Razorpay does it once per review."""
    attempt = _captured_attempt(item)
    left_paise = _left_paise(item, attempt)
    made = next((refund for refund in api.fetch_refunds(attempt.id) if refund.reference == item.id), None)
    if not made:
        _check_amount(item, left_paise)
        made = api.create_refund(attempt.id, left_paise, item.id) if left_paise else None
    if made and made.status == "failed":
        raise Conflict("Razorpay could not refund this attempt.", code="attempt_not_refunded")


def _apply_again(item: ReviewItem) -> None:
    """Ask Razorpay once more, and apply what it says. Conflict if that does not answer the question."""
    payment, gateway_id = item.payment, item.gateway_id
    if is_id(gateway_id, "pay"):
        attempt = api.fetch_payment(gateway_id)
        payment = apply_report(payment, attempt, SOURCE).payment
        is_clear = payment.gateway_payment == attempt.id or not mismatch(payment, attempt)
    elif is_id(gateway_id, "rfnd"):
        payment = apply_to_paid(payment, api.fetch_refund(gateway_id), source=SOURCE).payment
        refund = find_by_gateway_refund(payment.id, gateway_id)
        is_clear = refund is None or refund.open is None
    elif refund := get_refund(payment.id, gateway_id):
        is_clear = _follow(payment, refund).open is None
    else:
        payment = apply_order_attempts(payment, SOURCE).payment
        is_clear = payment.refunds_due_us is None
    if not is_clear and is_open(marks_of(payment)[item.mark]):  # what was returned ends its mark
        raise Conflict(STILL_OPEN, code="still_unclear")


def amount_changed() -> Conflict:
    """Razorpay's amount is no longer the one that was decided."""
    return Conflict("The amount has changed. Ask for this again.", code="amount_changed")


MOVES: Mapping[str, Callable[[ReviewItem], None]] = {
    reviews.ACCEPT_AMOUNT: _accept_amount,
    reviews.REFUND_ATTEMPT: _refund_attempt,
    reviews.APPLY_AGAIN: _apply_again,
}
# Those by which a person decides about an amount. What `apply_again` moves, Razorpay's report and the rules decide.
DECIDE_AMOUNT = (reviews.ACCEPT_AMOUNT, reviews.REFUND_ATTEMPT)


def _follow(payment: Payment, refund: Refund) -> Refund:
    """Ask about a refund of ours whose id at Razorpay was unknown, as the reconciler does; the refund afterwards."""
    if refund.status == "sending":
        return look_up(payment, refund, SOURCE)
    if refund.status == "pending":
        apply_to_paid(payment, api.fetch_refund(str(refund.gateway_refund)), source=SOURCE)
    return get_refund(payment.id, refund.id) or refund


def _captured_attempt(item: ReviewItem) -> GatewayPayment:
    attempt = api.fetch_payment(item.gateway_id)
    if not attempt.was_captured:
        raise Conflict("This attempt was not captured.", code="not_captured")
    return attempt


def _left_paise(item: ReviewItem, attempt: GatewayPayment) -> int:
    """What of an attempt was not refunded; Conflict if the attempt was credited."""
    if _is_credited(item, attempt):
        raise Conflict("This attempt was credited. Refund the payment.", code="attempt_credited")
    return attempt.amount_paise - attempt.refunded_paise


def _acceptable_paise(attempt: GatewayPayment) -> int:
    """What would be credited of an attempt."""
    return attempt.amount_paise - attempt.fee_on_customer_paise


def _is_credited(item: ReviewItem, attempt: GatewayPayment) -> bool:
    return get_or_404(item.payment.customer, item.payment.id).gateway_payment == attempt.id


def _check_amount(item: ReviewItem, amount_paise: int) -> None:
    """Conflict unless this is the amount with which the action began, as it was decided."""
    if item.row is None or amount_paise != item.row.amount_paise:
        raise amount_changed()
