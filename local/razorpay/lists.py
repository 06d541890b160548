"""Razorpay's lists: entities by the time of their creation, newest first, a page at a time."""

from collections.abc import Iterable
from typing import Any

from local.razorpay.entities import collection
from local.razorpay.responses import Rejected
from local.razorpay.state import Entity

COUNT_DEFAULT, COUNT_MAX = 10, 100


def page(entities: Iterable[Entity], query: dict[str, str]) -> dict[str, Any]:
    """The page that `from`, `to` (seconds, both included), `count` and `skip` ask for, of entities oldest first."""
    from_s, to_s = _number(query, "from", 0), _number(query, "to", None)
    count, skip = _number(query, "count", COUNT_DEFAULT), _number(query, "skip", 0)
    if not 1 <= count <= COUNT_MAX:
        raise Rejected(f"The count must be between 1 and {COUNT_MAX}.", field="count")
    found = [entity for entity in entities if from_s <= entity["created_at"]]
    if to_s is not None:
        found = [entity for entity in found if entity["created_at"] <= to_s]
    newest_first = sorted(found, key=lambda entity: int(entity["created_at"]))[::-1]
    return collection(newest_first[skip : skip + count])


def _number(query: dict[str, str], name: str, default: Any) -> Any:
    """The parameter as a whole number; Rejected if it is something else."""
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise Rejected(f"The {name} must be an integer.", field=name)
    return int(text)
