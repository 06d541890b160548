"""Payments and top-ups: how they start.

A payment through Razorpay is created with an order and paid in checkout. A payment from the wallet is complete at
once. The same Idempotency-Key returns the same payment, permanently: the key is part of the payment's id.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from shared import clock
from shared.aws.dynamodb import OPEN, Insert, execute, retrying
from shared.deadline import Deadline
from shared.errors import ApiError, Conflict, InsufficientFunds, ValidationError
from shared.payment_methods import cards, instruments
from shared.payment_methods.models import PaymentMethod, gateway_customer_of, get_method
from shared.payments import lifecycle, starts
from shared.payments.gateway_refusals import translate_rejections
from shared.payments.lifecycle import GATEWAY, PAYMENT, TOP_UP, WALLET
from shared.payments.models import Payment, get_or_404, get_payment
from shared.payments.request_digests import differing_fields, request_digests
from shared.payments.results import CreatedPayment, wallet_entry_after
from shared.razorpay import api
from shared.wallets import ledger
from shared.wallets.models import append
from shared.wallets.wallet import check_not_blocked, check_owner, get_wallet, open_wallet

PAYMENTS = uuid.UUID("0d9f6f0a-7f1d-5b43-8f0e-2a4c5d6e7f81")
FIND_CUSTOMER_S_MAX = REFRESH_CARD_S_MAX = 2.0
NOT_STARTED = "The payment provider declined to start this payment."


def add_balance(
    customer: str,
    wallet: str | None,
    body: Mapping[str, Any],
    key: str | None,
    dry_run: bool = False,
    phone: str = "",
) -> CreatedPayment:
    """Start a top-up of the customer's wallet through Razorpay. A dry run neither writes nor asks Razorpay.

    `phone` is the customer's number if their token proves it.
    """
    check_owner(customer, wallet)
    _check_can_save(body)
    return _through_razorpay("add_balance", customer, TOP_UP, body, key, dry_run, phone)


def create_payment(
    customer: str, body: Mapping[str, Any], key: str | None, dry_run: bool = False, phone: str = ""
) -> CreatedPayment:
    """Start a payment through Razorpay, or take it from the wallet at once. A dry run does neither.

    `phone` is the customer's number if their token proves it.
    """
    _check_can_save(body)
    if body["source"] == WALLET:
        return _from_wallet(customer, body, key, dry_run)
    return _through_razorpay("payments", customer, PAYMENT, body, key, dry_run, phone)


def payment_id_for(operation: str, customer: str, key: str | None) -> str:
    """The id that a customer's key permanently stands for; a new one without a key."""
    return str(uuid.uuid5(PAYMENTS, json.dumps([operation, customer, key]))) if key else clock.new_id()


def _through_razorpay(
    operation: str, customer: str, purpose: str, body: Mapping[str, Any], key: str | None, dry_run: bool, phone: str
) -> CreatedPayment:
    payment_id = payment_id_for(operation, customer, key)
    if key and (earlier := get_payment(customer, payment_id)):
        return _replay(earlier, body)
    attributes = _attributes_to_open_on(customer, body.get("payment_method"), asks_razorpay=not dry_run)
    adds_paise = body["amount"] if purpose == TOP_UP else 0
    starts.start(customer, payment_id, adds_paise, dry_run)
    if dry_run:
        attributes |= {"save_method": cards.PENDING} if body.get("save_method") else {}
        return CreatedPayment(_new_payment(payment_id, customer, purpose, GATEWAY, "created", body, **attributes))
    if body.get("save_method"):
        attributes |= _attributes_to_save(customer, body["contact"], phone)
    # The gateway order first: the app can pay only an order that it received, so a crash between the two leaves an
    # order that nobody can pay.
    notes = {"payment_id": payment_id, "customer": customer, "purpose": purpose}
    try:
        with translate_rejections(NOT_STARTED):
            gateway_order = api.create_order(body["amount"], payment_id, notes)
    except ApiError:
        starts.free(customer, payment_id)
        raise
    payment = _new_payment(payment_id, customer, purpose, GATEWAY, "created", body, **attributes)
    payment.gateway_order = gateway_order
    payment.open, payment.next_check_at_us = OPEN, lifecycle.first_check_us(payment.created_at_us)
    if execute(Insert(payment)):
        return CreatedPayment(payment)
    return _replay(get_or_404(customer, payment_id), body)


def _from_wallet(customer: str, body: Mapping[str, Any], key: str | None, dry_run: bool) -> CreatedPayment:
    if not key:
        raise ValidationError({"Idempotency-Key": ["This header is required for a payment from the wallet."]})
    payment_id = payment_id_for("payments", customer, key)

    def try_pay() -> CreatedPayment | None:
        if earlier := get_payment(customer, payment_id):
            return _replay(earlier, body)
        _attributes_to_open_on(customer, body["payment_method"], asks_razorpay=False)  # refuses an unknown method
        head = get_wallet(customer) if dry_run else open_wallet(customer)
        payment = _new_payment(payment_id, customer, PAYMENT, WALLET, "captured", body)
        check_not_blocked(head)
        if head.cash_paise < body["amount"]:
            if dry_run:
                raise InsufficientFunds
            _refuse(payment)
            return None
        payment.paid_paise = payment.refundable_paise = body["amount"]
        payment.discount_paise = payment.fee_paise = 0
        entry = ledger.next_entry(head, ledger.DEBIT, "payment", body["amount"], ledger.by_payment(payment_id))
        is_taken = not dry_run and append(entry, Insert(payment))
        return None if is_taken else CreatedPayment(payment, entry)

    return retrying(try_pay)


def _refuse(payment: Payment) -> None:
    """Record a payment that the balance does not cover, so that its key is refused from now on."""
    payment.status = "failed"
    payment.failure_code, payment.failure_text = InsufficientFunds.code, InsufficientFunds.text
    if execute(Insert(payment)):
        raise InsufficientFunds


def _new_payment(
    payment_id: str,
    customer: str,
    purpose: str,
    source: str,
    status: str,
    body: Mapping[str, Any],
    **attributes: Any,
) -> Payment:
    at_us = clock.now_us()
    return Payment(
        customer,
        payment_id,
        purpose=purpose,
        source=source,
        status=status,
        amount_paise=body["amount"],
        payment_method=body.get("payment_method"),
        contact=body.get("contact", ""),
        reference=body.get("reference", ""),
        description=body["description"],
        request_digests=request_digests(payment_id, body),
        timeline=[lifecycle.timeline_item(at_us, source, status)],
        created_at_us=at_us,
        updated_at_us=at_us,
        **attributes,
    )


def _replay(earlier: Payment, body: Mapping[str, Any]) -> CreatedPayment:
    """Answer a repeated key from the first payment; Conflict if the body differs."""
    if differing := differing_fields(earlier.request_digests, request_digests(earlier.id, body)):
        text = f"This Idempotency-Key was already used with a different {', '.join(differing)}."
        raise Conflict(text, code="idempotency_key_reused")
    if earlier.source == WALLET and earlier.status == "failed":
        raise InsufficientFunds  # final for this key: a new attempt needs a new key
    return CreatedPayment(earlier, wallet_entry_after(earlier), replayed=True)


# --- saved payment methods


def _check_can_save(body: Mapping[str, Any]) -> None:
    if not body.get("save_method"):
        return
    if body.get("source") == WALLET:
        raise ValidationError({"save_method": ['save_method requires "source": "gateway".']})
    if not body.get("contact"):
        raise ValidationError({"contact": ["This field is required to save the payment method."]})


def _attributes_to_open_on(customer: str, method_id: str | None, asks_razorpay: bool) -> dict[str, Any]:
    """What a payment stores so that its checkout opens on the saved method that it names."""
    if not method_id:
        return {}
    method = get_method(customer, method_id)
    if method and asks_razorpay:
        method = _up_to_date(method)
    if not method or not method.is_active:
        raise ValidationError({"payment_method": [f'Invalid pk "{method_id}" - object does not exist.']})
    if method.status not in (None, cards.ACTIVE):
        raise ValidationError({"payment_method": [f"This card is {method.status} and cannot be used."]})
    return {"opens_on": instruments.opening_on(method), "gateway_customer": method.gateway_customer}


def _up_to_date(method: PaymentMethod) -> PaymentMethod:
    try:
        with Deadline(REFRESH_CARD_S_MAX):
            return cards.refresh_if_old(method)
    except cards.DEFERRABLE_ERRORS:
        return method  # without an answer, checkout decides about the card


def _attributes_to_save(customer: str, contact: str, phone: str) -> dict[str, Any]:
    """What a payment stores so that checkout offers to save the card. Saving never prevents or delays the payment.

    Checkout lists the cards of a number, so Razorpay's customer is given only to who proves that it is theirs. Every
    other number waits for the capture, and gets the same response.
    """
    try:
        with Deadline(FIND_CUSTOMER_S_MAX):
            if contact != phone and gateway_customer_of(customer) is None:
                return {"save_method": cards.PENDING}
            gateway_customer = cards.gateway_customer_for(customer, contact)
    except cards.DEFERRABLE_ERRORS:
        gateway_customer = None
    if gateway_customer is None:
        return {"save_method": cards.NOT_AVAILABLE}
    return {"save_method": cards.PENDING, "gateway_customer": gateway_customer}
