"""The tables of payments and refunds, with the indexes and reads that they need."""

from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.attributes import ListAttribute, MapAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection, LocalSecondaryIndex

from shared.aws.dynamodb import OPEN, IntegerAttribute, Table, count, get, get_each, read
from shared.errors import NotFound
from shared.payments.lifecycle import PAID_STATUSES, WALLET

RECONCILER = "reconciler"  # in place of a customer, on rows of the reconciler's own


class PaymentsByTime(LocalSecondaryIndex["Payment"]):
    class Meta:
        index_name = "by_time"
        projection = KeysOnlyProjection()

    customer = UnicodeAttribute(hash_key=True)
    created_at_us = IntegerAttribute(range_key=True)


class PaymentsByGatewayOrder(GlobalSecondaryIndex["Payment"]):
    """The payment of each gateway order. Its keys never change, so an update to a payment does not write here."""

    class Meta:
        index_name = "by_gateway_order"
        projection = KeysOnlyProjection()

    gateway_order = UnicodeAttribute(hash_key=True)


class OpenPayments(GlobalSecondaryIndex["Payment"]):
    """Sparse: the payments that the reconciler still has to ask about, by the time of the next check."""

    class Meta:
        index_name = "open"
        projection = KeysOnlyProjection()

    open = UnicodeAttribute(hash_key=True)
    next_check_at_us = IntegerAttribute(range_key=True)


class PaymentsInReview(GlobalSecondaryIndex["Payment"]):
    """Sparse: the payments that a person has to look at."""

    class Meta:
        index_name = "in_review"
        projection = KeysOnlyProjection()

    in_review = UnicodeAttribute(hash_key=True)
    updated_at_us = IntegerAttribute(range_key=True)


class Payment(Table):
    """A top-up of a wallet or a payment, through Razorpay or from the wallet."""

    class Meta:
        table_setting = "payments_table"

    by_time = PaymentsByTime()
    by_gateway_order = PaymentsByGatewayOrder()
    open_index = OpenPayments()
    in_review_index = PaymentsInReview()

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    purpose = UnicodeAttribute()
    source = UnicodeAttribute()
    status = UnicodeAttribute()
    amount_paise = IntegerAttribute()
    refunded_paise = IntegerAttribute(default=0)
    payment_method = UnicodeAttribute(null=True)
    opens_on = UnicodeAttribute(null=True)
    save_method = UnicodeAttribute(null=True)
    saved_method = UnicodeAttribute(null=True)
    gateway_customer = UnicodeAttribute(null=True)
    contact = UnicodeAttribute(default="")
    reference = UnicodeAttribute(default="")
    description = UnicodeAttribute(default="")
    request = UnicodeAttribute(default="{}")
    gateway_order = UnicodeAttribute(null=True)
    gateway_payment = UnicodeAttribute(null=True)
    gateway_method = UnicodeAttribute(default="")
    authorizations: MapAttribute[str, str] = MapAttribute(null=True)
    failure_code = UnicodeAttribute(default="")
    failure_text = UnicodeAttribute(default="")
    review: MapAttribute[str, str] = MapAttribute(default=dict)
    timeline: ListAttribute[Any] = ListAttribute(default=list)
    checks = IntegerAttribute(default=0)
    open = UnicodeAttribute(null=True)
    next_check_at_us = IntegerAttribute(null=True)
    asked_at_us = IntegerAttribute(null=True)
    refunds_due_us = IntegerAttribute(null=True)  # since when the reconciler has to fetch the refunds
    in_review = UnicodeAttribute(null=True)
    created_at_us = IntegerAttribute()
    updated_at_us = IntegerAttribute()

    @property
    def is_paid(self) -> bool:
        """Whether its money arrived and was credited.

        The status alone does not say so: a payment also becomes `refunded` when Razorpay returns an authorization
        that was never captured.
        """
        return self.status in PAID_STATUSES and (self.gateway_payment is not None or self.source == WALLET)

    @property
    def authorized_attempts(self) -> dict[str, str]:
        """The attempts that were authorized, by id: `authorized`, or `refunded` without a capture."""
        return dict(self.authorizations.as_dict()) if self.authorizations else {}


class Refund(Table):
    """A processed refund of a captured payment, by Razorpay's refund id. It is inserted once."""

    class Meta:
        table_setting = "refunds_table"

    payment = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute()
    amount_paise = IntegerAttribute()
    created_at_us = IntegerAttribute()


class ListPosition(Table):
    """How far the reconciler has handled one of Razorpay's lists. The row lies beside the payments."""

    class Meta:
        table_setting = "payments_table"

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    until_s = IntegerAttribute()  # everything that was created before is handled
    seen: ListAttribute[Any] = ListAttribute(null=True)  # marks of what the next look finds again
    failed: MapAttribute[str, int] = MapAttribute(null=True)  # ids of what failed, with the number of rounds

    @classmethod
    def at(cls, name: str, until_s: int) -> "ListPosition":
        return cls(RECONCILER, name, until_s=until_s)

    @property
    def failed_rounds(self) -> dict[str, int]:
        return dict(self.failed.as_dict()) if self.failed else {}


def get_position(name: str) -> ListPosition | None:
    return get(ListPosition, RECONCILER, name)


def get_payment(customer: str, payment_id: str) -> Payment | None:
    return get(Payment, customer, payment_id)


def get_or_404(customer: str, payment_id: str) -> Payment:
    payment = get_payment(customer, payment_id)
    if not payment:
        raise NotFound("Payment")
    return payment


def find_by_gateway_order(gateway_order: str) -> Payment | None:
    """The payment of a gateway order as it stands now. The index may not know a new payment yet."""
    found = next(read(lambda: Payment.by_gateway_order.query(gateway_order, limit=1)), None)
    return get_payment(found.customer, found.id) if found else None


def list_payment_ids(customer: str) -> list[str]:
    """The ids of all of a customer's payments, newest first, including one written a moment ago.

    A capture without a payment is not one: it is stored under its order's id, for a person to review.
    """
    rows = read(lambda: Payment.by_time.query(customer, scan_index_forward=False, consistent_read=True))
    return [payment.id for payment in rows if not payment.id.startswith("order_")]


def get_payments(customer: str, ids: Sequence[str]) -> list[Payment]:
    """These payments as they stand now, in this order."""
    return get_each(Payment, customer, ids)


def list_due(until_us: int, limit: int) -> list[tuple[str, str]]:
    """(customer, id) of open payments whose next check is due, longest overdue first."""
    due = OpenPayments.next_check_at_us <= until_us
    rows = read(lambda: Payment.open_index.query(OPEN, due, limit=limit))
    return [(payment.customer, payment.id) for payment in rows]


def count_in_review() -> int:
    """How many payments wait for a person."""
    return count(lambda: Payment.in_review_index.count(OPEN))


def get_refund(payment_id: str, refund_id: str) -> Refund | None:
    return get(Refund, payment_id, refund_id)


def payment_from(image: Mapping[str, Any]) -> Payment:
    """The payment in a stream record."""
    return Payment.from_raw_data(dict(image))
