"""A payment or a customer with all that belongs to them, whosever it is."""

import re
from dataclasses import dataclass

from shared.desk.models import Action, get_actions
from shared.desk.reviews import ReviewItem, reviews_of
from shared.disputes.models import Dispute, list_disputes
from shared.errors import NotFound
from shared.http.fields import uuid_from
from shared.payment_methods.methods import list_methods
from shared.payment_methods.models import PaymentMethod
from shared.payments.lifecycle import PENDING_STATUSES
from shared.payments.models import Payment, find_by_id, get_payments, list_payment_ids
from shared.refunds.models import Refund, list_refunds
from shared.wallets.history import list_entries_of
from shared.wallets.models import Entry, get_head
from shared.wallets.wallet import wallet_id

PAYMENTS_MAX = 100  # that one request reads
RECENT = 10
STAFF_ITEM = re.compile(r"\S+ staff \S+ \S+$")  # of a timeline: what staff did, with the id of the action
CLOCKS_DIFFER_US = 60_000_000  # an entry may have an earlier time than the payment that it belongs to


@dataclass(frozen=True, slots=True)
class PaymentRecord:
    """A payment, its refunds, newest first, its disputes, entries and reviews, oldest first, and what staff did."""

    payment: Payment
    refunds: list[Refund]
    disputes: list[Dispute]
    entries: list[Entry]
    reviews: list[ReviewItem]
    actions: dict[str, Action]


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A customer's wallet, None if it was never opened, active methods, and payments, newest first.

    `recent`, `open` and `in_review` are of the newest PAYMENTS_MAX payments.
    """

    customer: str
    wallet: Entry | None
    methods: list[PaymentMethod]
    default_method: str | None
    recent: list[Payment]
    open: list[Payment]
    in_review: list[Payment]


def get_payment(payment_id: str) -> Payment:
    """The payment with this id, or the capture that is stored under its `order_…`; NotFound without either."""
    payment = find_by_id(uuid_from(payment_id) or payment_id)
    if not payment:
        raise NotFound("Payment")
    return payment


def get_record(payment_id: str) -> PaymentRecord:
    payment = get_payment(payment_id)
    since_us = payment.created_at_us - CLOCKS_DIFFER_US
    entries = list_entries_of(wallet_id(payment.customer), payment.id, since_us)
    actions = get_actions([str(item).split(" ")[3] for item in payment.timeline if STAFF_ITEM.match(str(item))])
    return PaymentRecord(
        payment, list_refunds(payment.id), list_disputes(payment.id), entries, reviews_of(payment), actions
    )


def get_customer(customer: str) -> CustomerRecord:
    """What is stored of a customer; NotFound if nothing is."""
    wallet = get_head(wallet_id(customer))
    methods, default_method = list_methods(customer)
    ids = list_payment_ids(customer, limit=PAYMENTS_MAX)
    payments = get_payments(customer, ids) if ids else []
    if not (wallet or methods or payments):
        raise NotFound("Customer")
    return CustomerRecord(
        customer,
        wallet,
        methods,
        default_method,
        recent=payments[:RECENT],
        open=[payment for payment in payments if payment.status in PENDING_STATUSES],
        in_review=[payment for payment in payments if payment.in_review],
    )
