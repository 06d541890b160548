"""A payment as staff see it: whose it is, who reported what, and why it is in review."""

import pytest

from shared.errors import NotFound
from shared.payments.apply import apply_attempt
from shared.payments.create import create_payment
from shared.payments.models import find_by_id
from shared.payments.review import flag_for_review
from shared.payments.serializers import serialize_payment
from shared.payments.verify import verify
from shared.refunds.apply import apply_refund
from shared.staff.payment_record import get_record
from shared.staff.serializers import TimelineBody, serialize_staff_payment
from shared.wallets import ledger
from shared.wallets.models import Entry
from tests.unit.conftest import Razorpay, an_attempt
from tests.unit.payments.support import (
    ASHA,
    ATTEMPT_ID,
    FROM_WALLET,
    a_refund,
    checkout_response,
    credited,
    deliver,
    forward,
    payment_entity,
    stored,
    top_up,
)


def timeline(payment_id: str) -> list[tuple[str, str, str | None]]:
    """Source, what and event of each item."""
    items: list[TimelineBody] = serialize_staff_payment(get_record(payment_id))["timeline"]
    return [(item["source"], item["what"], item["event_id"]) for item in items]


def test_payment_is_found_by_its_id_in_any_form() -> None:
    payment = top_up()
    for text in (payment.id, payment.id.upper(), payment.id.replace("-", "")):
        body = serialize_staff_payment(get_record(text))
        assert (body["id"], body["customer"], body["amount"]) == (payment.id, ASHA, "500.00")


def test_open_payment_shows_staff_no_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the customer at Razorpay, and reads a saved method, which functions of staff may not."""
    payment = top_up()
    assert serialize_payment(payment)["checkout"]
    monkeypatch.setattr("shared.payments.serializers.checkout_options", None)
    assert serialize_staff_payment(get_record(payment.id))["checkout"] is None


@pytest.mark.parametrize("text", ["-", "x", "00000000-0000-4000-8000-000000000000", "order_99999999999999"])
def test_unknown_payment_is_404(text: str) -> None:
    with pytest.raises(NotFound):
        get_record(text)


def test_timeline_names_who_reported_what(razorpay: Razorpay) -> None:
    by_webhook, by_app = top_up(), top_up()
    captured = an_attempt(by_webhook.gateway_order, 50_000)
    deliver("payment.captured", {"payment": payment_entity(captured)})
    assert timeline(by_webhook.id) == [("app", "created", None), ("webhook", "captured", "evt")]
    razorpay.payments["pay_00000000000002"] = an_attempt(by_app.gateway_order, 50_000, id="pay_00000000000002")
    verify(ASHA, by_app.id, checkout_response(by_app, "pay_00000000000002"))
    assert timeline(by_app.id)[-1] == ("app", "captured", None)


@pytest.mark.parametrize(("source", "shown"), [("reconcile", "reconciler"), ("sync", "sync")])
def test_source_of_a_report_is_named_for_people(source: str, shown: str) -> None:
    payment = top_up()
    apply_attempt(payment, an_attempt(payment.gateway_order, 50_000), source)
    assert timeline(payment.id)[-1] == (shown, "captured", None)


def test_review_has_reason_id_and_time() -> None:
    payment = credited()
    flag_for_review(stored(payment), ATTEMPT_ID, "amount_mismatch")
    body = serialize_staff_payment(get_record(payment.id))
    (review,) = body["reviews"]
    assert (review["reason"], review["gateway_id"]) == ("amount_mismatch", ATTEMPT_ID)
    assert body["in_review"] and review["created_at"] == body["timeline"][-1]["at"]
    assert timeline(payment.id)[-1] == ("service", "amount_mismatch", None)
    found = find_by_id(payment.id)
    assert found and found.customer == ASHA


def test_refunds_are_listed_with_who_asked(razorpay: Razorpay) -> None:
    payment = credited()
    attempt = an_attempt(payment.gateway_order, 50_000)
    for number, amount_paise in enumerate((10_000, 15_000), 1):
        apply_refund(stored(payment), attempt, a_refund(amount_paise, id=f"rfnd_0000000000000{number}"), "evt")
    body = serialize_staff_payment(get_record(payment.id))
    newest, oldest = body["refunds"]
    assert (oldest["amount"], newest["amount"], body["amount_refunded"]) == ("100.00", "150.00", "250.00")
    assert (newest["asked_by"], newest["gateway_refund_id"]) == ("gateway", "rfnd_00000000000002")
    assert timeline(payment.id)[-1] == ("webhook", "partially_refunded", "evt")


def test_entries_are_those_of_the_payment_alone() -> None:
    first, second = credited(), credited(attempt_id="pay_00000000000002")
    apply_refund(stored(first), an_attempt(first.gateway_order, 50_000), a_refund(10_000), "evt")
    bought = create_payment(ASHA, FROM_WALLET, "k-1").payment
    (credit, debit) = serialize_staff_payment(get_record(first.id))["entries"]
    assert (credit["kind"], credit["amount"], credit["balance_after"]) == ("credit", "500.00", "500.00")
    assert (debit["kind"], debit["category"], debit["balance_after"]) == ("debit", "refund", "900.00")
    assert credit["record"] == f"p:{first.id}" and debit["record"].startswith(f"r:{first.id}/")
    for payment, kind in ((second, "credit"), (bought, "debit")):
        (entry,) = serialize_staff_payment(get_record(payment.id))["entries"]
        assert (entry["kind"], entry["record"]) == (kind, f"p:{payment.id}")


def test_entries_before_the_payment_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the wallet is: entries are read from the newest to the payment's own."""
    for number in range(3):
        credited(attempt_id=f"pay_0000000000001{number}")
    forward(3_600, monkeypatch)
    payment = credited()
    seen: list[int] = []

    def count(entry: Entry) -> tuple[str, str, str]:
        seen.append(entry.seq)
        return record_of(entry)

    record_of = ledger.record_of
    monkeypatch.setattr(ledger, "record_of", count)
    assert len(get_record(payment.id).entries) == 1 and seen == [4]
