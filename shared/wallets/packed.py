"""The two packed texts of an entry: its totals and its promo money. Numbers are in base 36.

`totals` holds one group per code of `ledger.PAIRS`, in order: `A2.rs.7` says that code A has 2 entries, which moved
1,000 paise together, the last of them before this entry being number 7. `promo` holds one group per bucket, in order:
`2712c9ix` is cashback of 123.45 rupees that expires at the end of December 2027.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
TOTAL = re.compile(r"([A-Z])([0-9a-z]+)\.([0-9a-z]+)\.([0-9a-z]+)", re.ASCII)
BUCKET = re.compile(r"([0-9]{4})([cr])([0-9a-z]+)", re.ASCII)
CASHBACK, REWARD = "c", "r"  # kinds of promo money


class Total(NamedTuple):
    """What the entries of one kind and category add up to, and the last of them before the entry with this total."""

    entries: int = 0
    sum_paise: int = 0
    last_seq: int = 0


def base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"


def totals(text: str) -> dict[str, Total]:
    """The totals by code."""
    found = {code: Total(*(int(number, 36) for number in numbers)) for code, *numbers in TOTAL.findall(text)}
    _check(pack_totals(found) == text)
    return found


def pack_totals(by_code: Mapping[str, Total]) -> str:
    return "".join(code + ".".join(map(base36, by_code[code])) for code in sorted(by_code))


def promo(text: str) -> dict[tuple[str, str], int]:
    """The paise in each bucket, by the month at whose end it expires (`2712`) and the kind of money."""
    found = {(month, kind): int(paise, 36) for month, kind, paise in BUCKET.findall(text)}
    _check(pack_promo(found) == text)
    return found


def pack_promo(buckets: Mapping[tuple[str, str], int]) -> str:
    return ";".join(month + kind + base36(buckets[month, kind]) for month, kind in sorted(buckets))


def promo_paise(text: str, kind: str = "") -> int:
    """The sum of the buckets, of one kind of money or of both."""
    return sum(paise for (_, bucket_kind), paise in promo(text).items() if kind in ("", bucket_kind))


def _check(is_canonical: bool) -> None:
    if not is_canonical:
        raise ValueError("a packed text that this version did not write")
