"""Verify and sync: the app asks how a payment stands, and Razorpay is asked on its behalf."""

from collections.abc import Mapping

from shared import clock
from shared.aws.dynamodb import Update, execute
from shared.errors import SignatureInvalid
from shared.payments.apply import mismatch
from shared.payments.gateway_refusals import translate_rejections
from shared.payments.models import Payment, get_or_404
from shared.payments.results import ApplyResult, wallet_entry_after
from shared.payments.save_card import save_card_if_asked
from shared.razorpay import api
from shared.razorpay.entities import GatewayPayment
from shared.razorpay.signatures import checkout_signature_matches
from shared.refunds.report import apply_report

NOT_CONFIRMED = "We could not confirm this payment with the payment provider. Its status will update automatically."
PROGRESS = ("authorized", "refunded", "failed")  # the statuses of attempts without money, most advanced first
SYNC_PAUSE_S = 3  # between two questions about one payment: Razorpay limits the requests of all customers together


def verify(customer: str, payment_id: str, body: Mapping[str, str]) -> ApplyResult:
    """Apply the attempt that checkout returned to the app, after checking its signature over the stored order."""
    payment = get_or_404(customer, payment_id)
    attempt_id, signature = body["razorpay_payment_id"], body["razorpay_signature"]
    if not payment.gateway_order or not checkout_signature_matches(payment.gateway_order, attempt_id, signature):
        raise SignatureInvalid
    if payment.is_paid and payment.gateway_payment == attempt_id:
        return _with_wallet(save_card_if_asked(ApplyResult(payment)))
    with translate_rejections(NOT_CONFIRMED):
        attempt = _capture_if_authorized(payment, api.fetch_payment(attempt_id))
    return _with_wallet(apply_report(payment, attempt, "verify"))


def sync(customer: str, payment_id: str) -> ApplyResult:
    """Verify without a signature: ask Razorpay for the attempts on the payment's order and apply them.

    Razorpay is asked about a payment at most every SYNC_PAUSE_S seconds. A sooner sync returns what is stored.
    """
    payment = get_or_404(customer, payment_id)
    if not payment.gateway_order:
        return _with_wallet(ApplyResult(payment))
    if not _may_ask(payment):
        return _with_wallet(ApplyResult(get_or_404(customer, payment_id), asked_recently=True))
    with translate_rejections(NOT_CONFIRMED):
        return _with_wallet(apply_order_attempts(payment, "sync"))


def _may_ask(payment: Payment) -> bool:
    """Whether this call may ask Razorpay now: of several at once, one may."""
    now_us, asked_us = clock.now_us(), payment.asked_at_us
    if asked_us is not None and 0 <= now_us - asked_us < SYNC_PAUSE_S * 1_000_000:
        return False
    return execute(Update(payment, {"asked_at_us": now_us}, expect={"asked_at_us": asked_us}))


def apply_order_attempts(payment: Payment, source: str) -> ApplyResult:
    """Ask Razorpay for the attempts to pay the order and apply them, with their refunds.

    Every captured attempt is applied, because a duplicate must be flagged. If none pays the payment, the most
    advanced of the others follows that matches, and all that Razorpay refunded without a capture.
    """
    attempts = api.list_order_payments(str(payment.gateway_order))
    captured = [attempt for attempt in attempts if attempt.status == "captured"]
    captured += [attempt for attempt in attempts if attempt.status == "refunded" and attempt.was_captured]
    result, is_found = ApplyResult(payment), False
    for attempt in captured:
        result = result.merge(apply_report(result.payment, attempt, source))
    others = [attempt for attempt in attempts if attempt not in captured and attempt.status in PROGRESS]
    others.sort(key=lambda attempt: PROGRESS.index(attempt.status))
    for attempt in others:
        if result.payment.is_paid or (is_found and attempt.status != "refunded"):
            break
        is_found = is_found or not mismatch(result.payment, attempt)
        attempt = _capture_if_authorized(result.payment, attempt)
        result = result.merge(apply_report(result.payment, attempt, source))
    return result


def _capture_if_authorized(payment: Payment, attempt: GatewayPayment) -> GatewayPayment:
    """Capture an authorized attempt that this payment still needs. Razorpay refunds the others by itself."""
    needed = attempt.status == "authorized" and not payment.is_paid
    return api.capture_payment(attempt) if needed and not mismatch(payment, attempt) else attempt


def _with_wallet(result: ApplyResult) -> ApplyResult:
    return result._replace(entry=result.entry or wallet_entry_after(result.payment))
