"""The five writes to DynamoDB, alone and in transactions, and the rows in memory after them."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.aws.dynamodb import Delete, Insert, Overwrite, Require, Update, Write, execute, transact
from shared.payments.models import get_payment
from tests.unit.aws.conftest import CUSTOMER, a_payment, stored

pytestmark = pytest.mark.usefixtures("payments_table")


def status(payment_id: str) -> str | None:
    payment = get_payment(CUSTOMER, payment_id)
    return payment.status if payment else None


def run_alone(write: Any) -> bool:
    return execute(write)


def run_in_transaction(write: Any) -> bool:
    return transact(write) == []


RUNS = pytest.mark.parametrize("run", [run_alone, run_in_transaction])
Run = Callable[[Any], bool]


# --- writes


@RUNS
def test_insert_fails_if_key_is_taken(run: Run) -> None:
    assert run(Insert(a_payment("p"))) and not run(Insert(a_payment("p", status="failed")))
    assert status("p") == "created"


@RUNS
def test_overwrite_replaces_whatever_is_stored(run: Run) -> None:
    assert run(Overwrite(a_payment("p", contact="+919876543210")))
    assert run(Overwrite(a_payment("p", status="failed")))
    payment = get_payment(CUSTOMER, "p")
    assert payment and (payment.status, payment.contact) == ("failed", "")


@RUNS
def test_delete_removes_row_as_expected_only(run: Run) -> None:
    payment = stored("p")
    assert not run(Delete(payment, expect={"status": "failed"})) and status("p") == "created"
    assert run(Delete(payment, expect={"status": "created", "open": None})) and status("p") is None
    assert run(Delete(payment))  # nothing is expected, and nothing is left to remove
    assert not run(Delete(payment, expect={"status": "created"}))


@RUNS
def test_update_sets_removes_and_appends(run: Run) -> None:
    payment = stored("p", open="1", review={"pay_1:old": "then"})
    changes = {"status": "captured", "open": None, "review.pay_2:new": "now"}
    assert run(Update(payment, changes, append={"timeline": ["captured", "seen"]}))
    after = get_payment(CUSTOMER, "p")
    assert after
    for row in (payment, after):  # the row in memory shows what is stored
        assert row.status == "captured" and row.open is None and row.amount_paise == 100
        assert list(row.timeline) == ["created", "captured", "seen"]
        assert {key: row.review[key] for key in row.review} == {"pay_1:old": "then", "pay_2:new": "now"}


@RUNS
@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({"expect_status": ("created", "failed")}, True),
        ({"expect_status": ("captured",)}, False),
        ({"expect": {"amount_paise": 100, "open": None}}, True),
        ({"expect": {"amount_paise": 101, "open": None}}, False),
        ({"expect": {"amount_paise": 100, "open": "1"}}, False),
        ({"expect": {"contact": None}}, False),  # stored as an empty text, which is not absent
        ({"expect_not": {"amount_paise": 101}}, True),
        ({"expect_not": {"amount_paise": 100}}, False),
        ({"expect_not": {"amount_paise": None}}, True),
        ({"expect_not": {"open": None}}, False),
        ({"expect_absent": "review.pay_1:new"}, True),
        ({"expect_absent": "review.pay_1:old"}, False),
        ({"expect_status": ("created",), "expect": {"checks": 0}, "expect_absent": "review.pay_1:old"}, False),
    ],
)
def test_update_needs_every_expectation(run: Run, conditions: dict[str, Any], holds: bool) -> None:
    """A blocked update leaves the row as it is, stored and in memory."""
    payment = stored("p", review={"pay_1:old": "then"})
    assert run(Update(payment, {"status": "captured"}, append={"timeline": ["x"]}, **conditions)) is holds
    assert status("p") == payment.status == ("captured" if holds else "created")
    assert list(payment.timeline) == (["created", "x"] if holds else ["created"])


@RUNS
def test_update_of_absent_row_is_blocked(run: Run) -> None:
    assert not run(Update(a_payment("p"), {"status": "captured"})) and status("p") is None


@pytest.mark.parametrize(
    ("expect", "holds"),
    [
        ({"status": "created"}, True),
        ({"status": "created", "open": None}, True),
        ({"status": "failed"}, False),
        ({"status": "created", "open": "1"}, False),
    ],
)
def test_require_checks_row_and_changes_nothing(expect: dict[str, Any], holds: bool) -> None:
    payment = stored("p")
    before = payment.serialize()
    require, insert = Require(payment, expect), Insert(a_payment("other"))
    assert transact(insert, require) == ([] if holds else [require])
    assert status("other") == ("created" if holds else None)
    after = get_payment(CUSTOMER, "p")
    assert after and after.serialize() == before


def test_require_of_absent_row_fails_unless_absence_is_expected() -> None:
    absent = a_payment("absent")
    require = Require(absent, {"status": "created"})
    assert transact(Insert(a_payment("p")), require) == [require] and status("p") is None
    assert transact(Insert(a_payment("p")), Require(absent, {"status": None})) == [] and status("p") == "created"
    assert status("absent") is None


# --- transactions of several writes


def five_writes(blocked: set[str]) -> dict[str, Write]:
    """One write of each kind, in another order than pynamodb sends them. Those named are blocked."""
    rows = {name: stored(name, status="failed" if name in blocked else "created") for name in "urd"}
    if "i" in blocked:
        stored("i", status="failed")
    return {
        "u": Update(rows["u"], {"status": "captured"}, append={"timeline": ["x"]}, expect_status=("created",)),
        "i": Insert(a_payment("i", status="captured")),
        "r": Require(rows["r"], {"status": "created"}),
        "o": Overwrite(a_payment("o", status="captured")),
        "d": Delete(rows["d"], {"status": "created"}),
    }


def test_five_writes_in_any_order_are_one_transaction() -> None:
    writes = five_writes(blocked=set())
    assert transact(*writes.values()) == []
    found = {name: status(name) for name in writes}
    assert found == {"u": "captured", "i": "captured", "r": "created", "o": "captured", "d": None}


@pytest.mark.parametrize("blocked", ["u", "i", "r", "d", "ud", "ri", "uird"])
def test_blocked_writes_are_named_whatever_their_order(blocked: str) -> None:
    """DynamoDB gives its reasons in the order of the request: checks, deletes, puts, updates."""
    writes = five_writes(set(blocked))
    before = {name: status(name) for name in writes}
    for order in ("uirod", "dorui", "irduo", "orudi"):
        result = transact(*(writes[name] for name in order))
        assert {name for name, write in writes.items() if write in result} == set(blocked)
        assert len(result) == len(blocked)
        assert {name: status(name) for name in writes} == before
    row: Any = writes["u"].row
    assert (row.status, list(row.timeline)) == (before["u"], ["created"])
