"""Saving the card of a payment, after the payment is applied and without delaying it."""

from shared import clock
from shared.aws.dynamodb import Update, execute
from shared.deadline import Deadline
from shared.payment_methods import cards
from shared.payment_methods.cards import CardSaveResult
from shared.payments.lifecycle import NOT_SAVED_AFTER_CHECKS
from shared.payments.models import Payment, get_or_404
from shared.payments.results import ApplyResult
from shared.payments.review import TOKEN_OF_ANOTHER, flag_for_review
from shared.razorpay import api
from shared.razorpay.entities import GatewayPayment
from shared.telemetry import journal

SAVE_CARD_S_MAX = 2.0  # Razorpay waits five seconds for a webhook's response, and the reconciler saves cards as well


def save_card_if_asked(result: ApplyResult, attempt: GatewayPayment | None = None) -> ApplyResult:
    """Save the card if the payment asked for it and is paid by this attempt, which is fetched if it is None.

    What Razorpay or a table cannot do now is left to the reconciler. A report about another attempt saves nothing, so
    that its webhook does not wait.
    """
    payment = result.payment
    if payment.save_method != cards.PENDING or not payment.is_paid:
        return result
    if attempt and attempt.id != payment.gateway_payment:
        return result
    try:
        with Deadline(SAVE_CARD_S_MAX):
            return _save_card(result, attempt)
    except cards.DEFERRABLE_ERRORS:
        journal.count("MethodSaveDeferred")
        return result


def _save_card(result: ApplyResult, attempt: GatewayPayment | None) -> ApplyResult:
    payment = result.payment
    if attempt is None:
        attempt = api.fetch_payment(str(payment.gateway_payment))
    gateway_customer = payment.gateway_customer or _claim_paid_contact(payment, attempt)
    if gateway_customer:
        saved = cards.save_card(payment.customer, gateway_customer, attempt)
    else:
        saved = CardSaveResult(cards.NOT_SAVED)
    if saved.belongs_to_other_customer:
        result = result.merge(flag_for_review(payment, attempt.id, TOKEN_OF_ANOTHER))
    if saved.status == cards.PENDING and payment.checks < NOT_SAVED_AFTER_CHECKS:
        return result
    if not _record_card_outcome(payment, saved):
        return result._replace(payment=get_or_404(payment.customer, payment.id))  # another call was first
    return result._replace(card_saved=saved.method_id is not None)


def _claim_paid_contact(payment: Payment, attempt: GatewayPayment) -> str | None:
    """Razorpay's customer of the number that a captured payment names, if its token is to be saved.

    Checkout was opened without a customer, since nothing proved the number. The capture does: from now on the
    customer's payments are opened for Razorpay's customer. Of this payment there is rarely a token to save.
    """
    if attempt.contact != payment.contact:
        return None
    gateway_customer = cards.gateway_customer_for(payment.customer, attempt.contact)
    return gateway_customer if attempt.token and attempt.customer == gateway_customer else None


def _record_card_outcome(payment: Payment, saved: CardSaveResult) -> bool:
    """Write the outcome to the payment, once; False if another call already has.

    The payment is closed, unless the reconciler still has to fetch its refunds.
    """
    outcome = {
        "save_method": cards.SAVED if saved.method_id else cards.NOT_SAVED,
        "saved_method": saved.method_id,
        "updated_at_us": clock.now_us(),
    }
    if payment.refunds_due_us is None:
        outcome |= {"open": None, "next_check_at_us": None}
    expect = {"save_method": cards.PENDING, "refunds_due_us": payment.refunds_due_us}
    return execute(Update(payment, outcome, expect=expect))
