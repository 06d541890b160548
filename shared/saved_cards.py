"""Saved cards: a customer's place at the gateway, and what becomes of the cards that the gateway keeps for them.

A saved card is a payment method with a token of the gateway's; its `status` follows that token:

    saving ──▶ initiated ──▶ active ◀──▶ suspended ──▶ deactivated, failed, cancelled
      │            └───────────┴─────────────┴──────────┬──────────────────┘
      └──▶ deleted ◀────────────────────────────── deleting

Token events cannot be put in order, since some carry no time. So an event is only a reason to ask: `refresh` reads
the method, asks the gateway, and writes what it says if nobody wrote in between. The row comes before the first
question, so no event falls between the answer and the row. Whatever the gateway could not be asked or told stays in
the index `open` for the reconciler.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import clock, gateway, store, tally
from shared.errors import Unavailable
from shared.gateway import GatewayPayment, GatewayToken
from shared.settings import settings
from shared.store import Change, Contended, PaymentMethod, Put, Write

METHODS = uuid.UUID("3b1d6c1e-52c4-5c0a-9d5e-6f0b8a7c2d14")

# What a payment that asked for its method to be saved says of it.
PENDING, SAVED, NOT_SAVED, NOT_AVAILABLE = "pending", "saved", "not_saved", "not_available"

SAVING, DELETING, DELETED = "saving", "deleting", "deleted"
INITIATED, ACTIVE, DEACTIVATED = "initiated", "active", "deactivated"
OVER = (DEACTIVATED, "failed", "cancelled")
FOLLOWING = (SAVING, INITIATED, ACTIVE, "suspended", *OVER)  # the gateway is still listened to

# Pauses before the gateway is asked or told again: minutes, then daily. A token to delete is never given up.
CHECK_AFTER_S = (60, 120, 300, 900, 3_600, *(5 * (86_400,)))
LEFT_S_MIN = 0.3
GATEWAY_TROUBLE = (Unavailable, gateway.Refused, gateway.Unusable)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a payment's card: its `status`, the `method` if there is one, whether it is another's."""

    status: str
    method: str | None = None
    is_anothers: bool = False


def gateway_customer(customer: str, contact: str) -> str | None:
    """Who the customer is at the gateway, made with this contact if need be; None when cards cannot be saved.

    The gateway tells customers apart by their contact, so it may answer the one that another of ours has.
    """
    if known := store.gateway_customer_of(customer):
        return known
    try:
        made = gateway.create_customer(contact)
    except gateway.Refused:
        return None  # an account without saved cards
    for _ in store.retries():
        try:
            blocked = store.transact(store.owned(made, customer), store.known_as(customer, made))
        except Contended:
            continue
        if not blocked:
            return made
        if known := store.gateway_customer_of(customer):
            return known  # made by another call of ours
        if store.owner_of(made) != customer:
            return None
    raise Unavailable


# --- saving and following


def save(customer: str, gateway_customer: str, told: GatewayPayment, deadline_us: int) -> Kept:
    """Make the card of a captured payment a method, once, and ask the gateway what it is."""
    if not told.token:
        return Kept(PENDING if told.method == "card" else NOT_SAVED)  # a card's token may follow its payment
    if told.customer not in ("", gateway_customer):
        return Kept(NOT_SAVED, is_anothers=True)
    if not told.customer:  # not said whose: only the customer's own tokens can be read under their id
        gateway.token(gateway_customer, told.token, _timeout_s(deadline_us))
    at_us = clock.now_us()
    new = PaymentMethod(
        customer,
        str(uuid.uuid5(METHODS, told.token)),
        type="card",
        status=SAVING,
        is_active=False,
        gateway_customer=gateway_customer,
        token=told.token,
        version=0,
        created_at_us=at_us,
        updated_at_us=at_us,
        **_due(at_us),
    )
    if not _put(store.owned(told.token, customer), Put(new), deadline_us) and store.owner_of(told.token) != customer:
        return Kept(NOT_SAVED, is_anothers=True)
    method = refresh(customer, new.id, deadline_us)
    if method and method.same_as and store.get_method(customer, method.same_as):
        return Kept(SAVED, method.same_as)
    return Kept(SAVED, method.id) if method and method.is_active else Kept(NOT_SAVED)


def _put(owned: Put, new: Put, deadline_us: int) -> bool:
    for _ in store.retries(deadline_us):
        try:
            return not store.transact(owned, new)
        except Contended:
            continue
    raise Unavailable


def refresh(customer: str, method_id: str, deadline_us: int) -> PaymentMethod | None:
    """Write what the gateway says of the card now, unless it is deleted; the method as it is then.

    The version guards: what is written was asked for after what it replaces had been written.
    """
    for _ in store.retries(deadline_us):
        method = store.any_method(customer, method_id)
        if method is None or method.status not in FOLLOWING:
            return method
        try:
            told = gateway.token(str(method.gateway_customer), str(method.token), _timeout_s(deadline_us))
        except gateway.Refused as refused:
            if not refused.is_unknown_id:
                raise
            told = None
        before = method.status
        try:
            if not store.transact(*_writes(method, told, deadline_us)):
                if method.status != before:
                    tally.count("MethodStatusChanged")
                return method
        except Contended:
            continue
    raise Unavailable


def _as_told(method: PaymentMethod, told: GatewayToken | None) -> dict[str, Any]:
    """The attributes that the gateway's answer makes of the method; None means that it has no such token."""
    at_us = clock.now_us()
    values: dict[str, Any] = {"version": (method.version or 0) + 1, **_settled()}
    if told and told.customer not in ("", method.gateway_customer):
        raise gateway.Unusable("a token of another customer than it was asked for")
    if method.status == SAVING and (told is None or told.method != "card" or told.status in OVER):
        return values | {"status": DELETED, "updated_at_us": at_us}  # never shown
    if told is None:
        return values | {"status": DEACTIVATED, "updated_at_us": at_us}
    keeps_expiry = settings().store_card_expiry
    shown = {
        "status": told.status,
        "is_active": True,
        "card_last4": told.last4,
        "card_brand": told.brand,
        "provider": told.issuer,
        "card_expiry_month": told.expiry_month if keeps_expiry else None,
        "card_expiry_year": told.expiry_year if keeps_expiry else None,
    }
    if any(getattr(method, name) != value for name, value in shown.items()):
        values["updated_at_us"] = at_us
    return values | shown | (_later(method) if told.status == INITIATED else {})


def _writes(method: PaymentMethod, told: GatewayToken | None, deadline_us: int) -> list[Write]:
    """The change of the method and, when the network names the card's account, the card's one method with it.

    Two tokens of one account are one card. The method that can be used stays; the other token is given back.
    """
    values = _as_told(method, told)
    guard: dict[str, Any] = {"status_in": FOLLOWING, "unchanged": {"version": method.version}}
    if told is None or not told.account or values["status"] in (DELETED, *OVER):
        return [Change(method, values, **guard)]
    card = hashlib.sha256(f"{method.customer} {told.account}".encode()).hexdigest()
    holder = store.method_of_card(method.customer, card)
    if holder == method.id:
        return [Change(method, values, **guard)]
    other = refresh(method.customer, holder, deadline_us) if holder else None
    if other and other.status == ACTIVE:
        return [Change(method, values | {"same_as": other.id, **_given_back()}, **guard)]
    writes: list[Write] = [store.only_method_of_card(method.customer, card, method.id, instead_of=holder)]
    if other and other.status in FOLLOWING:
        values = values | {"nickname": other.nickname}
        writes.append(Change(other, _given_back(), unchanged={"version": other.version}))
        if store.default_method(method.customer) == other.id:
            writes.append(store.default_moved(method.customer, method.id, instead_of=other.id))
    return [Change(method, values, **guard), *writes]


# --- deleting


def deleting(method: PaymentMethod) -> dict[str, Any]:
    """What a deletion writes beside it: nothing, or that the gateway has to forget the card as well."""
    return _given_back() if method.token else {}


def forget(customer: str, method_id: str, deadline_us: int) -> None:
    """Make the gateway forget a deleted card; when it is away the reconciler goes on."""
    method = store.any_method(customer, method_id)
    if method is None or method.status != DELETING:
        return
    try:
        gateway.delete_token(str(method.gateway_customer), str(method.token), _timeout_s(deadline_us))
    except GATEWAY_TROUBLE:
        tally.count("TokenDeleteDeferred")
        return
    store.write(Change(method, {"status": DELETED, **_settled()}, status_in=(DELETING,)))
    tally.count("TokenDeleted")


# --- token events, and the reconciler


def event_in(event: Any) -> Mapping[str, Any] | None:
    """The payload of a token event, or None for any other; sometimes the whole envelope stands inside its name."""
    name = event.get("event") if isinstance(event, dict) else None
    if isinstance(name, dict):
        event, name = name.get("payload"), name.get("name")
    if not isinstance(name, str) or not name.startswith("token."):
        return None
    payload = event.get("payload") if isinstance(event, dict) else None
    return payload if isinstance(payload, dict) else {}


def receive(payload: Mapping[str, Any], deadline_us: int) -> str:
    """Follow a signed token event; what became of it: applied, unchanged or ignored.

    Raises gateway.Unusable when no token can be made out in it.
    """
    entity = _token_in(payload)
    token_id, said_customer = entity.get("id"), entity.get("customer_id")
    if not gateway.is_id(token_id, "token"):
        raise gateway.Unusable("a token event without a token")
    customer = store.owner_of(str(token_id))
    if customer is None:
        return "ignored"  # not saved here, or not yet: saving asks by itself
    if gateway.is_id(said_customer, "cust") and store.owner_of(str(said_customer)) not in (None, customer):
        tally.count("TokenOfAnotherCustomer")
        return "unchanged"
    method = store.any_method(customer, str(uuid.uuid5(METHODS, str(token_id))))
    if method is None:
        return "ignored"
    before = method.status
    try:
        after = refresh(customer, method.id, deadline_us)
    except GATEWAY_TROUBLE:
        # Taken all the same: a webhook that fails for a day is switched off, and money comes through it too.
        _postpone(method, clock.now_us())
        tally.count("TokenCheckDeferred")
        return "applied"
    return "applied" if after and after.status != before else "unchanged"


def _token_in(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    wrapped = payload.get("token")
    entity = wrapped.get("entity") if isinstance(wrapped, dict) else None
    if isinstance(entity, list) and entity:
        entity = entity[0]
    if not isinstance(entity, dict):
        raise gateway.Unusable("a token event without a token")
    return entity


def reconcile(deadline_us: int, limit: int = 200) -> None:
    """Ask or tell the gateway about every saved card that is due; one that fails does not hold up the others."""
    for customer, method_id in store.methods_to_check(clock.now_us(), limit):
        if clock.now_us() >= deadline_us:
            return
        try:
            _check(customer, method_id, deadline_us)
        except GATEWAY_TROUBLE:
            tally.count("TokenCheckDeferred")


def _check(customer: str, method_id: str, deadline_us: int) -> None:
    method = store.any_method(customer, method_id)
    if method is None or method.open is None:
        return
    # First the next time, so that one that fails however it likes waits behind the others.
    _postpone(method, clock.now_us() + 1_000_000 * _pause_s(method))
    if method.status == DELETING:
        forget(customer, method_id, deadline_us)
    else:
        refresh(customer, method_id, deadline_us)


def _postpone(method: PaymentMethod, next_check_at_us: int) -> None:
    checks = (method.checks or 0) + 1
    values = {"open": store.OPEN, "next_check_at_us": next_check_at_us, "checks": checks}
    store.write(Change(method, values, status_in=(*FOLLOWING, DELETING), unchanged={"version": method.version}))


def _later(method: PaymentMethod) -> dict[str, Any]:
    """A token that is still being made: asked for again, but not for ever, since an event tells too."""
    if (method.checks or 0) >= len(CHECK_AFTER_S):
        return {}
    return {"open": store.OPEN, "next_check_at_us": clock.now_us() + 1_000_000 * _pause_s(method)}


def _pause_s(method: PaymentMethod) -> int:
    return CHECK_AFTER_S[min(method.checks or 0, len(CHECK_AFTER_S) - 1)]


def _due(at_us: int) -> dict[str, Any]:
    return {"open": store.OPEN, "next_check_at_us": at_us + 1_000_000 * CHECK_AFTER_S[0], "checks": 0}


def _given_back() -> dict[str, Any]:
    at_us = clock.now_us()
    return {
        "status": DELETING,
        "is_active": False,
        "open": store.OPEN,
        "next_check_at_us": at_us,
        "checks": 0,
        "updated_at_us": at_us,
    }


def _settled() -> dict[str, Any]:
    return {"open": None, "next_check_at_us": None}


def _timeout_s(deadline_us: int) -> tuple[float, float]:
    """Connect and read timeouts that end before the deadline."""
    left_s = (deadline_us - clock.now_us()) / 1_000_000
    if left_s < LEFT_S_MIN:
        raise Unavailable
    connect_s, read_s = gateway.TIMEOUT_S
    connect_s = min(connect_s, left_s / 3)
    return connect_s, min(read_s, left_s - connect_s)
