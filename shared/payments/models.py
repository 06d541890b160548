"""The tables of payments and unusable webhooks, with the indexes and reads that they need."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from pynamodb.attributes import BinaryAttribute, ListAttribute, MapAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection, LocalSecondaryIndex

from shared.aws.dynamodb import OPEN, IntegerAttribute, Table, count, get, get_by_key, get_each, read
from shared.errors import NotFound
from shared.http.fields import uuid_from
from shared.payments.lifecycle import PAID_STATUSES, WALLET

TIME_US_MAX = 10**16  # later than any payment, by centuries
RECONCILER = "reconciler"  # in place of a customer, on rows of the reconciler's own


class PaymentsByTime(LocalSecondaryIndex["PaymentKey"]):
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


class PaymentsById(GlobalSecondaryIndex["Payment"]):
    """The customer of each payment. Its keys never change, so an update to a payment does not write here."""

    class Meta:
        index_name = "by_id"
        projection = KeysOnlyProjection()

    id = UnicodeAttribute(hash_key=True)


class OpenPayments(GlobalSecondaryIndex["PaymentKey"]):
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


class PaymentKey(Table):
    """The key of a payment, which is all that the indexes return. Of thousands it is read in a tenth of the time."""

    class Meta:
        table_setting = "payments_table"

    by_time = PaymentsByTime()
    open_index = OpenPayments()

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class Payment(Table):
    """A top-up of a wallet or a payment, through Razorpay or from the wallet."""

    class Meta:
        table_setting = "payments_table"

    by_time = PaymentsByTime()
    by_id = PaymentsById()
    by_gateway_order = PaymentsByGatewayOrder()
    open_index = OpenPayments()
    in_review_index = PaymentsInReview()

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    purpose = UnicodeAttribute()
    source = UnicodeAttribute()
    status = UnicodeAttribute()
    amount_paise = IntegerAttribute()
    paid_paise = IntegerAttribute(null=True)  # what was credited, from the capture on
    discount_paise = IntegerAttribute(null=True)
    fee_paise = IntegerAttribute(null=True)
    refundable_paise = IntegerAttribute(default=0)
    refunded_paise = IntegerAttribute(default=0)
    refunding_paise = IntegerAttribute(default=0)
    refunded_at_gateway_paise = IntegerAttribute(default=0)  # by refunds to the source, those on their way included
    refund_count = IntegerAttribute(null=True)  # of refunds in any status, those made at Razorpay included
    disputed_paise = IntegerAttribute(null=True)  # by disputes that have not ended
    lost_paise = IntegerAttribute(null=True)  # by disputes that were lost
    payment_method = UnicodeAttribute(null=True)
    opens_on = UnicodeAttribute(null=True)
    save_method = UnicodeAttribute(null=True)
    saved_method = UnicodeAttribute(null=True)
    gateway_customer = UnicodeAttribute(null=True)
    contact = UnicodeAttribute(default="")
    reference = UnicodeAttribute(default="")
    description = UnicodeAttribute(default="")
    request_digests = UnicodeAttribute(default="{}")
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
    def contested_paise(self) -> int:
        """What disputes took, or may take."""
        return (self.disputed_paise or 0) + (self.lost_paise or 0)

    @property
    def authorized_attempts(self) -> dict[str, str]:
        """The attempts that were authorized, by id: `authorized`, or `refunded` without a capture."""
        return dict(self.authorizations.as_dict()) if self.authorizations else {}


class WaitingWebhooks(GlobalSecondaryIndex["UnusableWebhook"]):
    """Sparse: the webhooks that nobody has replayed yet, by time."""

    class Meta:
        index_name = "open"
        projection = KeysOnlyProjection()

    open = UnicodeAttribute(hash_key=True)
    received_at_us = IntegerAttribute(range_key=True)


class UnusableWebhook(Table):
    """A signed webhook that could not be used. Its id is the body's digest: a redelivery is the same row.

    The event's id would not do, because the signature does not cover it.
    """

    class Meta:
        table_setting = "unusable_webhooks_table"

    open_index = WaitingWebhooks()

    id = UnicodeAttribute(hash_key=True)
    open = UnicodeAttribute(null=True)
    body = BinaryAttribute(legacy_encoding=False)  # as received: the signature covers these bytes
    signature = UnicodeAttribute()
    event_id = UnicodeAttribute(default="")
    problem = UnicodeAttribute()
    received_at_us = IntegerAttribute()
    expires_at_s = IntegerAttribute()  # DynamoDB's time to live


class ListPosition(Table):
    """How far the reconciler has handled what is new in one of Razorpay's lists. The row lies beside the payments.

    A window reaches from a bit before `until_s` to the time of the look. The position moves only after the whole
    window was handled. Until then `seen` says what of it needs no second try, and `failed` what did not succeed.
    """

    class Meta:
        table_setting = "payments_table"

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    until_s = IntegerAttribute()  # everything that was created before is handled
    seen: ListAttribute[Any] = ListAttribute(null=True)  # marks of entities that are handled
    failed: MapAttribute[str, int] = MapAttribute(null=True)  # ids of entities that failed, with the number of rounds

    @classmethod
    def at(cls, name: str, until_s: int) -> "ListPosition":
        return cls(RECONCILER, name, until_s=until_s)

    @property
    def failed_rounds(self) -> dict[str, int]:
        return dict(self.failed.as_dict()) if self.failed else {}


class RecentLook(Table):
    """How far the reconciler has read a list of the last days again. The row lies beside the payments.

    A look goes back in time. When a round ends early, the next one goes on at its place.
    """

    class Meta:
        table_setting = "payments_table"

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    started_s = IntegerAttribute()
    place_s = IntegerAttribute()  # what was created later is handled

    @classmethod
    def at(cls, name: str, started_s: int) -> "RecentLook":
        """A look that has read nothing yet."""
        return cls(RECONCILER, name, started_s=started_s, place_s=started_s)


class StartCount(Table):
    """What a customer started, or how often payments failed, in one period. The rows lie beside the payments.

    `revision` changes with every write; a write is made on condition of the one that was read.
    """

    class Meta:
        table_setting = "payments_table"

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    revision = IntegerAttribute()
    since_us = IntegerAttribute()
    ends_us = IntegerAttribute()
    counted = IntegerAttribute()
    payments: ListAttribute[Any] = ListAttribute(default=list)  # open ones; `open` is the key of an index


def get_webhooks(*ids: str) -> list[UnusableWebhook]:
    """Of these webhooks those that are stored, the oldest first."""
    rows = read(lambda: UnusableWebhook.batch_get(ids, consistent_read=True)) if ids else ()
    return sorted(rows, key=lambda row: row.received_at_us)


def list_webhooks() -> list[UnusableWebhook]:
    """The webhooks that wait for somebody, the oldest first."""
    return get_webhooks(*[row.id for row in read(lambda: UnusableWebhook.open_index.query(OPEN))])


def get_recent_look(name: str) -> RecentLook | None:
    return get(RecentLook, RECONCILER, name)


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


def find_by_id(payment_id: str) -> Payment | None:
    """The payment with this id, whosever it is, as it stands now. The index may not know a new payment yet."""
    found = next(read(lambda: Payment.by_id.query(payment_id, limit=1)), None)
    row = get_payment(found.customer, found.id) if found else None
    is_payment = row and "purpose" in row.attribute_values  # rows that are no payments lie beside them
    return row if is_payment else None


def find_or_404(payment_id: str) -> Payment:
    """The payment with this id, or the capture that is stored under its `order_…`; NotFound without either."""
    payment = find_by_id(uuid_from(payment_id) or payment_id)
    if not payment:
        raise NotFound("Payment")
    return payment


def list_payment_ids(
    customer: str, from_us: int | None = None, to_us: int | None = None, limit: int | None = None
) -> list[str]:
    """The ids of a customer's payments, newest first, including one written a moment ago; from <= created < to.

    A capture without a payment is not one: it is stored under its order's id, for a person to review.
    """
    first_us = max(from_us or 0, 0)
    last_us = TIME_US_MAX if to_us is None else min(to_us - 1, TIME_US_MAX)
    if first_us > last_us:  # which DynamoDB refuses
        return []
    created = PaymentsByTime.created_at_us.between(first_us, last_us)
    rows = read(
        lambda: PaymentKey.by_time.query(
            customer, created, scan_index_forward=False, consistent_read=True, page_size=limit
        )
    )
    ids = (payment.id for payment in rows if not payment.id.startswith("order_"))
    return list(islice(ids, limit))


def get_payments(customer: str, ids: Sequence[str]) -> list[Payment]:
    """These payments as they stand now, in this order."""
    return get_each(Payment, customer, ids)


def list_due(until_us: int, limit: int) -> list[tuple[str, str]]:
    """(customer, id) of open payments whose next check is due, longest overdue first."""
    due = OpenPayments.next_check_at_us <= until_us
    rows = read(lambda: PaymentKey.open_index.query(OPEN, due, limit=limit))
    return [(payment.customer, payment.id) for payment in rows]


def list_in_review(limit: int | None = None) -> list[Payment]:
    """The payments that wait for a person, or as many, those first that changed first; as they stand, in no order."""
    keys = [(row.customer, row.id) for row in read(lambda: Payment.in_review_index.query(OPEN, limit=limit))]
    return list(get_by_key(Payment, keys).values())


def count_in_review() -> int:
    """How many payments wait for a person."""
    return count(lambda: Payment.in_review_index.count(OPEN))


def payment_from(image: Mapping[str, Any]) -> Payment:
    """The payment in a stream record."""
    return Payment.from_raw_data(dict(image))
