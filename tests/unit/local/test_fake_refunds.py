"""Refunds at the fake Razorpay: what the API accepts, and what a refund changes on its payment."""

import threading
import time
from typing import Any

import pytest
import requests

from local.razorpay.fake import FakeRazorpay
from local.razorpay.faults import ConnectionDropped
from local.razorpay.responses import Rejected
from local.razorpay.server import Server
from tests.support.fake_account import FORM, KEY_ID, KEY_SECRET, a_payment, an_order, ask, call, ids_in, last_event
from tests.support.fake_account import event_names as all_event_names

KEY = "refund-key-1"


def refund(razorpay: FakeRazorpay, payment_id: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    return call(razorpay, "POST", f"/v1/payments/{payment_id}/refund", body, **headers)


def refunded(razorpay: FakeRazorpay, payment_id: str) -> tuple[int, str | None, str]:
    payment = call(razorpay, "GET", f"/v1/payments/{payment_id}")[1]
    return payment["amount_refunded"], payment["refund_status"], payment["status"]


def event_names(razorpay: FakeRazorpay) -> list[str]:
    return [name for name in all_event_names(razorpay) if name.startswith("refund.")]


# --- the API


def test_repeated_refund_key_returns_first_refund(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    first = refund(razorpay, payment_id, {"amount": 20_000}, x_refund_idempotency=KEY)
    assert refund(razorpay, payment_id, {"amount": 20_000}, x_refund_idempotency=KEY) == first
    assert refund(razorpay, payment_id, {"amount": 10_000}, x_refund_idempotency=KEY)[0] == 409
    assert first[0] == 200 and len(razorpay.refunds) == 1


def test_refund_key_of_another_payment_is_409(razorpay: FakeRazorpay) -> None:
    first, other = a_payment(razorpay), a_payment(razorpay)
    assert refund(razorpay, first, {"amount": 20_000}, x_refund_idempotency=KEY)[0] == 200
    status, body = refund(razorpay, other, {"amount": 20_000}, x_refund_idempotency=KEY)
    assert status == 409 and body["error"]["description"].startswith(
        "Different request with the same idempotency key"
    )
    assert refunded(razorpay, other) == (0, None, "captured")


@pytest.mark.parametrize(("key", "status"), [("a" * 9, 400), ("a" * 10, 200), ("refund key 1", 400), ("", 400)])
def test_refund_key_has_ten_letters_of_its_alphabet(key: str, status: int, razorpay: FakeRazorpay) -> None:
    assert refund(razorpay, a_payment(razorpay), x_refund_idempotency=key)[0] == status


def test_rejected_refund_leaves_its_key_unused(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    razorpay.control("balance", {"paise": 0})
    assert refund(razorpay, payment_id, x_refund_idempotency=KEY)[0] == 400
    razorpay.control("balance", {"paise": None})
    assert refund(razorpay, payment_id, x_refund_idempotency=KEY)[0] == 200


def test_refund_of_more_than_is_left_is_400(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    assert refund(razorpay, payment_id, {"amount": 20_000})[0] == 200
    assert refund(razorpay, payment_id, {"amount": 30_001})[0] == 400
    assert refund(razorpay, payment_id)[1]["amount"] == 30_000
    assert refunded(razorpay, payment_id) == (50_000, "full", "refunded")
    status, body = refund(razorpay, payment_id)
    assert status == 400 and body["error"]["description"] == "The payment has been fully refunded already"


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 99},
        {"amount": "20000"},
        {"amount": 200.5},
        {"speed": "fast"},
        {"receipt": "r" * 41},
        {"notes": "refund"},
        {"notes": {str(number): "" for number in range(16)}},
        {"notes": {"refund": "r" * 257}},
    ],
)
def test_malformed_refund_is_400_and_refunds_nothing(body: dict[str, Any], razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    assert refund(razorpay, payment_id, body)[0] == 400
    assert refunded(razorpay, payment_id) == (0, None, "captured")


def test_uncaptured_payment_cannot_be_refunded(razorpay: FakeRazorpay) -> None:
    authorized = razorpay.pay(an_order(razorpay), "upi", "authorize")["razorpay_payment_id"]
    assert refund(razorpay, authorized)[0] == 400


def test_refund_keeps_receipt_and_notes(razorpay: FakeRazorpay) -> None:
    sent = {"amount": 20_000, "receipt": "r-1", "notes": {"refund": "id-1"}, "speed": "optimum"}
    made = refund(razorpay, a_payment(razorpay), sent)[1]
    assert (made["receipt"], made["notes"], made["speed_requested"]) == ("r-1", {"refund": "id-1"}, "optimum")
    assert call(razorpay, "GET", f"/v1/refunds/{made['id']}")[1] == made
    assert last_event(razorpay)["payload"]["refund"]["entity"]["notes"] == {"refund": "id-1"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("amount=20000&notes[refund]=id-1&notes[order]=a%20b", FORM),
        ('{"amount": 20000, "notes[refund]": "id-1", "notes[order]": "a b"}', "application/json"),
    ],
)
def test_notes_arrive_from_a_form(body: str, content_type: str, razorpay: FakeRazorpay) -> None:
    status, made = refund(razorpay, a_payment(razorpay), body, content_type=content_type)
    assert status == 200 and made["amount"] == 20_000
    assert made["notes"] == {"refund": "id-1", "order": "a b"}


def test_refund_is_found_below_its_payment_only(razorpay: FakeRazorpay) -> None:
    payment_id, other = a_payment(razorpay), a_payment(razorpay)
    made = refund(razorpay, payment_id)[1]
    assert call(razorpay, "GET", f"/v1/payments/{payment_id}/refunds/{made['id']}") == (200, made)
    assert call(razorpay, "GET", f"/v1/payments/{other}/refunds/{made['id']}")[0] == 400


# --- an account too poor


def test_account_too_poor_rejects_refund_in_razorpays_words(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    razorpay.control("balance", {"paise": 19_999})
    status, body = refund(razorpay, payment_id, {"amount": 20_000})
    assert status == 400 and body["error"]["code"] == "BAD_REQUEST_ERROR"
    assert body["error"]["description"].startswith("Your account does not have enough balance")
    assert (body["error"]["source"], body["error"]["step"], body["error"]["reason"]) == ("NA", "NA", "NA")
    assert refunded(razorpay, payment_id) == (0, None, "captured") and razorpay.refunds == {}


def test_balance_pays_refunds_and_gets_failed_ones_back(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    razorpay.control("balance", {"paise": 20_000})
    made = refund(razorpay, payment_id, {"amount": 20_000})[1]
    assert refund(razorpay, payment_id, {"amount": 100})[0] == 400
    razorpay.control("refund_status", {"refund_id": made["id"], "status": "failed"})
    assert refund(razorpay, payment_id, {"amount": 20_000})[0] == 200


# --- one refund at a time


def test_409_fault_refuses_refund_in_progress(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    razorpay.control("faults", [{"method": "POST", "path": f"/v1/payments/{payment_id}/refund", "fault": "409"}])
    status, body = refund(razorpay, payment_id, x_refund_idempotency=KEY)
    assert status == 409 and body["error"]["description"].endswith("is still in progress.")
    assert razorpay.refunds == {}
    assert refund(razorpay, payment_id, x_refund_idempotency=KEY)[0] == 200


def test_key_is_in_progress_until_its_call_is_over(razorpay: FakeRazorpay, server: Server) -> None:
    payment_id = a_payment(razorpay)
    path = f"/v1/payments/{payment_id}/refund"
    razorpay.control("faults", [{"method": "POST", "path": path, "fault": "timeout_after"}])
    request: dict[str, Any] = {
        "auth": (KEY_ID, KEY_SECRET),
        "headers": {"X-Refund-Idempotency": KEY},
        "json": {"amount": 20_000},
    }

    def lost_call() -> None:
        with pytest.raises(requests.ConnectionError):
            requests.post(server.url + path, timeout=20, **request)

    lost = threading.Thread(target=lost_call)
    lost.start()
    until_s = time.monotonic() + 5
    while not razorpay.keys_in_progress and time.monotonic() < until_s:
        time.sleep(0.01)
    assert requests.post(server.url + path, timeout=5, **request).status_code == 409
    razorpay.closing.set()
    lost.join()
    until_s = time.monotonic() + 5
    while razorpay.keys_in_progress and time.monotonic() < until_s:
        time.sleep(0.01)
    response = requests.post(server.url + path, timeout=5, **request)
    assert response.status_code == 200 and [response.json()["id"]] == list(razorpay.refunds)


def test_lost_response_says_which_key_took_effect(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    razorpay.control("faults", [{"method": "POST", "path": "/v1/payments", "fault": "timeout_after"}])
    with pytest.raises(ConnectionDropped) as dropped:
        refund(razorpay, payment_id, x_refund_idempotency=KEY)
    assert dropped.value.key == KEY and len(razorpay.refunds) == 1


# --- states


def test_pending_refund_counts_and_becomes_processed(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    pending = razorpay.control("refund", {"payment_id": payment_id, "amount": 20_000, "status": "pending"})
    assert pending["acquirer_data"] == {"arn": None} and event_names(razorpay) == ["refund.created"]
    assert refunded(razorpay, payment_id) == (20_000, "partial", "captured")
    assert refund(razorpay, payment_id, {"amount": 30_001})[0] == 400
    razorpay.control("refund_status", {"refund_id": pending["id"], "status": "processed"})
    assert refunded(razorpay, payment_id) == (20_000, "partial", "captured")
    entity = last_event(razorpay)["payload"]["refund"]["entity"]
    assert event_names(razorpay)[-1] == "refund.processed" and len(entity["acquirer_data"]["arn"]) == 23


@pytest.mark.parametrize("status", ["pending", "processed"])
def test_payment_is_refundable_again_after_refund_fails(status: str, razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    made = razorpay.control("refund", {"payment_id": payment_id, "status": status})
    assert refunded(razorpay, payment_id) == (50_000, "full", "refunded")
    razorpay.control("refund_status", {"refund_id": made["id"], "status": "failed"})
    assert refunded(razorpay, payment_id) == (0, None, "captured")
    assert event_names(razorpay)[-1] == "refund.failed"
    assert refund(razorpay, payment_id)[1]["amount"] == 50_000


def test_failure_of_one_refund_leaves_the_other_counted(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    first = razorpay.control("refund", {"payment_id": payment_id, "amount": 20_000})
    second = razorpay.control("refund", {"payment_id": payment_id, "status": "pending"})
    assert ids_in(razorpay, f"/v1/payments/{payment_id}/refunds") == [second["id"], first["id"]]
    assert ask(razorpay, "/v1/payments/pay_00000000000000/refunds")[0] == 400
    assert (
        refunded(razorpay, payment_id) == (50_000, "full", "refunded") and razorpay.payments[payment_id]["captured"]
    )
    razorpay.control("refund_status", {"refund_id": second["id"], "status": "failed"})
    assert refunded(razorpay, payment_id) == (20_000, "partial", "captured")


def test_refund_failed_at_once_counts_nothing(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    razorpay.control("refund", {"payment_id": payment_id, "status": "failed"})
    assert refunded(razorpay, payment_id) == (0, None, "captured")
    assert event_names(razorpay) == ["refund.created", "refund.failed"]


def test_failed_refund_of_an_authorization_leaves_it_authorized(razorpay: FakeRazorpay) -> None:
    payment_id = razorpay.pay(an_order(razorpay), "upi", "authorize")["razorpay_payment_id"]
    made = razorpay.control("refund", {"payment_id": payment_id, "status": "pending"})
    razorpay.control("refund_status", {"refund_id": made["id"], "status": "failed"})
    assert refunded(razorpay, payment_id) == (0, None, "authorized")


@pytest.mark.parametrize(
    ("first", "then"),
    [("failed", "processed"), ("failed", "failed"), ("processed", "processed"), ("processed", "pending")],
)
def test_refund_never_changes_backwards(first: str, then: str, razorpay: FakeRazorpay) -> None:
    made = razorpay.control("refund", {"payment_id": a_payment(razorpay), "status": first})
    with pytest.raises(Rejected):
        razorpay.control("refund_status", {"refund_id": made["id"], "status": then})
    assert razorpay.refunds[made["id"]]["status"] == first


def test_amount_2468_fails_after_its_answer(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    status, answered = refund(razorpay, payment_id, {"amount": 2468})
    assert (status, answered["status"]) == (200, "pending")
    assert call(razorpay, "GET", f"/v1/refunds/{answered['id']}")[1]["status"] == "failed"
    assert refunded(razorpay, payment_id) == (0, None, "captured")
    assert event_names(razorpay) == ["refund.created", "refund.failed"]


@pytest.mark.parametrize("status", ["pending", "processed", "failed"])
def test_control_sets_status_of_the_apis_refunds(status: str, razorpay: FakeRazorpay) -> None:
    razorpay.control("refund_status", {"status": status})
    assert refund(razorpay, a_payment(razorpay))[1]["status"] == status


@pytest.mark.parametrize(
    ("action", "sent"),
    [("refund", {"payment_id": "?", "status": "lost"}), ("refund_status", {"status": "speed_changed"})],
)
def test_unknown_refund_status_is_rejected_with_the_list(
    action: str, sent: dict[str, Any], razorpay: FakeRazorpay
) -> None:
    sent = {name: a_payment(razorpay) if value == "?" else value for name, value in sent.items()}
    with pytest.raises(Rejected, match="pending, processed, failed"):
        razorpay.control(action, sent)
    assert razorpay.refunds == {}


def test_instant_refund_falls_back_to_normal_speed(razorpay: FakeRazorpay) -> None:
    razorpay.control("refund_status", {"status": "pending"})
    made = refund(razorpay, a_payment(razorpay), {"speed": "optimum"})[1]
    assert made["speed_processed"] == "instant"
    changed = razorpay.control("refund_status", {"refund_id": made["id"], "status": "speed_changed"})
    assert (changed["status"], changed["speed_processed"]) == ("pending", "normal")
    assert event_names(razorpay) == ["refund.created", "refund.speed_changed"]
