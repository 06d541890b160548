"""A payment with all that belongs to it, whosever it is."""

from typing import NamedTuple

from shared.desk.reviews import ReviewItem, reviews_of
from shared.disputes.models import Dispute, list_disputes
from shared.payments.models import Payment, find_or_404
from shared.refunds.models import Refund, list_refunds
from shared.staff.gateway_view import GatewayView, ask_gateway
from shared.staff.timeline import TimelineItem, timeline_of
from shared.wallets.history import list_entries_of
from shared.wallets.models import Entry
from shared.wallets.wallet import wallet_id

CLOCKS_DIFFER_US = 60_000_000  # an entry may have an earlier time than the payment that it belongs to


class PaymentRecord(NamedTuple):
    """A payment, its refunds, newest first, and its disputes, entries, reviews and timeline, oldest first.

    `gateway` is what Razorpay says now, if it was asked.
    """

    payment: Payment
    refunds: list[Refund]
    disputes: list[Dispute]
    entries: list[Entry]
    reviews: list[ReviewItem]
    timeline: list[TimelineItem]
    gateway: GatewayView | None = None


def get_record(payment_id: str, asks_gateway: bool = False) -> PaymentRecord:
    payment = find_or_404(payment_id)
    since_us = payment.created_at_us - CLOCKS_DIFFER_US
    entries = list_entries_of(wallet_id(payment.customer), payment.id, since_us)
    refunds, disputes = list_refunds(payment.id), list_disputes(payment.id)
    timeline = timeline_of(payment, refunds, disputes)
    gateway = ask_gateway(payment) if asks_gateway else None
    return PaymentRecord(payment, refunds, disputes, entries, reviews_of(payment), timeline, gateway)
