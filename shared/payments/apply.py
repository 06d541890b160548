"""`apply_attempt`: the single entry point for every report about a payment.

The record is the guard. The ledger's entry is written in one transaction with the payment turning captured, on
condition of the status that the payment had. Verify, webhook, sync and the reconciler may all try: one wins, and
the others read what it did.
"""

from typing import Any

from shared import clock
from shared.aws.dynamodb import OPEN, Update, execute, retrying
from shared.errors import ServiceUnavailable
from shared.payment_methods import cards
from shared.payments import lifecycle, starts
from shared.payments.amounts import amounts_of, may_fit, with_order
from shared.payments.lifecycle import PAID_STATUSES, TOP_UP, TRANSITIONS, UNKNOWN
from shared.payments.models import Payment, get_or_404
from shared.payments.results import ApplyResult
from shared.payments.review import (
    AMOUNT_MISMATCH,
    CURRENCY_MISMATCH,
    ORDER_MISMATCH,
    PAYMENT_UNKNOWN,
    REFUNDED_BEFORE_CREDIT,
    SECOND_CAPTURE,
    flag_for_review,
    leave_review,
)
from shared.payments.save_card import save_card_if_asked
from shared.razorpay.entities import GatewayPayment
from shared.settings import settings
from shared.telemetry import journal
from shared.wallets import ledger
from shared.wallets.models import append
from shared.wallets.wallet import open_wallet

FAILURE_TEXT = "The payment did not go through. If money left the account, it will come back."


def apply_attempt(payment: Payment, attempt: GatewayPayment, source: str, event_id: str = "") -> ApplyResult:
    """Apply what Razorpay reports about one attempt to pay, exactly once, then save its card if asked.

    `source` (verify, sync, reconcile, or a webhook event's name) and `event_id` go into the timeline. A payment that
    is out of date fails the write's condition and is read again.
    """
    is_stale, attempt = False, with_order(payment, attempt)

    def try_apply() -> ApplyResult | None:
        nonlocal payment, is_stale
        if is_stale:
            payment = get_or_404(payment.customer, payment.id)
        is_stale = True
        return _try_apply(payment, attempt, source, event_id)

    result = retrying(try_apply)
    reviewed = leave_review(result.payment, attempt, source, event_id)
    return save_card_if_asked(result._replace(payment=reviewed), attempt)


def mismatch(payment: Payment, attempt: GatewayPayment) -> str:
    """The reason this attempt cannot be applied to this payment, or an empty string."""
    if attempt.status in ("created", "failed"):
        return ""  # no money moved
    if payment.purpose == UNKNOWN:
        return PAYMENT_UNKNOWN
    if attempt.order != payment.gateway_order:
        return ORDER_MISMATCH
    if payment.is_paid and payment.gateway_payment == attempt.id:
        return ""  # it was checked before it was credited
    if not may_fit(payment, attempt):
        return AMOUNT_MISMATCH
    if attempt.currency != "INR":
        return CURRENCY_MISMATCH
    if payment.is_paid and attempt.status == "captured":
        return SECOND_CAPTURE
    if attempt.status == "refunded" and attempt.was_captured and not payment.is_paid:
        return REFUNDED_BEFORE_CREDIT
    return ""


def _try_apply(payment: Payment, attempt: GatewayPayment, source: str, event_id: str) -> ApplyResult | None:
    """One try at the transition; None if a condition failed and the payment must be read again.

    ServiceUnavailable for a status that this version does not know: a newer one wrote it, before a rollback perhaps.
    """
    if payment.status not in TRANSITIONS:
        journal.breadcrumb("payments: unknown status")
        raise ServiceUnavailable
    if mismatch(payment, attempt):  # the report may be newer than the payment in memory
        payment = get_or_404(payment.customer, payment.id)
    if reason := mismatch(payment, attempt):
        return flag_for_review(payment, attempt.id, reason, source, event_id)
    if payment.is_paid:
        return ApplyResult(payment)  # nothing new, or older than what is stored
    if attempt.status == "captured":
        return _apply_capture(payment, attempt, source, event_id)
    update = _unpaid_update(payment, attempt)
    if not update:
        return ApplyResult(payment)
    item = lifecycle.timeline_item(update["updated_at_us"], source, attempt.status, event_id)
    before = {"authorizations": payment.authorized_attempts or None}
    if not execute(Update(payment, update, {"timeline": [item]}, expect=before, expect_status=(payment.status,))):
        return None
    if attempt.status == "failed":
        journal.count("PaymentFailed")
        starts.count_failure(payment.customer, attempt.failure)
    return ApplyResult(payment)


def _unpaid_update(payment: Payment, attempt: GatewayPayment) -> dict[str, Any]:
    """What a report that moves no wallet changes; empty if it says nothing new.

    Several attempts may be authorized at once. Each is remembered, so that the refund of one of them does not hide
    the others: the payment turns refunded with the last of them. An attempt that was refunded stays so, however late
    its authorization is reported.
    """
    attempts, is_change = payment.authorized_attempts, attempt.status in TRANSITIONS[payment.status]
    match attempt.status:
        case "failed" if is_change:
            failure = {"failure_code": attempt.failure or "payment_failed", "failure_text": FAILURE_TEXT}
            return _status_values(payment, "failed", attempt) | failure
        case "authorized" if attempt.id not in attempts and payment.status != "refunded":
            status = "authorized"
        case "refunded" if is_change and attempts.get(attempt.id) != "refunded":
            others = [status for attempt_id, status in attempts.items() if attempt_id != attempt.id]
            status = "authorized" if "authorized" in others else "refunded"
        case _:
            return {}
    update = {"updated_at_us": clock.now_us()}
    if status != payment.status:
        update = _status_values(payment, status, attempt)
    return update | {"authorizations": attempts | {attempt.id: attempt.status}}


def _apply_capture(payment: Payment, attempt: GatewayPayment, source: str, event_id: str) -> ApplyResult | None:
    """Turn the payment captured and, for a top-up, append the credit in the same transaction."""
    amounts = amounts_of(payment, attempt)
    assert amounts is not None  # it is no mismatch
    values = _status_values(payment, "captured", attempt) | {"gateway_payment": attempt.id}
    values |= amounts._asdict() | {"refundable_paise": amounts.paid_paise}
    if payment.purpose != TOP_UP:
        is_captured = execute(_capture_update(payment, values, source, event_id))
        return ApplyResult(payment, captured=True) if is_captured else None
    head = open_wallet(payment.customer)
    notes = []
    if head.cash_paise + head.held_paise + amounts.paid_paise > settings().wallet_balance_paise_max:
        notes.append("wallet_limit_passed")  # the money has arrived, so it is credited all the same
    entry = ledger.next_entry(head, ledger.CREDIT, "top_up", amounts.paid_paise, ledger.by_payment(payment.id))
    blocked = append(entry, _capture_update(payment, values, source, event_id, *notes))
    if blocked:
        return None
    if notes:
        journal.count("WalletLimitPassed")
    return ApplyResult(payment, entry, captured=True)


def _capture_update(payment: Payment, values: dict[str, Any], source: str, event_id: str, *notes: str) -> Update:
    """The update that turns a payment captured, on condition that it may still become that."""
    at_us = values["updated_at_us"]
    return Update(
        payment,
        values,
        append={
            "timeline": [lifecycle.timeline_item(at_us, source, what, event_id) for what in ("captured", *notes)]
        },
        expect={"gateway_payment": None},
        expect_status=lifecycle.statuses_before("captured"),
    )


def _status_values(payment: Payment, status: str, attempt: GatewayPayment) -> dict[str, Any]:
    """The attributes that change with the status. A paid payment is closed, unless its card is still to be saved."""
    at_us = clock.now_us()
    values: dict[str, Any] = {"status": status, "gateway_method": attempt.method, "updated_at_us": at_us}
    if status not in PAID_STATUSES:
        return values
    values |= {"open": None, "next_check_at_us": None, "failure_code": "", "failure_text": ""}
    if payment.save_method == cards.PENDING and status == "captured":
        values |= {"open": OPEN, "next_check_at_us": lifecycle.first_check_us(at_us), "checks": 0}
    elif payment.save_method == cards.PENDING:  # refunded without a capture
        values |= {"save_method": cards.NOT_SAVED}
    return values
