"""Saved payment methods: cards, UPI ids, banks and wallets that a customer keeps for later.

What the app types is a label. A card that was saved by paying with it is the gateway's to tell: see saved_cards.
"""

from collections.abc import Mapping
from typing import Any

from shared import clock, fields, saved_cards, store
from shared.errors import Conflict, Invalid, NotFound
from shared.settings import settings
from shared.store import PaymentMethod
from shared.upi_handles import provider_of

CARD, UPI, NETBANKING, WALLET = "card", "upi", "netbanking", "wallet"
TYPES = (CARD, UPI, NETBANKING, WALLET)
METHODS_MAX = 100
DELETE_S = 3  # how long the app waits for the gateway to forget a card; the reconciler goes on
CHANGEABLE = ("nickname", "is_default")  # of a card that the gateway keeps; the rest is read-only, so ignored

# The field that a type cannot do without, and what is said when it is missing.
REQUIRED_BY = {
    CARD: ("card_last4", "Card last 4 digits are required for card payment method."),
    UPI: ("upi_id", "UPI ID is required for UPI payment method."),
    NETBANKING: ("bank_name", "Bank name is required for net banking payment method."),
    WALLET: ("wallet_provider", "Wallet provider is required for wallet payment method."),
}

FIELDS: Mapping[str, fields.Field] = {
    "type": fields.Choice(options=TYPES, required=True, example=UPI),
    "provider": fields.Text(length_max=100),
    "nickname": fields.Text(length_max=100, example="Salary account"),
    "is_default": fields.Boolean(),
    "card_last4": fields.Text(length_max=4),
    "card_brand": fields.Text(length_max=50),
    "card_expiry_month": fields.Integer(null=True),
    "card_expiry_year": fields.Integer(null=True),
    "upi_id": fields.Text(
        length_max=100, pattern=r"[^@\s]+@[^@\s]+", message="Enter a valid UPI ID.", example="asha@okhdfcbank"
    ),
    "bank_name": fields.Text(length_max=100),
    "wallet_provider": fields.Text(length_max=50),
    "wallet_number": fields.Text(length_max=20),
}
FILTERS: Mapping[str, fields.Field] = {"type": fields.Choice(options=TYPES)}

SAVED_UPI: Mapping[str, Any] = {
    "id": "2f0c6f0e-6d1b-4c55-9a3a-8e2f1b7c9d10",
    "type": UPI,
    "provider": "Google Pay",
    "nickname": "Salary account",
    "is_default": False,
    "is_active": True,
    "card_last4": "",
    "last4": "",
    "card_brand": "",
    "card_expiry_month": None,
    "card_expiry_year": None,
    "upi_id": "asha@okhdfcbank",
    "bank_name": "",
    "wallet_provider": "",
    "wallet_number": "",
    "created_at": "2026-01-09T12:00:00.123456Z",
    "updated_at": "2026-01-09T12:00:00.123456Z",
}
SAVED_CARD: Mapping[str, Any] = {
    **SAVED_UPI,
    "type": CARD,
    "provider": "",
    "card_last4": "4242",
    "last4": "4242",
    "card_brand": "Visa",
    "card_expiry_month": 12,
    "card_expiry_year": 2030,
    "upi_id": "",
}
KEPT_CARD: Mapping[str, Any] = {
    **SAVED_CARD,
    "id": "8c1f5a52-8a36-5b53-9e0f-0f3b7c6d2a11",
    "provider": "HDFC",
    "nickname": "",
    "status": saved_cards.ACTIVE,
}
ANSWER = (SAVED_UPI, SAVED_CARD, KEPT_CARD)


def listed(customer: str, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The customer's methods, the default one first, then the newest."""
    default = store.default_method(customer)
    methods = [one for one in store.list_methods(customer) if filters.get("type") in (None, one.type)]
    methods.sort(key=lambda one: (one.id == default, one.created_at_us or 0), reverse=True)
    return [_shown(one, default) for one in methods]


def create(customer: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Save a method; the provider of a UPI id is read from its handle when none is given."""
    kept = _kept(values)
    _check_required(kept)
    if len(store.list_methods(customer)) >= METHODS_MAX:
        raise Conflict(f"No more than {METHODS_MAX} payment methods can be saved.", code="too_many_methods")
    if kept["type"] == UPI and not kept["provider"]:
        kept["provider"] = provider_of(kept["upi_id"])
    at_us = clock.now_us()
    method = PaymentMethod(customer, clock.new_id(), created_at_us=at_us, updated_at_us=at_us, **kept)
    store.put_method(method, make_default=values["is_default"])
    return _shown(method, method.id if values["is_default"] else None)


def retrieve(customer: str, method_id: str) -> dict[str, Any]:
    return _shown(_known(customer, method_id), store.default_method(customer))


def update(customer: str, method_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Change what is given; `is_default` moves the one pointer here, or takes it away."""
    method = _known(customer, method_id)
    if method.token:
        values = {name: value for name, value in values.items() if name in CHANGEABLE}
    kept = _kept(values)
    names = ("type", *(name for name, _ in REQUIRED_BY.values()))
    merged = {name: getattr(method, name) for name in names} | kept
    if not method.token:
        _check_required(merged)
    if merged["type"] == UPI and "upi_id" in kept and not kept.get("provider"):
        kept["provider"] = provider_of(kept["upi_id"])
    if not values:
        return _shown(method, store.default_method(customer))
    changed = store.update_method(method, kept | {"updated_at_us": clock.now_us()}, values.get("is_default"))
    if not changed:
        raise NotFound("PaymentMethod")
    return _shown(changed, store.default_method(customer))


def delete(customer: str, method_id: str) -> None:
    """Soft: the row stays, nothing shows it any more. Then the gateway is made to forget the card."""
    method = _known(customer, method_id)
    if not store.delete_method(customer, method_id, also=saved_cards.deleting(method)):
        raise NotFound("PaymentMethod")
    if method.token:
        saved_cards.forget(customer, method_id, clock.now_us() + 1_000_000 * DELETE_S)


def set_default(customer: str, method_id: str) -> dict[str, Any]:
    if not store.set_default_method(customer, method_id):
        raise NotFound("PaymentMethod")
    return _shown(_known(customer, method_id), method_id)


def _known(customer: str, method_id: str) -> PaymentMethod:
    method = store.get_method(customer, method_id)
    if not method:
        raise NotFound("PaymentMethod")
    return method


def _kept(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored of a body: the default is a pointer, and a card's expiry may not be kept everywhere."""
    dropped = {"is_default"}
    if not settings().store_card_expiry:
        dropped |= {"card_expiry_month", "card_expiry_year"}
    return {name: value for name, value in values.items() if name not in dropped}


def _check_required(values: Mapping[str, Any]) -> None:
    name, text = REQUIRED_BY[values["type"]]
    if not values.get(name):
        raise Invalid({name: [text]})


def _shown(method: PaymentMethod, default: str | None) -> dict[str, Any]:
    return {
        "id": method.id,
        "type": method.type,
        "provider": method.provider,
        "nickname": method.nickname,
        "is_default": method.id == default,
        "is_active": method.is_active,
        "card_last4": method.card_last4,
        "last4": method.card_last4,
        "card_brand": method.card_brand,
        "card_expiry_month": method.card_expiry_month,
        "card_expiry_year": method.card_expiry_year,
        "upi_id": method.upi_id,
        "bank_name": method.bank_name,
        "wallet_provider": method.wallet_provider,
        "wallet_number": method.wallet_number,
        "created_at": clock.iso(method.created_at_us or 0),
        "updated_at": clock.iso(method.updated_at_us or 0),
    } | ({"status": method.status} if method.token else {})
