"""A customer's payments: all of them, or the newest that match filters."""

from collections.abc import Callable, Mapping
from typing import Any

from shared.payments.models import Payment, get_payments, list_payment_ids

SEARCHED_MAX = 500  # payments that a search reads, the newest of the time from `from` to before `to`

Rows = Callable[[int, int], list[Payment]]  # by offset and limit


def list_payments(customer: str, filters: Mapping[str, Any]) -> tuple[int, Rows]:
    """How many payments match, and a function that reads the rows of a page, newest first.

    Filters: status, purpose, source, reference, from and to (microseconds; from <= created < to). Without any, all
    payments are counted, by their keys alone. With one, those among the SEARCHED_MAX newest.
    """
    if not filters:
        return _all(customer, list_payment_ids(customer))
    ids = list_payment_ids(customer, filters.get("from"), filters.get("to"), SEARCHED_MAX)
    values = {name: value for name, value in filters.items() if name not in ("from", "to")}
    if not values:
        return _all(customer, ids)
    payments = get_payments(customer, ids)
    found = [payment for payment in payments if all(getattr(payment, name) == values[name] for name in values)]
    return len(found), lambda offset, limit: found[offset : offset + limit]


def _all(customer: str, ids: list[str]) -> tuple[int, Rows]:
    return len(ids), lambda offset, limit: get_payments(customer, ids[offset : offset + limit])
