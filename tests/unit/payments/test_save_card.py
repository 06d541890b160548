"""Saving the card of a payment: after its money, deferred to the reconciler if need be, and with one outcome."""

import pytest

from shared.aws.dynamodb import transact
from shared.errors import ServiceUnavailable
from shared.payment_methods import methods
from shared.payment_methods.models import gateway_customer_of, list_methods, release_gateway_customer
from shared.payments.apply import apply_attempt
from shared.payments.create import create_payment
from shared.payments.models import Payment, get_or_404
from shared.payments.reconcile import reconcile
from shared.payments.serializers import serialize_payment, serialize_payment_with_wallet
from shared.payments.verify import sync
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.razorpay.entities import GatewayPayment, RazorpayToken, UnexpectedPayload
from shared.telemetry import journal
from tests.unit.conftest import Razorpay, an_attempt
from tests.unit.payment_methods.conftest import BILAL, CONTACT, TOKEN, FakeCards, a_token, saved_card
from tests.unit.payments.support import ASHA, THROUGH_RAZORPAY, forward, response_body, stored

WITH_CARD = THROUGH_RAZORPAY | {"amount": 50_000, "save_method": True, "contact": CONTACT}


def started(razorpay: Razorpay, cards: FakeCards, status: str = "captured") -> tuple[Payment, GatewayPayment]:
    """A payment that asks for its card to be saved, and an attempt to pay it whose card Razorpay has saved."""
    payment = stored(create_payment(ASHA, WITH_CARD, None, phone=CONTACT).payment)
    customer = str(payment.gateway_customer)
    attempt = an_attempt(payment.gateway_order, 50_000, status, method="card", token=TOKEN, customer=customer)
    razorpay.payments[attempt.id] = attempt
    cards.tokens[TOKEN] = a_token(customer=customer)
    return payment, attempt


def test_captured_payment_saves_its_card(razorpay: Razorpay, razorpay_cards: FakeCards) -> None:
    payment, captured = started(razorpay, razorpay_cards)
    result = apply_attempt(payment, captured, "webhook")
    (method,) = list_methods(ASHA)
    assert result.captured and result.card_saved
    assert response_body(result)["save_method"] == {"status": "saved", "payment_method": method.id}
    assert not apply_attempt(payment, captured, "verify").card_saved and len(list_methods(ASHA)) == 1


def test_reconciler_saves_deferred_card(
    razorpay: Razorpay, razorpay_cards: FakeCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Razorpay does not answer about the card, so the payment stays open, and its capture stands."""

    def reject(customer_id: str, token_id: str) -> RazorpayToken:
        raise RazorpayRejected(400, "NA", "")

    payment, captured = started(razorpay, razorpay_cards)
    journal.drain()
    with monkeypatch.context() as rejecting:
        rejecting.setattr(api, "fetch_token", reject)
        assert apply_attempt(payment, captured, "webhook").captured
    assert journal.drain()[0]["MethodSaveDeferred"] == 1
    assert serialize_payment(stored(payment))["save_method"] == {"status": "pending", "payment_method": None}
    forward(61, monkeypatch)
    assert reconcile()["MethodSaved"] == 1
    forward(30 * 86_400, monkeypatch)
    assert reconcile()["ReconcileAsked"] == 0
    (method,) = list_methods(ASHA)
    save_method = serialize_payment(stored(payment))["save_method"]
    assert save_method and save_method["payment_method"] == method.id


def test_unproven_number_is_asked_of_nobody(razorpay: Razorpay, razorpay_cards: FakeCards) -> None:
    for phone in ("", "+919876543219"):
        body = serialize_payment(create_payment(ASHA, WITH_CARD, None, phone=phone).payment)
        assert body["save_method"] == {"status": "pending", "payment_method": None}
        assert body["checkout"] and "customer_id" not in body["checkout"]
    assert razorpay_cards.customers == {} and gateway_customer_of(ASHA) is None


@pytest.mark.parametrize(
    ("named", "is_claimed"),
    [(CONTACT, True), ("+919876543219", False), ("", False)],
    ids=["its own", "other", "none"],
)
def test_capture_claims_the_number_that_it_names(
    named: str, is_claimed: bool, razorpay: Razorpay, razorpay_cards: FakeCards
) -> None:
    payment = stored(create_payment(ASHA, WITH_CARD, None).payment)
    paid = an_attempt(payment.gateway_order, 50_000, "captured", method="card", contact=named)
    assert apply_attempt(payment, paid, "webhook").captured
    assert (stored(payment).save_method, stored(payment).open) == ("not_saved", None)
    assert (gateway_customer_of(ASHA) is not None) == is_claimed == bool(razorpay_cards.customers)


def test_token_that_checkout_made_for_the_claimed_customer_is_saved(
    razorpay: Razorpay, razorpay_cards: FakeCards
) -> None:
    customer = razorpay_cards.create_customer(CONTACT)
    razorpay_cards.tokens[TOKEN] = a_token(customer=customer)
    for owner, status in (("cust_00000000000099", "not_saved"), ("", "not_saved"), (customer, "saved")):
        payment = create_payment(BILAL, WITH_CARD, None).payment
        given = {"method": "card", "contact": CONTACT, "token": TOKEN, "customer": owner}
        attempt = an_attempt(payment.gateway_order, 50_000, "captured", id=f"pay_{payment.id[:8]}", **given)
        apply_attempt(payment, attempt, "webhook")
        after = get_or_404(BILAL, payment.id)
        assert (after.save_method, after.in_review) == (status, None)
        if status == "not_saved":
            transact(*release_gateway_customer(BILAL, customer, None))


def test_number_of_another_customer_is_not_claimed_by_a_capture(
    razorpay: Razorpay, razorpay_cards: FakeCards
) -> None:
    started(razorpay, razorpay_cards)
    payment = create_payment(BILAL, WITH_CARD, None).payment
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "captured", contact=CONTACT), "webhook")
    after = get_or_404(BILAL, payment.id)
    assert (after.save_method, after.in_review) == ("not_saved", None) and gateway_customer_of(BILAL) is None


def test_overtaken_save_returns_what_the_other_saved(razorpay: Razorpay, razorpay_cards: FakeCards) -> None:
    payment, _ = started(razorpay, razorpay_cards)
    razorpay_cards.between = [lambda: sync(ASHA, payment.id)]
    body = response_body(sync(ASHA, payment.id))
    assert body["save_method"] and body["save_method"]["status"] == "saved"
    assert body == serialize_payment_with_wallet(stored(payment), None)


def test_refunded_authorization_saves_no_card(razorpay: Razorpay, razorpay_cards: FakeCards) -> None:
    payment, authorized = started(razorpay, razorpay_cards, "authorized")
    apply_attempt(payment, authorized, "test")
    result = apply_attempt(payment, authorized._replace(status="refunded"), "test")
    save_method = response_body(result)["save_method"]
    assert save_method and save_method["status"] == "not_saved" and result.payment.open is None


def test_report_about_another_attempt_waits_for_no_card(razorpay: Razorpay, razorpay_cards: FakeCards) -> None:
    """The webhook of a failed attempt has nothing to do with the card of the one that paid."""
    payment, captured = started(razorpay, razorpay_cards, "authorized")
    card, razorpay_cards.tokens = dict(razorpay_cards.tokens), {}
    captured = captured._replace(status="captured", was_captured=True, token="")
    assert apply_attempt(payment, captured, "payment.captured").captured
    asked = len(razorpay.payments)
    razorpay.payments.clear()  # from now on Razorpay fails on every question
    razorpay_cards.tokens = card
    failed = an_attempt(payment.gateway_order, 50_000, "failed", id="pay_00000000000009")
    result = apply_attempt(stored(payment), failed, "payment.failed")
    assert asked == 1 and not result.counts and stored(payment).save_method == "pending"


@pytest.mark.parametrize("error", [ServiceUnavailable(), RazorpayRejected(400, "NA", ""), UnexpectedPayload("")])
def test_payment_starts_without_razorpays_customer(
    error: Exception, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saving the card never prevents the payment."""

    def fail(contact: str) -> str:
        raise error

    monkeypatch.setattr(api, "create_customer", fail)
    body = serialize_payment(create_payment(ASHA, WITH_CARD, None, phone=CONTACT).payment)
    assert body["status"] == "created" and body["checkout"]
    assert body["save_method"] == {"status": "not_available", "payment_method": None}


def test_checkout_forgets_card_that_was_deleted(razorpay: Razorpay, razorpay_cards: FakeCards) -> None:
    card = saved_card(razorpay_cards)
    on_card = THROUGH_RAZORPAY | {"payment_method": card.id}
    payment = create_payment(ASHA, on_card, "key").payment
    checkout = serialize_payment(stored(payment))["checkout"]
    assert checkout and checkout["token"] == TOKEN and "blocks" in checkout["config"]["display"]
    methods.delete(ASHA, card.id)
    for body in (serialize_payment(stored(payment)), response_body(create_payment(ASHA, on_card, "key"))):
        checkout = body["checkout"]
        assert checkout and not {"token", "customer_id", "remember_customer"} & checkout.keys()
        assert "blocks" not in checkout["config"]["display"] and "method" not in checkout["prefill"]


def test_checkout_of_deleted_card_still_offers_to_save_another(razorpay: Razorpay, razorpay_cards: FakeCards) -> None:
    card = saved_card(razorpay_cards)
    payment = create_payment(ASHA, WITH_CARD | {"payment_method": card.id}, None, phone=CONTACT).payment
    methods.delete(ASHA, card.id)
    checkout = serialize_payment(stored(payment))["checkout"]
    assert checkout and "token" not in checkout and checkout["customer_id"] and checkout["remember_customer"]
