"""Refunds that are asked for here: recorded first, then sent to Razorpay.

The record takes the amount from what can still be refunded, and holds a top-up's money in the wallet. So whatever
happens to the request that follows, nobody can spend what goes back, and nothing is refunded twice. The same
Idempotency-Key returns the same refund, permanently.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from shared import clock
from shared.aws.dynamodb import Write, retrying
from shared.errors import Conflict, ValidationError
from shared.money import rupees
from shared.payments.lifecycle import TOP_UP
from shared.payments.lifecycle import WALLET as FROM_WALLET
from shared.payments.models import Payment, get_or_404
from shared.payments.review import end_unclear
from shared.refunds import models
from shared.refunds.entries import moves_for
from shared.refunds.lifecycle import CUSTOMER, NEW, SOURCE, WALLET, source_of
from shared.refunds.models import REFUNDS, Refund, get_refund
from shared.refunds.policy import customer_policy
from shared.refunds.send import send
from shared.refunds.transition import try_transition
from shared.wallets.models import Entry
from shared.wallets.wallet import get_wallet

KEY_REQUIRED = "This header is required for a refund."
TO_SOURCE_ONLY = "A top-up can be refunded to its source only."
TO_WALLET_ONLY = "A payment from the wallet can be refunded to the wallet only."
SPENT = "The wallet no longer holds this amount."
TOO_SMALL = "Razorpay refunds at least 1.00."

Policy = Callable[[Payment, int, Entry | None], None]
# Of one payment. All of them are read when an answer is unknown, here and at Razorpay.
REFUNDS_MAX = 100
SENT_PAISE_MIN = 100  # Razorpay refuses less


class RequestedRefund(NamedTuple):
    """A refund. `replayed` is true when an earlier request with the same key asked for it."""

    refund: Refund
    replayed: bool = False


def request_customer_refund(
    customer: str, payment_id: str, body: Mapping[str, Any], key: str | None, dry_run: bool = False
) -> RequestedRefund:
    """Refund the customer's own payment, as far as customers may ask for that."""
    payment = get_or_404(customer, payment_id)
    amount_paise, destination, reason = body["amount"], body["destination"], body["reason"]
    return request_refund(payment, amount_paise, destination, reason, key, CUSTOMER, customer_policy, dry_run)


def request_refund(
    payment: Payment,
    amount_paise: int | None,
    destination: str | None,
    reason: str,
    key: str | None,
    asked_by: str,
    policy: Policy,
    dry_run: bool = False,
    alongside: Callable[[Refund], Write] | None = None,
) -> RequestedRefund:
    """Refund a payment, or the part of it that is given, on behalf of `asked_by`: the customer, or `staff:<id>`.

    What `alongside` returns is written in the same transaction as the refund. A dry run answers the same and changes
    nothing. Conflict with code `refund_limit` above what is left, and `insufficient_funds` for a top-up whose money
    is spent.
    """
    if not key:
        raise ValidationError({"Idempotency-Key": [KEY_REQUIRED]})
    destination = destination or (WALLET if payment.source == FROM_WALLET else SOURCE)
    refund_id = refund_id_for(payment.id, asked_by, key)

    def try_request() -> RequestedRefund | None:
        if earlier := get_refund(payment.id, refund_id):
            return _replay(earlier, amount_paise, destination, reason)
        _check_destination(payment, destination)
        current = get_or_404(payment.customer, payment.id)
        refund = _new_refund(refund_id, current, amount_paise, destination, reason, asked_by)
        head = get_wallet(current.customer) if current.purpose == TOP_UP else None
        policy(current, refund.amount_paise, head)
        _check_amount(current, refund, head)
        status = "processed" if destination == WALLET else "requested"
        if dry_run:
            refund.status = status
            return RequestedRefund(refund)
        moves = moves_for(current, refund, status, refund.amount_paise, head)
        writes = (alongside(refund),) if alongside else ()
        is_done = try_transition(current, refund, status, {}, *writes, moves=moves, source=source_of(asked_by))
        return RequestedRefund(refund) if is_done else None

    requested = retrying(try_request)
    if dry_run or requested.replayed or destination == WALLET:
        return requested
    return RequestedRefund(send(payment, requested.refund, source_of(asked_by)))


def refund_id_for(payment_id: str, asked_by: str, key: str) -> str:
    """The id that a key permanently stands for, for this payment and whoever asks."""
    return str(uuid.uuid5(REFUNDS, json.dumps([f"refunds of {payment_id}", asked_by, key])))


def cancel_refund(
    payment: Payment, refund_id: str, *records: Write, source: str = "app", reference: str = ""
) -> Refund:
    """Cancel a refund that was not sent to Razorpay yet; Conflict for any other.

    The records of who cancels it are written with it, and the `reference` to them goes into its timeline. A refund
    that is cancelled already stays as it is.
    """

    def try_cancel() -> Refund | None:
        refund = models.get_or_404(payment.id, refund_id)
        if refund.status == "cancelled":
            return refund
        if refund.status != "requested":
            raise Conflict("This refund can no longer be cancelled.", code="refund_not_cancellable")
        current = get_or_404(payment.customer, payment.id)
        done = try_transition(current, refund, "cancelled", {}, *records, source=source, event_id=reference)
        return refund if done else None

    cancelled = retrying(try_cancel)
    end_unclear(get_or_404(payment.customer, payment.id), refund_id, source=source, event_id=reference)
    return cancelled


def _check_destination(payment: Payment, destination: str) -> None:
    if payment.purpose == TOP_UP and destination == WALLET:
        raise ValidationError({"destination": [TO_SOURCE_ONLY]})
    if payment.source == FROM_WALLET and destination == SOURCE:
        raise ValidationError({"destination": [TO_WALLET_ONLY]})


def _check_amount(payment: Payment, refund: Refund, head: Entry | None) -> None:
    if (payment.refund_count or 0) >= REFUNDS_MAX:
        raise Conflict(f"No more than {REFUNDS_MAX} refunds of one payment can be made.", code="too_many_refunds")
    left_paise = payment.refundable_paise
    if not 0 < refund.amount_paise <= left_paise:
        raise Conflict(f"{rupees(left_paise)} of this payment can be refunded.", code="refund_limit")
    if refund.destination == SOURCE and refund.amount_paise < SENT_PAISE_MIN:
        raise Conflict(TOO_SMALL, code="refund_limit")
    if head and head.cash_paise < refund.amount_paise:
        raise Conflict(SPENT, code="insufficient_funds")


def _new_refund(
    refund_id: str, payment: Payment, asked_paise: int | None, destination: str, reason: str, asked_by: str
) -> Refund:
    at_us = clock.now_us()
    amount_paise = payment.refundable_paise if asked_paise is None else asked_paise
    return Refund(
        payment.id,
        refund_id,
        customer=payment.customer,
        status=NEW,
        amount_paise=amount_paise,
        asked_paise=asked_paise,
        counted_paise=amount_paise,
        destination=destination,
        reason=reason,
        asked_by=asked_by,
        gateway_payment=payment.gateway_payment if destination == SOURCE else None,
        created_at_us=at_us,
        updated_at_us=at_us,
    )


def _replay(earlier: Refund, amount_paise: int | None, destination: str, reason: str) -> RequestedRefund:
    """Answer a repeated key from the first refund; Conflict if the body differs."""
    first = {"amount": earlier.asked_paise, "destination": earlier.destination, "reason": earlier.reason}
    again = {"amount": amount_paise, "destination": destination, "reason": reason}
    if differing := sorted(name for name in first if first[name] != again[name]):
        text = f"This Idempotency-Key was already used with a different {', '.join(differing)}."
        raise Conflict(text, code="idempotency_key_reused")
    return RequestedRefund(earlier, replayed=True)
