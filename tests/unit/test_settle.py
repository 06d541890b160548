"""What must be true of money, one rule at a time: `settle`, refunds and the reconciler over tables in memory."""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from pynamodb.connection import Connection

from shared import clock, gateway, payments, store, wallet
from shared.errors import (
    Conflict,
    Failure,
    InsufficientFunds,
    Invalid,
    NotAuthenticated,
    NotFound,
    SignatureInvalid,
    Unavailable,
)
from shared.gateway import GatewayPayment, GatewayRefund
from shared.store import Payment
from tests.unit.conftest import Gateway, told

pytestmark = pytest.mark.usefixtures("tables")
ASHA, BILAL = "asha", "bilal"
TOP_UP = {"amount": 50_000, "description": "Wallet top-up"}
SPEND = {
    "amount": 20_000,
    "source": "wallet",
    "payment_method": None,
    "reference": "garment-order-1",
    "description": "Dry cleaning",
    "contact": "",
}


def soon() -> int:
    return clock.now_us() + 5_000_000


def top_up(customer: str = ASHA, amount_paise: int = 50_000) -> Payment:
    started = payments.add_balance(customer, None, TOP_UP | {"amount": amount_paise}, None)
    found = store.payment(customer, started.payment["id"])
    assert found
    return found


def credited(customer: str = ASHA, amount_paise: int = 50_000, gateway_id: str = "pay_00000000000001") -> Payment:
    payment = top_up(customer, amount_paise)
    captured = told(payment.gateway_order, amount_paise, id=gateway_id)
    assert payments.settle(payment, captured, "test", soon()).credited
    return payment


def balance(customer: str = ASHA) -> str:
    return str(wallet.wallets(customer)[0]["balance"])


def ledger(customer: str = ASHA) -> list[store.Entry]:
    return store.entries(wallet.wallet_id(customer), 0, 1_000, newest_first=False)


def refund(amount_paise: int, **values: Any) -> GatewayRefund:
    fields = {"id": "rfnd_00000000000001", "payment": "pay_00000000000001", "currency": "INR", "status": "processed"}
    return GatewayRefund(amount_paise=amount_paise, **fields | values)


@pytest.fixture(autouse=True)
def every_ledger_is_sound(tables: None, fake_gateway: Gateway) -> Iterator[None]:
    yield
    for customer in (ASHA, BILAL):
        assert wallet.faults(ledger(customer)) == []


# --- settling


def test_a_captured_top_up_is_credited_once_and_the_second_telling_changes_nothing() -> None:
    payment = top_up()
    captured = told(payment.gateway_order, 50_000)
    assert payments.settle(payment, captured, "webhook", soon()).credited
    before = ledger()
    again = payments.settle(payment, captured, "verify", soon())
    assert not again.credited and again.answer()["status"] == "captured"
    assert balance() == "500.00" and [one.hash for one in ledger()] == [one.hash for one in before]


def test_a_stale_view_of_the_payment_cannot_credit_it_again() -> None:
    payment = top_up()
    stale = store.payment(ASHA, payment.id)
    assert stale
    captured = told(payment.gateway_order, 50_000)
    payments.settle(payment, captured, "webhook", soon())
    assert not payments.settle(stale, captured, "verify", soon()).credited
    assert balance() == "500.00"


def test_a_refund_told_to_a_stale_view_of_a_credited_payment_is_not_flagged() -> None:
    payment = top_up()
    stale = store.payment(ASHA, payment.id)
    assert stale
    payments.settle(payment, told(payment.gateway_order, 50_000), "webhook", soon())
    given_back = told(payment.gateway_order, 50_000, "refunded", was_captured=True)
    settled = payments.settle(stale, given_back, "verify", soon())
    assert settled.flagged == "" and not settled.answer()["in_review"]
    assert settled.answer()["status"] == "captured" and balance() == "500.00"


@pytest.mark.parametrize("first", ["failed", "authorized"])
def test_what_failed_or_was_only_authorised_may_still_be_captured(first: str) -> None:
    payment = top_up()
    settled = payments.settle(payment, told(payment.gateway_order, 50_000, first), "t", soon())
    assert settled.answer()["status"] == first
    assert payments.settle(payment, told(payment.gateway_order, 50_000), "t", soon()).credited
    assert balance() == "500.00"


@pytest.mark.parametrize("late", ["created", "failed", "authorized"])
def test_late_news_never_takes_a_captured_payment_back(late: str) -> None:
    payment = credited()
    settled = payments.settle(payment, told(payment.gateway_order, 50_000, late), "t", soon())
    assert settled.answer()["status"] == "captured" and settled.answer()["failure"] is None and balance() == "500.00"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount_paise": 50_001}, "amount_mismatch"),
        ({"amount_paise": 100}, "amount_mismatch"),
        ({"currency": "USD"}, "currency_mismatch"),
        ({"order": "order_99999999999999"}, "order_mismatch"),
    ],
)
def test_what_does_not_fit_is_flagged_and_a_fitting_capture_still_credits(
    change: dict[str, Any], reason: str
) -> None:
    payment = top_up()
    values = {"order": payment.gateway_order, "amount_paise": 50_000} | change
    odd = told(values.pop("order"), values.pop("amount_paise"), id="pay_00000000000007", **values)
    settled = payments.settle(payment, odd, "t", soon())
    assert (settled.flagged, settled.answer()["status"], settled.answer()["in_review"]) == (reason, "created", True)
    assert balance() == "0.00"
    assert payments.settle(payment, odd, "t", soon()).flagged == ""  # flagged once
    assert payments.settle(payment, told(payment.gateway_order, 50_000), "t", soon()).credited
    assert balance() == "500.00"


def test_a_second_capture_on_one_order_is_flagged_and_credits_nothing() -> None:
    payment = credited()
    second = payments.settle(payment, told(payment.gateway_order, 50_000, id="pay_00000000000002"), "t", soon())
    assert second.flagged == "second_capture" and balance() == "500.00"


def test_a_gateway_payment_for_an_order_leaves_the_wallet_alone() -> None:
    started = payments.create(ASHA, SPEND | {"source": "gateway"}, None)
    payment = store.payment(ASHA, started.payment["id"])
    assert payment
    assert payments.settle(payment, told(payment.gateway_order, 20_000), "t", soon()).credited
    assert ledger() == []


def test_an_authorised_payment_that_was_given_back_moves_nothing() -> None:
    payment = top_up()
    payments.settle(payment, told(payment.gateway_order, 50_000, "authorized"), "t", soon())
    settled = payments.settle(payment, told(payment.gateway_order, 50_000, "refunded"), "t", soon())
    assert settled.answer()["status"] == "refunded" and balance() == "0.00"


def test_money_that_passes_the_cap_on_arrival_is_credited_and_flagged() -> None:
    first, second = top_up(amount_paise=15_000_000), top_up(amount_paise=15_000_000)
    payments.settle(first, told(first.gateway_order, 15_000_000), "t", soon())
    late = told(second.gateway_order, 15_000_000, id="pay_00000000000002")
    settled = payments.settle(second, late, "t", soon())
    assert settled.credited and settled.flagged == "wallet_limit_passed" and settled.answer()["in_review"]
    assert balance() == "300000.00"


def test_an_entry_whose_number_is_taken_is_blocked_with_all_that_came_with_it() -> None:
    credited()
    head = wallet.newest(ASHA)
    first = wallet.following(head, wallet.DEBIT, "payment", 100, payment="a")
    second = wallet.following(head, wallet.DEBIT, "payment", 200, payment="b")
    unpaid = top_up(BILAL)
    assert store.append(first) == []
    blocked = store.append(second, store.Change(unpaid, {"status": "captured"}, status_in=("created",)))
    assert [one.item for one in blocked] == [second]
    assert store.payment(BILAL, unpaid.id).status == "created"  # type: ignore[union-attr]
    assert [one.payment for one in ledger()[2:]] == ["a"]


@pytest.mark.parametrize("meets", [1, 2, 5])
def test_a_transaction_that_meets_others_is_tried_again_and_credits_once(
    meets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = top_up(BILAL)
    real, left = store.append, [meets]

    def contended(*args: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise store.Contended
        return real(*args)

    monkeypatch.setattr(store, "append", contended)
    monkeypatch.setattr(clock, "pause", lambda seconds: None)
    assert payments.settle(payment, told(payment.gateway_order, 50_000), "t", soon()).credited
    left[0] = meets
    assert wallet.newest(ASHA).seq == 0  # the first touch of a wallet, met by others too
    assert (balance(BILAL), len(ledger(BILAL))) == ("500.00", 2)


def test_contention_without_end_is_unavailable_and_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up()

    def contended(*args: Any) -> Any:
        raise store.Contended

    monkeypatch.setattr(store, "append", contended)
    monkeypatch.setattr(clock, "pause", lambda seconds: None)
    with pytest.raises(Unavailable):
        payments.settle(payment, told(payment.gateway_order, 50_000), "t", soon())
    assert payments.retrieve(ASHA, payment.id)["status"] == "created" and len(ledger()) == 1


# --- starting


def test_the_same_key_is_the_same_payment_and_another_body_is_refused_by_name(fake_gateway: Gateway) -> None:
    first = payments.add_balance(ASHA, None, TOP_UP, "key")
    again = payments.add_balance(ASHA, None, TOP_UP, "key")
    assert again.replayed and again.payment == first.payment and len(fake_gateway.orders) == 1
    with pytest.raises(Conflict, match="another amount"):
        payments.add_balance(ASHA, None, TOP_UP | {"amount": 50_001}, "key")
    assert payments.add_balance(BILAL, None, TOP_UP, "key").payment["id"] != first.payment["id"]


def test_a_top_up_beyond_the_cap_is_refused_before_any_order(fake_gateway: Gateway) -> None:
    with pytest.raises(Conflict) as refused:
        payments.add_balance(ASHA, None, TOP_UP | {"amount": 20_000_001}, None)
    assert refused.value.code == "wallet_limit" and fake_gateway.orders == []


def test_an_amount_that_the_gateway_does_not_take_is_a_conflict_and_leaves_no_payment(
    fake_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> str:
        raise gateway.Refused(400, "input_validation_failed", "Amount exceeds maximum amount allowed.")

    monkeypatch.setattr(gateway, "create_order", refuse)
    with pytest.raises(Conflict) as refused:
        payments.add_balance(ASHA, None, TOP_UP, None)
    assert refused.value.code == "gateway_refused" and payments.listed(ASHA)[0] == 0


def test_another_wallet_than_ones_own_is_not_found() -> None:
    with pytest.raises(NotFound):
        payments.add_balance(ASHA, wallet.wallet_id(BILAL), TOP_UP, None)


def test_a_payment_from_the_wallet_takes_the_money_once_for_its_key() -> None:
    credited()
    first = payments.create(ASHA, SPEND, "spend")
    assert first.payment["status"] == "captured" and balance() == "300.00"
    assert first.payment["wallet"] == wallet.wallets(ASHA)[0]
    again = payments.create(ASHA, SPEND, "spend")
    assert again.replayed and again.payment == first.payment and balance() == "300.00"


def test_a_payment_that_the_wallet_cannot_cover_stays_refused_for_its_key() -> None:
    with pytest.raises(InsufficientFunds):
        payments.create(ASHA, SPEND, "spend")
    credited()
    with pytest.raises(InsufficientFunds):
        payments.create(ASHA, SPEND, "spend")
    assert balance() == "500.00" and payments.create(ASHA, SPEND, "another").payment["status"] == "captured"


def test_a_payment_from_the_wallet_without_a_key_is_refused() -> None:
    with pytest.raises(Invalid):
        payments.create(ASHA, SPEND, None)


def test_payments_are_listed_newest_first_whatever_order_and_parts_they_are_read_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = [payments.create(ASHA, SPEND | {"source": "gateway"}, None).payment["id"] for _ in range(7)]
    real = Connection._make_api_call

    def in_parts(self: Connection, operation_name: str, sent: dict[str, Any], *more: Any) -> Any:
        if operation_name != "BatchGetItem":
            return real(self, operation_name, sent, *more)
        ((table, wanted),) = sent["RequestItems"].items()
        assert wanted["ConsistentRead"]
        now, later = wanted["Keys"][:2], wanted["Keys"][2:]
        answer = real(self, operation_name, {"RequestItems": {table: wanted | {"Keys": now}}}, *more)
        return answer | {"UnprocessedKeys": {table: wanted | {"Keys": later}} if later else {}}

    monkeypatch.setattr(Connection, "_make_api_call", in_parts)
    count, rows = payments.listed(ASHA)
    assert count == 7 and [one["id"] for one in rows(0, 20)] == started[::-1]
    assert [one["id"] for one in rows(5, 5)] == started[1::-1] and rows(7, 5) == []


# --- verify and webhook


def test_verify_takes_the_stored_order_and_not_a_genuine_signature_of_a_cheaper_one(fake_gateway: Gateway) -> None:
    cheap, dear = top_up(amount_paise=100), top_up(amount_paise=1_000_000)
    fake_gateway.payments["pay_00000000000001"] = told(cheap.gateway_order, 100)
    genuine = {
        "razorpay_payment_id": "pay_00000000000001",
        "razorpay_signature": signed("key_secret", f"{cheap.gateway_order}|pay_00000000000001".encode()),
    }
    with pytest.raises(SignatureInvalid):
        payments.verify(ASHA, dear.id, genuine, soon())
    assert payments.verify(ASHA, cheap.id, genuine, soon()).credited and balance() == "1.00"


def test_verify_captures_what_was_only_authorised(fake_gateway: Gateway) -> None:
    payment = top_up()
    fake_gateway.payments["pay_00000000000001"] = told(payment.gateway_order, 50_000, "authorized")
    sent = {
        "razorpay_payment_id": "pay_00000000000001",
        "razorpay_signature": signed("key_secret", f"{payment.gateway_order}|pay_00000000000001".encode()),
    }
    assert payments.verify(ASHA, payment.id, sent, soon()).credited and balance() == "500.00"


@pytest.mark.parametrize(
    ("trouble", "failure", "code"),
    [
        (gateway.Refused(400, "input_validation_failed", gateway.NO_SUCH_ID), Conflict, "gateway_refused"),
        (gateway.Unusable("a payment without an id or amount"), Unavailable, "unavailable"),
    ],
)
def test_a_gateway_that_will_not_tell_of_a_payment_is_a_clear_answer_to_verify_and_sync(
    trouble: Exception, failure: type[Failure], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(asked: str) -> None:
        raise trouble

    payment = top_up()
    sent = {
        "razorpay_payment_id": "pay_00000000000001",
        "razorpay_signature": signed("key_secret", f"{payment.gateway_order}|pay_00000000000001".encode()),
    }
    for name in ("payment", "payments_of_order"):
        monkeypatch.setattr(gateway, name, refuse)
    asked = (lambda: payments.verify(ASHA, payment.id, sent, soon()), lambda: payments.sync(ASHA, payment.id, soon()))
    for ask in asked:
        with pytest.raises(failure) as told_so:
            ask()
        assert told_so.value.code == code
    assert payments.retrieve(ASHA, payment.id)["status"] == "created" and balance() == "0.00"


def test_a_second_authorised_payment_on_a_paid_order_is_left_to_go_back(fake_gateway: Gateway) -> None:
    payment = credited()
    second = told(payment.gateway_order, 50_000, "authorized", id="pay_00000000000002")
    fake_gateway.payments[second.id] = second
    sent = {
        "razorpay_payment_id": second.id,
        "razorpay_signature": signed("key_secret", f"{payment.gateway_order}|{second.id}".encode()),
    }
    assert payments.verify(ASHA, payment.id, sent, soon()).answer()["status"] == "captured"
    assert fake_gateway.payments[second.id].status == "authorized" and balance() == "500.00"


def test_an_attempt_that_went_back_by_itself_does_not_hide_a_good_one(fake_gateway: Gateway) -> None:
    payment = top_up()
    back = told(payment.gateway_order, 50_000, "refunded")
    good = told(payment.gateway_order, 50_000, "authorized", id="pay_00000000000002")
    fake_gateway.payments |= {one.id: one for one in (back, good)}
    assert payments.sync(ASHA, payment.id, soon()).credited and balance() == "500.00"


def test_an_attempt_that_does_not_fit_does_not_hide_a_good_one_behind_it(fake_gateway: Gateway) -> None:
    payment = top_up()
    for one in (
        told(payment.gateway_order, 50_000, currency="USD"),
        told(payment.gateway_order, 50_000, "authorized", id="pay_00000000000002"),
        told(payment.gateway_order, 50_000, "failed", id="pay_00000000000003"),
    ):
        fake_gateway.payments[one.id] = one
    settled = payments.sync(ASHA, payment.id, soon())
    assert settled.credited and settled.flagged == "currency_mismatch" and balance() == "500.00"


def test_verify_answers_with_the_wallet_after_it_and_again_with_the_wallet_by_then(fake_gateway: Gateway) -> None:
    payment = top_up()
    fake_gateway.payments["pay_00000000000001"] = told(payment.gateway_order, 50_000)
    sent = {
        "razorpay_payment_id": "pay_00000000000001",
        "razorpay_signature": signed("key_secret", f"{payment.gateway_order}|pay_00000000000001".encode()),
    }
    for spent_before, expected in ((0, "500.00"), (20_000, "300.00"), (30_000, "0.00")):
        if spent_before:
            payments.create(ASHA, SPEND | {"amount": spent_before}, f"spend {spent_before}")
        answer = payments.verify(ASHA, payment.id, sent, soon()).answer()
        assert answer["wallet"] == wallet.wallets(ASHA)[0] and balance() == expected


def test_sync_answers_with_the_wallet_once_the_payment_has_moved_it(fake_gateway: Gateway) -> None:
    payment = top_up()
    assert payments.sync(ASHA, payment.id, soon()).answer()["wallet"] is None
    fake_gateway.payments["pay_00000000000001"] = told(payment.gateway_order, 50_000)
    for _ in range(2):
        assert payments.sync(ASHA, payment.id, soon()).answer()["wallet"] == wallet.wallets(ASHA)[0]
    assert balance() == "500.00"


def test_what_leaves_the_wallet_alone_answers_without_it(fake_gateway: Gateway) -> None:
    credited()
    paid = payments.create(ASHA, SPEND | {"source": "gateway"}, "through the gateway").payment
    assert paid["wallet"] is None
    fake_gateway.payments["pay_00000000000002"] = told(paid["gateway_order_id"], 20_000, id="pay_00000000000002")
    settled = payments.sync(ASHA, paid["id"], soon())
    assert settled.credited and settled.answer()["wallet"] is None
    given_back = top_up()
    payments.settle(given_back, told(given_back.gateway_order, 50_000, "authorized"), "t", soon())
    back = payments.settle(given_back, told(given_back.gateway_order, 50_000, "refunded"), "t", soon())
    assert back.answer()["status"] == "refunded" and back.answer()["wallet"] is None


def signed(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def entity(payment: GatewayPayment, **values: Any) -> dict[str, Any]:
    fields = {
        "id": payment.id,
        "order_id": payment.order,
        "amount": payment.amount_paise,
        "currency": payment.currency,
        "status": payment.status,
        "captured": payment.was_captured,
        "method": payment.method,
        "notes": [],
    }
    return fields | values


def webhook(name: str, payload: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> payments.Received:
    monkeypatch.setattr(payments, "webhook_secrets", lambda: ["new", "old"])
    wrapped = {key: {"entity": value} for key, value in payload.items()}
    body = json.dumps({"event": name, "payload": wrapped}).encode()
    return payments.receive(body, signed("old", body), "evt", soon())


def test_a_webhook_signed_with_no_secret_of_ours_is_not_authenticated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments, "webhook_secrets", lambda: ["new", "old"])
    for signature in ("", "0" * 64, signed("other", b"{}"), signed("new", b"{}").upper(), "é"):
        with pytest.raises(NotAuthenticated):
            payments.receive(b"{}", signature, "", soon())


def test_a_webhook_credits_and_its_redelivery_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up()
    payload = {"payment": entity(told(payment.gateway_order, 50_000))}
    assert webhook("payment.captured", payload, monkeypatch).outcome == "applied"
    assert webhook("order.paid", payload, monkeypatch).outcome == "unchanged"
    assert balance() == "500.00" and len(ledger()) == 2


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("settlement.processed", {}),
        ("payment.downtime.started", {"payment.downtime": {}}),
        ("payment.captured", {"payment": entity(told("order_ofAnotherShop", 100))}),
        ("payment.captured", {"payment": entity(told(None, 100))}),
    ],
)
def test_events_of_no_concern_are_ignored(
    name: str, payload: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert webhook(name, payload, monkeypatch).outcome == "ignored"


@pytest.mark.parametrize(
    "odd", [None, [], "x", {}, {"id": "pay_1"}, {"id": "pay_1", "amount": True, "status": "captured"}]
)
def test_a_signed_event_without_a_usable_payment_is_counted_and_not_asked_for_again(
    odd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert webhook("payment.captured", {"payment": odd}, monkeypatch).outcome == "unusable"


def test_money_on_an_order_of_ours_without_a_payment_is_put_under_review(
    fake_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = fake_gateway.create_order(500, "p-1", {"payment_id": "p-1", "customer": ASHA, "purpose": "top_up"})
    received = webhook("payment.captured", {"payment": entity(told(order, 500))}, monkeypatch)
    assert received.settled and received.settled.answer()["in_review"] and balance() == "0.00"


# --- refunds


def test_a_refund_of_a_credited_top_up_is_taken_back_once() -> None:
    payment = credited()
    first = told(payment.gateway_order, 50_000)
    for _ in range(2):
        settled = payments.settle_refund(payment, first, refund(20_000), "e", soon())
        assert settled.answer()["status"] == "partially_refunded" and balance() == "300.00"
    rest = payments.settle_refund(payment, first, refund(30_000, id="rfnd_00000000000002"), "e", soon())
    assert rest.answer()["status"] == "refunded" and balance() == "0.00"


def test_a_refund_that_overtakes_its_capture_leaves_the_same_ledger_as_in_order() -> None:
    payment = top_up()
    given_back = told(payment.gateway_order, 50_000, "refunded", was_captured=True)
    payments.settle_refund(payment, given_back, refund(50_000), "e", soon())
    payments.settle(payment, told(payment.gateway_order, 50_000), "late webhook", soon())
    assert [(one.type, one.amount_paise) for one in ledger()[1:]] == [("credit", 50_000), ("debit", 50_000)]


def test_a_refund_of_a_payment_that_was_never_captured_moves_nothing() -> None:
    payment = top_up()
    payments.settle(payment, told(payment.gateway_order, 50_000, "authorized"), "t", soon())
    given_back = told(payment.gateway_order, 50_000, "refunded")
    assert payments.settle_refund(payment, given_back, refund(50_000), "e", soon()).answer()["status"] == "refunded"
    assert balance() == "0.00" and len(ledger()) == 1


def test_a_refund_of_another_payment_on_the_order_moves_nothing() -> None:
    payment = credited()
    other = told(payment.gateway_order, 50_000, "refunded", id="pay_00000000000002", was_captured=True)
    payments.settle_refund(payment, other, refund(50_000, payment="pay_00000000000002"), "e", soon())
    assert balance() == "500.00"


def test_a_refund_after_the_money_was_spent_is_flagged_and_never_below_zero() -> None:
    payment = credited()
    payments.create(ASHA, SPEND | {"amount": 40_000}, "spend")
    settled = payments.settle_refund(payment, told(payment.gateway_order, 50_000), refund(50_000), "e", soon())
    assert settled.flagged == "refund_exceeds_balance" and balance() == "100.00"


# --- the reconciler


def test_the_reconciler_settles_what_no_webhook_told_and_asks_no_more(
    fake_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = top_up()
    fake_gateway.payments["pay_00000000000001"] = told(payment.gateway_order, 50_000, "authorized")
    assert payments.reconcile(soon())["ReconcileAsked"] == 0
    forward(61, monkeypatch)
    assert payments.reconcile(soon())["ReconcileCredited"] == 1 and balance() == "500.00"
    forward(10 * 86_400, monkeypatch)
    assert payments.reconcile(soon())["ReconcileAsked"] == 0


def test_an_unpaid_payment_is_asked_for_ten_times_then_left_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up()
    asked = 0
    for age_s in payments.CHECK_AGES_S:
        forward(age_s + 61, monkeypatch)
        asked += payments.reconcile(soon())["ReconcileAsked"]
    forward(30 * 86_400, monkeypatch)
    assert asked == 10 and payments.reconcile(soon())["ReconcileAsked"] == 0
    assert payments.retrieve(ASHA, payment.id)["status"] == "expired"


@pytest.mark.parametrize("trouble", [gateway.Refused(400, "input_validation_failed", ""), gateway.Unusable("odd")])
def test_a_payment_whose_order_the_gateway_does_not_answer_for_is_asked_for_as_often_as_any_other(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(order_id: str) -> list[GatewayPayment]:
        raise trouble

    payment = top_up()
    monkeypatch.setattr(gateway, "payments_of_order", refuse)
    counts: Counter[str] = Counter()
    for age_s in payments.CHECK_AGES_S:
        for minutes in (1, 2):
            forward(age_s + 61 * minutes, monkeypatch)
            counts.update(payments.reconcile(soon()))
    forward(30 * 86_400, monkeypatch)
    counts.update(payments.reconcile(soon()))
    assert (counts["ReconcileAsked"], counts["ReconcileFailed"]) == (10, 10)
    shown = payments.retrieve(ASHA, payment.id)
    assert (shown["status"], shown["in_review"]) == ("expired", True) and store.payments_in_review() == 1


def test_a_payment_is_asked_for_again_at_once_when_the_gateway_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(order_id: str) -> list[GatewayPayment]:
        raise Unavailable

    payment = top_up()
    monkeypatch.setattr(gateway, "payments_of_order", away)
    forward(61, monkeypatch)
    for _ in range(2):
        assert payments.reconcile(soon())["ReconcileFailed"] == 1
    assert store.payment(ASHA, payment.id).checks == 0  # type: ignore[union-attr]


REAL_NOW_US = clock.now_us


def forward(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now_us", lambda: REAL_NOW_US() + seconds * 1_000_000)


# --- what it costs


def test_settling_costs_three_reads_and_one_transaction_and_a_replay_writes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    payment = top_up()
    calls: list[str] = []
    real = Connection._make_api_call

    def metered(self: Connection, operation_name: str, *args: Any, **kwargs: Any) -> Any:
        calls.append(operation_name)
        return real(self, operation_name, *args, **kwargs)

    monkeypatch.setattr(Connection, "_make_api_call", metered)
    payload = {"payment": entity(told(payment.gateway_order, 50_000))}
    webhook("payment.captured", payload, monkeypatch)
    assert calls == ["Query", "GetItem", "Query", "TransactWriteItems"]
    calls.clear()
    webhook("payment.captured", payload, monkeypatch)
    assert calls == ["Query", "GetItem"]


def test_an_old_view_that_lacks_entries_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    credited()
    payments.create(ASHA, SPEND, "spend")
    real = Connection._make_api_call

    def behind(self: Connection, operation_name: str, sent: dict[str, Any], *more: Any) -> Any:
        answer = real(self, operation_name, sent, *more)
        if not sent.get("ConsistentRead") and "Items" in answer:
            answer["Items"], answer["Count"] = answer["Items"][1:], answer["Count"] - 1
        elif not sent.get("ConsistentRead"):
            answer.pop("Item", None)
        return answer

    monkeypatch.setattr(Connection, "_make_api_call", behind)
    for filters, amounts in (({}, ["200.00", "500.00"]), ({"type": "credit"}, ["500.00"])):
        count, rows = wallet.transactions(ASHA, None, filters)
        assert [one["amount"] for one in rows(0, 20)] == amounts and count == len(amounts)


# --- the gateway's irregular envelopes


def test_a_failed_card_payment_that_says_captured_is_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up()
    odd = entity(told(payment.gateway_order, 50_000, "failed"), captured=True, error_code="", error_reason="")
    assert webhook("payment.failed", {"payment": odd}, monkeypatch).settled
    assert payments.retrieve(ASHA, payment.id)["failure"]["code"] == "payment_failed" and balance() == "0.00"


def test_an_authorised_payment_that_says_captured_is_not_credited(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up()
    odd = entity(told(payment.gateway_order, 50_000, "authorized"), captured=True)
    webhook("payment.authorized", {"payment": odd}, monkeypatch)
    assert payments.retrieve(ASHA, payment.id)["status"] == "authorized" and balance() == "0.00"


@pytest.mark.parametrize(
    "event",
    [
        {"event": {"name": "token.service_provider.failed", "payload": {}}},
        {"event": "token.initiated", "payload": {"token": {"entity": {}}}},
        {"event": "payment.downtime.started", "payload": {"payment.downtime": {"entity": {}}}},
        {"event": "payment.captured", "payload": {"created_at": 1}, "contains": ["refund"]},
        {"event": "payment.captured", "payload": []},
        {"event": None},
        {},
        [],
    ],
)
def test_an_envelope_of_any_shape_is_acknowledged(event: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments, "webhook_secrets", lambda: ["s"])
    body = json.dumps(event).encode()
    assert payments.receive(body, signed("s", body), "", soon()).outcome in ("ignored", "unusable")


def test_an_order_paid_event_without_error_fields_credits(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up()
    paid = entity(told(payment.gateway_order, 50_000))
    order = {"id": payment.gateway_order, "entity": "order", "amount": 50_000, "status": "paid"}
    assert webhook("order.paid", {"payment": paid, "order": order}, monkeypatch).outcome == "applied"
    assert balance() == "500.00"
