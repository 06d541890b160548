"""Cards that Razorpay keeps for a customer: saving them, and following the status of their tokens.

A saved card is a payment method with a token of Razorpay; its `status` follows that token:

    saving ──▶ initiated ──▶ active ◀──▶ suspended ──▶ deactivated, failed, cancelled
      │            └───────────┴─────────────┴──────────┬──────────────────┘
      └──▶ deleted ◀────────────────────────────── deleting

Token events cannot be ordered, since some carry no time. So an event is only a reason to ask: `refresh` reads the
method, asks Razorpay, and writes the answer unless the method was written in between. The row is stored before
Razorpay is first asked, so an event that arrives meanwhile finds it. While Razorpay cannot be reached, the method
stays in the index `open` for the reconciler. An event may never arrive, and Razorpay has no list of changed tokens:
so a payment that names a card asks again once the last answer is a day old.
"""

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared import clock
from shared.aws.dynamodb import OPEN, Insert, Update, Write, retrying, transact
from shared.errors import ServiceUnavailable
from shared.payment_methods import models
from shared.payment_methods.models import CARD, CardClaim, DefaultMethod, GatewayCustomer, Owner, PaymentMethod
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayPayment, RazorpayToken, UnexpectedPayload
from shared.settings import settings
from shared.telemetry import journal

METHOD_NAMESPACE = uuid.UUID("3b1d6c1e-52c4-5c0a-9d5e-6f0b8a7c2d14")

# What a payment shows about the method that it was asked to save.
PENDING, SAVED, NOT_SAVED, NOT_AVAILABLE = "pending", "saved", "not_saved", "not_available"

SAVING, DELETING, DELETED = "saving", "deleting", "deleted"
INITIATED, ACTIVE, DEACTIVATED = "initiated", "active", "deactivated"
ENDED_STATUSES = (DEACTIVATED, "failed", "cancelled")
# Of methods about whose token Razorpay is still asked.
FOLLOWED_STATUSES = (SAVING, INITIATED, ACTIVE, "suspended", *ENDED_STATUSES)

# Pauses before the next call to Razorpay: minutes, then daily. Deleting a token is never given up.
CHECK_AFTER_S = (60, 120, 300, 900, 3_600, *(5 * (86_400,)))
ANSWER_VALID_S = 86_400
NO_MORE_CHECKS: Mapping[str, Any] = {"open": None, "next_check_at_us": None}

# Errors after which the reconciler does the rest of the work.
DEFERRABLE_ERRORS = (ServiceUnavailable, RazorpayRejected, UnexpectedPayload)


class CardSaveResult(NamedTuple):
    """Whether the card of a payment was saved: PENDING, SAVED or NOT_SAVED, and the method if there is one."""

    status: str
    method_id: str | None = None
    belongs_to_other_customer: bool = False


def gateway_customer_for(customer: str, contact: str) -> str | None:
    """The customer's id at Razorpay, created with this contact if there is none; None when cards cannot be saved.

    Razorpay tells customers apart by their contact, so it may return the id that another customer of ours has.
    """
    if linked := models.gateway_customer_of(customer):
        return linked
    try:
        created = api.create_customer(contact)
    except RazorpayRejected:
        return None  # the account does not offer saved cards

    def claim() -> str | None:
        owner, link = Owner(created, owner=customer), GatewayCustomer(customer, gateway_customer=created)
        if not transact(Insert(owner), Insert(link)):
            return created
        if linked := models.gateway_customer_of(customer):
            return linked  # by a concurrent request
        return None if models.owner_of(created) == customer else ""  # empty: another customer has it

    return retrying(claim) or None


# --- saving and refreshing


def save_card(customer: str, gateway_customer: str, attempt: GatewayPayment) -> CardSaveResult:
    """Make the card of a captured payment a method, exactly once, and ask Razorpay what it is.

    Raises one of DEFERRABLE_ERRORS while the outcome is unknown; call it again later.
    """
    if not attempt.token:
        return CardSaveResult(PENDING if attempt.method == "card" else NOT_SAVED)  # a token may follow its payment
    if attempt.customer not in ("", gateway_customer):
        return CardSaveResult(NOT_SAVED, belongs_to_other_customer=True)
    if not attempt.customer:
        # Razorpay left out the owner. Reading the token under this customer proves it: others' tokens are refused.
        api.fetch_token(gateway_customer, attempt.token)
    new = _new_method(customer, gateway_customer, attempt.token)
    claim = Insert(Owner(attempt.token, owner=customer))
    needs = Update(Owner(gateway_customer), {"saved": new.id}, expect={"owner": customer})
    if retrying(lambda: transact(claim, Insert(new), needs)):
        owner = models.owner_of(attempt.token)
        if owner is None:  # the claim was released meanwhile, and whoever has the number next would see the card
            api.delete_token(gateway_customer, attempt.token)
            return CardSaveResult(NOT_SAVED)
        if owner != customer:
            return CardSaveResult(NOT_SAVED, belongs_to_other_customer=True)
    method = refresh(new)
    if method.same_as and models.get_method(customer, method.same_as):
        return CardSaveResult(SAVED, method.same_as)
    return CardSaveResult(SAVED, method.id) if method.is_active else CardSaveResult(NOT_SAVED)


def method_id_of(token_id: str) -> str:
    return str(uuid.uuid5(METHOD_NAMESPACE, token_id))


def refresh(method: PaymentMethod) -> PaymentMethod:
    """Write what Razorpay reports about the card, unless it is deleted; the method as stored afterwards."""

    def try_refresh() -> PaymentMethod | None:
        # The row outlives the token. Without one, the write fails until the tries run out.
        return _try_refresh(models.get_any_method(method.customer, method.id) or method)

    return retrying(try_refresh)


def refresh_if_old(method: PaymentMethod) -> PaymentMethod:
    """The method, refreshed if it is a card about which Razorpay last answered more than a day ago."""
    if not method.token or clock.now_us() - (method.checked_at_us or 0) < 1_000_000 * ANSWER_VALID_S:
        return method
    return refresh(method)


def _try_refresh(method: PaymentMethod) -> PaymentMethod | None:
    """One refresh of a method just read; None if another call wrote the method before Razorpay answered.

    The version detects that: an answer replaces only what was stored when Razorpay was asked.
    """
    if method.status not in FOLLOWED_STATUSES:
        return method
    try:
        token = api.fetch_token(method.gateway_customer, method.token)
    except RazorpayRejected as rejection:
        if not rejection.is_unknown_id:
            raise
        token = None
    status_before = method.status
    if transact(*_writes(method, token)):
        return None
    if method.status != status_before:
        journal.count("MethodStatusChanged")
    return method


def _new_method(customer: str, gateway_customer: str, token_id: str) -> PaymentMethod:
    at_us = clock.now_us()
    return PaymentMethod(
        customer,
        method_id_of(token_id),
        type=CARD,
        status=SAVING,
        is_active=False,
        gateway_customer=gateway_customer,
        token=token_id,
        version=0,
        created_at_us=at_us,
        updated_at_us=at_us,
        **first_check(at_us),
    )


def _writes(method: PaymentMethod, token: RazorpayToken | None) -> list[Write]:
    """The update of the method and, if the network names the card's account, the method's claim on the card.

    Two tokens of one account are one card. The method that can be used stays; the other token is deleted.
    """
    changes = _changes_from(method, token)
    guard: dict[str, Any] = {"expect_status": FOLLOWED_STATUSES, "expect": {"version": method.version}}
    if changes["status"] == DELETED:
        return [Update(method, changes, **guard), Update(Owner(method.token), models.expiring())]
    if token is None or not token.account or changes["status"] in ENDED_STATUSES:
        return [Update(method, changes, **guard)]
    claim_id = models.card_claim_id(method.customer, token.account)
    holder_id = models.method_of_card(method.customer, claim_id)
    if holder_id == method.id:
        return [Update(method, changes, **guard)]
    holder = models.get_any_method(method.customer, holder_id) if holder_id else None
    holder = refresh(holder) if holder else None
    if holder and holder.status == ACTIVE:
        return [Update(method, changes | {"same_as": holder.id, **mark_for_deletion()}, **guard)]
    changes = changes | {"card_claim": claim_id}
    writes = [_claim_card(CardClaim(method.customer, claim_id, method=method.id), holder_id)]
    if holder and holder.status in FOLLOWED_STATUSES:
        changes = changes | {"nickname": holder.nickname}
        writes += _replace(holder, method)
    return [Update(method, changes, **guard), *writes]


def _claim_card(claim: CardClaim, holder_id: str | None) -> Write:
    """Make `claim.method` the only method of the card, in place of its current holder."""
    values = {"method": claim.method, "expires_at_s": None}
    return Update(claim, values, expect={"method": holder_id}) if holder_id else Insert(claim)


def _replace(holder: PaymentMethod, method: PaymentMethod) -> list[Write]:
    """Delete the method that held the card. If it was the default, the new method becomes the default."""
    writes: list[Write] = [Update(holder, mark_for_deletion(), expect={"version": holder.version})]
    if models.default_method_id(holder.customer) == holder.id:
        pointer = DefaultMethod(holder.customer)
        writes.append(Update(pointer, {"method": method.id}, expect={"method": holder.id}))
    return writes


def _changes_from(method: PaymentMethod, token: RazorpayToken | None) -> dict[str, Any]:
    """Attribute updates derived from Razorpay's token; None means that Razorpay has no such token."""
    at_us = clock.now_us()
    changes: dict[str, Any] = {"version": method.version + 1, "checked_at_us": at_us, **NO_MORE_CHECKS}
    if token and token.customer not in ("", method.gateway_customer):
        raise UnexpectedPayload("a token of another customer than the one asked for")
    if method.status == SAVING and (token is None or token.method != "card" or token.status in ENDED_STATUSES):
        return changes | models.cleared() | models.expiring() | {"status": DELETED}  # it was never visible
    if token is None:
        return changes | {"status": DEACTIVATED, "updated_at_us": at_us}
    may_store_expiry = settings().store_card_expiry
    visible = {
        "status": token.status,
        "is_active": True,
        "card_last4": token.last4,
        "card_brand": token.brand,
        "provider": token.issuer,
        "card_expiry_month": token.expiry_month if may_store_expiry else None,
        "card_expiry_year": token.expiry_year if may_store_expiry else None,
    }
    if any(getattr(method, name) != value for name, value in visible.items()):
        changes["updated_at_us"] = at_us
    return changes | visible | (_recheck(method) if token.status == INITIATED else {})


# --- attribute updates: what the reconciler has to do next


def first_check(at_us: int) -> dict[str, Any]:
    return {"open": OPEN, "next_check_at_us": at_us + 1_000_000 * CHECK_AFTER_S[0], "checks": 0}


def mark_for_deletion() -> dict[str, Any]:
    """Clear the method now, and delete its token at Razorpay as soon as possible."""
    return models.cleared() | {"status": DELETING, "open": OPEN, "next_check_at_us": clock.now_us(), "checks": 0}


def pause_s(method: PaymentMethod) -> int:
    return CHECK_AFTER_S[min(method.checks, len(CHECK_AFTER_S) - 1)]


def _recheck(method: PaymentMethod) -> dict[str, Any]:
    """The next check of a token that is still being created. Checks end, because an event reports it too."""
    if method.checks >= len(CHECK_AFTER_S):
        return {}
    return {"open": OPEN, "next_check_at_us": clock.now_us() + 1_000_000 * pause_s(method)}
