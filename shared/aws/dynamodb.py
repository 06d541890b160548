"""DynamoDB: conditional writes, consistent reads, and the only code that interprets its errors.

Five writes make up every change: `Insert`, `Update`, `Require`, `Delete` and `Overwrite`. `execute` runs one of them,
`transact` runs several, all of them or none. Only conditions guard the data. DynamoDB's request tokens expire, so
nothing relies on them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from pynamodb.attributes import Attribute
from pynamodb.connection import TableConnection
from pynamodb.constants import NUMBER
from pynamodb.exceptions import (
    DeleteError,
    DoesNotExist,
    PutError,
    PynamoDBException,
    TransactWriteError,
    UpdateError,
)
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from shared import clock, private_names
from shared.aws.dynamodb_client import client, connection
from shared.aws.dynamodb_errors import (
    CONFLICT_REASONS,
    CONFLICTS,
    TransactionConflict,
    code_of,
    conflict,
    translated,
)
from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.settings import settings
from shared.telemetry import journal

TRIES_MAX = 8  # of a read and a conditional write that depends on it
PAUSE_S = 0.02  # before the second try, doubled before each further one

OPEN = "1"  # the one key of every sparse index
INTEGER_MAX = 10**17  # beyond any time in microseconds, far below the 38 digits that DynamoDB keeps

T = TypeVar("T")
Row = TypeVar("Row", bound="Table")


class IntegerAttribute(Attribute[int]):
    """A whole number, stored exactly: neither a float nor a bool, nor more digits than DynamoDB keeps."""

    attr_type = NUMBER

    def serialize(self, value: Any) -> str:
        if type(value) is not int or abs(value) > INTEGER_MAX:
            raise ValueError(f"not a whole number in range: {value!r}")
        return str(value)

    def deserialize(self, value: str) -> int:
        return int(value)


class Table(Model):
    """The base of every model. `Meta.table_setting` is the setting that holds the table's name.

    The name is read at first use, so importing a model needs no environment. All models share one client.
    """

    Meta: Any

    @classmethod
    def _get_connection(cls) -> TableConnection:
        cls.Meta.table_name = getattr(settings(), cls.Meta.table_setting)
        table = super()._get_connection()
        private_names.use_client(table.connection, client())
        return table

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        row: Self = private_names.read_row(cls, data)
        return row


# --- writes: compared by identity, so they are dataclasses and not tuples


@dataclass(eq=False, repr=False)
class Insert:
    """Put the row if its key is not taken."""

    row: Table


@dataclass(eq=False, repr=False)
class Overwrite:
    """Put the row, whatever is stored under its key."""

    row: Table


@dataclass(eq=False, repr=False)
class Update:
    """Change attributes of a stored row if all expectations hold.

    `set` maps attributes, or `attribute.key` of a map, to new values; None removes. `append` adds to lists.
    `expect` compares attributes, and `expect_not` names values that they must not have; None means absent in both.
    `expect_status` lists the statuses allowed before;
    `expect_absent` is an `attribute.key` that must not be there yet. With `may_insert` the row need not be stored.
    Afterwards `row` has its new state.
    """

    row: Table
    set: Mapping[str, Any]
    append: Mapping[str, list[Any]] = field(default_factory=dict)
    expect: Mapping[str, Any] = field(default_factory=dict)
    expect_not: Mapping[str, Any] = field(default_factory=dict)
    expect_status: Sequence[str] = ()
    expect_absent: str = ""
    may_insert: bool = False


@dataclass(eq=False, repr=False)
class Require:
    """Change nothing, but fail unless the row under this key has these attributes; None means absent."""

    row: Table
    expect: Mapping[str, Any]


@dataclass(eq=False, repr=False)
class Delete:
    """Remove the row if it has these attributes."""

    row: Table
    expect: Mapping[str, Any] = field(default_factory=dict)


Write = Insert | Overwrite | Update | Require | Delete


def execute(write: Insert | Overwrite | Update | Delete) -> bool:
    """Run one write on its own; False if its condition failed. The row of an Update then is as it is stored."""
    try:
        match write:
            case Insert(row) | Overwrite(row):
                row.save(condition=_condition(write))
            case Update(row):
                row.update(actions=_actions(write), condition=_condition(write))
            case Delete(row):
                row.delete(condition=_condition(write))
    except (PutError, UpdateError, DeleteError) as error:
        if code_of(error) == "ConditionalCheckFailedException":
            return False
        raise translated(error) from error
    except PynamoDBException as error:
        raise translated(error) from error
    return True


def transact(*writes: Write) -> list[Write]:
    """Run all writes or none; the writes whose conditions failed, empty on success."""
    try:
        with TransactWrite(connection=connection()) as transaction:
            for write in writes:
                _add(transaction, write)
    except TransactWriteError as error:
        return _blocked(error, writes)
    except PynamoDBException as error:
        raise translated(error) from error
    for write in writes:
        if isinstance(write, Update):
            _update_in_memory(write)
    return []


def retrying(try_once: Callable[[], T | None]) -> T:
    """Call `try_once` until it returns a result; None or TransactionConflict means "read again and retry".

    ServiceUnavailable when the tries or the time run out.
    """
    for number in range(TRIES_MAX):
        try:
            if (result := try_once()) is not None:
                return result
        except TransactionConflict:
            pass
        journal.count("TransactionRetried")
        pause_s = clock.jitter(PAUSE_S * 2**number)
        if pause_s > Deadline.current().remaining_s:
            break
        clock.sleep(pause_s)
    raise ServiceUnavailable


def _add(transaction: TransactWrite, write: Write) -> None:
    match write:
        case Insert(row) | Overwrite(row):
            transaction.save(row, condition=_condition(write))
        case Update(row):
            transaction.update(row, actions=_actions(write), condition=_condition(write))
        case Require(row):
            hash_key, range_key = getattr(row, str(row._hash_keyname)), getattr(row, str(row._range_keyname))
            transaction.condition_check(type(row), hash_key, range_key, condition=_condition(write))
        case Delete(row):
            transaction.delete(row, condition=_condition(write))


def _in_order_sent(writes: Sequence[Write]) -> list[Write]:
    """The writes in the order in which pynamodb sends them, which is the order of DynamoDB's reasons."""
    kinds: tuple[tuple[type, ...], ...] = ((Require,), (Delete,), (Insert, Overwrite), (Update,))
    return [write for kind in kinds for write in writes if isinstance(write, kind)]


def _blocked(error: TransactWriteError, writes: Sequence[Write]) -> list[Write]:
    """The writes whose conditions failed; raises when the transaction was cancelled for anything else."""
    if code_of(error) in CONFLICTS:
        raise conflict() from error
    reasons = [reason.code if reason else "" for reason in error.cancellation_reasons]
    blocked = [
        write
        for write, reason in zip(_in_order_sent(writes), reasons, strict=False)
        if reason == "ConditionalCheckFailed"
    ]
    if blocked:
        return blocked
    if any(reason in CONFLICT_REASONS for reason in reasons):
        raise conflict() from error
    raise translated(error) from error


def _condition(write: Write) -> Condition | None:
    model: Any = type(write.row)
    match write:
        case Insert():
            return _all([model._hash_key_attribute().does_not_exist()])
        case Overwrite():
            return None
        case Require(expect=expect) | Delete(expect=expect):
            return _all(_equal(model, expect))
        case Update():
            conditions = [] if write.may_insert else [model._hash_key_attribute().exists()]
            if write.expect_status:
                conditions.append(model.status.is_in(*write.expect_status))
            conditions += _equal(model, write.expect)
            unwanted = [(getattr(model, name), value) for name, value in write.expect_not.items()]
            conditions += [path.exists() if value is None else path != value for path, value in unwanted]
            if write.expect_absent:
                conditions.append(_path(model, write.expect_absent).does_not_exist())
            return _all(conditions)


def _equal(model: Any, expect: Mapping[str, Any]) -> list[Condition]:
    """One condition per attribute."""
    paths = [(getattr(model, name), value) for name, value in expect.items()]
    return [path.does_not_exist() if value is None else path == value for path, value in paths]


def _all(conditions: list[Condition]) -> Condition | None:
    combined = None
    for condition in conditions:
        combined = condition if combined is None else combined & condition
    return combined


def _actions(update: Update) -> list[Any]:
    model = type(update.row)
    paths = [(_path(model, name), value) for name, value in update.set.items()]
    actions = [path.remove() if value is None else path.set(value) for path, value in paths]
    lists = [(_path(model, name), values) for name, values in update.append.items()]
    return actions + [path.set(path.append(values)) for path, values in lists]


def _path(model: Any, name: str) -> Any:
    """The document path of an attribute, or of a key in a map: `review.pay_1:amount_mismatch`."""
    attribute, _, key = name.partition(".")
    return getattr(model, attribute)[key] if key else getattr(model, attribute)


def _update_in_memory(update: Update) -> None:
    """Apply a committed update to the row in memory, which saves a read."""
    for name, value in update.set.items():
        attribute, _, key = name.partition(".")
        if key:
            getattr(update.row, attribute)[key] = value
        else:
            setattr(update.row, attribute, value)
    for name, values in update.append.items():
        setattr(update.row, name, [*getattr(update.row, name), *values])


# --- reads


def get(model: type[Row], hash_key: str, range_key: str | int, consistent: bool = True) -> Row | None:
    try:
        return model.get(hash_key, range_key, consistent_read=consistent)
    except DoesNotExist:
        return None
    except PynamoDBException as error:
        raise translated(error) from error


def get_each(model: type[Row], hash_key: str, range_keys: Sequence[str]) -> list[Row]:
    """The rows as they stand now, in the order of `range_keys`; rows that are gone are left out."""
    keys = [(hash_key, range_key) for range_key in range_keys]
    found = get_by_key(model, keys)
    return [found[key] for key in keys if key in found]


def get_by_key(model: type[Row], keys: Sequence[tuple[str, str]], consistent: bool = True) -> dict[Any, Row]:
    """The rows by their keys, of which none is there twice; rows that are gone are left out."""
    rows = read(lambda: model.batch_get(list(keys), consistent_read=consistent)) if keys else ()
    hash_name, range_name = str(model._hash_keyname), str(model._range_keyname)
    return {(getattr(row, hash_name), getattr(row, range_name)): row for row in rows}


def read(query: Callable[[], Iterator[T]]) -> Iterator[T]:
    """The results of a query, with DynamoDB's errors translated."""
    try:
        yield from query()
    except PynamoDBException as error:
        raise translated(error) from error


def count(query: Callable[[], int]) -> int:
    """The result of a counting query, with DynamoDB's errors translated."""
    try:
        return query()
    except PynamoDBException as error:
        raise translated(error) from error
