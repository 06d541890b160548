"""Saved cards: who owns a Razorpay customer or token, and that no outdated answer is written."""

import json
from typing import Any

import pytest

from shared.errors import ServiceUnavailable
from shared.payment_methods import card_sync, cards, methods, models
from shared.payment_methods.cards import CardSaveResult
from shared.payment_methods.models import PaymentMethod
from shared.payment_methods.serializers import serialize_method
from shared.razorpay.client import RazorpayRejected
from shared.settings import settings
from tests.unit.payment_methods.conftest import (
    ASHA,
    BILAL,
    CONTACT,
    CUSTOMER,
    OTHER_TOKEN,
    TOKEN,
    FakeCards,
    a_token,
    card_attempt,
    forward,
    handle_event,
    save,
    saved_card,
)

pytestmark = pytest.mark.usefixtures("tables")


# --- ownership


def test_razorpay_customer_belongs_to_one_customer(razorpay_cards: FakeCards) -> None:
    """Permanently: a second contact does not change it, and another customer cannot have it."""
    first = cards.gateway_customer_for(ASHA, CONTACT)
    assert first and cards.gateway_customer_for(ASHA, "+919876543211") == first
    assert cards.gateway_customer_for(BILAL, CONTACT) is None
    assert cards.gateway_customer_for(BILAL, "+919876543212") not in (None, first)


def test_claim_with_lost_response_is_found_later(razorpay_cards: FakeCards, monkeypatch: pytest.MonkeyPatch) -> None:
    real = cards.transact

    def transact_and_lose_response(*writes: Any) -> Any:
        real(*writes)
        raise ServiceUnavailable

    monkeypatch.setattr(cards, "transact", transact_and_lose_response)
    with pytest.raises(ServiceUnavailable):
        cards.gateway_customer_for(ASHA, CONTACT)
    monkeypatch.setattr(cards, "transact", real)
    assert cards.gateway_customer_for(ASHA, CONTACT) == razorpay_cards.customers[CONTACT]


def test_concurrent_claims_return_the_same_razorpay_customer(
    razorpay_cards: FakeCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two requests of one customer, with two contacts: both get the id that was linked first."""
    real = razorpay_cards.create_customer

    def create_after_other_request(contact: str) -> str:
        monkeypatch.setattr(cards.api, "create_customer", real)
        cards.gateway_customer_for(ASHA, CONTACT)
        return real(contact)

    monkeypatch.setattr(cards.api, "create_customer", create_after_other_request)
    assert cards.gateway_customer_for(ASHA, "+919876543211") == razorpay_cards.customers[CONTACT]


def test_account_without_saved_cards_has_no_razorpay_customer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(contact: str) -> str:
        raise RazorpayRejected(400, "NA", "The requested URL was not found on the server.")

    monkeypatch.setattr(cards.api, "create_customer", refuse)
    assert cards.gateway_customer_for(ASHA, CONTACT) is None


def test_other_customers_token_is_not_saved(razorpay_cards: FakeCards) -> None:
    method = saved_card(razorpay_cards)
    result = save(customer=BILAL)
    assert result.belongs_to_other_customer and result.method_id is None and models.list_methods(BILAL) == []
    assert models.get_method(ASHA, method.id)


def test_token_without_owner_must_be_the_customers_own(razorpay_cards: FakeCards) -> None:
    """The payment does not name the owner, so the token is read under the customer's id before it is claimed."""
    razorpay_cards.tokens[TOKEN] = a_token(customer="cust_another")
    with pytest.raises(RazorpayRejected):
        save(card_attempt(customer=""))
    assert models.owner_of(TOKEN) is None
    razorpay_cards.tokens[TOKEN] = a_token(customer="")
    assert save(card_attempt(customer="")).status == "saved"


# --- concurrent writers: an answer only replaces what was written before the question


def test_overtaken_answer_is_not_written(razorpay_cards: FakeCards) -> None:
    method = saved_card(razorpay_cards)

    def suspend_and_notify() -> None:
        razorpay_cards.tokens[TOKEN] = a_token("suspended")
        handle_event()

    razorpay_cards.tokens[TOKEN] = a_token("active")
    razorpay_cards.between = [suspend_and_notify]
    handle_event()
    assert models.get_method(ASHA, method.id).status == "suspended"  # type: ignore[union-attr]


def test_event_during_saving_is_not_lost(razorpay_cards: FakeCards) -> None:
    """It arrives after Razorpay's first answer and before that is written to the method."""

    def activate_and_notify() -> None:
        razorpay_cards.tokens[TOKEN] = a_token("active")
        handle_event()

    razorpay_cards.between = [activate_and_notify]
    assert saved_card(razorpay_cards, status="initiated").status == "active"


def test_method_deleted_during_refresh_stays_deleted(razorpay_cards: FakeCards) -> None:
    method = saved_card(razorpay_cards, status="initiated")
    razorpay_cards.tokens[TOKEN] = a_token("active")
    razorpay_cards.between = [lambda: methods.delete(ASHA, method.id)]
    handle_event()
    after = models.get_any_method(ASHA, method.id)
    assert after and (after.status, after.is_active) == ("deleted", False) and razorpay_cards.deleted == [TOKEN]
    assert handle_event() == "unchanged" and models.list_methods(ASHA) == []


def test_reconciler_finishes_saving_after_a_crash(razorpay_cards: FakeCards, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies after the row is stored, before Razorpay's answer."""

    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    razorpay_cards.tokens[TOKEN] = a_token()
    razorpay_cards.between = [die]
    with pytest.raises(Killed):
        save()
    assert models.list_methods(ASHA) == []
    forward(61, monkeypatch)
    card_sync.reconcile()
    assert [method.card_last4 for method in models.list_methods(ASHA)] == ["1007"]


# --- the contents of a token


@pytest.mark.parametrize("status", ["failed", "deactivated", "cancelled"])
def test_token_ended_at_first_read_is_never_visible(status: str, razorpay_cards: FakeCards) -> None:
    razorpay_cards.tokens[TOKEN] = a_token(status)
    assert save().status == "not_saved"
    assert models.list_methods(ASHA) == [] and save().status == "not_saved"


def test_token_missing_at_razorpay_is_deactivated(razorpay_cards: FakeCards) -> None:
    method = saved_card(razorpay_cards)
    del razorpay_cards.tokens[TOKEN]
    assert handle_event() == "applied"
    assert serialize_method(*methods.retrieve(ASHA, method.id))["status"] == "deactivated"


def test_mandate_token_is_not_saved_as_a_card(razorpay_cards: FakeCards) -> None:
    razorpay_cards.tokens[TOKEN] = a_token(method="upi")
    assert save().status == "not_saved"
    assert models.list_methods(ASHA) == [] and razorpay_cards.deleted == []


@pytest.mark.parametrize("allowed", ["true", "false"])
def test_saved_card_expiry_is_stored_only_if_allowed(
    allowed: str, razorpay_cards: FakeCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORE_CARD_EXPIRY", allowed)
    settings.cache_clear()
    body = serialize_method(*methods.retrieve(ASHA, saved_card(razorpay_cards).id))
    expected = (12, 2030) if allowed == "true" else (None, None)
    assert (body["card_expiry_month"], body["card_expiry_year"]) == expected


def test_two_tokens_of_one_account_are_one_method(razorpay_cards: FakeCards) -> None:
    """The second token is deleted at Razorpay. The account's reference itself is never stored."""
    account = "V0010013019036197617016149471"
    first = saved_card(razorpay_cards, account=account)
    razorpay_cards.tokens[OTHER_TOKEN] = a_token(id=OTHER_TOKEN, account=account)
    assert save(card_attempt(OTHER_TOKEN)) == CardSaveResult("saved", first.id)
    assert [method.id for method in models.list_methods(ASHA)] == [first.id]
    card_sync.reconcile()
    assert razorpay_cards.deleted == [OTHER_TOKEN]
    rows = list(PaymentMethod._get_connection().scan()["Items"])
    assert any(row["id"]["S"].startswith("card:") for row in rows)
    assert account not in json.dumps(rows)


def test_new_token_replaces_unusable_method_and_stays_default(razorpay_cards: FakeCards) -> None:
    """The first token of the account is suspended, so the new one takes over its name and its place as default."""
    first = saved_card(razorpay_cards, account="V1")
    methods.update(ASHA, first.id, {"nickname": "Travel", "is_default": True})
    razorpay_cards.tokens[TOKEN] = a_token("suspended", account="V1")
    handle_event()
    second = saved_card(razorpay_cards, account="V1", id=OTHER_TOKEN)
    assert [method.id for method in models.list_methods(ASHA)] == [second.id] != [first.id]
    assert (second.nickname, models.default_method_id(ASHA)) == ("Travel", second.id)
    card_sync.reconcile()
    assert razorpay_cards.deleted == [TOKEN]


def test_two_accounts_of_one_customer_are_two_methods(razorpay_cards: FakeCards) -> None:
    saved_card(razorpay_cards, account="V1")
    saved_card(razorpay_cards, account="V2", id=OTHER_TOKEN)
    assert len(models.list_methods(ASHA)) == 2


def test_only_nickname_and_default_of_saved_card_change(razorpay_cards: FakeCards) -> None:
    method = saved_card(razorpay_cards)
    values = {"nickname": "Travel", "is_default": True, "card_last4": "0000", "type": "upi"}
    after, default_id = methods.update(ASHA, method.id, values)
    assert (after.nickname, after.card_last4, after.type, default_id) == ("Travel", "1007", "card", method.id)


def test_card_of_a_released_claim_is_deleted_at_razorpay(razorpay_cards: FakeCards) -> None:
    """Whoever claims the number next is offered the cards of its customer at Razorpay."""
    razorpay_cards.tokens[TOKEN] = a_token()
    result = cards.save_card(ASHA, CUSTOMER, card_attempt())  # nobody has claimed CUSTOMER
    assert (result.status, result.method_id, result.belongs_to_other_customer) == ("not_saved", None, False)
    assert TOKEN not in razorpay_cards.tokens and models.list_methods(ASHA) == []
    assert models.owner_of(TOKEN) is None
