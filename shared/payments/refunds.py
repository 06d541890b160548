"""Refunds and disputes that Razorpay reports."""

from dataclasses import replace

from shared import clock
from shared.aws.dynamodb import OPEN, Insert, Update, execute, retrying, transact
from shared.payments import lifecycle
from shared.payments.apply import apply_attempt
from shared.payments.lifecycle import PAID_STATUSES, TOP_UP
from shared.payments.models import Payment, Refund, get_or_404, get_refund
from shared.payments.results import ApplyResult
from shared.payments.review import flag_for_review, is_flagged
from shared.razorpay.entities import GatewayPayment, GatewayRefund, UnexpectedPayload
from shared.wallets import ledger
from shared.wallets.models import append
from shared.wallets.wallet import get_or_open


def apply_refund(payment: Payment, attempt: GatewayPayment, refund: GatewayRefund, event_id: str) -> ApplyResult:
    """Take back what was credited, once Razorpay has refunded it. A refund of anything else moves nothing."""
    if refund.payment != attempt.id:
        raise UnexpectedPayload("the refund is of another payment than the one in the same event")
    credit = ApplyResult(payment)

    def try_refund() -> ApplyResult | None:
        nonlocal credit
        current = get_or_404(payment.customer, payment.id)
        if not current.is_paid:
            credit = _apply_before_refund(current, attempt, event_id)
            current = credit.payment
        return _try_refund(current, refund, event_id) if current.is_paid else ApplyResult(current)

    refunded = retrying(try_refund)
    return credit.merge(refunded)


def apply_dispute(payment: Payment, attempt: GatewayPayment, event: str) -> ApplyResult:
    """Put a disputed payment in review. A dispute of a payment that was never credited moves nothing."""
    payment = get_or_404(payment.customer, payment.id)
    if payment.gateway_payment != attempt.id:
        return ApplyResult(payment)
    return flag_for_review(payment, attempt.id, event.removeprefix("payment.").replace(".", "_"))


def ask_later(payment: Payment) -> Payment:
    """Let the reconciler fetch the refunds of a paid payment, until none of them is pending; the stored payment."""
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


def stop_asking(payment: Payment, due_us: int) -> None:
    """Every refund is final, unless another one that is not was reported meanwhile."""
    execute(Update(payment, {"refunds_due_us": None}, expect={"refunds_due_us": due_us}))


def _try_refund(payment: Payment, refund: GatewayRefund, event_id: str) -> ApplyResult | None:
    """One try; None if a condition failed and the payment must be read again."""
    if payment.gateway_payment != refund.payment or refund.currency != "INR":
        return ApplyResult(payment)
    is_recorded = get_refund(payment.id, refund.id) is not None
    if refund.status == "failed" and is_recorded:
        return flag_for_review(payment, refund.id, "refund_failed_after_processed")
    if refund.status == "pending" and not is_recorded:
        payment = ask_later(payment)
    if refund.status != "processed" or is_recorded or is_flagged(payment, refund.id, "refund_exceeds_balance"):
        return ApplyResult(payment)  # once in review it is a person's, even if the balance suffices later
    return _debit(payment, refund, event_id)


def _apply_before_refund(payment: Payment, attempt: GatewayPayment, event_id: str) -> ApplyResult:
    """Apply the attempt whose refund is reported on an unpaid payment.

    Either it was never captured, or its refund overtook the capture. Then it is credited first, so that the order of
    events does not matter.
    """
    if attempt.status in ("captured", "refunded") and attempt.was_captured:
        attempt = replace(attempt, status="captured", failure="")
    return apply_attempt(payment, attempt, "refund", event_id)


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
        expect_absent=f"review.{refund.id}:refund_exceeds_balance",
    )
    if payment.purpose != TOP_UP:
        return None if transact(record, change) else ApplyResult(payment)
    head = get_or_open(payment.customer)
    if head.balance_paise < refund.amount_paise:  # spent already: never below zero
        # A refund is either recorded or in review: each expects that the other has not happened.
        unrecorded = {"refunded_paise": payment.refunded_paise}
        result = flag_for_review(payment, refund.id, "refund_exceeds_balance", unrecorded)
        return result if result.flagged else None
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
