"""What a refund may be asked for, over HTTP, at each bound: amounts, what is left, whose key it is, and when."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.api_client import App
from tests.support.ledger_audit import COUNTS_OF_FAULTS, audit
from tests.support.local_stack import LocalStack
from tests.support.staff_client import Desk, code

DAY_S = 86_400
LIMIT, SPENT = (409, "refund_limit"), (409, "insufficient_funds")


@pytest.fixture
def desk(local_stack: LocalStack) -> Desk:
    return Desk(local_stack, "support")


@pytest.fixture(scope="module")
def seven_days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack on which customers may ask for their top-ups within a week."""
    stack = LocalStack(tmp_path_factory.mktemp("seven-days"), TOP_UP_REFUND_DAYS="7")
    yield stack
    stack.stop()


def pay_for_order(app: App, amount: str = "250.00") -> dict[str, Any]:
    payment = dict(app.post("/payments/", {"amount": amount, "source": "gateway"}))
    assert app.verify(payment, app.pay(payment)).status_code == 200
    return payment


@pytest.mark.parametrize(
    "amount", ["0.01", "0.99", "0", "-1.00", "100.001", "100.000", " ", "NaN", "9" * 400, True, {"paise": 1}]
)
def test_amount_that_is_none_is_refused(amount: Any, app: App, desk: Desk) -> None:
    payment = app.top_up()
    body = {"reason": "A stain", "amount": amount}
    refused = desk.call("POST", f"/payments/{payment['id']}/refunds/", body, "key")
    assert refused.status_code == 400 and set(refused.json()) == {"amount"}, refused.text
    assert app.get(f"/payments/{payment['id']}/refunds/")["count"] == 0 and app.balance == "500.00"


@pytest.mark.usefixtures("held")
def test_all_that_is_left_beside_a_pending_refund(app: App, desk: Desk, local_stack: LocalStack) -> None:
    payment = app.top_up()
    local_stack.control("refund_status", {"status": "pending"})
    assert desk.refund(payment, "200.00").json()["status"] == "pending"
    assert code(desk.refund(payment, "300.01")) == LIMIT
    rest = desk.refund(payment)
    assert rest.status_code == 201 and rest.json()["amount"] == "300.00" and app.wallet == ("0.00", "500.00", "0.00")
    assert code(desk.refund(payment)) == code(desk.refund(payment, "1.00")) == LIMIT
    assert app.get(f"/payments/{payment['id']}/")["amount_refunding"] == "500.00"


def test_payment_without_a_wallet_is_refunded_to_both_places(app: App, desk: Desk) -> None:
    payment = pay_for_order(app)
    assert desk.refund(payment, "100.00").json()["status"] == "processed"
    assert app.wallet == ("0.00", "0.00", "0.00") and app.transactions == []
    assert desk.refund(payment, "100.00", destination="wallet").json()["status"] == "processed"
    assert app.wallet == ("100.00", "0.00", "0.00")
    assert code(desk.refund(payment, "50.01", destination="wallet")) == LIMIT
    assert desk.refund(payment).json()["amount"] == "50.00" and app.status(payment) == "refunded"


def test_what_is_not_paid_has_nothing_to_refund(app: App, desk: Desk) -> None:
    app.top_up("10.00")
    created, failed = app.add_money("20.00"), app.spend("10.01", "spend")
    assert failed.status_code == 400
    assert code(desk.refund(created)) == code(desk.refund(created, "1.00")) == LIMIT
    (refused,) = (row for row in app.get("/payments/")["results"] if row["status"] == "failed")
    assert code(desk.refund(refused)) == LIMIT


@pytest.mark.parametrize("kept", ["0.01", "0.00"])
def test_top_up_is_refunded_as_far_as_its_cash_is_there(kept: str, app: App, desk: Desk) -> None:
    payment = app.top_up("100.00")
    assert app.spend("50.00", "spend").status_code == 201
    if kept == "0.01":
        assert code(desk.refund(payment, "50.01")) == SPENT
    else:
        assert desk.refund(payment, "50.00").status_code == 201 and app.wallet == ("0.00", "0.00", "0.00")


def test_one_key_of_two_people_is_two_refunds(app: App, desk: Desk, local_stack: LocalStack) -> None:
    """A key belongs to whoever asks and to the payment."""
    first, second = app.top_up(), app.top_up()
    colleague = Desk(local_stack, "support", sub="5afa0000-0000-4000-8000-0000000000ff")
    asked = [desk.refund(first, "100.00", "key"), colleague.refund(first, "100.00", "key")]
    asked.append(desk.refund(second, "100.00", "key"))
    assert [response.status_code for response in asked] == [201] * 3
    assert len({response.json()["id"] for response in asked}) == 3 and app.balance == "700.00"
    assert desk.refund(first, "200.00", "key").headers["X-Error-Code"] == "idempotency_key_reused"


@pytest.mark.usefixtures("held")
def test_owed_money_is_justified_and_taken_from_the_next_top_up(
    app: App, desk: Desk, local_stack: LocalStack, aws: Callable[[str], Any]
) -> None:
    payment = app.top_up()
    assert app.spend("450.00", "spend").status_code == 201
    attempt_id = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    local_stack.control("refund", {"payment_id": attempt_id, "amount": 20_000})
    local_stack.control("deliver", {})
    assert app.wallet == ("0.00", "0.00", "150.00")
    app.top_up("200.00")
    assert app.wallet == ("50.00", "0.00", "0.00")
    assert code(desk.refund(payment, "50.01")) == SPENT
    counts = audit(local_stack, aws, app.customer["id"])
    assert {name: counts[name] for name in COUNTS_OF_FAULTS} == dict.fromkeys(COUNTS_OF_FAULTS, 0)
    assert (counts["OwedPaise"], counts["OwedEndedPaise"]) == (15_000, 15_000)


def test_customer_asks_within_the_days(seven_days: LocalStack) -> None:
    app, desk = App(seven_days), Desk(seven_days, "support")
    payment, order = app.top_up(), pay_for_order(app)
    path = f"/payments/{payment['id']}/refunds/"
    refused = app.call("POST", f"/payments/{order['id']}/refunds/", {}, "key")
    assert code(refused) == (403, "refund_not_allowed")
    assert app.spend("400.00", "spend").status_code == 201
    assert code(app.call("POST", path, {"amount": "100.01"}, "key")) == SPENT
    asked = app.call("POST", path, {"amount": "60.00"}, "key")
    by_staff = desk.refund(payment, "40.00", "key")
    assert (asked.status_code, by_staff.status_code) == (201, 201) and asked.json()["id"] != by_staff.json()["id"]
    assert app.wallet == ("0.00", "0.00", "0.00")
    assert app.call("POST", path, {"amount": "60.00"}, "key").headers["Idempotency-Replayed"] == "true"


def test_customer_is_refused_after_the_days(seven_days: LocalStack) -> None:
    app = App(seven_days)
    payment = app.top_up()
    path = f"/payments/{payment['id']}/refunds/"
    seven_days.clock(7 * DAY_S - 30)
    assert app.call("POST", f"{path}?dry_run=true", {}, "key").status_code == 200
    seven_days.clock(31)
    assert code(app.call("POST", path, {}, "key")) == (403, "refund_not_allowed")
    assert app.balance == "500.00"


def test_blocked_wallets_customer_may_not_ask_and_staff_may(seven_days: LocalStack) -> None:
    app, desk = App(seven_days), Desk(seven_days, "support")
    payment = app.top_up()
    wallet_id = app.get("/wallets/")["results"][0]["id"]
    assert desk.call("POST", f"/wallets/{wallet_id}/block/", {"reason": "Stolen phone"}).status_code == 200
    path = f"/payments/{payment['id']}/refunds/"
    assert code(app.call("POST", path, {"amount": "10.00"}, "key")) == (403, "wallet_blocked")
    assert desk.refund(payment, "10.00").status_code == 201 and app.balance == "490.00"


@pytest.mark.usefixtures("held")
def test_slower_refund_stays_pending_in_the_list(app: App, desk: Desk, local_stack: LocalStack) -> None:
    payment = app.top_up()
    local_stack.control("refund_status", {"status": "pending"})
    refund = desk.refund(payment, "200.00").json()
    refund_id = refund["gateway_refund_id"]
    for status, row in (("speed_changed", "pending"), ("processed", "completed")):
        local_stack.control("refund_status", {"refund_id": refund_id, "status": status})
        assert {answer["status"] for answer in local_stack.control("deliver", {"times": 2})} == {200}
        newest = app.transactions[0]
        assert (newest["type"], newest["category"], newest["amount"], newest["status"]) == (
            "debit",
            "refund",
            "200.00",
            row,
        )
        assert (newest["payment"], newest["description"]) == (payment["id"], payment["description"])
    assert app.wallet == ("300.00", "0.00", "0.00") and len(app.transactions) == 2
