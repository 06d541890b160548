"""AVIF files of any structure: Pillow encodes the pixels, and the boxes around them are written here."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from PIL import Image

from tests.support.image_samples import boxes, encode

ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"
BT709, BT2020, P3 = 1, 9, 12  # colour primaries
SRGB_CURVE, PQ, HLG = 13, 16, 18  # transfer characteristics
BT601_MATRIX = 6

Property = tuple[bytes, bool]  # a box, and whether it is essential


@dataclass(frozen=True)
class Item:
    kind: bytes
    data: bytes
    properties: Sequence[Property]
    references: Sequence[tuple[bytes, Sequence[int]]] = field(default=())  # (kind, ids of the items meant)


# Boxes.


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def clap(width: tuple[int, int], height: tuple[int, int], across: tuple[int, int], down: tuple[int, int]) -> bytes:
    """A clean aperture of four fractions; `across` and `down` lead from the picture's centre to the aperture's."""
    return box(b"clap", struct.pack(">IIIIiIiI", *width, *height, *across, *down))


def crop(picture: tuple[int, int], left: int, top: int, width: int, height: int) -> bytes:
    """The clean aperture that leaves this rectangle of a picture of this size."""
    across, down = 2 * left + width - picture[0], 2 * top + height - picture[1]
    return clap((width, 1), (height, 1), (across, 2), (down, 2))


def irot(quarters: int) -> bytes:
    """A rotation anticlockwise."""
    return box(b"irot", bytes([quarters]))


def imir(axis: int) -> bytes:
    """A mirror: 0 swaps top and bottom, 1 swaps left and right."""
    return box(b"imir", bytes([axis]))


def nclx(primaries: int, transfer: int, matrix: int = BT601_MATRIX, full_range: bool = True) -> bytes:
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, full_range << 7))


def icc(profile: bytes, kind: bytes = b"prof") -> bytes:
    return box(b"colr", kind, profile)


def ispe(width: int, height: int) -> bytes:
    return full_box(b"ispe", struct.pack(">II", width, height))


def pixi(channels: int, depth: int = 8) -> bytes:
    return full_box(b"pixi", bytes([channels, *[depth] * channels]))


def aux_type(urn: bytes = ALPHA) -> bytes:
    return full_box(b"auxC", urn)


# Files.


def container(
    items: Sequence[Item], primary: int = 1, brand: bytes = b"avif", ipma_version: int = 0, is_short: bool = False
) -> bytes:
    """An AVIF file of these items, whose ids are 1, 2, 3, …"""
    properties: list[bytes] = []
    associations, infos, references = b"", b"", b""
    for number, item in enumerate(items, 1):
        places = bytearray()
        for property_, is_essential in item.properties:
            if property_ not in properties:
                properties.append(property_)
            bits = 15 if is_short else 7
            places += (is_essential << bits | properties.index(property_) + 1).to_bytes(2 if is_short else 1, "big")
        count = bytes([len(item.properties)])
        associations += struct.pack(">I" if ipma_version else ">H", number) + count + places
        infos += full_box(b"infe", struct.pack(">HH", number, 0), item.kind, b"\0", version=2)
        for kind, ids in item.references:
            references += box(kind, struct.pack(f">HH{len(ids)}H", number, len(ids), *ids))
    ftyp = box(b"ftyp", brand, bytes(4), brand, b"mif1", b"miaf")

    def meta(at: int) -> bytes:
        places = b""
        for number, item in enumerate(items, 1):
            places += struct.pack(">HHHII", number, 0, 1, at, len(item.data))
            at += len(item.data)
        return full_box(
            b"meta",
            full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            full_box(b"pitm", struct.pack(">H", primary)),
            full_box(b"iloc", b"\x44\0", struct.pack(">H", len(items)), places),
            full_box(b"iinf", struct.pack(">H", len(items)), infos),
            full_box(b"iref", references) if references else b"",
            box(
                b"iprp",
                box(b"ipco", *properties),
                full_box(
                    b"ipma", struct.pack(">I", len(items)), associations, version=ipma_version, flags=int(is_short)
                ),
            ),
        )

    pixels_at = len(ftyp) + len(meta(0)) + 8
    return ftyp + meta(pixels_at) + box(b"mdat", *(item.data for item in items))


def parts(avif: bytes, number: int = 1) -> tuple[bytes, dict[bytes, bytes]]:
    """The coded pixels and the properties, by kind, of an item of a file that Pillow or libvips wrote."""
    meta = dict(boxes(dict(boxes(avif))[b"meta"][4:]))
    stored = dict(boxes(meta[b"iprp"]))
    properties = [box(kind, body) for kind, body in boxes(stored[b"ipco"])]
    of_item: dict[bytes, bytes] = {}
    at = 8
    while not of_item and at < len(stored[b"ipma"]):
        item, count = struct.unpack_from(">HB", stored[b"ipma"], at)
        places = stored[b"ipma"][at + 3 : at + 3 + count]
        if item == number:
            of_item = {properties[(place & 127) - 1][4:8]: properties[(place & 127) - 1] for place in places}
        at += 3 + count
    return _item_data(avif, meta[b"iloc"], number), of_item


def _item_data(avif: bytes, iloc: bytes, number: int) -> bytes:
    version, sizes, count = iloc[0], iloc[4:6], int.from_bytes(iloc[6:8], "big")
    offset_bytes, length_bytes, base_bytes = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    at = 8
    for _ in range(count):
        item = int.from_bytes(iloc[at : at + 2], "big")
        at += 4 + (2 if version else 0)
        base = int.from_bytes(iloc[at : at + base_bytes], "big")
        at += base_bytes + 2
        start = base + int.from_bytes(iloc[at : at + offset_bytes], "big")
        length = int.from_bytes(iloc[at + offset_bytes : at + offset_bytes + length_bytes], "big")
        at += offset_bytes + length_bytes
        if item == number:
            return avif[start : start + length]
    raise KeyError(number)


def coded(picture: Image.Image, **settings: object) -> tuple[bytes, dict[bytes, bytes]]:
    """The AV1 data of a picture and its properties, by kind."""
    return parts(encode(picture, "AVIF", **{"quality": 90, "speed": 10, "max_threads": 1, **settings}))


def avif(
    picture: Image.Image,
    *properties: bytes,
    essential: bool = True,
    colour: Iterable[bytes] = (),
    without: Sequence[bytes] = (),
    **settings: object,
) -> bytes:
    """The picture with these properties, in this order, after those of the coded pixels."""
    data, own = coded(picture, **settings)
    kept = [body for kind, body in own.items() if kind != b"colr" and kind not in set(without)]
    kept += list(colour) or [own[b"colr"]]
    associated = [(property_, property_[4:8] == b"av1C") for property_ in kept if property_]
    return container([Item(b"av01", data, [*associated, *((property_, essential) for property_ in properties)])])


def avif_with_alpha(
    picture: Image.Image, alpha: Image.Image, *properties: bytes, premultiplied: bool = False, of_alpha: bool = True
) -> bytes:
    """The picture with an auxiliary picture of its opacity; both have the properties."""
    data, own = coded(picture)
    mask, own_of_mask = coded(alpha.convert("L"))
    shared = [(property_, True) for property_ in properties]
    colours = Item(
        b"av01",
        data,
        [(own[b"ispe"], False), (own[b"pixi"], False), (own[b"av1C"], True), (own[b"colr"], False), *shared],
        [(b"prem", [2])] if premultiplied else [],
    )
    opacity = Item(
        b"av01",
        mask,
        [
            (own_of_mask[b"ispe"], False),
            (own_of_mask[b"pixi"], False),
            (own_of_mask[b"av1C"], True),
            (aux_type(), False),
            *(shared if of_alpha else []),
        ],
        [(b"auxl", [1])],
    )
    return container([colours, opacity])


def grid(picture: Image.Image, columns: int, rows: int, tile: int, *properties: bytes) -> bytes:
    """The picture cut into square tiles; those at the right and at the bottom are padded with its edge."""
    padded = Image.new("RGB", (columns * tile, rows * tile))
    padded.paste(picture.resize(padded.size), (0, 0))
    padded.paste(picture, (0, 0))
    tiles = []
    for row in range(rows):
        for column in range(columns):
            left, top = column * tile, row * tile
            data, own = coded(padded.crop((left, top, left + tile, top + tile)), subsampling="4:4:4")
            shared = [(own[b"ispe"], False), (own[b"pixi"], False), (own[b"av1C"], True), (own[b"colr"], False)]
            tiles.append(Item(b"av01", data, shared))
    layout = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *picture.size)
    whole = [(ispe(*picture.size), False), (pixi(3), False), (tiles[0].properties[3][0], False)]
    whole += [(property_, True) for property_ in properties]
    return container([Item(b"grid", layout, whole, [(b"dimg", range(2, 2 + len(tiles)))]), *tiles])
