"""Verify and sync: the app asks how a payment stands, and Razorpay is asked on its behalf."""

from collections.abc import Mapping
from dataclasses import replace

from shared.errors import SignatureInvalid
from shared.payments.apply import apply_attempt, mismatch
from shared.payments.lifecycle import PAID_STATUSES
from shared.payments.models import Payment, get_or_404
from shared.payments.rejections import translate_rejections
from shared.payments.results import ApplyResult, wallet_entry_after
from shared.payments.save_card import save_card_if_asked
from shared.razorpay import api
from shared.razorpay.entities import GatewayPayment
from shared.razorpay.signatures import checkout_signature_matches

NOT_CONFIRMED = "We could not confirm this payment with the payment provider. Its status will update automatically."
PROGRESS = ("captured", "authorized", "refunded", "failed")  # an attempt's statuses, most advanced first


def verify(customer: str, payment_id: str, body: Mapping[str, str]) -> ApplyResult:
    """Apply the attempt that checkout returned to the app, after checking its signature over the stored order."""
    payment = get_or_404(customer, payment_id)
    attempt_id, signature = body["razorpay_payment_id"], body["razorpay_signature"]
    if not payment.gateway_order or not checkout_signature_matches(payment.gateway_order, attempt_id, signature):
        raise SignatureInvalid
    if payment.status in PAID_STATUSES and payment.gateway_payment == attempt_id:
        return _with_wallet(save_card_if_asked(ApplyResult(payment)))
    with translate_rejections(NOT_CONFIRMED):
        attempt = _capture_if_authorized(payment, api.fetch_payment(attempt_id))
    return _with_wallet(apply_attempt(payment, attempt, "verify"))


def sync(customer: str, payment_id: str) -> ApplyResult:
    """Verify without a signature: ask Razorpay for the attempts on the payment's order and apply them."""
    payment = get_or_404(customer, payment_id)
    if not payment.gateway_order:
        return _with_wallet(ApplyResult(payment))
    with translate_rejections(NOT_CONFIRMED):
        return _with_wallet(apply_order_attempts(payment, "sync"))


def apply_order_attempts(payment: Payment, source: str) -> ApplyResult:
    """Ask Razorpay for the attempts to pay the payment's order, and apply them. Of a paid one, only save the card.

    Every captured attempt is applied, because a duplicate must be flagged; otherwise the most advanced one that
    matches.
    """
    if payment.status in PAID_STATUSES:
        return save_card_if_asked(ApplyResult(payment))
    attempts = api.list_order_payments(str(payment.gateway_order))
    attempts = [attempt for attempt in attempts if attempt.status in PROGRESS]
    attempts.sort(key=lambda attempt: PROGRESS.index(attempt.status))
    result, has_match = ApplyResult(payment), False
    for attempt in attempts:
        if has_match and attempt.status != "captured":
            break
        has_match = has_match or not mismatch(result.payment, attempt)
        attempt = _capture_if_authorized(result.payment, attempt)
        result = result.merge(apply_attempt(result.payment, attempt, source))
    return result


def _capture_if_authorized(payment: Payment, attempt: GatewayPayment) -> GatewayPayment:
    """Capture an authorized attempt that this payment still needs. Razorpay refunds the others by itself."""
    needed = attempt.status == "authorized" and payment.status not in PAID_STATUSES
    return api.capture_payment(attempt) if needed and not mismatch(payment, attempt) else attempt


def _with_wallet(result: ApplyResult) -> ApplyResult:
    return replace(result, entry=result.entry or wallet_entry_after(result.payment))
