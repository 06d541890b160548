"""DynamoDB's errors as ours: conflicts are retried, transient errors are 503, and mistakes stay what they are."""

from collections.abc import Callable
from typing import Any

import pytest
from pynamodb.connection import Connection
from pynamodb.exceptions import CancellationReason, TransactWriteError, UpdateError, VerboseClientError
from pynamodb.transactions import TransactWrite

from shared.aws import dynamodb
from shared.aws.dynamodb import (
    INTEGER_MAX,
    Delete,
    Insert,
    IntegerAttribute,
    Overwrite,
    Require,
    Update,
    execute,
    transact,
)
from shared.aws.dynamodb_errors import TRANSIENT_ERRORS, TransactionConflict
from shared.errors import ServiceUnavailable
from shared.payments.models import Payment, get_payment
from shared.wallets.ledger import opening_entry
from shared.wallets.models import append, get_head
from tests.unit.aws.conftest import CUSTOMER, UNREACHABLE, a_payment, raises


def cancelled(reasons: list[str]) -> TransactWriteError:
    error: dict[str, Any] = {"Error": {"Code": "TransactionCanceledException", "Message": ""}}
    each = (CancellationReason(code=reason, message=None) if reason != "None" else None for reason in reasons)
    cause = VerboseClientError(error, "TransactWriteItems", {}, cancellation_reasons=each)
    return TransactWriteError("cancelled", cause)


@pytest.mark.usefixtures("payments_table")
@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (["TransactionConflict", "None"], TransactionConflict),
        (["None", "ThrottlingError"], TransactionConflict),
        (["ProvisionedThroughputExceeded", "None"], TransactionConflict),
        (["ValidationError", "None"], TransactWriteError),
    ],
)
def test_cancellation_for_other_reasons_raises(
    reasons: list[str], expected: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = a_payment("p")
    monkeypatch.setattr(TransactWrite, "__exit__", raises(cancelled(reasons)))
    with pytest.raises(expected):
        transact(Update(payment, {"status": "captured"}), Insert(a_payment("other")))
    assert payment.status == "created"


@pytest.mark.usefixtures("payments_table")
def test_blocked_write_prevails_over_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    update, insert = Update(a_payment("p"), {"status": "captured"}), Insert(a_payment("other"))
    monkeypatch.setattr(
        TransactWrite, "__exit__", raises(cancelled(["TransactionConflict", "ConditionalCheckFailed"]))
    )
    assert transact(update, insert) == [update]  # sent second: puts go before updates


@pytest.mark.usefixtures("payments_table")
@pytest.mark.parametrize("code", ["TransactionInProgressException", "TransactionConflictException"])
def test_conflicting_transaction_is_a_conflict(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cause = VerboseClientError({"Error": {"Code": code, "Message": ""}}, "TransactWriteItems", {})
    monkeypatch.setattr(TransactWrite, "__exit__", raises(TransactWriteError("conflict", cause)))
    with pytest.raises(TransactionConflict):
        transact(Insert(a_payment("p")))


@pytest.mark.usefixtures("payments_table")
@pytest.mark.parametrize("error", UNREACHABLE, ids=lambda error: type(error).__name__)
def test_unreachable_table_is_503_for_every_call(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    payment, entry = a_payment("p"), opening_entry("w")
    monkeypatch.setattr(Connection, "_make_api_call", raises(error))
    calls: list[Callable[[], object]] = [
        lambda: get_payment(CUSTOMER, "p"),
        lambda: get_head("w"),
        lambda: execute(Insert(payment)),
        lambda: execute(Overwrite(payment)),
        lambda: execute(Update(payment, {"status": "failed"})),
        lambda: execute(Delete(payment)),
        lambda: append(entry, Insert(payment)),
        lambda: transact(Require(payment, {"status": "created"})),
        lambda: dynamodb.get_each(Payment, CUSTOMER, ["p"]),
        lambda: dynamodb.count(lambda: Payment.in_review_index.count("1")),
    ]
    for call in calls:
        with pytest.raises(ServiceUnavailable):
            call()


@pytest.mark.parametrize("code", sorted(TRANSIENT_ERRORS))
def test_transient_error_is_503(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cause = VerboseClientError({"Error": {"Code": code, "Message": ""}}, "UpdateItem", {})
    monkeypatch.setattr(Payment, "update", raises(UpdateError("transient", cause)))
    with pytest.raises(ServiceUnavailable):
        execute(Update(a_payment("p"), {"status": "failed"}))


def test_mistake_of_ours_is_not_503(monkeypatch: pytest.MonkeyPatch) -> None:
    cause = VerboseClientError({"Error": {"Code": "ValidationException", "Message": ""}}, "UpdateItem", {})
    monkeypatch.setattr(Payment, "update", raises(UpdateError("mistake", cause)))
    with pytest.raises(UpdateError):
        execute(Update(a_payment("p"), {"status": "failed"}))


@pytest.mark.parametrize("value", [1.0, True, "1", None, INTEGER_MAX + 1, -INTEGER_MAX - 1])
def test_value_that_is_no_integer_in_range_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        IntegerAttribute().serialize(value)


@pytest.mark.parametrize("value", [0, -1, INTEGER_MAX, -INTEGER_MAX])
def test_integer_survives_a_round_trip(value: int) -> None:
    assert IntegerAttribute().deserialize(IntegerAttribute().serialize(value)) == value
