"""The timeline of a payment: who reported what when, of its refunds and disputes too."""

from typing import Any

import pytest

from shared.errors import Conflict
from shared.staff.cancellations import cancel
from shared.staff.payment_record import get_record
from shared.staff.refunds import refund
from shared.staff.search import search
from tests.unit.conftest import Razorpay, an_attempt
from tests.unit.disputes.support import DISPUTE_ID, a_dispute, dispute
from tests.unit.payments.support import ATTEMPT_ID, credited, stored
from tests.unit.refunds.support import TOO_POOR

WHY = "Order cancelled"


def said(payment: Any) -> list[tuple[str, str, str | None, str | None]]:
    return [(item.source, item.what, item.by, item.why) for item in get_record(payment.id).timeline]


def ask(payment: Any, amount_paise: int) -> Any:
    body = {"amount": amount_paise, "destination": None, "reason": WHY}
    return refund("rita", payment.id, body, f"k-{amount_paise}").refund


def test_refund_by_staff_names_who_and_why(razorpay: Razorpay) -> None:
    payment = credited()
    ask(payment, 20_000)
    assert said(payment)[-4:] == [
        ("staff", "refund_requested", "rita", WHY),
        ("staff", "refund_sending", "rita", None),
        ("staff", "refund_processed", "rita", None),
        ("staff", "partially_refunded", None, None),
    ]


def test_cancelled_refund_names_who_cancelled_and_why(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.refund_faults.append(TOO_POOR)
    asked = ask(payment, 20_000)
    for _ in range(2):
        assert cancel("sunil", payment.id, asked.id, "Asked twice").status == "cancelled"
    items = [item for item in said(payment) if item[1] == "refund_cancelled"]
    assert items == [("staff", "refund_cancelled", "sunil", "Asked twice")]
    assert stored(payment).refundable_paise == 50_000


def test_refund_that_was_sent_is_not_cancelled(razorpay: Razorpay) -> None:
    payment = credited()
    asked = ask(payment, 20_000)
    with pytest.raises(Conflict) as refused:
        cancel("sunil", payment.id, asked.id, WHY)
    assert refused.value.code == "refund_not_cancellable" and said(payment)[-1][1] == "partially_refunded"


def test_dispute_is_listed_once_with_its_event() -> None:
    payment = credited()
    dispute(payment)
    items = [item for item in get_record(payment.id).timeline if item.what.startswith("dispute")]
    assert [(item.source, item.what, item.event_id) for item in items] == [("webhook", "dispute_open", "evt")]


def test_dispute_is_found_by_its_id(razorpay: Razorpay) -> None:
    payment = credited()
    razorpay.payments[ATTEMPT_ID] = an_attempt(payment.gateway_order, 50_000)
    razorpay.listed["disputes"].append(a_dispute())
    assert [found.payment and found.payment.id for found in search(DISPUTE_ID)] == [payment.id]
