"""The boxes of an AVIF or HEIC file: which items it has, where their data lies, and what is said about the primary.

Only the file's structure is read here, and nothing of it is trusted: an offset that leads out of the file raises
`struct.error`, which the pipeline takes for a corrupt file, as it does with every exception of a decoder.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.images.codec.limits import HEIF_ASSOCIATIONS_MAX, HEIF_BOXES_MAX, HEIF_ITEMS_MAX
from shared.images.codec.source import Bytes
from shared.images.rejections import RejectedImage

BOXES_NEEDED = {b"ftyp", b"meta", b"mdat", b"moov"}
LARGE_SIZE, TO_THE_END = 1, 0  # sizes with a meaning of their own
ESSENTIAL_BYTE, ESSENTIAL_SHORT = 0x80, 0x8000


class Box(NamedTuple):
    kind: bytes
    start: int  # of its body
    end: int


class Association(NamedTuple):
    """That a property applies to an item; `at` is where the file says so."""

    property: Box
    at: int
    is_short: bool  # two bytes rather than one


@dataclass(slots=True)
class Item:
    kind: bytes
    kind_at: int  # where the file says so
    extents: list[tuple[int, int]] = field(default_factory=list)  # (start, end), both in the file
    associations: list[Association] = field(default_factory=list)  # in the order in which they apply


@dataclass(frozen=True, slots=True)
class Meta:
    primary: int
    items: dict[int, Item]


def top_level(data: Bytes) -> list[Box]:
    """The boxes of the file; a file that ends inside one of those that are needed is truncated."""
    found = []
    for box in _boxes(data, 0, len(data)):
        if box.kind in BOXES_NEEDED and box.end > len(data):
            raise RejectedImage("truncated")
        found.append(box)
        if len(found) > HEIF_BOXES_MAX:
            raise RejectedImage("too_complex")
    return found


def children(data: Bytes, parent: Box, skip: int = 0) -> list[Box]:
    """The boxes inside a box, whose body begins with `skip` bytes of other things."""
    found = []
    for box in _boxes(data, parent.start + skip, parent.end):
        if box.end > parent.end:
            raise RejectedImage("corrupt")
        found.append(box)
        if len(found) > HEIF_ITEMS_MAX:
            raise RejectedImage("too_complex")
    return found


def child(data: Bytes, parent: Box, *path: bytes) -> Box | None:
    """The first box with this path of kinds below the parent."""
    box: Box | None = parent
    for kind in path:
        box = next((found for found in children(data, box) if found.kind == kind), None) if box else None
    return box


def _boxes(data: Bytes, at: int, end: int) -> Iterator[Box]:
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == LARGE_SIZE and at + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        following = end if size == TO_THE_END else at + size
        if following < start:
            return
        yield Box(kind, start, following)
        at = following


def read_meta(data: Bytes, meta: Box) -> Meta:
    """The items of a file's `meta` box."""
    found = {box.kind: box for box in reversed(children(data, meta, skip=4))}  # of two of a kind the first counts
    items: dict[int, Item] = {}
    for box in children(data, found[b"iinf"], skip=8 if data[found[b"iinf"].start] else 6):
        version = data[box.start]
        number, _, kind = struct.unpack_from(">IH4s" if version >= 3 else ">HH4s", data, box.start + 4)
        items[number] = Item(kind, box.start + (10 if version >= 3 else 8))
    _read_extents(data, found[b"iloc"], found.get(b"idat"), items)
    properties = children(data, found[b"iprp"])
    _read_associations(data, properties, _stored_properties(data, properties), items)
    primary = found[b"pitm"]
    (number,) = struct.unpack_from(">I" if data[primary.start] else ">H", data, primary.start + 4)
    return Meta(number, items)


def _read_extents(data: Bytes, iloc: Box, idat: Box | None, items: dict[int, Item]) -> None:
    version, sizes = data[iloc.start], struct.unpack_from(">BB", data, iloc.start + 4)
    offset_bytes, length_bytes, base_bytes, index_bytes = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4, sizes[1] & 15
    at, extents = iloc.start + 6, 0

    def number(count: int) -> int:
        nonlocal at
        at += count
        if at > iloc.end:
            raise RejectedImage("corrupt")
        return int.from_bytes(data[at - count : at], "big")

    places = number(4 if version == 2 else 2)
    if places > HEIF_ITEMS_MAX:  # one without extents costs a step too
        raise RejectedImage("too_complex")
    for _ in range(places):
        item = items.get(number(4 if version == 2 else 2))
        in_idat = version > 0 and number(2) & 15 == 1
        number(2)  # the file that holds the data: always this one
        base = number(base_bytes) + (idat.start if in_idat and idat else 0)
        count = number(2)
        extents += count
        if extents > HEIF_ITEMS_MAX:
            raise RejectedImage("too_complex")
        for _ in range(count):
            if version > 0:
                number(index_bytes)
            start = base + number(offset_bytes)
            length = number(length_bytes)
            if item:
                item.extents.append((start, start + length if length else len(data)))


def _stored_properties(data: Bytes, properties: Iterable[Box]) -> list[Box]:
    """The properties that items can have, of all boxes that store some."""
    stored: list[Box] = []
    for box in properties:
        if box.kind == b"ipco":
            stored += children(data, box)
            if len(stored) > HEIF_ITEMS_MAX:
                raise RejectedImage("too_complex")
    return stored


def _read_associations(data: Bytes, properties: Iterable[Box], stored: list[Box], items: dict[int, Item]) -> None:
    """Give the items their properties. All is counted over the whole file, which may have many `ipma` boxes."""
    entries = associations = 0
    for box in properties:
        if box.kind != b"ipma":
            continue
        version, _, is_short, count = struct.unpack_from(">BHBI", data, box.start)
        at, is_short = box.start + 8, is_short & 1
        entries += count
        if entries > HEIF_ITEMS_MAX:
            raise RejectedImage("too_complex")
        for _ in range(count):
            number, places = struct.unpack_from(">IB" if version else ">HB", data, at)
            at += 5 if version else 3
            associations += places
            if associations > HEIF_ASSOCIATIONS_MAX:
                raise RejectedImage("too_complex")
            for _ in range(places):
                (place,) = struct.unpack_from(">H" if is_short else ">B", data, at)
                index = place & ~(ESSENTIAL_SHORT if is_short else ESSENTIAL_BYTE)
                if 0 < index <= len(stored) and number in items:
                    items[number].associations.append(Association(stored[index - 1], at, bool(is_short)))
                at += 2 if is_short else 1


def items_data(data: Bytes, items: Iterable[Item]) -> list[bytes | memoryview]:
    """The coded pixels of items; extents that overlap to more than the file are corrupt.

    Only what has several extents is copied, here and by the decoder, so only that is counted: encoders store equal
    tiles once, as one extent of many items.
    """
    found: list[bytes | memoryview] = []
    copied_bytes = 0
    for item in items:
        pieces = [memoryview(data)[start:end] for start, end in item.extents]
        if len(pieces) == 1:
            found.append(pieces[0])
            continue
        copied_bytes += sum(map(len, pieces))
        if copied_bytes > len(data):
            raise RejectedImage("corrupt")
        found.append(b"".join(pieces))
    return found
