"""Refunds and disputes that Razorpay reports."""

from dataclasses import replace

from shared import clock
from shared.aws.dynamodb import Insert, Update, retrying, transact
from shared.payments import lifecycle
from shared.payments.apply import apply_attempt
from shared.payments.lifecycle import PAID_STATUSES, TOP_UP
from shared.payments.models import Payment, Refund, get_or_404, get_refund
from shared.payments.results import ApplyResult
from shared.payments.review import flag_for_review
from shared.razorpay.entities import GatewayPayment, GatewayRefund, UnexpectedPayload
from shared.wallets import ledger
from shared.wallets.models import append
from shared.wallets.wallet import get_or_open


def apply_refund(payment: Payment, attempt: GatewayPayment, refund: GatewayRefund, event_id: str) -> ApplyResult:
    """Take back what was credited, once Razorpay has refunded it. A refund of anything else moves nothing."""
    if refund.payment != attempt.id:
        raise UnexpectedPayload("the refund is of another payment than the one in the same event")
    return retrying(lambda: _try_refund(get_or_404(payment.customer, payment.id), attempt, refund, event_id))


def apply_dispute(payment: Payment, attempt: GatewayPayment, event: str) -> ApplyResult:
    """Put a disputed payment in review. A dispute of a payment that was never credited moves nothing."""
    payment = get_or_404(payment.customer, payment.id)
    if payment.gateway_payment != attempt.id:
        return ApplyResult(payment)
    return flag_for_review(payment, attempt.id, event.removeprefix("payment.").replace(".", "_"))


def _try_refund(
    payment: Payment, attempt: GatewayPayment, refund: GatewayRefund, event_id: str
) -> ApplyResult | None:
    """One try; None if a condition failed and the payment must be read again."""
    if payment.status not in PAID_STATUSES:
        return _refund_before_credit(payment, attempt, event_id)
    if payment.gateway_payment != refund.payment or refund.currency != "INR":
        return ApplyResult(payment)
    is_recorded = get_refund(payment.id, refund.id) is not None
    if refund.status == "failed" and is_recorded:
        return flag_for_review(payment, refund.id, "refund_failed_after_processed")
    if refund.status != "processed" or is_recorded:
        return ApplyResult(payment)
    return _debit(payment, refund, event_id)


def _refund_before_credit(payment: Payment, attempt: GatewayPayment, event_id: str) -> ApplyResult | None:
    """A refund of a payment that is not credited: either it was never captured, or it overtook the capture."""
    if attempt.status not in ("captured", "refunded") or not attempt.was_captured:
        return apply_attempt(payment, attempt, "refund", event_id)
    # Credit first, so that the order of events does not matter.
    captured = replace(attempt, status="captured", failure="")
    result = apply_attempt(payment, captured, "refund", event_id)
    return None if result.payment.status in PAID_STATUSES else result


def _debit(payment: Payment, refund: GatewayRefund, event_id: str) -> ApplyResult | None:
    """Record the refund, change the payment's status and, for a top-up, debit the wallet, in one transaction."""
    refunded_paise = payment.refunded_paise + refund.amount_paise
    if refund.amount_paise <= 0 or refunded_paise > payment.amount_paise:
        return flag_for_review(payment, refund.id, "refund_exceeds_payment")
    at_us = clock.now_us()
    status = "refunded" if refunded_paise == payment.amount_paise else "partially_refunded"
    before = tuple(earlier for earlier in lifecycle.statuses_before(status) if earlier in PAID_STATUSES)
    record = Insert(
        Refund(payment.id, refund.id, status="processed", amount_paise=refund.amount_paise, created_at_us=at_us)
    )
    change = Update(
        payment,
        {"status": status, "refunded_paise": refunded_paise, "updated_at_us": at_us},
        append={"timeline": [lifecycle.timeline_item(at_us, "refund", status, event_id)]},
        expect={"refunded_paise": payment.refunded_paise},
        expect_status=before,
    )
    if payment.purpose != TOP_UP:
        return None if transact(record, change) else ApplyResult(payment)
    head = get_or_open(payment.customer)
    if head.balance_paise < refund.amount_paise:
        return flag_for_review(payment, refund.id, "refund_exceeds_balance")  # spent already: never below zero
    entry = ledger.next_entry(
        head,
        ledger.DEBIT,
        "refund",
        refund.amount_paise,
        payment=payment.id,
        reference=refund.id,
        description=payment.description,
    )
    return None if append(entry, record, change) else ApplyResult(payment)
