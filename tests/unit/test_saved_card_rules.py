"""Rules of saved cards, one at a time: whose a customer or token is, and that nothing out of date is written."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared import checkout, clock, gateway, payment_methods, payments, saved_cards, settings, store, tally
from shared.errors import Unavailable
from shared.gateway import GatewayPayment, GatewayToken
from shared.store import Payment, PaymentMethod
from tests.unit.conftest import Gateway, told

pytestmark = pytest.mark.usefixtures("tables")
ASHA, BILAL, CONTACT = "asha", "bilal", "+919876543210"
CUSTOMER, TOKEN = "cust_1Aa00000000004", "token_HouA2OQR5Z2jTL"
WANTED = {
    "amount": 50_000,
    "source": "gateway",
    "payment_method": None,
    "save_method": True,
    "reference": "",
    "description": "",
    "contact": CONTACT,
}


class Cards:
    """The gateway's customers and tokens; `between` happens after a token was read and before the answer arrives."""

    def __init__(self) -> None:
        self.customers: dict[str, str] = {}
        self.tokens: dict[str, GatewayToken] = {}
        self.between: list[Callable[[], Any]] = []
        self.deleted: list[str] = []

    def create_customer(self, contact: str) -> str:
        return self.customers.setdefault(contact, f"cust_{len(self.customers) + 1:014d}")

    def token(self, customer_id: str, token_id: str, timeout_s: object = None) -> GatewayToken:
        answer = self.tokens.get(token_id)
        if self.between:
            self.between.pop(0)()
        if answer is None or answer.customer not in ("", customer_id):
            raise gateway.Refused(400, "input_validation_failed", gateway.NO_SUCH_ID)
        return answer

    def delete_token(self, customer_id: str, token_id: str, timeout_s: object = None) -> None:
        self.deleted.append(token_id)
        self.tokens.pop(token_id, None)


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Cards:
    fake = Cards()
    for name in ("create_customer", "token", "delete_token"):
        monkeypatch.setattr(gateway, name, getattr(fake, name))
    return fake


def soon() -> int:
    return clock.now_us() + 5_000_000


def a_token(status: str = "active", **values: Any) -> GatewayToken:
    fields: dict[str, Any] = {
        "id": TOKEN,
        "customer": CUSTOMER,
        "method": "card",
        "status": status,
        "last4": "1007",
        "brand": "Visa",
        "issuer": "HDFC",
        "expiry_month": 12,
        "expiry_year": 2030,
        "account": "",
    }
    return GatewayToken(**fields | values)


def paid(token: str = TOKEN, customer: str = CUSTOMER, method: str = "card") -> GatewayPayment:
    return told("order_1", 50_000, method=method, token=token, customer=customer)


def saved(cards: Cards, customer: str = ASHA, **values: Any) -> PaymentMethod:
    token = a_token(**values)
    cards.tokens[token.id] = token
    kept = saved_cards.save(customer, token.customer, paid(token.id, token.customer), soon())
    assert kept.status == "saved" and kept.method
    method = store.get_method(customer, kept.method)
    assert method
    return method


def event(**values: Any) -> str:
    entity = {"id": TOKEN, "customer_id": CUSTOMER} | values
    return saved_cards.receive({"token": {"entity": entity}}, soon())


# --- whose it is


def test_a_gateway_customer_is_one_customers_for_ever(cards: Cards) -> None:
    first = saved_cards.gateway_customer(ASHA, CONTACT)
    assert first and saved_cards.gateway_customer(ASHA, "+919876543211") == first
    assert saved_cards.gateway_customer(BILAL, CONTACT) is None
    assert saved_cards.gateway_customer(BILAL, "+919876543212") not in (None, first)


def test_a_claim_whose_answer_was_lost_is_found_the_next_time(cards: Cards, monkeypatch: pytest.MonkeyPatch) -> None:
    real = store.transact

    def lost(*writes: Any) -> Any:
        real(*writes)
        raise Unavailable

    monkeypatch.setattr(store, "transact", lost)
    with pytest.raises(Unavailable):
        saved_cards.gateway_customer(ASHA, CONTACT)
    monkeypatch.setattr(store, "transact", real)
    assert saved_cards.gateway_customer(ASHA, CONTACT) == cards.customers[CONTACT]


def test_a_token_that_another_has_is_not_saved_twice(cards: Cards) -> None:
    method = saved(cards)
    again = saved_cards.save(BILAL, CUSTOMER, paid(), soon())
    assert again.is_anothers and again.method is None and store.list_methods(BILAL) == []
    assert store.get_method(ASHA, method.id)


def test_a_token_that_does_not_say_whose_it_is_has_to_be_the_customers_own(cards: Cards) -> None:
    cards.tokens[TOKEN] = a_token(customer="cust_another")
    with pytest.raises(gateway.Refused):
        saved_cards.save(ASHA, CUSTOMER, paid(customer=""), soon())
    assert store.owner_of(TOKEN) is None
    cards.tokens[TOKEN] = a_token(customer="")
    assert saved_cards.save(ASHA, CUSTOMER, paid(customer=""), soon()).status == "saved"


# --- what is written was true after what it replaces


def test_an_answer_that_was_overtaken_is_not_written(cards: Cards) -> None:
    method = saved(cards)

    def suspended_and_told() -> None:
        cards.tokens[TOKEN] = a_token("suspended")
        event()

    cards.tokens[TOKEN] = a_token("active")
    cards.between = [suspended_and_told]
    event()
    assert store.get_method(ASHA, method.id).status == "suspended"  # type: ignore[union-attr]


def test_an_event_between_the_first_answer_and_the_method_is_not_missed(cards: Cards) -> None:
    def activated_and_told() -> None:
        cards.tokens[TOKEN] = a_token("active")
        event()

    cards.between = [activated_and_told]
    assert saved(cards, status="initiated").status == "active"


def test_a_method_deleted_while_the_gateway_is_asked_stays_deleted(cards: Cards) -> None:
    method = saved(cards, status="initiated")
    cards.tokens[TOKEN] = a_token("active")
    cards.between = [lambda: payment_methods.delete(ASHA, method.id)]
    event()
    after = store.any_method(ASHA, method.id)
    assert after and (after.status, after.is_active) == ("deleted", False) and cards.deleted == [TOKEN]
    assert event() == "unchanged" and store.list_methods(ASHA) == []


def test_a_crash_after_the_row_is_finished_by_the_reconciler(cards: Cards, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed() -> None:
        raise Killed

    cards.tokens[TOKEN] = a_token()
    cards.between = [killed]
    with pytest.raises(Killed):
        saved_cards.save(ASHA, CUSTOMER, paid(), soon())
    assert store.list_methods(ASHA) == []
    forward(61, monkeypatch)
    saved_cards.reconcile(soon())
    assert [one.card_last4 for one in store.list_methods(ASHA)] == ["1007"]


# --- what a token says


@pytest.mark.parametrize("status", ["failed", "deactivated", "cancelled"])
def test_a_token_that_is_dead_when_first_read_is_never_shown(status: str, cards: Cards) -> None:
    cards.tokens[TOKEN] = a_token(status)
    assert saved_cards.save(ASHA, CUSTOMER, paid(), soon()).status == "not_saved"
    assert store.list_methods(ASHA) == [] and saved_cards.save(ASHA, CUSTOMER, paid(), soon()).status == "not_saved"


def test_a_token_that_the_gateway_has_no_more_is_deactivated(cards: Cards) -> None:
    method = saved(cards)
    del cards.tokens[TOKEN]
    assert event() == "applied"
    assert payment_methods.retrieve(ASHA, method.id)["status"] == "deactivated"


def test_a_mandates_token_is_no_card(cards: Cards) -> None:
    cards.tokens[TOKEN] = a_token(method="upi")
    assert saved_cards.save(ASHA, CUSTOMER, paid(), soon()).status == "not_saved"
    assert store.list_methods(ASHA) == [] and cards.deleted == []


@pytest.mark.parametrize("keeps", ["true", "false"])
def test_a_cards_expiry_is_kept_only_where_it_may_be(
    keeps: str, cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORE_CARD_EXPIRY", keeps)
    settings.settings.cache_clear()
    shown = payment_methods.retrieve(ASHA, saved(cards).id)
    expected = (12, 2030) if keeps == "true" else (None, None)
    assert (shown["card_expiry_month"], shown["card_expiry_year"]) == expected


def test_two_tokens_of_one_account_are_one_method_and_its_account_is_not_stored(cards: Cards) -> None:
    first = saved(cards, account="V0010013019036197617016149471")
    other = "token_HouA2OQR5Z2jTM"
    cards.tokens[other] = a_token(id=other, account="V0010013019036197617016149471")
    assert saved_cards.save(ASHA, CUSTOMER, paid(other), soon()) == saved_cards.Kept("saved", first.id)
    assert [one.id for one in store.list_methods(ASHA)] == [first.id]
    saved_cards.reconcile(soon())
    assert cards.deleted == [other]
    assert "V0010013019036197617016149471" not in json.dumps([one.to_simple_dict() for one in PaymentMethod.scan()])


def test_two_accounts_of_one_customer_are_two_methods(cards: Cards) -> None:
    saved(cards, account="V1")
    saved(cards, account="V2", id="token_HouA2OQR5Z2jTM")
    assert len(store.list_methods(ASHA)) == 2


def test_an_event_about_a_token_of_nobody_here_asks_nothing(cards: Cards) -> None:
    assert event() == "ignored"


def test_an_event_that_names_anothers_gateway_customer_is_counted_and_changes_nothing(cards: Cards) -> None:
    saved(cards)
    theirs = saved_cards.gateway_customer(BILAL, CONTACT)
    cards.tokens[TOKEN] = a_token("suspended")
    tally.taken()
    assert event(customer_id=theirs) == "unchanged" and tally.taken()[0] == {"TokenOfAnotherCustomer": 1}
    assert store.list_methods(ASHA)[0].status == "active"


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("token.service_provider.failed", {"token": {"entity": [{"id": TOKEN}]}}),
        ("token.confirmed", {"token": {"entity": {"id": TOKEN}}}),
    ],
)
def test_an_event_is_found_in_whichever_envelope_it_came(name: str, payload: dict[str, Any], cards: Cards) -> None:
    saved(cards)
    cards.tokens[TOKEN] = a_token("suspended")
    plain = {"event": name, "payload": payload}
    inside = {"event": {"name": name, "id": "x", "service": "tokens", "payload": plain}}
    for envelope in (plain, inside):
        found = saved_cards.event_in(envelope)
        assert found == payload
        saved_cards.receive(found, soon())
    assert store.list_methods(ASHA)[0].status == "suspended"
    assert saved_cards.event_in({"event": "payment.captured", "payload": payload}) is None


# --- the reconciler


def test_a_token_that_cannot_be_deleted_is_tried_daily_and_holds_up_no_other(
    cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(customer_id: str, token_id: str, timeout_s: object = None) -> None:
        if token_id == TOKEN:
            raise gateway.Refused(400, "NA", "The requested URL was not found on the server.")
        cards.deleted.append(token_id)

    monkeypatch.setattr(gateway, "delete_token", refused)
    other = "token_HouA2OQR5Z2jTM"
    for token in (TOKEN, other):
        payment_methods.delete(ASHA, saved(cards, id=token).id)
    assert cards.deleted == [other]
    tried = 0
    for day in range(20):
        forward(day * 86_400, monkeypatch)
        tally.taken()
        saved_cards.reconcile(soon())
        tried += tally.taken()[0].get("TokenDeleteDeferred", 0)
    assert tried >= 18


def test_a_payment_whose_saving_is_deferred_keeps_its_place_in_the_reconciler(
    cards: Cards, fake_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, captured = started(fake_gateway, cards)
    assert payments.settle(payment, captured, "webhook", soon()).credited  # and the process dies here
    assert payments.retrieve(ASHA, payment.id)["save_method"] == {"status": "pending", "payment_method": None}
    forward(61, monkeypatch)
    assert payments.reconcile(soon())["MethodSaved"] == 1
    forward(30 * 86_400, monkeypatch)
    assert payments.reconcile(soon())["ReconcileAsked"] == 0
    (method,) = store.list_methods(ASHA)
    assert payments.retrieve(ASHA, payment.id)["save_method"]["payment_method"] == method.id


def started(fake_gateway: Gateway, cards: Cards, status: str = "captured") -> tuple[Payment, GatewayPayment]:
    """A payment that asks for its card to be saved, and what the gateway tells of it; the card is there."""
    payment = store.payment(ASHA, payments.create(ASHA, WANTED, None).payment["id"])
    assert payment
    customer = str(payment.gateway_customer)
    paid_now = told(payment.gateway_order, 50_000, status, method="card", token=TOKEN, customer=customer)
    fake_gateway.payments[paid_now.id] = paid_now
    cards.tokens[TOKEN] = a_token(customer=customer)
    return payment, paid_now


def test_who_is_overtaken_while_saving_answers_what_the_other_saved(cards: Cards, fake_gateway: Gateway) -> None:
    payment, _ = started(fake_gateway, cards)
    cards.between = [lambda: payments.sync(ASHA, payment.id, soon())]
    answer = payments.sync(ASHA, payment.id, soon()).answer()
    assert answer["save_method"]["status"] == "saved"
    assert answer == payments.retrieve(ASHA, payment.id) | {"wallet": None}


def test_a_payment_that_was_given_back_saves_nothing(cards: Cards, fake_gateway: Gateway) -> None:
    payment, authorized = started(fake_gateway, cards, "authorized")
    payments.settle(payment, authorized, "t", soon())
    settled = payments.settle(payment, replace(authorized, status="refunded"), "t", soon())
    assert settled.answer()["save_method"]["status"] == "not_saved" and settled.payment.open is None


REAL_NOW_US = clock.now_us


def forward(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now_us", lambda: REAL_NOW_US() + seconds * 1_000_000)


# --- the catalogues of checkout


def test_no_two_banks_or_wallets_share_a_name() -> None:
    for names_of in (checkout.BANKS, checkout.WALLETS):
        keys = [{checkout._key(one) for one in (code, *names)} for code, names in names_of.items()]
        assert sum(map(len, keys)) == len(set().union(*keys))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("HDFC Bank Ltd.", "HDFC"),
        ("hdfc", "HDFC"),
        ("State Bank Of India", "SBIN"),
        ("Bank of India", "BKID"),
        ("x", None),
    ],
)
def test_a_bank_is_found_by_code_and_by_name(name: str, code: str | None) -> None:
    assert checkout.BANK_CODES.get(checkout._key(name)) == code
