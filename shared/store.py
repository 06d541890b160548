"""Every read and conditional write of the tables, and the only place where DynamoDB's refusals are understood.

Writes come in two kinds, `Put` (if absent) and `Change` (if the item still stands as it was read); several of
them make one transaction, which tells those that were blocked. Conditions alone guard: nothing here expires and
no request token is relied upon.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, TypeVar

from pynamodb.connection import Connection
from pynamodb.exceptions import DoesNotExist, PutError, PynamoDBException, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from shared import clock, models, tally
from shared.errors import Unavailable
from shared.models import Entry as Entry
from shared.models import Image as Image
from shared.models import Payment as Payment
from shared.models import PaymentMethod as PaymentMethod
from shared.models import Refund as Refund
from shared.settings import settings

OPEN = "1"  # the one key of the sparse indexes
# The ids of rows that are no methods but stand beside them; none is a UUID, as a method's is.
DEFAULT = "default"
GATEWAY_CUSTOMER = "gateway_customer"
OWNER = "owner"
CARD = "card:"
TICKETS = "tickets"  # beside an owner's images: counts the valid tickets to upload one

T = TypeVar("T")
M = TypeVar("M", bound=Model)
Listed = TypeVar("Listed", Payment, Image)


class Contended(Exception):
    """Another transaction holds an item, or the table throttles: nothing was written; read again and retry."""


@dataclass(frozen=True, slots=True, eq=False)
class Put:
    """The item, if none has its key."""

    item: Model


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """New values for some attributes (None removes one), if the others still are as told."""

    item: Model
    values: Mapping[str, Any]
    status_in: Sequence[str] = ()
    unchanged: Mapping[str, Any] = field(default_factory=dict)
    absent_path: str = ""  # an entry of the review map that must not be there yet


Write = Put | Change


def transact(*writes: Write) -> list[Write]:
    """All of the writes or none; answers those that were blocked by their conditions, none when it happened."""
    _bind()
    puts = [one for one in writes if isinstance(one, Put)]
    changes = [one for one in writes if isinstance(one, Change)]
    try:
        with TransactWrite(connection=_connection()) as transaction:
            for put in puts:
                transaction.save(put.item, condition=_absent(put.item))
            for change in changes:
                transaction.update(change.item, actions=_actions(change), condition=_condition(change))
    except TransactWriteError as error:
        # pynamodb sends puts before updates, whatever the order of the calls; the reasons follow what was sent.
        return _blocked(error, [*puts, *changes])
    except PynamoDBException as error:
        raise _unavailable(error) from error
    for change in changes:
        _apply(change)
    return []


def write(one: Write) -> bool:
    """One conditional write on its own; False when it was blocked. A changed item comes back as stored."""
    _bind()
    try:
        if isinstance(one, Put):
            one.item.save(condition=_absent(one.item))
        else:
            one.item.update(actions=_actions(one), condition=_condition(one))
    except (PutError, UpdateError) as error:
        if _code(error) == "ConditionalCheckFailedException":
            return False
        raise _unavailable(error) from error
    except PynamoDBException as error:
        raise _unavailable(error) from error
    return True


# --- the ledger


def head(wallet: str) -> Entry | None:
    """The newest entry, which is the balance."""
    return next(_read(lambda: Entry.query(wallet, scan_index_forward=False, limit=1, consistent_read=True)), None)


def entry(wallet: str, seq: int) -> Entry | None:
    # Entries never change: an old view that has one is as good as the newest, for half the price.
    return _get(Entry, wallet, seq, consistent=False) or _get(Entry, wallet, seq)


def entries(wallet: str, seq_from: int, seq_to: int, newest_first: bool = True) -> list[Entry]:
    """The entries from one number to another, both included."""

    def found(consistent: bool) -> list[Entry]:
        between, forward = Entry.seq.between(seq_from, seq_to), not newest_first
        query = partial(Entry.query, wallet, between, scan_index_forward=forward, consistent_read=consistent)
        return list(_read(query))

    perhaps_old = found(consistent=False)
    return perhaps_old if len(perhaps_old) == seq_to - seq_from + 1 else found(consistent=True)


def append(new: Entry, *justified_by: Write) -> list[Write]:
    """Put the next entry together with the record that justifies it; the only code that writes to the ledger.

    The condition on the entry's number is the wallet's lock. Blocked writes are answered, as `transact` does.
    """
    return transact(Put(new), *justified_by)


def entry_from(image: Mapping[str, Any]) -> Entry:
    """The entry that a stream tells of."""
    return Entry.from_raw_data(dict(image))


def credits_of(wallet: str, payment_id: str, newest: int) -> list[Entry]:
    """The credits that a payment justifies among the newest entries, and beyond them until one is found."""
    found: list[Entry] = []
    for place, one in enumerate(_read(lambda: Entry.query(wallet, scan_index_forward=False, consistent_read=True))):
        if place >= newest and found:
            break
        if one.payment == payment_id and one.type == "credit":
            found.append(one)
    return found


# --- payments


def payment_from(image: Mapping[str, Any]) -> Payment:
    """The payment that a stream tells of."""
    return Payment.from_raw_data(dict(image))


def payment(customer: str, payment_id: str) -> Payment | None:
    return _get(Payment, customer, payment_id)


def payment_of_gateway_order(gateway_order: str) -> Payment | None:
    """Found by an index, which may not know it yet, and read from the table as it stands now."""
    found = next(_read(lambda: Payment.by_gateway_order.query(gateway_order, limit=1)), None)
    return payment(found.customer, found.id) if found else None


def payment_ids(customer: str) -> list[str]:
    """Of all of a customer's payments, newest first, the one written a moment ago included."""
    found = _read(lambda: Payment.by_time.query(customer, scan_index_forward=False, consistent_read=True))
    return [one.id for one in found]


def payments(customer: str, ids: Sequence[str]) -> list[Payment]:
    """These payments as they stand now, in this order."""
    return _get_each(Payment, customer, ids)


def payments_to_check(until_us: int, limit: int) -> list[tuple[str, str]]:
    """(customer, id) of open payments whose next check is due, the longest waiting first."""
    due = models.OpenPayments.next_check_at_us <= until_us
    return [(one.customer, one.id) for one in _read(lambda: Payment.open_index.query(OPEN, due, limit=limit))]


def payments_in_review() -> int:
    """How many payments wait for a person."""
    _bind()
    try:
        return Payment.in_review_index.count(OPEN)
    except PynamoDBException as error:
        raise _unavailable(error) from error


def refund(payment_id: str, refund_id: str) -> Refund | None:
    return _get(Refund, payment_id, refund_id)


# --- images


def image(owner: str, image_id: str) -> Image | None:
    return _get(Image, owner, image_id)


def image_ids(owner: str) -> list[str]:
    """Of all of an owner's images, newest first, the one written a moment ago included."""
    rows = _read(lambda: Image.by_time.query(owner, scan_index_forward=False, consistent_read=True))
    return [one.id for one in rows]


def images(owner: str, ids: Sequence[str]) -> list[Image]:
    """The images with these ids, in their order; those that are gone are left out."""
    return _get_each(Image, owner, ids)


def images_to_check(until_us: int, limit: int) -> list[tuple[str, str]]:
    """(owner, id) of images that the sweeper has to look at by now, the longest waiting first."""
    due = models.OpenImages.next_check_at_us <= until_us
    return [(one.owner, one.id) for one in _read(lambda: Image.open_index.query(OPEN, due, limit=limit))]


def remove_image(image: Image) -> None:
    """Take the row of an image away whose objects are gone."""
    try:
        image.delete()
    except PynamoDBException as error:
        raise _unavailable(error) from error


# --- payment methods


def get_method(customer: str, method_id: str) -> PaymentMethod | None:
    """An active method of the customer's."""
    method = any_method(customer, method_id)
    return method if method and method.is_active else None


def any_method(customer: str, method_id: str) -> PaymentMethod | None:
    """A method of the customer's, also one that is deleted or not shown yet."""
    method = _get(PaymentMethod, customer, method_id)
    return method if method and method.type else None


def list_methods(customer: str) -> list[PaymentMethod]:
    """The active methods, in no particular order."""
    rows = _read(lambda: PaymentMethod.query(customer, consistent_read=True))
    return [method for method in rows if method.type and method.is_active]


def default_method(customer: str) -> str | None:
    pointer = _get(PaymentMethod, customer, DEFAULT)
    return pointer.method if pointer else None


def put_method(method: PaymentMethod, make_default: bool) -> None:
    """Save a new method; with `make_default` the pointer moves in the same transaction."""
    _retried(lambda: _method_transaction(method, put=True, pointer=method.id if make_default else None))


def update_method(method: PaymentMethod, changes: Mapping[str, Any], default: bool | None) -> PaymentMethod | None:
    """Change an active method and, with `default`, make it the default or no longer; None when it is gone."""

    def change() -> bool:
        if default is False:
            return _let_go(method, changes)
        return _method_transaction(method, changes=changes, pointer=method.id if default else None)

    return get_method(method.customer, method.id) if _retried(change) else None


def set_default_method(customer: str, method_id: str) -> bool:
    """Point at an active method; False when it is not there."""
    return method_id != DEFAULT and _retried(
        lambda: _method_transaction(PaymentMethod(customer, method_id), pointer=method_id)
    )


def delete_method(customer: str, method_id: str, also: Mapping[str, Any] | None = None) -> bool:
    """Soft-delete an active method and let go of the pointer if it pointed there; False when it is gone."""
    changes = {"is_active": False, "updated_at_us": clock.now_us(), **(also or {})}
    return method_id != DEFAULT and _retried(lambda: _let_go(PaymentMethod(customer, method_id), changes))


def _method_transaction(
    method: PaymentMethod,
    *,
    put: bool = False,
    changes: Mapping[str, Any] | None = None,
    pointer: str | None = None,
) -> bool:
    """False when the method is not (any longer) there to be changed or pointed at."""
    _bind()
    try:
        with TransactWrite(connection=_connection()) as transaction:
            if put:
                transaction.save(method, condition=_absent(method))
            elif changes:
                transaction.update(method, actions=_actions(Change(method, changes)), condition=_ACTIVE)
            elif pointer:
                transaction.condition_check(PaymentMethod, method.customer, method.id, condition=_ACTIVE)
            if pointer:
                transaction.save(PaymentMethod(method.customer, DEFAULT, method=pointer))
    except TransactWriteError as error:
        return not _blocked(error, None)
    except PynamoDBException as error:
        raise _unavailable(error) from error
    return True


def _let_go(method: PaymentMethod, changes: Mapping[str, Any]) -> bool:
    """Change an active method that is not the default afterwards; False when it is gone."""
    pointed_at = default_method(method.customer) == method.id
    try:
        with TransactWrite(connection=_connection()) as transaction:
            if pointed_at:
                pointer = PaymentMethod(method.customer, DEFAULT)
                transaction.delete(pointer, condition=PaymentMethod.method == method.id)
            else:
                elsewhere = PaymentMethod.method.does_not_exist() | (PaymentMethod.method != method.id)
                transaction.condition_check(PaymentMethod, method.customer, DEFAULT, condition=elsewhere)
            transaction.update(method, actions=_actions(Change(method, changes)), condition=_ACTIVE)
    except TransactWriteError as error:
        if 1 in _blocked(error, None):  # the update is sent last
            return False
        raise Contended from error  # the pointer moved meanwhile
    except PynamoDBException as error:
        raise _unavailable(error) from error
    return True


_ACTIVE = (PaymentMethod.is_active == True) & PaymentMethod.type.exists()  # noqa: E712, a condition


# --- whose the gateway's customers and tokens are


def owner_of(gateway_id: str) -> str | None:
    """The customer whose this customer or token of the gateway is."""
    row = _get(PaymentMethod, gateway_id, OWNER)
    return row.owner if row else None


def owned(gateway_id: str, customer: str) -> Put:
    """The claim, for ever: no other customer can have the same id."""
    return Put(PaymentMethod(gateway_id, OWNER, owner=customer))


def gateway_customer_of(customer: str) -> str | None:
    row = _get(PaymentMethod, customer, GATEWAY_CUSTOMER)
    return row.gateway_customer if row else None


def known_as(customer: str, gateway_customer: str) -> Put:
    return Put(PaymentMethod(customer, GATEWAY_CUSTOMER, gateway_customer=gateway_customer))


def method_of_card(customer: str, card: str) -> str | None:
    """The id of the one method that a card has."""
    row = _get(PaymentMethod, customer, CARD + card)
    return row.method if row else None


def only_method_of_card(customer: str, card: str, method_id: str, instead_of: str | None) -> "Write":
    row = PaymentMethod(customer, CARD + card, method=method_id)
    return Change(row, {"method": method_id}, unchanged={"method": instead_of}) if instead_of else Put(row)


def default_moved(customer: str, method_id: str, instead_of: str) -> Change:
    return Change(PaymentMethod(customer, DEFAULT), {"method": method_id}, unchanged={"method": instead_of})


def methods_to_check(until_us: int, limit: int) -> list[tuple[str, str]]:
    """(customer, id) of saved cards about which the gateway is to be asked or told, the longest waiting first."""
    due = models.MethodsToCheck.next_check_at_us <= until_us
    return [(one.customer, one.id) for one in _read(lambda: PaymentMethod.open_index.query(OPEN, due, limit=limit))]


# --- beneath


def retries(deadline_us: int | None = None, attempts: int = 8) -> Iterator[int]:
    """Numbers of tries with growing, scattered pauses between them; Unavailable when they run out."""
    for attempt in range(attempts):
        yield attempt
        tally.count("TransactionRetried")
        pause_s = clock.jitter(0.02 * 2**attempt)
        if deadline_us is not None and clock.now_us() + pause_s * 1_000_000 > deadline_us:
            break
        clock.pause(pause_s)
    raise Unavailable


def _retried(act: Callable[[], T]) -> T:
    for _ in retries():
        try:
            return act()
        except Contended:
            continue
    raise Unavailable


@cache
def _connection() -> Connection:
    return Connection(
        connect_timeout_seconds=models.CONNECT_TIMEOUT_S,
        read_timeout_seconds=models.READ_TIMEOUT_S,
        max_retry_attempts=models.RETRIES,
    )


@cache
def _bind() -> None:
    """Give the models their tables' names, at first use."""
    PaymentMethod.Meta.table_name = settings().payment_methods_table
    Entry.Meta.table_name = settings().wallet_entries_table
    Payment.Meta.table_name = settings().payments_table
    Refund.Meta.table_name = settings().refunds_table
    Image.Meta.table_name = settings().images_table


def _get(model: type[M], hash_key: str, range_key: str | int, consistent: bool = True) -> M | None:
    _bind()
    try:
        return model.get(hash_key, range_key, consistent_read=consistent)
    except DoesNotExist:
        return None
    except PynamoDBException as error:
        raise _unavailable(error) from error


def _get_each(model: type[Listed], hash_key: str, range_keys: Sequence[str]) -> list[Listed]:
    """The rows as they stand now, in the order of their keys; those that are gone are left out."""
    keys = [(hash_key, one) for one in range_keys]
    rows = _read(lambda: model.batch_get(keys, consistent_read=True))
    found = {one.id: one for one in rows}
    return [found[one] for one in range_keys if one in found]


def _read(query: Callable[[], Iterator[T]]) -> Iterator[T]:
    _bind()
    try:
        yield from query()
    except PynamoDBException as error:
        raise _unavailable(error) from error


def _absent(item: Model) -> Condition:
    condition: Condition = type(item)._hash_key_attribute().does_not_exist()
    return condition


def _apply(change: Change) -> None:
    """Show a committed change on the item in hand, which spares a read."""
    for name, value in change.values.items():
        name, _, key = name.partition(".")
        if key:
            getattr(change.item, name)[key] = value
        elif name == "timeline":
            change.item.timeline = [*change.item.timeline, *value]  # type: ignore[attr-defined]
        else:
            setattr(change.item, name, value)


def _actions(change: Change) -> list[Any]:
    actions = []
    for name, value in change.values.items():
        path: Any = type(change.item)
        for part in name.split("."):
            path = getattr(path, part) if path is type(change.item) else path[part]
        if value is None:
            actions.append(path.remove())
        elif name == "timeline":
            actions.append(path.set(path.append(value)))
        else:
            actions.append(path.set(value))
    return actions


def _condition(change: Change) -> Condition:
    model: Any = type(change.item)
    condition: Condition = model._hash_key_attribute().exists()
    if change.status_in:
        condition &= model.status.is_in(*change.status_in)
    for name, value in change.unchanged.items():
        attribute = getattr(model, name)
        condition &= attribute.does_not_exist() if value is None else attribute == value
    if change.absent_path:
        name, key = change.absent_path.split(".", 1)
        condition &= getattr(model, name)[key].does_not_exist()
    return condition


def _blocked(error: TransactWriteError, sent: list[Write] | None) -> list[Any]:
    """The writes whose conditions failed; Contended or Unavailable when it was anything else."""
    if _code(error) in ("TransactionInProgressException", "TransactionConflictException"):
        raise _contended() from error
    reasons = error.cancellation_reasons
    blocked = [place for place, one in enumerate(reasons) if one and one.code == "ConditionalCheckFailed"]
    if blocked:
        return [sent[place] for place in blocked] if sent else blocked
    if any(one and one.code in ("TransactionConflict", "ThrottlingError") for one in reasons):
        raise _contended() from error
    raise _unavailable(error) from error


def _contended() -> Contended:
    tally.step("tables: a transaction met another")
    return Contended()


PASSING = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionConflictException",
    "ExpiredTokenException",
    "RequestTimeTooSkewed",
}


def _unavailable(error: PynamoDBException) -> Exception:
    """What passes by itself becomes Unavailable; a mistake of ours stays what it is."""
    code = _code(error)
    tally.step(f"tables: {code or type(error.cause).__name__}")
    if code is None or code in PASSING or code.startswith("5"):
        return Unavailable()
    return error


def _code(error: PynamoDBException) -> str | None:
    """DynamoDB's code of a refusal, None when no answer came: a timeout has a `response` too, which is None."""
    response = getattr(error.cause, "response", None) or {}
    code = response.get("Error", {}).get("Code")
    return str(code) if code else None
