"""Keeps saved cards in step with Razorpay: token events, deletion at Razorpay, and the reconciler's round."""

from collections.abc import Mapping
from typing import Any

from shared import clock
from shared.aws.dynamodb import OPEN, Update, execute
from shared.deadline import Deadline
from shared.payment_methods import cards, models
from shared.payment_methods.cards import DEFERRABLE_ERRORS, DELETED, DELETING, FOLLOWED_STATUSES, NO_MORE_CHECKS
from shared.payment_methods.models import CardClaim, Owner, PaymentMethod
from shared.razorpay import api
from shared.razorpay.entities import UnexpectedPayload, is_id
from shared.telemetry import journal

DUE_MAX = 2_000  # in one round, which mostly ends before
POSTPONE_S = 0.5  # reserved for scheduling the next check when a refresh fails

APPLIED, UNCHANGED, IGNORED = "applied", "unchanged", "ignored"


def event_in(event: Any) -> Mapping[str, Any] | None:
    """The payload of a token event, None for any other event. Some token events nest the whole event in `event`."""
    name = event.get("event") if isinstance(event, dict) else None
    if isinstance(name, dict):
        event, name = name.get("payload"), name.get("name")
    if not isinstance(name, str) or not name.startswith("token."):
        return None
    payload = event.get("payload") if isinstance(event, dict) else None
    return payload if isinstance(payload, dict) else {}


def handle_event(payload: Mapping[str, Any]) -> str:
    """Refresh the card of a signed token event; APPLIED, UNCHANGED or IGNORED.

    UnexpectedPayload if the event names no token.
    """
    entity = _token_in(payload)
    token_id, gateway_customer = entity.get("id"), entity.get("customer_id")
    if not is_id(token_id, "token"):
        raise UnexpectedPayload("a token event without a token")
    customer = models.owner_of(str(token_id))
    if customer is None:
        return IGNORED  # not saved here, or not yet: saving asks Razorpay itself
    if is_id(gateway_customer, "cust") and models.owner_of(str(gateway_customer)) not in (None, customer):
        journal.count("TokenOfAnotherCustomer")
        return UNCHANGED
    method = models.get_any_method(customer, cards.method_id_of(str(token_id)))
    if method is None:
        return IGNORED
    try:
        with Deadline(Deadline.current().remaining_s - POSTPONE_S):
            refreshed = cards.refresh(method)
    except DEFERRABLE_ERRORS:
        # Accepted all the same: Razorpay disables a webhook that fails for a day, and payments need it too.
        _postpone(method, clock.now_us())
        journal.count("TokenCheckDeferred")
        return APPLIED
    return APPLIED if refreshed.status != method.status else UNCHANGED


def _token_in(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    wrapper = payload.get("token")
    entity = wrapper.get("entity") if isinstance(wrapper, dict) else None
    if isinstance(entity, list) and entity:
        entity = entity[0]
    if not isinstance(entity, dict):
        raise UnexpectedPayload("a token event without a token")
    return entity


def delete_card(method: PaymentMethod) -> None:
    """Delete at Razorpay the token of a method marked for deletion; what fails here, the reconciler repeats."""
    try:
        api.delete_token(method.gateway_customer, method.token)
        _forget(method)
    except DEFERRABLE_ERRORS:
        journal.count("TokenDeleteDeferred")
    else:
        journal.count("TokenDeleted")


def _forget(method: PaymentMethod) -> None:
    """Let the rows of a card expire that Razorpay has deleted: the token's owner, the card's claim, the method.

    The method's row is the last: until then, the reconciler does it all again.
    """
    expiry = models.expiring()
    execute(Update(Owner(method.token), expiry))
    if method.card_claim:  # another method may have the card by now
        execute(Update(CardClaim(method.customer, method.card_claim), expiry, expect={"method": method.id}))
    execute(Update(method, {"status": DELETED, **NO_MORE_CHECKS, **expiry}, expect_status=(DELETING,)))


def reconcile() -> None:
    """Refresh or delete every saved card that is due; a card that fails does not hold up the others."""
    if Deadline.current().has_passed:
        return  # rather than fail in the query, which would fail the payments' part of the round too
    for customer, method_id in models.methods_to_check(clock.now_us(), DUE_MAX):
        if Deadline.current().has_passed:
            return
        try:
            _reconcile_card(customer, method_id)
        except DEFERRABLE_ERRORS:
            journal.count("TokenCheckDeferred")
        except Exception as error:  # one card never stops the round of the others
            journal.unexpected(error)


def _reconcile_card(customer: str, method_id: str) -> None:
    method = models.get_any_method(customer, method_id)
    if method is None or method.open is None:
        return
    # The next check is scheduled first, so that a card that fails in any way waits behind the others.
    _postpone(method, clock.now_us() + 1_000_000 * cards.pause_s(method))
    if method.status == DELETING:
        delete_card(method)
    else:
        cards.refresh(method)


def _postpone(method: PaymentMethod, next_check_at_us: int) -> None:
    changes = {"open": OPEN, "next_check_at_us": next_check_at_us, "checks": method.checks + 1}
    expect = {"version": method.version}
    execute(Update(method, changes, expect=expect, expect_status=(*FOLLOWED_STATUSES, DELETING)))
