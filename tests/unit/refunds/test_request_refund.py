"""Refunds that are asked for: what is recorded, held, sent and refused."""

from typing import Any

import pytest

from shared.errors import Conflict, PermissionDenied, ServiceUnavailable, ValidationError, WalletBlocked
from shared.payments.apply import apply_attempt
from shared.payments.create import create_payment
from shared.payments.models import Payment, get_or_404
from shared.refunds import entries as wallet_moves
from shared.refunds import models, request
from shared.refunds.models import foreign_id
from shared.refunds.policy import customer_policy
from shared.refunds.request import cancel_refund, request_customer_refund
from shared.settings import settings
from shared.wallets import ledger
from shared.wallets.models import append
from shared.wallets.wallet import get_wallet
from tests.unit.conftest import AnswerLost, Razorpay, an_attempt
from tests.unit.payments.support import (
    ASHA,
    ATTEMPT_ID,
    BILAL,
    THROUGH_RAZORPAY,
    a_refund,
    balance,
    credited,
    entries,
    forward,
)
from tests.unit.refunds.support import (
    DECLINED,
    REFUND_ID,
    TOO_POOR,
    amounts,
    as_stored,
    ask,
    moves,
    only_refund,
    report,
    spend,
    wallet,
)

DAY_S = 86_400


def paid_through_razorpay(customer: str = ASHA) -> Payment:
    payment = create_payment(customer, THROUGH_RAZORPAY, "pay").payment
    assert apply_attempt(payment, an_attempt(payment.gateway_order, payment.amount_paise), "test").captured
    return get_or_404(customer, payment.id)


# --- the record and the money


def test_top_up_refund_is_held_then_captured() -> None:
    payment = credited()
    refund = ask(payment, 20_000, reason="Order cancelled").refund
    assert (refund.status, refund.destination, refund.reason) == ("processed", "source", "Order cancelled")
    assert moves() == [("credit", 50_000), ("hold", 20_000), ("capture", 20_000)]
    assert wallet() == ("300.00", "0.00", "0.00")
    assert amounts(payment) == ("partially_refunded", 20_000, 0, 30_000)


def test_refund_is_recorded_and_held_before_razorpay_is_asked(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = credited()

    def create(payment_id: str, amount_paise: int, reference: str) -> Any:
        assert (payment_id, amount_paise, reference) == (ATTEMPT_ID, 20_000, only_refund(payment).id)
        assert only_refund(payment).status == "sending" and wallet() == ("300.00", "200.00", "0.00")
        return razorpay.create_refund(payment_id, amount_paise, reference)

    monkeypatch.setattr("shared.razorpay.api.create_refund", create)
    assert ask(payment, 20_000).refund.status == "processed"


def test_pending_refund_stays_held(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_status = "pending"
    refund = ask(payment, 20_000).refund
    assert refund.status == "pending" and refund.open and wallet() == ("300.00", "200.00", "0.00")
    assert amounts(payment) == ("captured", 0, 20_000, 30_000)
    with pytest.raises(Exception, match="balance"):
        spend(30_001)
    report(payment, razorpay.change_refund(REFUND_ID, "processed"))
    assert as_stored(refund).status == "processed" and wallet() == ("300.00", "0.00", "0.00")


def test_absent_amount_is_all_that_is_left() -> None:
    payment = credited()
    ask(payment, 20_000, "first")
    rest = ask(payment, None, "second").refund
    assert rest.amount_paise == 30_000 and amounts(payment) == ("refunded", 50_000, 0, 0)
    with pytest.raises(Conflict) as refused:
        ask(payment, None, "third")
    assert refused.value.code == "refund_limit"


def test_refunds_of_a_payment_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.refunds.request.REFUNDS_MAX", 2)
    payment = credited()
    for key in ("first", "second"):
        ask(payment, 100, key)
    with pytest.raises(Conflict) as refused:
        ask(payment, 100, "third")
    assert refused.value.code == "too_many_refunds"
    assert ask(payment, 100, "second").replayed


def test_refund_is_capped_to_the_paisa() -> None:
    payment = credited()
    ask(payment, 20_000, "first")
    with pytest.raises(Conflict) as refused:
        ask(payment, 30_001, "second")
    assert refused.value.code == "refund_limit" and "300.00" in refused.value.text
    assert ask(payment, 30_000, "second").refund.status == "processed"


def test_rest_below_a_rupee_cannot_go_to_its_source() -> None:
    """Razorpay would refuse it, after its money was held."""
    payment = credited()
    ask(payment, 49_901, "first")
    with pytest.raises(Conflict) as refused:
        ask(payment, None, "second")
    assert refused.value.code == "refund_limit" and len(models.list_refunds(payment.id)) == 1
    assert wallet() == ("0.99", "0.00", "0.00")


def test_rest_of_a_rupee_goes_to_its_source() -> None:
    payment = credited()
    ask(payment, 49_900, "first")
    assert ask(payment, None, "second").refund.amount_paise == 100


def test_rest_below_a_rupee_goes_to_the_wallet() -> None:
    payment = paid_through_razorpay()
    ask(payment, payment.amount_paise - 1, "first")
    assert ask(payment, None, "second", destination="wallet").refund.status == "processed" and balance() == "0.01"


def test_refund_of_unpaid_payment_is_refused() -> None:
    payment = create_payment(ASHA, THROUGH_RAZORPAY, "pay").payment
    with pytest.raises(Conflict) as refused:
        ask(payment)
    assert refused.value.code == "refund_limit" and models.list_refunds(payment.id) == []


def test_refund_of_spent_top_up_is_refused(razorpay: Razorpay) -> None:
    payment = credited()
    spend(40_000)
    with pytest.raises(Conflict) as refused:
        ask(payment, 10_001)
    assert refused.value.code == "insufficient_funds" and models.list_refunds(payment.id) == []
    assert ask(payment, 10_000).refund.status == "processed" and balance() == "0.00"


def test_second_of_two_requests_at_once_sees_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read the payment before either writes."""
    payment, computed = credited(), wallet_moves.moves_for

    def other_first(*arguments: Any) -> Any:
        monkeypatch.setattr(request, "moves_for", computed)
        ask(payment, 30_000, "other")
        return computed(*arguments)

    monkeypatch.setattr(request, "moves_for", other_first)
    with pytest.raises(Conflict) as refused:
        ask(payment, 30_000)
    assert refused.value.code == "refund_limit" and amounts(payment) == ("partially_refunded", 30_000, 0, 20_000)


def test_second_of_two_requests_without_a_wallet_sees_the_first(
    razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No entry's number keeps the two apart: the payment's amounts do."""
    payment, computed = paid_through_razorpay(), wallet_moves.moves_for

    def other_first(*arguments: Any) -> Any:
        monkeypatch.setattr(request, "moves_for", computed)
        ask(payment, 12_000, "other")
        return computed(*arguments)

    monkeypatch.setattr(request, "moves_for", other_first)
    with pytest.raises(Conflict) as refused:
        ask(payment, 12_000)
    assert refused.value.code == "refund_limit" and amounts(payment) == ("partially_refunded", 12_000, 0, 8_000)


def test_refund_of_gateway_payment_moves_no_wallet(razorpay: Razorpay) -> None:
    payment = paid_through_razorpay()
    assert ask(payment, 5_000).refund.status == "processed"
    assert amounts(payment) == ("partially_refunded", 5_000, 0, 15_000) and entries() == []


# --- destinations


def test_wallet_payment_is_refunded_to_the_wallet_alone() -> None:
    credited()
    payment = spend(20_000)
    with pytest.raises(ValidationError) as refused:
        ask(payment, destination="source")
    assert list(refused.value.fields) == ["destination"]
    refund = ask(payment, 5_000).refund
    assert (refund.status, refund.destination) == ("processed", "wallet") and refund.open is None
    assert moves()[-1] == ("credit", 5_000) and balance() == "350.00"
    assert amounts(payment) == ("partially_refunded", 5_000, 0, 15_000)
    ask(payment, None, "rest")
    assert amounts(payment) == ("refunded", 20_000, 0, 0) and balance() == "500.00"


def test_gateway_payment_is_refunded_to_a_wallet_that_was_never_opened(razorpay: Razorpay) -> None:
    payment = paid_through_razorpay()
    assert ask(payment, destination="wallet").refund.status == "processed"
    assert balance() == "200.00" and amounts(payment)[0] == "refunded" and "refund of" not in str(razorpay.calls)


def test_top_up_is_never_refunded_to_the_wallet() -> None:
    payment = credited()
    with pytest.raises(ValidationError) as refused:
        ask(payment, destination="wallet")
    assert list(refused.value.fields) == ["destination"] and balance() == "500.00"


# --- keys


def test_repeated_key_refunds_once(razorpay: Razorpay) -> None:
    payment = credited()
    first = ask(payment, 20_000)
    again = ask(payment, 20_000)
    assert again.replayed and not first.replayed and again.refund.id == first.refund.id
    assert balance() == "300.00" and len(razorpay.refunds) == 1


@pytest.mark.parametrize(
    ("name", "values"),
    [("amount", {"amount_paise": 20_001}), ("amount", {"amount_paise": None}), ("reason", {"reason": "other"})],
)
def test_repeated_key_with_another_body_names_the_field(name: str, values: dict[str, Any]) -> None:
    payment = credited()
    ask(payment, amount_paise=20_000)
    with pytest.raises(Conflict) as refused:
        ask(payment, **{"amount_paise": 20_000} | values)
    assert refused.value.code == "idempotency_key_reused" and refused.value.text.endswith(f"different {name}.")


def test_repeated_key_with_another_destination_names_it(razorpay: Razorpay) -> None:
    payment = paid_through_razorpay()
    ask(payment, 5_000)
    with pytest.raises(Conflict, match="destination"):
        ask(payment, 5_000, destination="wallet")


def test_key_is_required_and_belongs_to_who_asks() -> None:
    payment = credited()
    with pytest.raises(ValidationError) as refused:
        ask(payment, key="")
    assert list(refused.value.fields) == ["Idempotency-Key"]
    assert ask(payment, 100).refund.id != ask(payment, 100, asked_by="staff:omar").refund.id


# --- what Razorpay answers


def test_declined_refund_fails_and_can_be_asked_for_again(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_faults.append(DECLINED)
    refund = ask(payment, 20_000).refund
    assert (refund.status, refund.failure) == ("failed", DECLINED.description) and refund.open is None
    assert moves()[1:] == [("hold", 20_000), ("release", 20_000)] and wallet() == ("500.00", "0.00", "0.00")
    assert amounts(payment) == ("captured", 0, 0, 50_000)
    assert ask(payment, 20_000).refund.status == "failed", "the same key is the same refund"
    assert ask(payment, 20_000, "new").refund.status == "processed" and balance() == "300.00"


def test_declined_repetition_of_an_accepted_request_is_found(razorpay: Razorpay) -> None:
    """An earlier request was accepted after all, which is why Razorpay declines this one."""
    payment = credited()
    refund_id = request.refund_id_for(payment.id, "staff:rita", "key")
    razorpay.refunds.append(a_refund(50_000, reference=refund_id))
    razorpay.refund_faults.append(DECLINED)
    assert ask(payment).refund.status == "processed" and wallet() == ("0.00", "0.00", "0.00")


def test_unknown_answer_leaves_the_refund_sending(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_faults += [AnswerLost()]
    refund = ask(payment, 20_000).refund
    assert refund.status == "sending" and refund.open and wallet() == ("300.00", "200.00", "0.00")
    assert ask(payment, 20_000).replayed and len(razorpay.calls) == len(set(razorpay.calls))


def test_webhook_before_the_answer_is_the_same_refund(razorpay: Razorpay, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = credited()

    def create(payment_id: str, amount_paise: int, reference: str) -> Any:
        made = razorpay.create_refund(payment_id, amount_paise, reference)
        report(payment, made)
        return made

    monkeypatch.setattr("shared.razorpay.api.create_refund", create)
    refund = ask(payment, 20_000).refund
    assert refund.status == "processed" and only_refund(payment).id == refund.id
    assert moves() == [("credit", 50_000), ("hold", 20_000), ("capture", 20_000)]


def test_webhook_without_our_id_is_compared_with_razorpays_entity(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_faults.append(AnswerLost())
    refund = ask(payment, 20_000).refund
    report(payment, a_refund(20_000, id=REFUND_ID))
    assert only_refund(payment).id == refund.id and as_stored(refund).status == "processed"
    assert wallet() == ("300.00", "0.00", "0.00")


def test_foreign_refund_beside_one_that_is_sending_stays_foreign(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_faults.append(ServiceUnavailable())
    refund = ask(payment, 20_000).refund
    razorpay.refunds.append(a_refund(20_000, id="rfnd_dashboard"))
    report(payment, razorpay.refunds[0])
    assert as_stored(refund).status == "sending"
    foreign = models.get_or_404(payment.id, foreign_id("rfnd_dashboard"))
    assert foreign.status == "processed" and foreign.asked_by == "gateway"
    assert wallet() == ("100.00", "200.00", "0.00") and amounts(payment)[1:] == (20_000, 20_000, 10_000)


# --- cancelling


def test_requested_refund_can_be_cancelled(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_faults.append(TOO_POOR)
    refund = ask(payment, 20_000).refund
    assert refund.status == "requested" and wallet() == ("300.00", "200.00", "0.00")
    assert cancel_refund(payment, refund.id).status == "cancelled"
    assert wallet() == ("500.00", "0.00", "0.00") and amounts(payment) == ("captured", 0, 0, 50_000)
    assert as_stored(refund).open is None


@pytest.mark.parametrize("fault", [None, AnswerLost(), DECLINED])
def test_refund_that_was_sent_cannot_be_cancelled(fault: Exception | None, razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_faults += [fault] if fault else []
    refund, before = ask(payment, 20_000).refund, wallet()
    with pytest.raises(Conflict) as refused:
        cancel_refund(payment, refund.id)
    assert refused.value.code == "refund_not_cancellable" and wallet() == before


# --- policies


def customers_ask(payment: Payment, amount_paise: int | None = None) -> str:
    body = {"amount": amount_paise, "destination": None, "reason": ""}
    return request_customer_refund(payment.customer, payment.id, body, "key").refund.status


def test_customer_may_ask_for_a_top_up_in_its_days(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = credited()
    forward(settings().top_up_refund_days * DAY_S - 10, monkeypatch)
    assert customers_ask(payment, 100) == "processed"


def test_customer_may_not_ask_for_a_top_up_later(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = credited()
    forward(settings().top_up_refund_days * DAY_S, monkeypatch)
    with pytest.raises(PermissionDenied) as refused:
        customers_ask(payment)
    assert refused.value.code == "refund_not_allowed" and balance() == "500.00"


def test_customer_never_asks_where_no_days_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOP_UP_REFUND_DAYS", "0")
    settings.cache_clear()
    with pytest.raises(PermissionDenied):
        customers_ask(credited())


def test_customer_may_ask_for_nothing_but_top_ups(razorpay: Razorpay) -> None:
    credited()
    for payment in (spend(10_000), paid_through_razorpay()):
        with pytest.raises(PermissionDenied) as refused:
            customers_ask(payment)
        assert refused.value.code == "refund_not_allowed"


def test_blocked_wallet_refuses_its_customer_and_not_staff() -> None:
    payment = credited()
    head = get_wallet(ASHA)
    assert not append(ledger.next_entry(head, ledger.BLOCK, "", 0, ledger.by_staff("block")))
    with pytest.raises(WalletBlocked):
        customers_ask(payment)
    assert ask(payment, 20_000).refund.status == "processed"


def test_staff_need_approval_above_four_eyes() -> None:
    payment = credited(amount_paise=settings().four_eyes_paise + 1)
    with pytest.raises(PermissionDenied) as refused:
        ask(payment)
    assert refused.value.code == "approval_required" and models.list_refunds(payment.id) == []
    assert ask(payment, settings().four_eyes_paise).refund.status == "processed"


def test_another_customers_payment_does_not_exist() -> None:
    payment = credited()
    with pytest.raises(Exception, match="No Payment matches"):
        request_customer_refund(BILAL, payment.id, {"amount": None, "destination": None, "reason": ""}, "key")


# --- dry runs


def test_dry_run_answers_and_changes_nothing(razorpay: Razorpay) -> None:
    payment = credited()
    refund = ask(payment, 20_000, dry_run=True).refund
    assert (refund.status, refund.amount_paise) == ("requested", 20_000)
    assert models.list_refunds(payment.id) == [] and moves() == [("credit", 50_000)]
    assert razorpay.refunds == [] and amounts(payment) == ("captured", 0, 0, 50_000)


def test_dry_run_is_refused_like_the_request() -> None:
    payment = credited()
    with pytest.raises(Conflict) as refused:
        ask(payment, 50_001, dry_run=True)
    assert refused.value.code == "refund_limit"
    with pytest.raises(PermissionDenied):
        ask(spend(100), None, asked_by="customer", policy=customer_policy, dry_run=True)


def test_dry_run_looks_a_used_key_up() -> None:
    payment = credited()
    refund = ask(payment, 20_000).refund
    assert ask(payment, 20_000, dry_run=True).refund.id == refund.id
    with pytest.raises(Conflict, match="different amount"):
        ask(payment, 10_000, dry_run=True)
