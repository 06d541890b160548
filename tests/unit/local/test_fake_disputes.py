"""Disputes at the fake Razorpay: their states, phases and events."""

from typing import Any

import pytest

from local.razorpay.disputes import FINAL, STATUSES
from local.razorpay.fake import FakeRazorpay
from local.razorpay.responses import Rejected
from tests.support.fake_account import NOW_S, a_payment, call, event_names, ids_in, last_event


def dispute(razorpay: FakeRazorpay, payment_id: str, status: str = "created", **sent: Any) -> dict[str, Any]:
    return dict(razorpay.control("dispute", {"payment_id": payment_id, "status": status, **sent}))


def test_new_dispute_is_open_about_the_whole_payment(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    made = dispute(razorpay, payment_id)
    assert (made["status"], made["phase"], made["amount"]) == ("open", "chargeback", 50_000)
    assert (made["amount_deducted"], made["respond_by"]) == (0, NOW_S + 3 * 86_400)
    event = last_event(razorpay)
    assert event["event"] == "payment.dispute.created" and event["contains"] == ["payment", "dispute"]
    assert event["payload"]["dispute"]["entity"] == made
    assert event["payload"]["payment"]["entity"]["id"] == payment_id


@pytest.mark.parametrize("word", STATUSES)
def test_status_is_the_last_word_of_the_event(word: str, razorpay: FakeRazorpay) -> None:
    assert dispute(razorpay, a_payment(razorpay), word)["status"] == STATUSES[word]
    assert event_names(razorpay)[-1] == f"payment.dispute.{word}"


def test_dispute_id_continues_a_dispute(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    made = dispute(razorpay, payment_id, amount=20_000)
    for word in ("action_required", "under_review", "lost"):
        changed = dispute(razorpay, payment_id, word, dispute_id=made["id"])
        assert (changed["id"], changed["status"], changed["amount"]) == (made["id"], STATUSES[word], 20_000)
        assert changed["amount_deducted"] == (20_000 if word == "lost" else 0)
    assert len(razorpay.disputes) == 1


def test_action_that_is_required_again_has_a_new_time(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    made = dispute(razorpay, payment_id, "under_review")
    razorpay.now_s = lambda: NOW_S + 60
    changed = dispute(razorpay, payment_id, "action_required", dispute_id=made["id"])
    assert (changed["status"], changed["respond_by"]) == ("open", NOW_S + 60 + 3 * 86_400)


@pytest.mark.parametrize("final", FINAL)
def test_dispute_never_leaves_its_final_status(final: str, razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    made = dispute(razorpay, payment_id, final)
    with pytest.raises(Rejected):
        dispute(razorpay, payment_id, "under_review", dispute_id=made["id"])
    assert razorpay.disputes[made["id"]]["status"] == final


def test_dispute_that_has_ended_goes_into_its_next_phase(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    made = dispute(razorpay, payment_id, "won")
    for phase in ("pre_arbitration", "arbitration"):
        again = dispute(razorpay, payment_id, dispute_id=made["id"])
        assert (again["id"], again["status"], again["phase"]) == (made["id"], "open", phase)
        dispute(razorpay, payment_id, "won", dispute_id=made["id"])
    with pytest.raises(Rejected):  # there is none after it
        dispute(razorpay, payment_id, dispute_id=made["id"])


def test_later_dispute_of_a_payment_is_its_next_phase(razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    phases = [dispute(razorpay, payment_id, "won")["phase"] for _ in range(4)]
    assert phases == ["chargeback", "pre_arbitration", "arbitration", "arbitration"]
    assert dispute(razorpay, a_payment(razorpay))["phase"] == "chargeback"


@pytest.mark.parametrize("amount", [0, -1, 50_001, "200"])
def test_dispute_is_about_a_part_of_the_payment(amount: Any, razorpay: FakeRazorpay) -> None:
    payment_id = a_payment(razorpay)
    with pytest.raises(Rejected):
        dispute(razorpay, payment_id, amount=amount)
    assert razorpay.disputes == {} and dispute(razorpay, payment_id, amount=50_000)["amount"] == 50_000


def test_dispute_continues_only_about_its_own_payment_and_amount(razorpay: FakeRazorpay) -> None:
    payment_id, other = a_payment(razorpay), a_payment(razorpay)
    made = dispute(razorpay, payment_id, amount=20_000)
    for wrong in ({"payment_id": other}, {"amount": 30_000}, {"status": "created"}, {"dispute_id": "disp_1"}):
        with pytest.raises(Rejected):
            razorpay.control(
                "dispute", {"payment_id": payment_id, "status": "lost", "dispute_id": made["id"], **wrong}
            )
    assert razorpay.disputes[made["id"]]["status"] == "open"


def test_disputes_are_listed_and_found(razorpay: FakeRazorpay) -> None:
    made = [dispute(razorpay, a_payment(razorpay))["id"] for _ in range(3)]
    assert ids_in(razorpay, "/v1/disputes") == made[::-1]
    assert ids_in(razorpay, "/v1/disputes", count="1", skip="1") == [made[1]]
    assert call(razorpay, "GET", f"/v1/disputes/{made[0]}")[1] == razorpay.disputes[made[0]]
    assert call(razorpay, "GET", "/v1/disputes/disp_1")[0] == 400
