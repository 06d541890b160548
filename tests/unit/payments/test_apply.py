"""`apply_attempt`: every report about a payment changes it and its wallet exactly once, in whatever order."""

from itertools import permutations
from typing import Any

import pytest

from shared import clock
from shared.aws.dynamodb import Update, transact
from shared.aws.dynamodb_errors import TransactionConflict
from shared.errors import ServiceUnavailable
from shared.money import rupees
from shared.payments.apply import apply_attempt
from shared.payments.create import create_payment
from shared.refunds.apply import apply_refund
from shared.settings import settings
from shared.telemetry import journal
from shared.wallets import ledger
from shared.wallets.models import append
from shared.wallets.wallet import open_wallet
from tests.unit.conftest import an_attempt
from tests.unit.payments.support import (
    ASHA,
    ATTEMPT_ID,
    BILAL,
    SECOND_ATTEMPT_ID,
    THROUGH_RAZORPAY,
    a_refund,
    balance,
    credited,
    entries,
    forward,
    response_body,
    stored,
    top_up,
)


def test_second_report_of_capture_changes_nothing() -> None:
    payment = top_up()
    captured = an_attempt(payment.gateway_order, 50_000)
    assert apply_attempt(payment, captured, "webhook").captured
    before = entries()
    again = apply_attempt(payment, captured, "verify")
    assert not again.captured and response_body(again)["status"] == "captured"
    assert balance() == "500.00" and [entry.hash for entry in entries()] == [entry.hash for entry in before]


def test_stale_payment_is_not_credited_again() -> None:
    payment = top_up()
    stale = stored(payment)
    captured = an_attempt(payment.gateway_order, 50_000)
    apply_attempt(payment, captured, "webhook")
    assert not apply_attempt(stale, captured, "verify").captured
    assert balance() == "500.00"


def test_refund_report_on_stale_payment_is_not_flagged() -> None:
    """The payment in memory is not credited yet, so the refund seems to come first; the stored one is credited."""
    payment = top_up()
    stale = stored(payment)
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000), "webhook")
    refunded = an_attempt(payment.gateway_order, 50_000, "refunded", was_captured=True)
    result = apply_attempt(stale, refunded, "verify")
    assert result.flagged == "" and not response_body(result)["in_review"]
    assert response_body(result)["status"] == "captured" and balance() == "500.00"


@pytest.mark.parametrize("first", ["failed", "authorized"])
def test_failed_or_authorized_payment_can_be_captured(first: str) -> None:
    payment = top_up()
    result = apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, first), "test")
    assert response_body(result)["status"] == first
    assert apply_attempt(payment, an_attempt(payment.gateway_order, 50_000), "test").captured
    assert balance() == "500.00"


@pytest.mark.parametrize("late", ["created", "failed", "authorized"])
def test_late_report_does_not_revert_capture(late: str) -> None:
    payment = credited()
    body = response_body(apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, late), "test"))
    assert body["status"] == "captured" and body["failure"] is None and balance() == "500.00"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount_paise": 50_001}, "amount_mismatch"),
        ({"amount_paise": 100}, "amount_mismatch"),
        ({"currency": "USD"}, "currency_mismatch"),
        ({"order": "order_99999999999999"}, "order_mismatch"),
    ],
)
def test_mismatched_capture_is_flagged_then_valid_capture_credits(change: dict[str, Any], reason: str) -> None:
    payment = top_up()
    values: dict[str, Any] = {
        "order": payment.gateway_order,
        "amount_paise": 50_000,
        "id": "pay_00000000000007",
    } | change
    mismatched = an_attempt(**values)
    result = apply_attempt(payment, mismatched, "test")
    body = response_body(result)
    assert (result.flagged, body["status"], body["in_review"]) == (reason, "created", True)
    assert balance() == "0.00"
    assert apply_attempt(payment, mismatched, "test").flagged == ""  # flagged once
    assert apply_attempt(payment, an_attempt(payment.gateway_order, 50_000), "test").captured
    assert balance() == "500.00"


def test_second_capture_is_flagged_and_credits_nothing() -> None:
    payment = credited()
    second = apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, id=SECOND_ATTEMPT_ID), "test")
    assert second.flagged == "second_capture" and balance() == "500.00"


def test_second_capture_that_goes_back_is_flagged_if_its_refund_fails() -> None:
    payment = credited()
    second = an_attempt(payment.gateway_order, 50_000, id=SECOND_ATTEMPT_ID)
    assert apply_attempt(payment, second._replace(status="refunded"), "list").flagged == ""
    assert not stored(payment).in_review and balance() == "500.00"
    assert apply_attempt(payment, second, "list").flagged == "second_capture"


def test_gateway_payment_leaves_wallet_alone() -> None:
    payment = stored(create_payment(ASHA, THROUGH_RAZORPAY, None).payment)
    assert apply_attempt(payment, an_attempt(payment.gateway_order, 20_000), "test").captured
    assert entries() == []


def test_refunded_authorization_moves_nothing() -> None:
    payment = top_up()
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "authorized"), "test")
    result = apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "refunded"), "test")
    assert response_body(result)["status"] == "refunded" and balance() == "0.00"


def test_capture_after_refunded_authorization_is_credited() -> None:
    """The order can still be paid by another attempt; whoever asks once more changes nothing."""
    payment = top_up()
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "authorized"), "test")
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "refunded"), "test")
    second = an_attempt(payment.gateway_order, 50_000, id=SECOND_ATTEMPT_ID)
    assert apply_attempt(payment, second, "test").captured and balance() == "500.00"
    assert not apply_attempt(payment, second, "test").captured
    third = apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, id="pay_00000000000003"), "test")
    assert third.flagged == "second_capture" and balance() == "500.00"
    assert stored(payment).gateway_payment == SECOND_ATTEMPT_ID


def test_fully_refunded_payment_is_not_credited_again() -> None:
    """`refunded` after a capture is final, unlike after an authorization."""
    payment = credited()
    captured = an_attempt(payment.gateway_order, 50_000)
    apply_refund(payment, captured, a_refund(50_000), "evt")
    assert stored(payment).status == "refunded" and balance() == "0.00"
    assert apply_attempt(payment, captured, "test").counts == {}
    second = apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, id=SECOND_ATTEMPT_ID), "test")
    assert second.flagged == "second_capture" and not second.captured
    assert balance() == "0.00" and len(entries()) == 3


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_refunded_attempt_does_not_hide_other_authorized_one(order: tuple[int, ...]) -> None:
    """Reports of two authorizations and of the refund of one of them, in any order, then all of them again."""
    payment = top_up()
    reports = [
        an_attempt(payment.gateway_order, 50_000, "authorized"),
        an_attempt(payment.gateway_order, 50_000, "authorized", id=SECOND_ATTEMPT_ID),
        an_attempt(payment.gateway_order, 50_000, "refunded"),
    ]
    for place in order:
        apply_attempt(payment, reports[place], "test")
    if order.index(1) < order.index(2):  # both authorizations, or the other one, were known before the refund
        assert stored(payment).status == "authorized"
    for place in order:
        apply_attempt(payment, reports[place], "again")
    second = an_attempt(payment.gateway_order, 50_000, id=SECOND_ATTEMPT_ID)
    assert apply_attempt(payment, second, "test").captured and balance() == "500.00"


def test_payment_is_refunded_with_its_last_authorization() -> None:
    payment = top_up()
    for attempt_id in (ATTEMPT_ID, SECOND_ATTEMPT_ID):
        apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "authorized", id=attempt_id), "test")
    for attempt_id, status in ((SECOND_ATTEMPT_ID, "authorized"), (ATTEMPT_ID, "refunded")):
        apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "refunded", id=attempt_id), "test")
        assert stored(payment).status == status
        apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, "authorized", id=attempt_id), "late")
        assert stored(payment).status == status
    assert stored(payment).open is None and balance() == "0.00"


def test_credit_over_wallet_limit_is_noted_and_needs_no_review(monkeypatch: pytest.MonkeyPatch) -> None:
    """The money has arrived, so it is credited all the same. A top-up counts as open for half an hour."""
    first = top_up(amount_paise=15_000_000)
    forward(1_801, monkeypatch)
    second = top_up(amount_paise=15_000_000)
    apply_attempt(first, an_attempt(first.gateway_order, 15_000_000), "test")
    late = an_attempt(second.gateway_order, 15_000_000, id=SECOND_ATTEMPT_ID)
    result = apply_attempt(second, late, "test")
    assert result.captured and result.flagged == "" and not response_body(result)["in_review"]
    assert stored(second).timeline[-1].endswith(" test wallet_limit_passed")
    assert journal.drain()[0]["WalletLimitPassed"] == 1
    assert balance() == "300000.00"


def test_taken_entry_number_blocks_whole_transaction() -> None:
    credited()
    head = open_wallet(ASHA)
    first = ledger.next_entry(head, ledger.DEBIT, "payment", 100, ledger.by_payment("a"))
    second = ledger.next_entry(head, ledger.DEBIT, "payment", 200, ledger.by_payment("b"))
    unpaid = top_up(BILAL)
    assert append(first) == []
    blocked = append(second, Update(unpaid, {"status": "captured"}, expect_status=("created",)))
    assert [write.row for write in blocked] == [second]
    assert stored(unpaid).status == "created"
    assert [entry.by for entry in entries()[2:]] == ["p:a"]


@pytest.mark.parametrize("conflicts", [1, 2, 5])
def test_conflicting_transactions_retry_and_credit_once(conflicts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up(BILAL)
    real, left = transact, [conflicts]

    def contended(*writes: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise TransactionConflict
        return real(*writes)

    monkeypatch.setattr("shared.wallets.models.transact", contended)
    monkeypatch.setattr(clock, "sleep", lambda seconds: None)
    assert apply_attempt(payment, an_attempt(payment.gateway_order, 50_000), "test").captured
    left[0] = conflicts
    assert open_wallet(ASHA).seq == 0  # opening a wallet meets the same conflicts
    assert left == [0]
    assert (balance(BILAL), len(entries(BILAL))) == ("500.00", 2)


def test_endless_conflicts_are_503_and_write_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up()

    def contended(*writes: Any) -> Any:
        raise TransactionConflict

    monkeypatch.setattr("shared.wallets.models.transact", contended)
    monkeypatch.setattr(clock, "sleep", lambda seconds: None)
    with pytest.raises(ServiceUnavailable):
        apply_attempt(payment, an_attempt(payment.gateway_order, 50_000), "test")
    assert stored(payment).status == "created" and len(entries()) == 1


def test_credit_up_to_wallet_limit_is_not_flagged() -> None:
    limit_paise = settings().wallet_balance_paise_max
    credited(amount_paise=limit_paise - 50_000)
    payment = top_up(amount_paise=50_000)
    result = apply_attempt(payment, an_attempt(payment.gateway_order, 50_000, id=SECOND_ATTEMPT_ID), "test")
    assert result.captured and result.flagged == "" and not stored(payment).in_review
    assert stored(payment).timeline[-1].endswith(" test captured")
    assert balance() == rupees(limit_paise)
