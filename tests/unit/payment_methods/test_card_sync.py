"""Saved cards in step with Razorpay: token events, deletion, and the reconciler's round."""

from typing import Any

import pytest

from shared import clock
from shared.deadline import Deadline
from shared.errors import NotFound, ServiceUnavailable
from shared.payment_methods import card_sync, cards, methods, models
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import RazorpayToken, UnexpectedPayload
from shared.telemetry import journal
from tests.unit.payment_methods.conftest import (
    ASHA,
    BILAL,
    CONTACT,
    CUSTOMER,
    OTHER_TOKEN,
    TOKEN,
    FakeCards,
    a_token,
    forward,
    handle_event,
    saved_card,
)

pytestmark = pytest.mark.usefixtures("tables")


def expiry_of(model: type[Any], customer: str, row_id: str) -> int:
    return int(model.get(customer, row_id).expires_at_s or 0) - clock.now_s()


def test_rows_of_a_card_expire_once_razorpay_has_deleted_it(
    razorpay_cards: FakeCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then the method's row says which token is to be deleted."""
    method = saved_card(razorpay_cards, account="V1")
    claim_id = models.card_claim_id(ASHA, "V1")
    with monkeypatch.context() as patch:
        patch.setattr(api, "delete_token", lambda *args: raise_unavailable())
        methods.delete(ASHA, method.id)
    row = models.get_any_method(ASHA, method.id)
    assert row and (row.status, row.token, row.expires_at_s) == ("deleting", TOKEN, None)
    assert not (row.card_last4 or row.card_brand or row.provider or row.nickname or row.card_expiry_year)
    card_sync.reconcile()
    assert razorpay_cards.deleted == [TOKEN] and models.get_any_method(ASHA, method.id).status == "deleted"  # type: ignore[union-attr]
    rows = (
        (models.PaymentMethod, ASHA, method.id),
        (models.Owner, TOKEN, "owner"),
        (models.CardClaim, ASHA, claim_id),
    )
    assert all(29 * 86_400 < expiry_of(*place) <= 30 * 86_400 for place in rows)


def test_card_saved_again_keeps_its_claim(razorpay_cards: FakeCards) -> None:
    methods.delete(ASHA, saved_card(razorpay_cards, account="V1").id)
    again = saved_card(razorpay_cards, account="V1", id=OTHER_TOKEN)
    claim = models.CardClaim.get(ASHA, models.card_claim_id(ASHA, "V1"))
    assert (claim.method, claim.expires_at_s) == (again.id, None)


def raise_unavailable() -> None:
    raise ServiceUnavailable


# --- token events


def test_event_of_unsaved_token_is_ignored(razorpay_cards: FakeCards) -> None:
    assert handle_event() == "ignored"


@pytest.mark.parametrize(
    "payload", [{}, {"token": {}}, {"token": {"entity": []}}, {"token": {"entity": {"id": "x"}}}]
)
def test_event_without_token_is_an_unexpected_payload(payload: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedPayload):
        card_sync.handle_event(payload)


def test_event_naming_other_customer_is_counted_only(razorpay_cards: FakeCards) -> None:
    saved_card(razorpay_cards)
    other_customer = cards.gateway_customer_for(BILAL, CONTACT)
    razorpay_cards.tokens[TOKEN] = a_token("suspended")
    journal.drain()
    assert handle_event(customer_id=other_customer) == "unchanged"
    assert journal.drain()[0] == {"TokenOfAnotherCustomer": 1}
    assert models.list_methods(ASHA)[0].status == "active"


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("token.service_provider.failed", {"token": {"entity": [{"id": TOKEN}]}}),
        ("token.confirmed", {"token": {"entity": {"id": TOKEN}}}),
    ],
)
def test_token_event_is_found_in_either_envelope(
    name: str, payload: dict[str, Any], razorpay_cards: FakeCards
) -> None:
    saved_card(razorpay_cards)
    razorpay_cards.tokens[TOKEN] = a_token("suspended")
    plain = {"event": name, "payload": payload}
    nested = {"event": {"name": name, "id": "x", "service": "tokens", "payload": plain}}
    for envelope in (plain, nested):
        found = card_sync.event_in(envelope)
        assert found == payload
        card_sync.handle_event(found)
    assert models.list_methods(ASHA)[0].status == "suspended"
    assert card_sync.event_in({"event": "payment.captured", "payload": payload}) is None


@pytest.mark.parametrize(
    "error", [ServiceUnavailable(), RazorpayRejected(400, "NA", "No."), UnexpectedPayload("not a token")]
)
def test_event_during_razorpay_trouble_is_postponed(
    error: Exception, razorpay_cards: FakeCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is accepted all the same, because Razorpay disables a webhook that fails for a day."""

    def fail(customer_id: str, token_id: str) -> None:
        raise error

    saved_card(razorpay_cards)
    razorpay_cards.tokens[TOKEN] = a_token("suspended")
    with monkeypatch.context() as patch:
        patch.setattr(api, "fetch_token", fail)
        assert handle_event() == "applied"
    card_sync.reconcile()
    assert models.list_methods(ASHA)[0].status == "suspended"


def test_event_without_time_for_razorpay_is_postponed(razorpay_cards: FakeCards) -> None:
    """Time is reserved for the write that leaves the card to the reconciler."""
    saved_card(razorpay_cards)
    razorpay_cards.tokens[TOKEN] = a_token("suspended")
    with Deadline(card_sync.POSTPONE_S):
        assert handle_event() == "applied"
    assert models.list_methods(ASHA)[0].status == "active"
    card_sync.reconcile()
    assert models.list_methods(ASHA)[0].status == "suspended"


# --- deletion and the reconciler


def test_deleting_waits_three_seconds_for_razorpay(
    razorpay_cards: FakeCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The method is hidden at once. Deleting the card at Razorpay is then the reconciler's work."""

    def time_out(customer_id: str, token_id: str) -> None:
        assert 2.5 < Deadline.current().remaining_s <= methods.DELETE_WAIT_S == 3
        raise ServiceUnavailable

    method = saved_card(razorpay_cards)
    with monkeypatch.context() as patch:
        patch.setattr(api, "delete_token", time_out)
        methods.delete(ASHA, method.id)
    assert models.list_methods(ASHA) == [] and razorpay_cards.deleted == []
    with pytest.raises(NotFound):
        methods.delete(ASHA, method.id)
    card_sync.reconcile()
    after = models.get_any_method(ASHA, method.id)
    assert after and after.status == "deleted" and razorpay_cards.deleted == [TOKEN]


def test_undeletable_token_is_retried_daily_without_blocking_others(
    razorpay_cards: FakeCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_first_token(customer_id: str, token_id: str) -> None:
        if token_id == TOKEN:
            raise RazorpayRejected(400, "NA", "The requested URL was not found on the server.")
        razorpay_cards.deleted.append(token_id)

    monkeypatch.setattr(api, "delete_token", refuse_first_token)
    for token in (TOKEN, OTHER_TOKEN):
        methods.delete(ASHA, saved_card(razorpay_cards, id=token).id)
    assert razorpay_cards.deleted == [OTHER_TOKEN]
    deferred = 0
    for day in range(20):
        forward(day * 86_400, monkeypatch)
        journal.drain()
        card_sync.reconcile()
        deferred += journal.drain()[0].get("TokenDeleteDeferred", 0)
    assert deferred >= 18


def test_reconciler_stops_at_the_deadline(razorpay_cards: FakeCards, monkeypatch: pytest.MonkeyPatch) -> None:
    saved_card(razorpay_cards, status="initiated")
    razorpay_cards.tokens[TOKEN] = a_token("active")
    now_us = clock.now_us() + 61 * 1_000_000
    monkeypatch.setattr(clock, "now_us", lambda: now_us)
    monkeypatch.setattr(models, "methods_to_check", lambda until_us, limit: [(ASHA, cards.method_id_of(TOKEN))])
    with Deadline(0):
        card_sync.reconcile()
    assert models.list_methods(ASHA)[0].status == "initiated"
    card_sync.reconcile()
    assert models.list_methods(ASHA)[0].status == "active"


def test_initiated_token_is_checked_a_limited_number_of_times(
    razorpay_cards: FakeCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its event arrives as well, whenever the bank is done."""
    saved_card(razorpay_cards, status="initiated")
    asked: list[str] = []
    real = razorpay_cards.fetch_token
    monkeypatch.setattr(api, "fetch_token", lambda *ids: asked.append(ids[1]) or real(*ids))
    for day in range(20):
        forward(day * 86_400 + 61, monkeypatch)
        card_sync.reconcile()
    assert len(asked) == len(cards.CHECK_AFTER_S)
    razorpay_cards.tokens[TOKEN] = a_token("active")
    assert handle_event(customer_id=CUSTOMER) == "applied"


@pytest.mark.parametrize("error", [ServiceUnavailable(), RazorpayRejected(400, "NA", ""), KeyError("status")])
def test_card_in_trouble_blocks_no_other(
    error: Exception, razorpay_cards: FakeCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    for token in (TOKEN, OTHER_TOKEN):
        saved_card(razorpay_cards, id=token, status="initiated", account="")
    fetch_token = razorpay_cards.fetch_token

    def fail_first_token(customer_id: str, token_id: str) -> RazorpayToken:
        if token_id == TOKEN:
            raise error
        return fetch_token(customer_id, token_id)

    monkeypatch.setattr(api, "fetch_token", fail_first_token)
    razorpay_cards.tokens[OTHER_TOKEN] = a_token("active", id=OTHER_TOKEN, account="")
    forward(61, monkeypatch)
    card_sync.reconcile()
    statuses = {method.token: method.status for method in models.list_methods(ASHA)}
    assert statuses == {TOKEN: "initiated", OTHER_TOKEN: "active"}
