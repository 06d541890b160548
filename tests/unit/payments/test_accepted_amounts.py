"""Amounts that differ from the order's: offers and fees borne by the customer, in every way in."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.payments.apply import apply_attempt
from shared.payments.create import create_payment
from shared.payments.models import Payment
from shared.payments.reconcile import reconcile
from shared.payments.results import ApplyResult
from shared.payments.verify import sync, verify
from shared.razorpay import api
from shared.razorpay.entities import GatewayPayment
from shared.refunds.apply import apply_refund
from shared.settings import settings
from tests.unit.conftest import Razorpay, an_attempt
from tests.unit.payments.support import (
    ASHA,
    ATTEMPT_ID,
    FROM_WALLET,
    SECOND_ATTEMPT_ID,
    THROUGH_RAZORPAY,
    a_refund,
    balance,
    checkout_response,
    deliver,
    entries,
    forward,
    payment_entity,
    response_body,
    stored,
    top_up,
)

OFFER: dict[str, Any] = {"amount_paise": 45_000, "has_offer": True}
FEE: dict[str, Any] = {"amount_paise": 51_180, "fee_paise": 1_180, "is_fee_on_customer": True}
BOTH: dict[str, Any] = {"amount_paise": 46_000, "has_offer": True, "fee_paise": 1_000, "is_fee_on_customer": True}

# What arrives for 500.00, and what `paid`, `discount` and `fee` say then.
ACCEPTED: dict[str, tuple[dict[str, Any], tuple[str, str, str]]] = {
    "the amount": ({"amount_paise": 50_000}, ("500.00", "0.00", "0.00")),
    "merchant's fee": ({"amount_paise": 50_000, "fee_paise": 1_180}, ("500.00", "0.00", "0.00")),
    "offer": (OFFER, ("450.00", "50.00", "0.00")),
    "offer of all but a paisa": ({"amount_paise": 1, "has_offer": True}, ("0.01", "499.99", "0.00")),
    "fee": (FEE, ("500.00", "0.00", "11.80")),
    "offer and fee": (BOTH, ("450.00", "50.00", "10.00")),
    "offer as large as the fee": (BOTH | {"amount_paise": 50_000}, ("490.00", "10.00", "10.00")),
    "offer less than the fee": (BOTH | {"amount_paise": 50_500}, ("495.00", "5.00", "10.00")),
}
REFUSED: dict[str, dict[str, Any]] = {
    "less without an offer": {"amount_paise": 49_999},
    "more": {"amount_paise": 50_001},
    "more with an offer": {"amount_paise": 50_001, "has_offer": True},
    "nothing with an offer": {"amount_paise": 0, "has_offer": True},
    "fee of the merchant": FEE | {"is_fee_on_customer": False},
    "fee a paisa short": FEE | {"fee_paise": 1_179},
    "fee that is not in the amount": FEE | {"amount_paise": 48_820},
}


def attempt_on(payment: Payment, status: str = "captured", **values: Any) -> GatewayPayment:
    return an_attempt(payment.gateway_order, values.pop("amount_paise"), status, **values)


def set_up(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    settings.cache_clear()


@pytest.mark.parametrize("case", ACCEPTED)
def test_explained_amount_is_credited_and_noted(case: str) -> None:
    values, expected = ACCEPTED[case]
    payment = top_up()
    body = response_body(apply_attempt(payment, attempt_on(payment, **values), "test"))
    assert (body["paid"], body["discount"], body["fee"]) == expected and body["amount"] == "500.00"
    assert body["status"] == "captured" and not body["in_review"] and balance() == expected[0]
    assert stored(payment).refundable_paise == stored(payment).paid_paise == entries()[-1].amount_paise


@pytest.mark.parametrize("case", ["fee", "offer and fee", "offer as large as the fee"])
def test_fee_that_an_event_does_not_name_yet_is_fetched(case: str, razorpay: Razorpay) -> None:
    values, expected = ACCEPTED[case]
    payment = top_up()
    razorpay.payments[ATTEMPT_ID] = attempt_on(payment, **values)
    offer = {"offer_id": "offer_00000000000001"} if "has_offer" in values else {}
    entity = payment_entity(attempt_on(payment, **values), fee=None, fee_bearer="customer", **offer)
    assert deliver("payment.captured", {"payment": entity}).applied.flagged == "" and balance() == expected[0]
    assert razorpay.calls == [f"payment {ATTEMPT_ID}"]


@pytest.mark.parametrize("answer", ["no fee", "rejected"])
def test_fee_that_nobody_names_is_reviewed(answer: str, razorpay: Razorpay) -> None:
    payment = top_up()
    attempt = attempt_on(payment, **FEE | {"fee_paise": 0})
    if answer == "no fee":
        razorpay.payments[ATTEMPT_ID] = attempt
    assert apply_attempt(payment, attempt, "test").flagged == "amount_mismatch" and balance() == "0.00"


@pytest.mark.parametrize("case", REFUSED)
def test_unexplained_amount_is_reviewed(case: str) -> None:
    payment = top_up()
    result = apply_attempt(payment, attempt_on(payment, **REFUSED[case]), "test")
    body = response_body(result)
    assert result.flagged == "amount_mismatch" and balance() == "0.00"
    assert (body["status"], body["paid"], body["discount"], body["fee"]) == ("created", None, None, None)


@pytest.mark.parametrize(
    ("setting", "values"),
    [("ACCEPT_OFFERS", OFFER), ("ACCEPT_FEES", FEE), ("ACCEPT_OFFERS", BOTH), ("ACCEPT_FEES", BOTH)],
)
def test_setting_off_leaves_amount_to_review(
    setting: str, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(monkeypatch, setting, "false")
    payment = top_up()
    assert apply_attempt(payment, attempt_on(payment, **values), "test").flagged == "amount_mismatch"
    assert balance() == "0.00"


def test_order_is_not_fetched_with_offers_off(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(monkeypatch, "ACCEPT_OFFERS", "false")
    payment = top_up()
    razorpay.orders[0] |= {"status": "paid", "amount_paid": 45_000}
    result = apply_attempt(payment, attempt_on(payment, amount_paise=45_000), "test")
    assert result.flagged == "amount_mismatch" and balance() == "0.00"


@pytest.mark.parametrize("amount_paid", [45_000, 50_000, None])
def test_paid_order_explains_that_less_arrived(amount_paid: int | None, razorpay: Razorpay) -> None:
    """An order with an offer may say that all of it was paid, or only what arrived."""
    payment = top_up()
    razorpay.orders[0] |= {"status": "paid", "amount_paid": amount_paid}
    captured = razorpay.payments[ATTEMPT_ID] = attempt_on(payment, amount_paise=45_000)
    body = response_body(apply_attempt(payment, captured, "test"))
    assert (body["paid"], body["discount"], balance()) == ("450.00", "50.00", "450.00")


def test_order_paid_by_another_attempt_explains_nothing(razorpay: Razorpay) -> None:
    payment = top_up()
    razorpay.orders[0] |= {"status": "paid", "amount_paid": 50_000}
    less = attempt_on(payment, amount_paise=30_000, id=SECOND_ATTEMPT_ID)
    razorpay.payments |= {SECOND_ATTEMPT_ID: less, ATTEMPT_ID: attempt_on(payment, amount_paise=50_000)}
    assert apply_attempt(payment, less, "test").flagged == "amount_mismatch"
    result = sync(ASHA, payment.id)
    assert result.captured and balance() == "500.00" and stored(payment).gateway_payment == ATTEMPT_ID


def test_order_paid_by_another_attempt_with_offer_explains_nothing(razorpay: Razorpay) -> None:
    payment = top_up()
    razorpay.orders[0] |= {"status": "paid", "amount_paid": 45_000}
    less = attempt_on(payment, amount_paise=100, id=SECOND_ATTEMPT_ID)
    razorpay.payments |= {SECOND_ATTEMPT_ID: less, ATTEMPT_ID: attempt_on(payment, **OFFER)}
    assert apply_attempt(payment, less, "test").flagged == "amount_mismatch"


def test_open_order_leaves_less_to_review(razorpay: Razorpay) -> None:
    payment = top_up()
    razorpay.orders[0] |= {"status": "attempted", "amount_paid": 45_000}
    assert apply_attempt(payment, attempt_on(payment, amount_paise=45_000), "test").flagged == "amount_mismatch"


@pytest.mark.parametrize("values", [{"amount_paise": 50_000}, OFFER, FEE, {"amount_paise": 60_000}])
def test_order_is_fetched_only_when_less_arrived_unexplained(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = top_up()
    asked: list[Any] = []
    monkeypatch.setattr(api, "fetch_order", asked.append)
    apply_attempt(payment, attempt_on(payment, **values), "test")
    assert asked == []


def by_verify(payment: Payment, attempt: GatewayPayment, razorpay: Razorpay) -> None:
    verify(ASHA, payment.id, checkout_response(payment))


def by_sync(payment: Payment, attempt: GatewayPayment, razorpay: Razorpay) -> None:
    sync(ASHA, payment.id)


def by_reconciler(payment: Payment, attempt: GatewayPayment, razorpay: Razorpay) -> None:
    reconcile()


def by_webhook(payment: Payment, attempt: GatewayPayment, razorpay: Razorpay) -> None:
    deliver(f"payment.{attempt.status}", {"payment": entity_of(attempt)})
    if attempt.status == "authorized":
        sync(ASHA, payment.id)


def by_list(payment: Payment, attempt: GatewayPayment, razorpay: Razorpay) -> None:
    razorpay.listed["payments"] = [entity_of(attempt) | {"created_at": stored(payment).created_at_us // 1_000_000}]
    razorpay.payments.clear()
    reconcile()


def entity_of(attempt: GatewayPayment) -> dict[str, Any]:
    offers = {"entity": "collection", "count": 1, "items": [{"id": "offer_1"}]}
    fee = {"fee": attempt.fee_paise, "fee_bearer": "customer"} if attempt.is_fee_on_customer else {}
    return payment_entity(attempt, **({"offers": offers} if attempt.has_offer else {}), **fee)


WAYS: dict[str, Callable[[Payment, GatewayPayment, Razorpay], None]] = {
    "verify": by_verify,
    "sync": by_sync,
    "reconciler": by_reconciler,
    "webhook": by_webhook,
    "list": by_list,
}


@pytest.mark.parametrize(
    "values", [OFFER, FEE, BOTH, {"amount_paise": 45_000}], ids=["offer", "fee", "both", "order"]
)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_credits_amount_that_differs(
    way: str, values: dict[str, Any], razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = top_up()
    razorpay.orders[0] |= {"status": "paid", "amount_paid": 45_000}
    captured = razorpay.payments[ATTEMPT_ID] = attempt_on(payment, **values)
    forward(120, monkeypatch)
    for _ in range(2):
        WAYS[way](payment, captured, razorpay)
        paid = "500.00" if values == FEE else "450.00"
        assert balance() == paid and len(entries()) == 2 and not stored(payment).in_review


@pytest.mark.parametrize("way", ["verify", "sync", "reconciler", "webhook"])
@pytest.mark.parametrize(
    "values", [OFFER, FEE, BOTH, FEE | {"fee_paise": 0}], ids=["offer", "fee", "both", "fee not known yet"]
)
def test_authorized_attempt_is_captured_with_its_own_amount(
    way: str, values: dict[str, Any], razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = top_up()
    asked: list[Any] = []
    authorized = razorpay.payments[ATTEMPT_ID] = attempt_on(payment, "authorized", **values)
    fee_paise = values.get("fee_paise", 0) or (1_180 if values.get("is_fee_on_customer") else 0)

    def capture(attempt: GatewayPayment) -> GatewayPayment:
        asked.append(attempt.amount_paise)
        return attempt_on(payment, **values | {"fee_paise": fee_paise})

    monkeypatch.setattr(api, "capture_payment", capture)
    forward(120, monkeypatch)
    WAYS[way](payment, authorized, razorpay)
    assert asked == [values["amount_paise"]] and not stored(payment).in_review
    assert balance() == ("450.00" if values.get("has_offer") else "500.00")


def test_unexplained_authorization_is_not_captured(razorpay: Razorpay) -> None:
    payment = top_up()
    razorpay.payments[ATTEMPT_ID] = attempt_on(payment, "authorized", amount_paise=45_000)
    assert sync(ASHA, payment.id).flagged == "amount_mismatch" and balance() == "0.00"
    assert razorpay.payments[ATTEMPT_ID].status == "authorized"


def test_later_report_without_offer_flags_nothing(razorpay: Razorpay) -> None:
    """The entity in another event need not carry the offer again."""
    payment = top_up()
    apply_attempt(payment, attempt_on(payment, **OFFER), "test")
    again = apply_attempt(payment, attempt_on(payment, amount_paise=45_000), "test")
    assert again.counts == {} and not stored(payment).in_review and balance() == "450.00"


def test_second_capture_with_offer_is_flagged() -> None:
    payment = top_up()
    apply_attempt(payment, attempt_on(payment, **OFFER), "test")
    second = apply_attempt(payment, attempt_on(payment, **OFFER, id=SECOND_ATTEMPT_ID), "test")
    assert second.flagged == "second_capture" and balance() == "450.00"


def test_refund_of_all_that_was_credited_ends_payment() -> None:
    payment = top_up()
    captured = attempt_on(payment, **OFFER)
    apply_attempt(payment, captured, "test")
    apply_refund(payment, captured, a_refund(45_000), "evt")
    assert stored(payment).status == "refunded" and balance() == "0.00"


def test_payment_through_razorpay_notes_its_discount() -> None:
    payment = stored(create_payment(ASHA, THROUGH_RAZORPAY, None).payment)
    result: ApplyResult = apply_attempt(payment, attempt_on(payment, amount_paise=15_000, has_offer=True), "test")
    body = response_body(result)
    assert (body["paid"], body["discount"], body["fee"]) == ("150.00", "50.00", "0.00") and entries() == []
    assert result.counts["AmountCapturedPaise"] == 15_000


def test_payment_from_wallet_is_paid_in_full() -> None:
    payment = top_up()
    apply_attempt(payment, attempt_on(payment, amount_paise=50_000), "test")
    body = response_body(create_payment(ASHA, FROM_WALLET, "key"))
    assert (body["paid"], body["discount"], body["fee"]) == ("200.00", "0.00", "0.00")
    assert (body["amount_refunded"], body["amount_refunding"]) == ("0.00", "0.00")
    assert stored(payment).refundable_paise == 50_000


def test_refund_that_overtook_capture_with_offer_is_credited_first(razorpay: Razorpay) -> None:
    """Only the order says that there was an offer."""
    payment = top_up()
    razorpay.orders[0] |= {"status": "paid", "amount_paid": 45_000}
    refunded = attempt_on(payment, "refunded", amount_paise=45_000, was_captured=True, refunded_paise=45_000)
    razorpay.payments[ATTEMPT_ID] = refunded
    razorpay.refunds.append(a_refund(45_000))
    result = sync(ASHA, payment.id)
    assert result.captured and stored(payment).status == "refunded" and not stored(payment).in_review
    assert [entry.amount_paise for entry in entries()[1:]] == [45_000, 45_000] and balance() == "0.00"
