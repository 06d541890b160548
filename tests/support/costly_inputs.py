"""Texts that are costly to search for card numbers or to parse, as long as a request may be."""

from collections.abc import Mapping
from typing import Any

BODY_CHARS = 60_000  # of a body of 64 KiB; the rest is for the keys around it
LINE_CHARS = 10_000  # API Gateway takes 10,240 bytes of path, query and headers together


def _letters(count: int) -> str:
    """No letter twice: what is looked up by character is looked up for each."""
    return "".join(chr(0x100 + number) for number in range(count))


# The units are repeated to the full length. Among them are digits apart from each other, all groups that could be a
# card's, and what conversions to numbers, times and ids take longest for.
UNITS: Mapping[str, str] = {
    "spaced digits": "6 3 4 6 3 3 4 ",
    "digits and dashes": "4-1-",
    "digits and wide spaces": "4   ",
    "groups of a card": "4110 ",
    "groups and dashes": "4111 - ",
    "groups of other separators": "4110.4110/4110_",
    "one run of digits": "4",
    "numbers of 16 digits": "4111111111111112 ",
    "dates": "2026-03-22 ",
    "other digits": "\u0664 ",
    "exponents": "1e9",
    "spaces": " ",
    "quotes": '"',
    "addresses": "a@",
    "surrogates": "\ud800",
}
TEXTS: Mapping[str, str] = {
    **{name: (unit * BODY_CHARS)[: BODY_CHARS // (len(unit.encode("utf-8", "surrogatepass")) // len(unit))]
       for name, unit in UNITS.items()},
    "different letters": _letters(BODY_CHARS // 3),
}  # fmt: skip


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": [value]}
    return value


VALUES: Mapping[str, Any] = {
    **TEXTS,
    "many texts": ["1234 5678 9012 3"] * (BODY_CHARS // 20),
    "many letters": ["".join(chr(0x100 + 13 * i + j) for j in range(13)) for i in range(BODY_CHARS // 50)],
    "many keys": {f"k{number:x}": "1234567890123" for number in range(BODY_CHARS // 24)},
    "many numbers": [1] * (BODY_CHARS // 3),
    "many lists": [[[]]] * (BODY_CHARS // 8),
    "deep": _deep(30),
}
