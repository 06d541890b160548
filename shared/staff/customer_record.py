"""A customer with all that belongs to them."""

from typing import NamedTuple

from shared.desk.reviews import ReviewItem, reviews_of
from shared.disputes.models import Dispute, list_disputes
from shared.errors import NotFound
from shared.payment_methods.methods import list_methods
from shared.payment_methods.models import PaymentMethod
from shared.payments.lifecycle import PENDING_STATUSES
from shared.payments.models import Payment, get_payments, list_payment_ids
from shared.refunds.models import Refund, list_refunds
from shared.wallets.models import Entry, get_head
from shared.wallets.wallet import wallet_id

PAYMENTS_MAX = 100  # that one request reads
RECENT = 10
HOLDS_MAX = 20  # payments whose refunds and disputes are read for what they hold


class CustomerRecord(NamedTuple):
    """A customer's wallet, None if it was never opened, active methods, and payments, newest first.

    `recent`, `open`, `in_review` and the open `reviews` are of the newest PAYMENTS_MAX payments, and so are the
    `holds`: the refunds and disputes for which the wallet holds money, oldest first.
    """

    customer: str
    wallet: Entry | None
    methods: list[PaymentMethod]
    default_method: str | None
    recent: list[Payment]
    open: list[Payment]
    in_review: list[Payment]
    reviews: list[ReviewItem]
    holds: list[Refund | Dispute]


def get_customer(customer: str) -> CustomerRecord:
    """What is stored of a customer; NotFound if nothing is."""
    wallet = get_head(wallet_id(customer))
    methods, default_method = list_methods(customer)
    ids = list_payment_ids(customer, limit=PAYMENTS_MAX)
    payments = get_payments(customer, ids) if ids else []
    if not (wallet or methods or payments):
        raise NotFound("Customer")
    in_review = [payment for payment in payments if payment.in_review]
    return CustomerRecord(
        customer,
        wallet,
        methods,
        default_method,
        recent=payments[:RECENT],
        open=[payment for payment in payments if payment.status in PENDING_STATUSES],
        in_review=in_review,
        reviews=[item for item in reviews_of(*in_review) if item.is_open],
        holds=_holds_of(payments) if wallet and wallet.held_paise else [],
    )


def _holds_of(payments: list[Payment]) -> list[Refund | Dispute]:
    holding = [payment for payment in payments if payment.refunding_paise or payment.disputed_paise][:HOLDS_MAX]
    records: list[Refund | Dispute] = []
    for payment in holding:
        records += [refund for refund in list_refunds(payment.id) if refund.held_paise and refund.open]
        records += [dispute for dispute in list_disputes(payment.id) if dispute.held_paise and dispute.open]
    return sorted(records, key=lambda record: record.created_at_us)
