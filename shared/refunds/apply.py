"""`apply_refund`: the single entry point for what Razorpay reports about a refund.

Webhooks, Razorpay's answer to our request, sync and the reconciler all bring their report here. A report may arrive
before our request is answered, more than once, and in any order.
"""

import uuid
from typing import Any

from shared import clock
from shared.aws.dynamodb import Insert, Update, execute, retrying
from shared.errors import ServiceUnavailable
from shared.payments.apply import apply_attempt
from shared.payments.lifecycle import TOP_UP
from shared.payments.models import Payment, get_or_404
from shared.payments.results import ApplyResult
from shared.payments.review import REFUND_FAILED, end_unclear, flag_for_review, leave_review
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayPayment, GatewayRefund, UnexpectedPayload
from shared.refunds import lifecycle
from shared.refunds.lifecycle import GATEWAY, NEW, OPEN_STATUSES, SOURCE
from shared.refunds.models import (
    Refund,
    RefundPointer,
    find_by_gateway_refund,
    foreign_id,
    get_refund,
    list_refunds,
)
from shared.refunds.transition import try_transition

FAILED_AT_BANK = "Razorpay could not complete this refund."


def apply_refund(
    payment: Payment, attempt: GatewayPayment, reported: GatewayRefund, event_id: str, source: str = "refund"
) -> ApplyResult:
    """Apply a report about a refund of this attempt. The refund of an attempt that was not credited moves nothing.

    `source` and `event_id` go into the timelines, as those of `apply_attempt` do.
    """
    if reported.payment != attempt.id:
        raise UnexpectedPayload("the refund is of another payment than the one in the same event")
    current, credit = get_or_404(payment.customer, payment.id), ApplyResult(payment)
    if not current.is_paid:
        credit = _apply_before_refund(current, attempt, event_id, source)
        current = credit.payment
    if current.gateway_payment != attempt.id:
        return credit.merge(_apply_to_uncredited(current, attempt, reported, event_id, source))
    return credit.merge(apply_to_paid(current, reported, event_id, source))


def apply_to_paid(
    payment: Payment, reported: GatewayRefund, event_id: str = "", source: str = "refund"
) -> ApplyResult:
    """Apply a report about a refund of a payment that is paid."""
    if reported.amount_paise <= 0:
        raise UnexpectedPayload("a refund of nothing")
    result = retrying(lambda: _try_apply(get_or_404(payment.customer, payment.id), reported, event_id, source))
    return _review(result, reported, event_id, source)


def _review(result: ApplyResult, reported: GatewayRefund, event_id: str, source: str) -> ApplyResult:
    """End the reviews of a refund that has ended, and begin one if it came back and its customer has no money.

    A repeated report does what a crash after the refund's change of status left undone.
    """
    payment = result.payment
    may_be_back = reported.status == "failed" and payment.purpose != TOP_UP
    if payment.in_review is None and not may_be_back:
        return result
    refund = find_by_gateway_refund(payment.id, reported.id)
    if refund is None or refund.status in OPEN_STATUSES:
        return result
    payment = end_unclear(payment, refund.id, reported.id, source=source, event_id=event_id)
    result = result._replace(payment=payment)
    if may_be_back and refund.status == "returned":
        result = result.merge(flag_for_review(payment, reported.id, REFUND_FAILED, source, event_id))
    return result


def _apply_to_uncredited(
    payment: Payment, attempt: GatewayPayment, reported: GatewayRefund, event_id: str, source: str
) -> ApplyResult:
    """A refund of an attempt that was not credited ends a review, or it has failed and the customer has no money."""
    result = ApplyResult(leave_review(payment, attempt, source, event_id))
    is_left = attempt.status == "captured" and attempt.refunded_paise < attempt.amount_paise
    if reported.status == "failed" and is_left:
        result = result.merge(flag_for_review(result.payment, reported.id, REFUND_FAILED, source, event_id))
    return result


def _apply_before_refund(payment: Payment, attempt: GatewayPayment, event_id: str, source: str) -> ApplyResult:
    """Apply the attempt whose refund is reported on an unpaid payment.

    Either it was never captured, or its refund overtook the capture. Then it is credited first, so that the order of
    events does not matter.
    """
    if attempt.status in ("captured", "refunded") and attempt.was_captured:
        attempt = attempt._replace(status="captured", failure="")
    return apply_attempt(payment, attempt, source, event_id)


def _try_apply(payment: Payment, reported: GatewayRefund, event_id: str, source: str) -> ApplyResult | None:
    """One try; None if a condition failed and the rows must be read again."""
    if payment.gateway_payment != reported.payment or reported.currency != "INR":
        return ApplyResult(payment)
    refund = find_refund(payment, reported) or _foreign_refund(payment, reported)
    status = lifecycle.status_after(refund.status, reported.status)
    if status is None:
        return ApplyResult(payment) if _note_arn(refund, reported) else None
    values: dict[str, Any] = {"gateway_refund": reported.id, "arn": reported.arn or refund.arn}
    if status in ("pending", "processed"):
        values["expected_by_us"] = refund.expected_by_us or lifecycle.expected_by_us(clock.now_us())
    if status in ("failed", "returned"):
        values |= {"failure": FAILED_AT_BANK, "expected_by_us": None}
    pointer = [] if refund.gateway_refund else [Insert(RefundPointer(payment.id, reported.id, refund=refund.id))]
    return try_transition(
        payment,
        refund,
        status,
        values,
        *pointer,
        amount_paise=reported.amount_paise,
        event_id=event_id,
        source=source,
    )


def find_refund(payment: Payment, reported: GatewayRefund) -> Refund | None:
    """The refund that a report is about, by Razorpay's id of it, or else by ours, which we gave it when we asked.

    A report may lack our id. While one of our requests has no answer yet, Razorpay's entity is fetched to see.
    """
    if refund := find_by_gateway_refund(payment.id, reported.id) or _requested_here(payment, reported):
        return refund
    if not any(refund.status == "sending" for refund in list_refunds(payment.id)):
        return None
    try:
        return _requested_here(payment, api.fetch_refund(reported.id))
    except RazorpayRejected:
        raise ServiceUnavailable from None  # reported, and not there yet


def _requested_here(payment: Payment, reported: GatewayRefund) -> Refund | None:
    """Our request that the report names, if no other refund of Razorpay's has answered it."""
    refund = get_refund(payment.id, reported.reference) if _is_uuid(reported.reference) else None
    return refund if refund and refund.status in OPEN_STATUSES and refund.gateway_refund is None else None


def _foreign_refund(payment: Payment, reported: GatewayRefund) -> Refund:
    """The record of a refund that was made at Razorpay, not stored yet."""
    at_us = clock.now_us()
    return Refund(
        payment.id,
        foreign_id(reported.id),
        customer=payment.customer,
        status=NEW,
        amount_paise=reported.amount_paise,
        counted_paise=0,
        destination=SOURCE,
        asked_by=GATEWAY,
        gateway_payment=reported.payment,
        created_at_us=at_us,
        updated_at_us=at_us,
    )


def _note_arn(refund: Refund, reported: GatewayRefund) -> bool:
    """Note the bank's reference, by which the customer finds the money; False if the refund must be read again."""
    if refund.status == NEW or not reported.arn or refund.arn == reported.arn:
        return True
    return execute(Update(refund, {"arn": reported.arn}, expect_status=(refund.status,)))


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
