"""Starting payments and top-ups: idempotency keys, the wallet's limit, and payments from the wallet."""

import json
from typing import Any

import pytest

from shared.errors import Conflict, InsufficientFunds, NotFound, ServiceUnavailable, ValidationError
from shared.http import fields
from shared.payment_methods import methods, serializers
from shared.payment_methods.models import PaymentMethod, get_method
from shared.payments.create import add_balance, create_payment
from shared.payments.models import list_payment_ids
from shared.payments.serializers import PAYMENT_FIELDS, TOP_UP_FIELDS
from shared.razorpay import api
from shared.razorpay.client import RazorpayRejected
from shared.wallets.wallet import wallet_id
from tests.unit.conftest import Razorpay
from tests.unit.payment_methods.conftest import CONTACT, TOKEN, FakeCards, a_token, forward, saved_card
from tests.unit.payments.support import (
    ASHA,
    BILAL,
    FROM_WALLET,
    THROUGH_RAZORPAY,
    TOP_UP,
    balance,
    credited,
    response_body,
    wallet_body,
)


def test_repeated_key_returns_first_payment(razorpay: Razorpay) -> None:
    """A different body is refused with the name of the field; another customer's same key is another payment."""
    first = add_balance(ASHA, None, TOP_UP, "key")
    again = add_balance(ASHA, None, TOP_UP, "key")
    assert again.replayed and response_body(again) == response_body(first) and len(razorpay.orders) == 1
    with pytest.raises(Conflict, match="different amount"):
        add_balance(ASHA, None, TOP_UP | {"amount": 50_001}, "key")
    assert add_balance(BILAL, None, TOP_UP, "key").payment.id != first.payment.id


def test_top_up_over_wallet_limit_creates_no_order(razorpay: Razorpay) -> None:
    with pytest.raises(Conflict) as conflict:
        add_balance(ASHA, None, TOP_UP | {"amount": 20_000_001}, None)
    assert conflict.value.code == "wallet_limit" and razorpay.orders == []


def test_rejected_order_is_409_and_stores_no_payment(monkeypatch: pytest.MonkeyPatch) -> None:
    def reject(*args: object) -> str:
        raise RazorpayRejected(400, "input_validation_failed", "Amount exceeds maximum amount allowed.")

    monkeypatch.setattr(api, "create_order", reject)
    with pytest.raises(Conflict) as conflict:
        add_balance(ASHA, None, TOP_UP, None)
    assert conflict.value.code == "gateway_refused" and list_payment_ids(ASHA) == []


def test_wallet_of_another_customer_is_not_found() -> None:
    with pytest.raises(NotFound):
        add_balance(ASHA, wallet_id(BILAL), TOP_UP, None)


def test_wallet_payment_debits_once_per_key() -> None:
    credited()
    first = create_payment(ASHA, FROM_WALLET, "spend")
    assert response_body(first)["status"] == "captured" and balance() == "300.00"
    assert response_body(first)["wallet"] == wallet_body()
    again = create_payment(ASHA, FROM_WALLET, "spend")
    assert again.replayed and response_body(again) == response_body(first) and balance() == "300.00"


def test_uncovered_wallet_payment_stays_refused_for_its_key() -> None:
    """Even after a top-up; only a new key is a new attempt."""
    with pytest.raises(InsufficientFunds):
        create_payment(ASHA, FROM_WALLET, "spend")
    credited()
    with pytest.raises(InsufficientFunds):
        create_payment(ASHA, FROM_WALLET, "spend")
    assert balance() == "500.00"
    assert response_body(create_payment(ASHA, FROM_WALLET, "another"))["status"] == "captured"


def test_wallet_payment_requires_key() -> None:
    with pytest.raises(ValidationError):
        create_payment(ASHA, FROM_WALLET, None)


OTHER_VALUES: dict[str, Any] = {
    "amount": 20_001,
    "source": "wallet",
    "payment_method": "method",
    "save_method": True,
    "reference": "garment-order-2",
    "description": "Ironing",
    "contact": CONTACT,
}
FIRST_CONTACT = {"contact": "+919876543211"}


@pytest.mark.parametrize("field", PAYMENT_FIELDS)
def test_reused_key_names_field_of_payment_that_differs(field: str, razorpay_cards: FakeCards) -> None:
    first = THROUGH_RAZORPAY | FIRST_CONTACT
    create_payment(ASHA, first, "key")
    with pytest.raises(Conflict, match=f"different {field}\\.") as conflict:
        create_payment(ASHA, first | {field: OTHER_VALUES[field]}, "key")
    assert conflict.value.code == "idempotency_key_reused"


@pytest.mark.parametrize("field", TOP_UP_FIELDS)
def test_reused_key_names_field_of_top_up_that_differs(field: str, razorpay_cards: FakeCards) -> None:
    first = TOP_UP | FIRST_CONTACT
    add_balance(ASHA, None, first, "key")
    with pytest.raises(Conflict, match=f"different {field}\\.") as conflict:
        add_balance(ASHA, None, first | {field: OTHER_VALUES[field]}, "key")
    assert conflict.value.code == "idempotency_key_reused"


def test_reused_key_names_every_field_that_differs() -> None:
    create_payment(ASHA, THROUGH_RAZORPAY, "key")
    other = THROUGH_RAZORPAY | {"amount": 1, "reference": "", "description": "Ironing"}
    with pytest.raises(Conflict, match="different amount, description, reference\\."):
        create_payment(ASHA, other, "key")


def test_left_out_field_equals_its_default() -> None:
    first = add_balance(ASHA, None, TOP_UP, "key")
    defaults = {"payment_method": None, "save_method": False, "contact": ""}
    assert add_balance(ASHA, None, TOP_UP | defaults, "key").payment.id == first.payment.id


def test_row_repeats_no_text_of_request() -> None:
    payment = create_payment(ASHA, THROUGH_RAZORPAY | {"contact": CONTACT}, "key").payment
    assert CONTACT not in payment.request_digests and "Dry" not in payment.request_digests
    other = create_payment(ASHA, THROUGH_RAZORPAY | {"contact": CONTACT}, "key-2").payment
    first, second = (json.loads(row.request_digests)["contact"] for row in (payment, other))
    assert first != second and len(payment.request_digests) < 180


def test_keys_that_differ_in_case_are_two_payments() -> None:
    lower, upper = add_balance(ASHA, None, TOP_UP, "key"), add_balance(ASHA, None, TOP_UP, "KEY")
    assert lower.payment.id != upper.payment.id and not upper.replayed


def upi_method(customer: str) -> PaymentMethod:
    values = fields.validate(serializers.FIELDS, {"type": "upi", "upi_id": "someone@okaxis"})
    return methods.create(customer, values)[0]


def test_top_up_opens_on_saved_method(razorpay: Razorpay) -> None:
    method = upi_method(ASHA)
    checkout = response_body(add_balance(ASHA, None, TOP_UP | {"payment_method": method.id}, None))["checkout"]
    assert checkout is not None and "saved" in checkout["config"]["display"]["blocks"]


def test_top_up_on_method_of_another_customer_is_refused(razorpay: Razorpay) -> None:
    method = upi_method(BILAL)
    with pytest.raises(ValidationError) as refused:
        add_balance(ASHA, None, TOP_UP | {"payment_method": method.id}, None)
    assert list(refused.value.body) == ["payment_method"] and razorpay.orders == []


DAY_S = 86_400


def top_up_naming(method: PaymentMethod, dry_run: bool = False) -> None:
    add_balance(ASHA, None, TOP_UP | {"payment_method": method.id}, None, dry_run)


def test_card_of_lost_event_is_refused_a_day_later(
    razorpay_cards: FakeCards, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = saved_card(razorpay_cards)
    razorpay_cards.tokens[TOKEN] = a_token("deactivated")
    forward(DAY_S - 60, monkeypatch)
    top_up_naming(method)
    forward(DAY_S, monkeypatch)
    top_up_naming(method, dry_run=True)
    with pytest.raises(ValidationError) as refused:
        top_up_naming(method)
    assert refused.value.body == {"payment_method": ["This card is deactivated and cannot be used."]}
    assert get_method(ASHA, method.id).status == "deactivated"  # type: ignore[union-attr]
    assert len(razorpay.orders) == 1


def test_card_whose_activation_was_lost_can_be_used(
    razorpay_cards: FakeCards, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = saved_card(razorpay_cards, status="suspended")
    razorpay_cards.tokens[TOKEN] = a_token()
    forward(DAY_S, monkeypatch)
    top_up_naming(method)
    assert len(razorpay.orders) == 1


def test_outage_does_not_refuse_a_saved_card(
    razorpay_cards: FakeCards, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = saved_card(razorpay_cards)

    def be_unreachable(*ids: str) -> None:
        raise ServiceUnavailable

    monkeypatch.setattr(api, "fetch_token", be_unreachable)
    forward(DAY_S, monkeypatch)
    top_up_naming(method)
    assert len(razorpay.orders) == 1


def test_card_is_read_once_a_day(
    razorpay_cards: FakeCards, razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = saved_card(razorpay_cards)
    reads: list[None] = []
    forward(DAY_S, monkeypatch)
    razorpay_cards.between = [lambda: reads.append(None)] * 2
    top_up_naming(method)
    top_up_naming(method)
    assert len(reads) == 1 and len(razorpay.orders) == 2


def test_top_up_offers_to_save_card(razorpay_cards: FakeCards) -> None:
    body = response_body(
        add_balance(ASHA, None, TOP_UP | {"save_method": True, "contact": CONTACT}, None, phone=CONTACT)
    )
    assert body["save_method"] == {"status": "pending", "payment_method": None}
    assert body["checkout"] is not None and body["checkout"]["remember_customer"]


def test_saving_card_of_top_up_needs_contact(razorpay: Razorpay) -> None:
    with pytest.raises(ValidationError) as refused:
        add_balance(ASHA, None, TOP_UP | {"save_method": True}, None)
    assert list(refused.value.body) == ["contact"] and razorpay.orders == []
