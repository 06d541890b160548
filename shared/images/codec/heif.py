"""AVIF and HEIC, which share a container made of boxes.

A file says of its picture how to crop, rotate and mirror it, in which order, and what its colours mean. For AVIF all
of that is done here: the decoder is given the file without it, because it applies nothing itself, refuses what is
not marked as it expects, and reads metadata that no picture needs. The decoder of HEIC applies all but the colours.
"""

import re
import struct
from collections.abc import Iterable
from fractions import Fraction
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image, _avif

from shared.images.codec import nclx
from shared.images.codec.av1 import UNSPECIFIED, SequenceHeader, sequence_headers
from shared.images.codec.boxes import Box, Item, Meta, child, children, items_data, read_meta, top_level
from shared.images.codec.limits import HEIF_ITEMS_MAX, PIXELS_MAX, check_full_decode, check_memory, check_size
from shared.images.codec.source import Bytes, Source
from shared.images.rejections import RejectedImage

HEIC_PIXEL_BYTES = 12  # that the decoder needs per pixel, as measured
CODED_PIXELS_MAX = 3 * PIXELS_MAX  # of all pictures in a file: tiles, transparency, thumbnails, a gain map

PICTURE_SIZE = re.compile(rb"ispe\0\0\0\0(....)(....)", re.DOTALL)
TRANSFORMATIONS = {b"clap", b"irot", b"imir"}
LAYERS = {b"a1op", b"a1lx", b"lsel"}  # of which the decoder shows one
DECODING_PROPERTIES = {b"ispe", b"av1C", b"colr", b"auxC"} | LAYERS
METADATA_ITEMS = {b"Exif", b"mime", b"uri "}
UNKNOWN = b"free"
NCLX_BYTES = 11
MATRICES_OF_PRIMARIES = {12, 13}  # which follow from the primaries
SAMPLE_ENTRY_BYTES, SAMPLE_DESCRIPTIONS_BYTES = 78, 8  # before the boxes inside

# Where right and down in the visible picture lead in the stored one, and the EXIF orientation that means the same.
Direction = tuple[int, int]
ORIENTATIONS: dict[tuple[Direction, Direction], int] = {
    ((1, 0), (0, 1)): 1,
    ((-1, 0), (0, 1)): 2,
    ((-1, 0), (0, -1)): 3,
    ((1, 0), (0, -1)): 4,
    ((0, 1), (1, 0)): 5,
    ((0, -1), (1, 0)): 6,
    ((0, -1), (-1, 0)): 7,
    ((0, 1), (-1, 0)): 8,
}


class VisiblePart(NamedTuple):
    """The rectangle of the stored pixels that is visible, and how."""

    left: int
    top: int
    right: int
    bottom: int
    orientation: int


def open_avif(data: Bytes) -> Source:
    """Open with Pillow's decoder but without its reader, which parses the EXIF and registers TIFF for it."""
    file = data if isinstance(data, bytearray) else bytearray(data)
    found = top_level(file)
    _check_sizes(file, found)
    meta, properties, streams = _picture(file, found)
    headers = _check_streams(streams)
    is_grid = False
    if meta:
        is_grid = meta.items[meta.primary].kind != b"av01"
        _check_claim(file, meta, properties)
        _remove_what_is_done_here(file, found, meta)
    decoder = _avif.AvifDecoder(file, "auto", 1)
    (width, height), _, mode, profile, _, _, _ = decoder.get_info()
    check_size(width, height, PIXELS_MAX)
    check_memory(width * height * _pixel_bytes(mode, headers, is_grid))
    visible = _transform(file, properties, width, height)
    profile = profile or _profile(file, properties, headers)

    def load() -> Image.Image:
        nonlocal decoder
        pixels = memoryview(decoder.get_frame(0)[0])
        decoder = None  # and with it another copy of the picture
        start = (visible.top * width + visible.left) * len(mode)
        size = visible.right - visible.left, visible.bottom - visible.top
        # Without a copy where that is possible; a crop's last row may end before its stride does.
        build = Image.frombuffer if size == (width, height) else Image.frombytes
        rows: Any = pixels[start:]
        image = build(mode, size, rows, "raw", mode, width * len(mode), 1)
        image.info["icc_profile"] = profile
        return image

    return Source(visible.right - visible.left, visible.bottom - visible.top, load, visible.orientation)


def open_heic(data: Bytes) -> Source:
    try:
        import pillow_heif
    except ImportError:
        raise RejectedImage("heic_not_supported") from None
    file = data if isinstance(data, bytearray) else bytearray(data)
    found = top_level(file)
    _check_sizes(file, found)
    meta, properties, _ = _picture(file, found)
    code_points_profile = _profile(file, properties, [])
    _remove_code_points(file, meta)
    heif = pillow_heif.open_heif(BytesIO(file), convert_hdr_to_8bit=True)
    width, height = heif.size
    check_full_decode(width, height, HEIC_PIXEL_BYTES)

    def load() -> Image.Image:
        image: Image.Image = heif.to_pillow()
        if not image.info.get("icc_profile"):
            image.info["icc_profile"] = code_points_profile
        return image

    return Source(width, height, load, orientation=1)  # libheif has already made it upright


def _check_sizes(data: Bytes, found: Iterable[Box]) -> None:
    """Check every size that the file claims; libavif refuses a large one without a reason."""
    metas = (box for box in found if box.kind == b"meta")
    sizes = (size for box in metas for size in PICTURE_SIZE.finditer(data, box.start, box.end))
    for count, size in enumerate(sizes, 1):
        if count > HEIF_ITEMS_MAX:
            raise RejectedImage("too_complex")
        width, height = size.groups()
        check_size(int.from_bytes(width, "big"), int.from_bytes(height, "big"), PIXELS_MAX)


def _picture(data: Bytes, found: list[Box]) -> tuple[Meta | None, list[Box], list[bytes | memoryview]]:
    """The items, the primary one's properties, and the coded data; without items, of the first frame of a film."""
    meta_box = next((box for box in found if box.kind == b"meta"), None)
    film = next((box for box in found if box.kind == b"moov"), None)
    if meta_box and (not film or child(data, meta_box, b"pitm")):
        meta = read_meta(data, meta_box)
        properties = [association.property for association in meta.items[meta.primary].associations]
        return meta, properties, items_data(data, (item for item in meta.items.values() if item.kind == b"av01"))
    if not film:
        raise RejectedImage("corrupt")
    properties = []
    streams: list[bytes | memoryview] = []
    for track in children(data, film):
        table = child(data, track, b"mdia", b"minf", b"stbl") if track.kind == b"trak" else None
        if table:
            streams.append(_first_sample(data, table))
            properties = properties or _sample_properties(data, table)
    return None, properties, streams


def _first_sample(data: Bytes, table: Box) -> memoryview:
    found = {box.kind: box.start for box in children(data, table)}
    if b"co64" in found:
        (start,) = struct.unpack_from(">Q", data, found[b"co64"] + 8)
    else:
        (start,) = struct.unpack_from(">I", data, found[b"stco"] + 8)
    same_bytes, _, first_bytes = struct.unpack_from(">III", data, found[b"stsz"] + 4)
    return memoryview(data)[start : start + (same_bytes or first_bytes)]


def _sample_properties(data: Bytes, table: Box) -> list[Box]:
    descriptions = child(data, table, b"stsd")
    if not descriptions:
        return []
    entries = children(data, descriptions, skip=SAMPLE_DESCRIPTIONS_BYTES)
    return [box for entry in entries[:1] for box in children(data, entry, skip=SAMPLE_ENTRY_BYTES)]


def _check_streams(streams: Iterable[bytes | memoryview]) -> list[SequenceHeader]:
    """Check the sizes that the coded pictures have, whatever the file around them claims."""
    headers, pixels = [], 0
    for header in sequence_headers(streams):
        check_size(header.width, header.height, PIXELS_MAX)
        pixels += header.width * header.height
        if pixels > CODED_PIXELS_MAX:
            raise RejectedImage("too_complex")
        headers.append(header)
    if not headers:
        raise RejectedImage("corrupt")
    return headers


def _check_claim(data: Bytes, meta: Meta, properties: Iterable[Box]) -> None:
    """Check that the primary picture has the size that the file claims: the decoder would stretch another one."""
    found = {kind: start for kind, start, _ in properties}
    item = meta.items[meta.primary]
    if item.kind != b"av01" or b"ispe" not in found or found.keys() & LAYERS:
        return
    header = next(sequence_headers(items_data(data, [item])))
    if (header.width, header.height) != struct.unpack_from(">II", data, found[b"ispe"] + 4):
        raise RejectedImage("corrupt")


def _pixel_bytes(mode: str, headers: list[SequenceHeader], is_grid: bool) -> float:
    """The bytes that decoding needs per pixel, as measured: the coded samples, and twice those of the mode."""
    samples, is_deep = max(header.samples for header in headers), any(header.depth > 8 for header in headers)
    sample_bytes = 2 if is_deep else 1
    coded = samples * sample_bytes + (sample_bytes if mode.endswith("A") else 0)
    copied = (coded if is_grid else 0) + (samples if is_deep and samples < 3 else 0)
    return coded + copied + 2 * len(mode)


def _remove_what_is_done_here(file: bytearray, found: list[Box], meta: Meta) -> None:
    """Hide from the decoder what it would refuse or parse in vain; what is unknown and essential stays."""
    for item in meta.items.values():
        if item.kind in METADATA_ITEMS:
            file[item.kind_at : item.kind_at + 4] = UNKNOWN
        _remove_properties(file, item)
    brand = next(box.start for box in found if box.kind == b"ftyp")
    if file[brand : brand + 4] == b"avis":  # the decoder would take the film's first frame
        file[brand : brand + 4] = b"avif"


def _remove_properties(file: bytearray, item: Item) -> None:
    """Take out properties that nothing needs, and of several colours of a kind all but the first."""
    colours: set[bytes] = set()
    for property_, at, is_short in item.associations:
        is_essential, is_repeated = bool(file[at] & 0x80), False
        is_useless = property_.kind not in DECODING_PROPERTIES and not is_essential
        if property_.kind == b"colr":
            kind = _colour_kind(file, property_)
            is_useless, is_repeated = not kind, kind in colours
            colours.add(kind)
        if property_.kind in TRANSFORMATIONS or is_useless:
            file[property_.start - 4 : property_.start] = UNKNOWN  # its content may be malformed
        elif not is_repeated:
            continue
        width = 2 if is_short else 1
        file[at : at + width] = bytes(width)


def _remove_code_points(file: bytearray, meta: Meta | None) -> None:
    """Set those that libheif does not use to unspecified: it refuses a picture for one that it does not know."""
    for item in meta.items.values() if meta else ():
        for (kind, start, end), _, _ in item.associations:
            if kind == b"colr" and file[start : start + 4] == b"nclx" and end - start >= NCLX_BYTES:
                (matrix,) = struct.unpack_from(">H", file, start + 8)
                if matrix not in MATRICES_OF_PRIMARIES:
                    struct.pack_into(">HH", file, start + 4, UNSPECIFIED, UNSPECIFIED)


def _colour_kind(file: bytearray, colr: Box) -> bytes:
    """nclx or icc; empty for what cannot be used. Bits of an nclx that are reserved are cleared."""
    kind = bytes(file[colr.start : colr.start + 4])
    if kind in (b"prof", b"rICC"):
        return b"icc"
    if kind == b"nclx" and colr.end - colr.start >= NCLX_BYTES:
        file[colr.start + 10] &= 0x80
        return kind
    return b""


def _transform(data: Bytes, properties: Iterable[Box], width: int, height: int) -> VisiblePart:
    """Apply crops, rotations and mirrors one after another, as the file orders them."""
    left, top, right, bottom = 0, 0, width, height
    across, down = (1, 0), (0, 1)
    for kind, start, _ in properties:
        if kind == b"irot":
            for _ in range(data[start] & 3):  # quarters, anticlockwise
                across, down = down, (-across[0], -across[1])
        elif kind == b"imir":
            if data[start] & 1:
                across = (-across[0], -across[1])
            else:
                down = (-down[0], -down[1])
        elif kind == b"clap":
            size = (right - left, bottom - top) if across[0] else (bottom - top, right - left)
            x, y, x_end, y_end = _clean_aperture(data, start, *size)
            from_x, from_y = left if across[0] + down[0] > 0 else right, top if across[1] + down[1] > 0 else bottom
            xs = [from_x + x * across[0] + y * down[0], from_x + x_end * across[0] + y_end * down[0]]
            ys = [from_y + x * across[1] + y * down[1], from_y + x_end * across[1] + y_end * down[1]]
            left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    return VisiblePart(left, top, right, bottom, ORIENTATIONS[across, down])


def _clean_aperture(data: Bytes, at: int, width: int, height: int) -> tuple[int, int, int, int]:
    """The rectangle that is left of a picture of this size, in whole pixels.

    One that is empty or leads out of the picture is corrupt: the whole picture would show what was cropped away.
    """
    numbers = struct.unpack_from(">IIIIiIiI", data, at)
    if 0 in numbers[1::2]:
        raise RejectedImage("corrupt")
    of_width, of_height, across, down = (Fraction(*numbers[place : place + 2]) for place in (0, 2, 4, 6))
    left, top = ((width - of_width) / 2 + across).__floor__(), ((height - of_height) / 2 + down).__floor__()
    right, bottom = left + int(of_width + Fraction(1, 2)), top + int(of_height + Fraction(1, 2))
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise RejectedImage("corrupt")
    return left, top, right, bottom


def _profile(data: Bytes, properties: Iterable[Box], headers: list[SequenceHeader]) -> bytes | None:
    """The profile that the file's code points for colours mean; where the container has none, the stream's own."""
    for kind, start, end in properties:
        if kind == b"colr" and data[start : start + 4] == b"nclx" and end - start >= NCLX_BYTES:
            return nclx.profile_of(*struct.unpack_from(">HH", data, start + 4))
    colours = next((header for header in headers if header.samples > 1), None)
    return nclx.profile_of(colours.primaries, colours.transfer) if colours else None
