"""The table of saved payment methods: the methods, and the pointer rows stored with them.

customer (hash key)                id (range key)      model
a customer                         a UUID              PaymentMethod
a customer                         default             DefaultMethod
a customer                         gateway_customer    GatewayCustomer
a customer                         card:<hash>         CardClaim
a customer                         created             CreatedCount
Razorpay's id of a customer/token  owner               Owner
a wallet                           wallet_owner        WalletOwner, in shared/wallets/models.py
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection, LocalSecondaryIndex

from shared import clock
from shared.aws import dynamodb
from shared.aws.dynamodb import OPEN, IntegerAttribute, Table

CARD, UPI, NETBANKING, WALLET = "card", "upi", "netbanking", "wallet"
TYPES = (CARD, UPI, NETBANKING, WALLET)

# The ids of pointer rows; none is a UUID.
DEFAULT, GATEWAY_CUSTOMER, OWNER, CARD_PREFIX = "default", "gateway_customer", "owner", "card:"
CREATED = "created"

# What a write expects of a method that must still be in use. Pointer rows do not have the attribute.
IS_ACTIVE: Mapping[str, Any] = {"is_active": True}

# A deleted row is kept for as long as a repeated request or webhook may still ask for it. Then DynamoDB removes it.
KEPT_AFTER_DELETION_S = 30 * 86_400
# What a deletion removes at once: everything personal, and the time by which lists find the row.
CLEARED_ATTRIBUTES: Mapping[str, Any] = dict.fromkeys(
    (
        "created_at_us",
        "provider",
        "nickname",
        "card_last4",
        "card_brand",
        "card_expiry_month",
        "card_expiry_year",
        "upi_id",
        "bank_name",
        "wallet_provider",
        "wallet_number",
    )
)


class MethodsByTime(LocalSecondaryIndex["PaymentMethod"]):
    """Sparse: the methods that lists read. Neither deleted methods nor pointer rows are in it."""

    class Meta:
        index_name = "by_time"
        projection = AllProjection()

    customer = UnicodeAttribute(hash_key=True)
    created_at_us = IntegerAttribute(range_key=True)


class MethodsToCheck(GlobalSecondaryIndex["PaymentMethod"]):
    """Sparse: the saved cards that need another call to Razorpay, by the time of that call."""

    class Meta:
        index_name = "open"
        projection = KeysOnlyProjection()

    open = UnicodeAttribute(hash_key=True)
    next_check_at_us = IntegerAttribute(range_key=True)


class PaymentMethod(Table):
    """One saved method: a label that the customer typed, or a card that Razorpay keeps, which has a `token`."""

    class Meta:
        table_setting = "payment_methods_table"

    by_time = MethodsByTime()
    open_index = MethodsToCheck()

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    type = UnicodeAttribute()
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
    created_at_us = IntegerAttribute(null=True)  # absent once deleted, so that no list has the row
    updated_at_us = IntegerAttribute()
    expires_at_s = IntegerAttribute(null=True)  # of a deleted row: DynamoDB's time to live
    # Only on a card that Razorpay keeps; cards.py describes the statuses.
    status = UnicodeAttribute(null=True)
    gateway_customer = UnicodeAttribute(null=True)
    token = UnicodeAttribute(null=True)
    same_as = UnicodeAttribute(null=True)  # the method that this card already had
    card_claim = UnicodeAttribute(null=True)  # the id of its CardClaim
    version = IntegerAttribute(null=True)
    checked_at_us = IntegerAttribute(null=True)  # when Razorpay last answered about the token
    checks = IntegerAttribute(null=True)
    open = UnicodeAttribute(null=True)
    next_check_at_us = IntegerAttribute(null=True)


class DefaultMethod(Table):
    """Which of a customer's methods is the default. One row per customer, so there is never a second default."""

    class Meta:
        table_setting = "payment_methods_table"

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True, default=DEFAULT)
    method = UnicodeAttribute()


class GatewayCustomer(Table):
    """The id that a customer has at Razorpay."""

    class Meta:
        table_setting = "payment_methods_table"

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True, default=GATEWAY_CUSTOMER)
    gateway_customer = UnicodeAttribute()


class CreatedCount(Table):
    """How many methods a customer created within a day, deleted ones included."""

    class Meta:
        table_setting = "payment_methods_table"

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True, default=CREATED)
    day_ends_us = IntegerAttribute()
    day_count = IntegerAttribute()


class CardClaim(Table):
    """The only method of a card, by a hash of the customer and the network's reference for the card's account."""

    class Meta:
        table_setting = "payment_methods_table"

    customer = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    method = UnicodeAttribute()
    expires_at_s = IntegerAttribute(null=True)


class Owner(Table):
    """The customer to whom a customer or token of Razorpay belongs. Of a deleted token the row expires.

    Each card that is saved changes the row of its customer at Razorpay, so that a release of the claim notices it.
    """

    class Meta:
        table_setting = "payment_methods_table"

    gateway_id = UnicodeAttribute(hash_key=True, attr_name="customer")
    id = UnicodeAttribute(range_key=True, default=OWNER)
    owner = UnicodeAttribute()
    saved = UnicodeAttribute(null=True)  # of a customer of Razorpay: the card that was saved last
    expires_at_s = IntegerAttribute(null=True)


# --- methods


def get_method(customer: str, method_id: str) -> PaymentMethod | None:
    """An active method of the customer."""
    method = get_any_method(customer, method_id)
    return method if method and method.is_active else None


def get_any_method(customer: str, method_id: str) -> PaymentMethod | None:
    """A method of the customer, even if it is deleted or not visible yet."""
    row = dynamodb.get(PaymentMethod, customer, method_id)
    return row if row and _is_method(row) else None


def list_methods(customer: str) -> list[PaymentMethod]:
    """The customer's active methods, oldest first."""
    rows = dynamodb.read(lambda: PaymentMethod.by_time.query(customer, consistent_read=True))
    return [row for row in rows if row.is_active]  # a card that is being saved is not visible yet


def cleared() -> dict[str, Any]:
    """The changes that delete a method for its customer."""
    return {**CLEARED_ATTRIBUTES, "is_active": False, "updated_at_us": clock.now_us()}


def expiring() -> dict[str, Any]:
    """The change after which a row is removed in due time."""
    return {"expires_at_s": clock.now_s() + KEPT_AFTER_DELETION_S}


def methods_to_check(until_us: int, limit: int) -> list[tuple[str, str]]:
    """(customer, id) of the cards whose next check is due, the longest waiting first."""
    due = MethodsToCheck.next_check_at_us <= until_us
    rows = dynamodb.read(lambda: PaymentMethod.open_index.query(OPEN, due, limit=limit))
    return [(row.customer, row.id) for row in rows]


def _is_method(row: PaymentMethod) -> bool:
    """False for a pointer row that was read as a method: it has no type, and its `is_active` is only the default."""
    return "type" in row.attribute_values


# --- pointers


def default_method_id(customer: str) -> str | None:
    pointer = dynamodb.get(DefaultMethod, customer, DEFAULT)
    return pointer.method if pointer else None


def get_created_count(customer: str) -> CreatedCount | None:
    return dynamodb.get(CreatedCount, customer, CREATED)


def gateway_customer_of(customer: str) -> str | None:
    """The customer's id at Razorpay, if there is one."""
    link = dynamodb.get(GatewayCustomer, customer, GATEWAY_CUSTOMER)
    return link.gateway_customer if link else None


def has_cards(customer: str, gateway_customer: str) -> bool:
    """Whether a card is saved for this customer at Razorpay, or is being saved."""
    rows = dynamodb.read(lambda: PaymentMethod.by_time.query(customer, consistent_read=True))
    return any(row.gateway_customer == gateway_customer for row in rows)


def release_gateway_customer(customer: str, gateway_customer: str, saved: str | None) -> list[dynamodb.Write]:
    """The writes after which the customer has no customer at Razorpay, and that one belongs to nobody.

    They fail if a card was saved after `saved`, the last one when the claim was read.
    """
    return [
        dynamodb.Delete(Owner(gateway_customer), {"owner": customer, "saved": saved}),
        dynamodb.Delete(GatewayCustomer(customer), {"gateway_customer": gateway_customer}),
    ]


def owner_of(gateway_id: str) -> str | None:
    """Our customer to whom this customer or token of Razorpay belongs."""
    row = get_owner(gateway_id)
    return row.owner if row else None


def get_owner(gateway_id: str) -> Owner | None:
    return dynamodb.get(Owner, gateway_id, OWNER)


def card_claim_id(customer: str, account: str) -> str:
    """The id of a card's claim. Only the hash of the account's reference is stored."""
    return CARD_PREFIX + hashlib.sha256(f"{customer} {account}".encode()).hexdigest()


def method_of_card(customer: str, claim_id: str) -> str | None:
    """The id of the only method that a card has."""
    claim = dynamodb.get(CardClaim, customer, claim_id)
    return claim.method if claim else None
