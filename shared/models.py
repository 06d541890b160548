"""Every stored item: its keys, indexes and attributes, one PynamoDB model a table.

Table names are bound by the store at first use, so importing this needs no environment.
"""

from typing import Any

from pynamodb.attributes import (
    Attribute,
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    UnicodeAttribute,
)
from pynamodb.constants import NUMBER
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection, LocalSecondaryIndex
from pynamodb.models import Model

CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 2
RETRIES = 2  # beyond the first attempt

INTEGER_MAX = 10**17  # beyond any time in microseconds, far below 38 digits


class IntegerAttribute(Attribute[int]):
    """A whole number, exactly: no float, no bool, nothing that DynamoDB's 38 digits would round."""

    attr_type = NUMBER

    def serialize(self, value: Any) -> str:
        if type(value) is not int or abs(value) > INTEGER_MAX:
            raise ValueError(f"not a whole number in range: {value!r}")
        return str(value)

    def deserialize(self, value: str) -> int:
        return int(value)


class MethodsToCheck(GlobalSecondaryIndex["PaymentMethod"]):
    """Sparse: saved cards about which the gateway has still to be asked or told, by the time to do it."""

    class Meta:
        index_name = "open"
        projection = KeysOnlyProjection()

    open = UnicodeAttribute(hash_key=True)
    next_check_at_us = IntegerAttribute(range_key=True)


class PaymentMethod(Model):
    """One saved method. Rows without a type stand beside them and only point somewhere:

    | customer | id | says |
    |---|---|---|
    | a customer | `default` | `method`, the default one |
    | a customer | `gateway_customer` | `gateway_customer`, who the customer is at the gateway |
    | a customer | `card:` and a hash | `method`, the one method of that card |
    | the gateway's id of a customer or token | `owner` | `owner`, the one customer whose it is |
    """

    class Meta:
        table_name = ""
        connect_timeout_seconds = CONNECT_TIMEOUT_S
        read_timeout_seconds = READ_TIMEOUT_S
        max_retry_attempts = RETRIES

    open_index = MethodsToCheck()

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    type = UnicodeAttribute(null=True)
    provider = UnicodeAttribute(default="")
    nickname = UnicodeAttribute(default="")
    card_last4 = UnicodeAttribute(default="")
    card_brand = UnicodeAttribute(default="")
    card_expiry_month = IntegerAttribute(null=True)
    card_expiry_year = IntegerAttribute(null=True)
    upi_id = UnicodeAttribute(default="")
    bank_name = UnicodeAttribute(default="")
    wallet_provider = UnicodeAttribute(default="")
    wallet_number = UnicodeAttribute(default="")
    is_active = BooleanAttribute(default=True)
    created_at_us = IntegerAttribute(null=True)
    updated_at_us = IntegerAttribute(null=True)
    method = UnicodeAttribute(null=True)
    owner = UnicodeAttribute(null=True)
    # What only a card has that the gateway keeps: see saved_cards for its status.
    status = UnicodeAttribute(null=True)
    gateway_customer = UnicodeAttribute(null=True)
    token = UnicodeAttribute(null=True)
    same_as = UnicodeAttribute(null=True)
    version = IntegerAttribute(null=True)
    checks = IntegerAttribute(null=True)
    open = UnicodeAttribute(null=True)
    next_check_at_us = IntegerAttribute(null=True)


class Entry(Model):
    """One line of a wallet's ledger, with the whole state of the wallet after it."""

    class Meta:
        table_name = ""
        connect_timeout_seconds = CONNECT_TIMEOUT_S
        read_timeout_seconds = READ_TIMEOUT_S
        max_retry_attempts = RETRIES

    wallet = UnicodeAttribute(hash_key=True)
    seq = IntegerAttribute(range_key=True)
    version = IntegerAttribute()
    type = UnicodeAttribute()
    category = UnicodeAttribute()
    amount_paise = IntegerAttribute()
    balance_paise = IntegerAttribute()
    held_paise = IntegerAttribute()
    cashback_paise = IntegerAttribute()
    rewards_paise = IntegerAttribute()
    counts: MapAttribute[str, int] = MapAttribute()
    sums_paise: MapAttribute[str, int] = MapAttribute()
    payment = UnicodeAttribute()
    reference = UnicodeAttribute()
    description = UnicodeAttribute()
    created_at_us = IntegerAttribute()
    opened_at_us = IntegerAttribute()
    previous_hash = UnicodeAttribute()
    hash = UnicodeAttribute()


class PaymentsByTime(LocalSecondaryIndex["Payment"]):
    class Meta:
        index_name = "by_time"
        projection = KeysOnlyProjection()

    customer = UnicodeAttribute(hash_key=True)
    created_at_us = IntegerAttribute(range_key=True)


class PaymentsByGatewayOrder(GlobalSecondaryIndex["Payment"]):
    """Which payment a gateway order is for, which never changes: what happens to a payment is not written here."""

    class Meta:
        index_name = "by_gateway_order"
        projection = KeysOnlyProjection()

    gateway_order = UnicodeAttribute(hash_key=True)


class OpenPayments(GlobalSecondaryIndex["Payment"]):
    """Sparse: the payments that the reconciler has yet to ask about, by the time of the next question."""

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


class Payment(Model):
    """An attempt to take money: a top-up or a payment, through the gateway or from the wallet."""

    class Meta:
        table_name = ""
        connect_timeout_seconds = CONNECT_TIMEOUT_S
        read_timeout_seconds = READ_TIMEOUT_S
        max_retry_attempts = RETRIES

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
    failure_code = UnicodeAttribute(default="")
    failure_text = UnicodeAttribute(default="")
    review: MapAttribute[str, str] = MapAttribute(default=dict)
    timeline: ListAttribute[Any] = ListAttribute(default=list)
    checks = IntegerAttribute(default=0)
    open = UnicodeAttribute(null=True)
    next_check_at_us = IntegerAttribute(null=True)
    in_review = UnicodeAttribute(null=True)
    created_at_us = IntegerAttribute()
    updated_at_us = IntegerAttribute()


class Refund(Model):
    """One refund of a credited payment, by the gateway's refund id; it turns processed once."""

    class Meta:
        table_name = ""
        connect_timeout_seconds = CONNECT_TIMEOUT_S
        read_timeout_seconds = READ_TIMEOUT_S
        max_retry_attempts = RETRIES

    payment = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute()
    amount_paise = IntegerAttribute()
    created_at_us = IntegerAttribute()


class ImagesByTime(LocalSecondaryIndex["Image"]):
    """Keys alone, none of which changes: what a photo goes through on its way writes nothing here."""

    class Meta:
        index_name = "by_time"
        projection = KeysOnlyProjection()

    owner = UnicodeAttribute(hash_key=True)
    created_at_us = IntegerAttribute(range_key=True)


class OpenImages(GlobalSecondaryIndex["Image"]):
    """Sparse: the images that the sweeper has yet to bring to their end, by the time to look at them."""

    class Meta:
        index_name = "open"
        projection = KeysOnlyProjection()

    open = UnicodeAttribute(hash_key=True)
    next_check_at_us = IntegerAttribute(range_key=True)


class Image(Model):
    """A photo from its ticket to its variants; the row with id `tickets` only counts the tickets that are valid."""

    class Meta:
        table_name = ""
        connect_timeout_seconds = CONNECT_TIMEOUT_S
        read_timeout_seconds = READ_TIMEOUT_S
        max_retry_attempts = RETRIES

    by_time = ImagesByTime()
    open_index = OpenImages()

    owner = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute(null=True)
    stage = UnicodeAttribute(null=True)
    sha256_wanted = UnicodeAttribute(null=True)
    upload_version = UnicodeAttribute(null=True)
    upload_size_bytes = IntegerAttribute(null=True)
    sha256 = UnicodeAttribute(null=True)
    recipe = UnicodeAttribute(null=True)
    format = UnicodeAttribute(null=True)
    width = IntegerAttribute(null=True)
    height = IntegerAttribute(null=True)
    variants: ListAttribute[Any] = ListAttribute(null=True)
    placeholder = UnicodeAttribute(null=True)
    dominant_colour = UnicodeAttribute(null=True)
    rejection = UnicodeAttribute(null=True)
    open = UnicodeAttribute(null=True)
    next_check_at_us = IntegerAttribute(null=True)
    created_at_us = IntegerAttribute(null=True)
    updated_at_us = IntegerAttribute(null=True)
    tickets_end_at_us: ListAttribute[Any] = ListAttribute(null=True)
