"""Disputes over HTTP: what is held comes back or is taken, whether or not a webhook arrives, and staff can answer."""

import hashlib

import pytest

from tests.support import image_samples
from tests.support.api_client import App
from tests.support.disputes import dispute
from tests.support.local_stack import LocalStack
from tests.support.reconciler import PAST_AN_HOUR_S, drop_webhooks, reconcile
from tests.support.staff_client import Desk, code

pytestmark = pytest.mark.usefixtures("held")  # webhooks arrive when a test delivers them


@pytest.fixture
def desk(local_stack: LocalStack) -> Desk:
    return Desk(local_stack, "support")


def rows(app: App) -> list[tuple[str, str, str]]:
    found = app.get("/wallets/transactions/?category=dispute")["results"]
    return [(row["type"], row["amount"], row["status"]) for row in found]


def test_won_dispute_gives_back_what_was_held(app: App) -> None:
    payment = app.top_up()
    opened = dispute(app, payment, amount=30_000)
    assert app.wallet == ("200.00", "300.00", "0.00") and rows(app) == [("debit", "300.00", "pending")]
    assert app.spend("200.01", "spend").status_code == 400
    dispute(app, payment, "under_review", dispute_id=opened["id"])
    dispute(app, payment, "won", dispute_id=opened["id"])
    assert app.wallet == ("500.00", "0.00", "0.00")
    assert rows(app) == [("credit", "300.00", "completed"), ("debit", "300.00", "reversed")]
    assert app.get(f"/payments/{payment['id']}/")["in_review"] is False


def test_lost_dispute_takes_what_was_held(app: App) -> None:
    payment = app.top_up()
    opened = dispute(app, payment)
    dispute(app, payment, "lost", dispute_id=opened["id"])
    assert app.wallet == ("0.00", "0.00", "0.00") and rows(app) == [("debit", "500.00", "completed")]


def test_lost_dispute_of_spent_money_is_owed_and_recovered(app: App) -> None:
    payment = app.top_up()
    assert app.spend("400.00", "spend").status_code == 201
    opened = dispute(app, payment)
    dispute(app, payment, "lost", dispute_id=opened["id"])
    assert app.wallet == ("0.00", "0.00", "400.00")
    app.top_up()
    assert app.wallet == ("100.00", "0.00", "0.00")


@pytest.mark.parametrize("order", [{}, {"order": "reverse"}, {"order": "shuffle"}], ids=str)
def test_events_twice_and_in_any_order_move_money_once(
    order: dict[str, str], app: App, local_stack: LocalStack
) -> None:
    payment = app.top_up()
    opened = dispute(app, payment, delivered=False)
    for status in ("under_review", "lost"):
        dispute(app, payment, status, dispute_id=opened["id"], delivered=False)
    delivered = local_stack.control("deliver", {"times": 2} | order)
    assert {row["status"] for row in delivered} == {200}
    assert app.wallet == ("0.00", "0.00", "0.00") and app.spend("0.01", "spend").status_code == 400


def test_dispute_and_its_end_are_learnt_without_webhooks(app: App, local_stack: LocalStack, desk: Desk) -> None:
    payment = app.top_up()
    opened = dispute(app, payment, delivered=False)
    drop_webhooks(local_stack)
    reconcile(local_stack)
    assert app.wallet == ("0.00", "500.00", "0.00")
    dispute(app, payment, "won", dispute_id=opened["id"], delivered=False)
    drop_webhooks(local_stack)
    reconcile(local_stack, PAST_AN_HOUR_S)
    assert app.wallet == ("500.00", "0.00", "0.00")
    assert [row["status"] for row in desk.get(f"/payments/{payment['id']}/")["disputes"]] == ["won"]


def test_refund_of_a_disputed_payment_is_refused(app: App, desk: Desk) -> None:
    payment = app.top_up()
    app.top_up()  # there would be cash for it
    opened = dispute(app, payment, amount=30_000)
    assert code(desk.refund(payment, "200.01")) == (409, "refund_limit")
    assert desk.refund(payment, "200.00").status_code == 201
    dispute(app, payment, "lost", dispute_id=opened["id"])
    assert code(desk.refund(payment)) == (409, "refund_limit")
    assert app.wallet == ("500.00", "0.00", "0.00")


def test_later_phase_is_a_dispute_that_names_the_first(app: App, desk: Desk) -> None:
    payment = app.top_up()
    first = dispute(app, payment, "won")
    second = dispute(app, payment)
    found = desk.get(f"/payments/{payment['id']}/")["disputes"]
    assert [(row["id"], row["phase"], row["first"], row["status"]) for row in found] == [
        (first["id"], "chargeback", None, "won"),
        (second["id"], "pre_arbitration", first["id"], "open"),
    ]
    assert app.wallet == ("0.00", "500.00", "0.00")


def test_evidence_has_payment_timeline_and_photos(app: App, desk: Desk) -> None:
    photo = image_samples.phone_photo(120, 160)
    app.upload_photo(photo)
    payment = app.top_up()
    opened = dispute(app, payment)
    evidence = desk.get(f"/payments/{payment['id']}/disputes/{opened['id']}/evidence/")
    assert (evidence["dispute"]["id"], evidence["dispute"]["answer_due"]) == (opened["id"], True)
    assert evidence["dispute"]["held"] == evidence["payment"]["amount"] == "500.00"
    assert [item["what"] for item in evidence["payment"]["timeline"]] == ["created", "captured", "dispute_open"]
    assert evidence["payment"]["timeline"][-1]["source"] == "webhook"
    assert [entry["kind"] for entry in evidence["payment"]["entries"]] == ["credit", "hold"]
    (found,) = evidence["photos"]
    assert (found["sha256"], found["status"]) == (hashlib.sha256(photo).hexdigest(), "ready")
    assert evidence["photo_count"] == 1 and found["created_at"] < evidence["created_at"]


def test_evidence_is_of_a_dispute_of_the_payment(app: App, desk: Desk) -> None:
    payment, other = app.top_up(), app.top_up()
    opened = dispute(app, payment)
    refund = desk.refund(other, "1.00").json()
    for payment_id, dispute_id in (
        (other["id"], opened["id"]),
        (payment["id"], "disp_00000000000000"),
        (other["id"], refund["id"]),
        ("nothing", opened["id"]),
    ):
        response = desk.call("GET", f"/payments/{payment_id}/disputes/{dispute_id}/evidence/")
        assert code(response) == (404, "not_found")
