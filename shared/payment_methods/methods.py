"""Saved payment methods: list, create, retrieve, update, delete, and set the default.

What the app sends is only a label. A card that was saved by paying with it is stored and described by Razorpay: see
`cards`. Functions that return a method also return the id of the default method.
"""

from collections.abc import Mapping
from typing import Any

from shared import clock
from shared.aws.dynamodb import Delete, Insert, Overwrite, Require, Update, Write, retrying, transact
from shared.deadline import Deadline
from shared.errors import Conflict, LimitReached, NotFound, ValidationError
from shared.payment_methods import card_sync, cards, models
from shared.payment_methods.models import (
    CARD,
    IS_ACTIVE,
    NETBANKING,
    UPI,
    WALLET,
    CreatedCount,
    DefaultMethod,
    PaymentMethod,
)
from shared.payment_methods.upi_handles import provider_of
from shared.settings import settings

METHODS_MAX = 100  # of one customer, deleted ones apart
METHODS_PER_DAY_MAX = 300  # that one customer may create, deleted ones included
DAY_US = 86_400 * 1_000_000
DELETE_WAIT_S = 3  # how long the app waits for Razorpay to delete a card; after that the reconciler does it
SAVED_CARD_FIELDS = ("nickname", "is_default")  # the rest of a card that Razorpay keeps is read-only: ignored

# The field that each type requires, and the error when it is missing.
REQUIRED_FIELDS = {
    CARD: ("card_last4", "Card last 4 digits are required for card payment method."),
    UPI: ("upi_id", "UPI ID is required for UPI payment method."),
    NETBANKING: ("bank_name", "Bank name is required for net banking payment method."),
    WALLET: ("wallet_provider", "Wallet provider is required for wallet payment method."),
}
VALIDATED_FIELDS = ("type", *(name for name, _ in REQUIRED_FIELDS.values()))


def list_methods(customer: str, method_type: str | None = None) -> tuple[list[PaymentMethod], str | None]:
    """The customer's methods, the default one first, then the newest."""
    default_id = models.default_method_id(customer)
    methods = [method for method in models.list_methods(customer) if method_type in (None, method.type)]
    methods.sort(key=lambda method: (method.id == default_id, method.created_at_us), reverse=True)
    return methods, default_id


def create(customer: str, values: Mapping[str, Any]) -> tuple[PaymentMethod, str | None]:
    """Save a method. Without a provider, a UPI id gets the provider of its handle.

    Conflict when the customer has too many, LimitReached when too many were created within a day.
    """
    stored = _stored(values)
    _check_required(stored)
    if len(models.list_methods(customer)) >= METHODS_MAX:
        raise Conflict(f"No more than {METHODS_MAX} payment methods can be saved.", code="too_many_methods")
    if stored["type"] == UPI and not stored["provider"]:
        stored["provider"] = provider_of(stored["upi_id"])
    at_us = clock.now_us()
    method = PaymentMethod(customer, clock.new_id(), created_at_us=at_us, updated_at_us=at_us, **stored)
    writes: list[Write] = [Insert(method)]
    if values["is_default"]:
        writes.append(Overwrite(DefaultMethod(customer, method=method.id)))
    retrying(lambda: None if transact(*writes, _count_creation(customer, at_us)) else method)
    return method, method.id if values["is_default"] else None


def _count_creation(customer: str, at_us: int) -> Update:
    """The write that counts one more method; LimitReached if there are too many."""
    stored = models.get_created_count(customer)
    ends_us, count = (stored.day_ends_us, stored.day_count) if stored else (0, 0)
    expect = {"day_ends_us": ends_us, "day_count": count} if stored else {"day_count": None}
    if at_us >= ends_us:
        ends_us, count = at_us + DAY_US, 0
    if count >= METHODS_PER_DAY_MAX:
        retry_after_s = (ends_us - at_us) // 1_000_000 + 1
        raise LimitReached("Too many payment methods were saved within a day.", "methods_per_day", retry_after_s)
    counts = {"day_ends_us": ends_us, "day_count": count + 1}
    return Update(CreatedCount(customer), counts, expect=expect, may_insert=True)


def retrieve(customer: str, method_id: str) -> tuple[PaymentMethod, str | None]:
    return get_or_404(customer, method_id), models.default_method_id(customer)


def update(customer: str, method_id: str, values: Mapping[str, Any]) -> tuple[PaymentMethod, str | None]:
    """Change the given fields. `is_default` makes this method the default, or clears it as the default."""
    retrying(lambda: _try_update(get_or_404(customer, method_id), values))
    return retrieve(customer, method_id)


def delete(customer: str, method_id: str) -> None:
    """Clear the method's row. Then delete the card at Razorpay, if it is one that Razorpay keeps.

    The row itself expires later, that of a card only after Razorpay has forgotten the card.
    """
    method = get_or_404(customer, method_id)
    changes = cards.mark_for_deletion() if method.token else models.cleared() | models.expiring()
    if not _update_clearing_default(method, changes, IS_ACTIVE):
        raise NotFound("PaymentMethod")
    if method.token:
        with Deadline(DELETE_WAIT_S):
            card_sync.delete_card(method)


def set_default(customer: str, method_id: str) -> tuple[PaymentMethod, str | None]:
    method = get_or_404(customer, method_id)
    pointer = DefaultMethod(customer, method=method.id)
    if retrying(lambda: transact(Require(method, IS_ACTIVE), Overwrite(pointer))):
        raise NotFound("PaymentMethod")
    return method, method.id


def get_or_404(customer: str, method_id: str) -> PaymentMethod:
    method = models.get_method(customer, method_id)
    if not method:
        raise NotFound("PaymentMethod")
    return method


def _try_update(method: PaymentMethod, values: Mapping[str, Any]) -> PaymentMethod | None:
    """Validate and write a change; None if the method changed after it was read, so both must be done again."""
    if method.token:
        values = {name: value for name, value in values.items() if name in SAVED_CARD_FIELDS}
    changes = _changes(method, values)
    if not values:
        return method
    changes["updated_at_us"] = clock.now_us()
    unchanged = {**IS_ACTIVE, **{name: getattr(method, name) for name in VALIDATED_FIELDS}}
    if values.get("is_default") is False:
        return method if _update_clearing_default(method, changes, unchanged) else None
    writes: list[Write] = [Update(method, changes, expect=unchanged)]
    if values.get("is_default"):
        writes.append(Overwrite(DefaultMethod(method.customer, method=method.id)))
    return None if transact(*writes) else method


def _update_clearing_default(method: PaymentMethod, changes: Mapping[str, Any], expect: Mapping[str, Any]) -> bool:
    """Update a method and make sure it is not the default; False if it is not as expected any more."""
    pointer = DefaultMethod(method.customer)
    update = Update(method, changes, expect=expect)

    def try_clear() -> bool | None:
        default_id = models.default_method_id(method.customer)
        is_default = default_id == method.id
        clear = Delete(pointer, {"method": method.id}) if is_default else Require(pointer, {"method": default_id})
        blocked = transact(clear, update)
        if update in blocked:
            return False
        return None if blocked else True  # blocked: the default was moved meanwhile

    return retrying(try_clear)


def _changes(method: PaymentMethod, values: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes to store; ValidationError if the method would then lack the field that its type requires."""
    changes = _stored(values)
    merged = {name: getattr(method, name) for name in VALIDATED_FIELDS} | changes
    if not method.token:
        _check_required(merged)
    if merged["type"] == UPI and "upi_id" in changes and not changes.get("provider"):
        changes["provider"] = provider_of(changes["upi_id"])
    return changes


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a body that is stored: the default is a pointer, and a card's expiry is not allowed everywhere."""
    left_out = {"is_default"}
    if not settings().store_card_expiry:
        left_out |= {"card_expiry_month", "card_expiry_year"}
    return {name: value for name, value in values.items() if name not in left_out}


def _check_required(values: Mapping[str, Any]) -> None:
    name, text = REQUIRED_FIELDS[values["type"]]
    if not values.get(name):
        raise ValidationError({name: [text]})
