"""PNG: Pillow gets a file of its header, its palette and its pixels, and nothing else that the upload contains.

Ancillary chunks are skipped by their length, so neither text nor an animation's later frames are ever inflated. Only
three of them say how the picture looks: its colour profile, its transparency and its EXIF orientation.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO

from PIL import Image, ImageChops, PngImagePlugin

from shared.images.codec.colour import PROFILE_BYTES_MAX
from shared.images.codec.exif import read_orientation
from shared.images.codec.limits import PIXELS_MAX, PNG_CHUNKS_MAX, check_full_decode, check_size
from shared.images.codec.source import Bytes, Source, ends_in, load_pixels
from shared.images.rejections import RejectedImage

# Bytes that the decoder needs per pixel, by Pillow's mode, as measured.
PIXEL_BYTES = {"1": 2, "L": 2, "RGB": 5}
PIXEL_BYTES_OTHER = 13  # with transparency: shrinking premultiplies a copy
PIXEL_BYTES_DEEP = 36  # with a transparent colour of sixteen bits: more than is needed, for it is decoded twice

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_BYTES = 13
GREY, RGB, PALETTE = 0, 2, 3  # colour types
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, 4: 2, 6: 4}  # by colour type
NEEDED_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}  # without which the picture is another one
USED_CHUNKS = {*NEEDED_CHUNKS, b"iCCP", b"eXIf"}
NAME_BYTES_MAX = 80  # of a profile, with the zero after it
DEFLATE = b"\0"  # the only method of compression
# Raw modes for the high and the low eight of sixteen bits.
DEEP_RAW_MODES = {"L": ("L;16B", "L;16"), "RGB": ("RGB;16B", "RGB;16L")}
Transparency = bytes | int | tuple[int, ...]
# x, y, dx, dy of each pass of an interlaced picture
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@dataclass(frozen=True, slots=True)
class Chunks:
    """What is used of the chunks."""

    header: bytes  # the body of IHDR
    palette: bytes  # of PLTE
    transparency: bytes  # of tRNS
    pixels: list[memoryview]  # of every IDAT
    profile: bytes | None
    orientation: int

    def encode(self) -> bytes:
        """The file for Pillow, which verifies no checksum of pixels: ours have been."""
        length = sum(len(piece) for piece in self.pixels)
        palette = _encode_chunk(b"PLTE", self.palette) if self.palette else b""
        start = SIGNATURE + _encode_chunk(b"IHDR", self.header) + palette + struct.pack(">I4s", length, b"IDAT")
        return b"".join((start, *self.pixels, bytes(4), _encode_chunk(b"IEND", b"")))


def open_png(data: Bytes) -> Source:
    if len(data) < 33 or data[8:16] != struct.pack(">I4s", HEADER_BYTES, b"IHDR"):
        raise RejectedImage("corrupt")
    width, height, depth, colour_type, interlaced = struct.unpack_from(">IIBBxxB", data, 16)
    check_size(width, height, PIXELS_MAX)
    chunks = _read_chunks(data)
    if colour_type == PALETTE and (not chunks.palette or len(chunks.palette) % 3):
        raise RejectedImage("corrupt")
    transparency = _parse_transparency(chunks, depth, colour_type)
    is_deep = depth == 16 and transparency is not None
    image = _open_chunks(chunks, depth)
    pixel_bytes = PIXEL_BYTES.get(image.mode if transparency is None else "", PIXEL_BYTES_OTHER)
    check_full_decode(width, height, PIXEL_BYTES_DEEP if is_deep else pixel_bytes)
    image.info["icc_profile"] = chunks.profile
    load: Callable[[], Image.Image] = partial(load_pixels, image)
    if isinstance(transparency, tuple) and is_deep:
        load = partial(_load_deep, image, chunks, transparency)
    elif transparency is not None:
        image.info["transparency"] = transparency
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    rows_bytes = _rows_bytes(width, height, depth * CHANNELS[colour_type], passes)
    return Source(
        width,
        height,
        load,
        chunks.orientation,
        is_truncated=lambda image: (
            (interlaced or is_deep or ends_in(image, {0})) and not _inflates_to(rows_bytes, chunks.pixels)
        ),
    )


def _encode_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _read_chunks(data: Bytes) -> Chunks:
    """The first of each kind that is used, its checksum verified, and all pixels.

    A wrong checksum is an error only in a chunk without which the picture is another one. The file may end anywhere
    behind its pixels.
    """
    view = memoryview(data)
    bodies: dict[bytes, memoryview] = {}
    pixels: list[memoryview] = []
    for kind, start, end in _walk_chunks(data):
        if kind not in USED_CHUNKS:
            continue
        if end + 4 > len(data):
            if kind in NEEDED_CHUNKS:
                raise RejectedImage("truncated")
            break
        if zlib.crc32(view[start - 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            if kind in NEEDED_CHUNKS:
                raise RejectedImage("corrupt")
        elif kind == b"IDAT":
            pixels.append(view[start:end])
        elif not pixels or kind == b"eXIf":
            bodies.setdefault(kind, view[start:end])
    if not pixels:
        raise RejectedImage("truncated")
    header, palette, transparency = (bytes(bodies.get(kind, b"")) for kind in (b"IHDR", b"PLTE", b"tRNS"))
    exif = bytes(bodies.get(b"eXIf", b""))
    return Chunks(header, palette, transparency, pixels, _inflate_profile(bodies), read_orientation(exif))


def _walk_chunks(data: Bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start and end of its body) of every chunk; the last one's end may lie outside the file."""
    at = len(SIGNATURE)
    for _ in range(PNG_CHUNKS_MAX):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IEND":
            return
        yield kind, at + 8, at + 8 + length
        at += 12 + length
    raise RejectedImage("too_complex")


def _inflate_profile(bodies: Mapping[bytes, memoryview]) -> bytes | None:
    """The colour profile; None if there is none that can be read."""
    name, zero, _ = bytes(bodies.get(b"iCCP", b"")[:NAME_BYTES_MAX]).partition(b"\0")
    deflated = bodies.get(b"iCCP", b"")[len(name) + 1 :]
    if not zero or deflated[:1] != DEFLATE:
        return None
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(deflated[1:], PROFILE_BYTES_MAX)
    except zlib.error:
        return None
    return None if inflate.unconsumed_tail else profile


def _parse_transparency(chunks: Chunks, depth: int, colour_type: int) -> Transparency | None:
    """What is transparent, in Pillow's form: an alpha value per colour of the palette, or the one colour.

    Of up to eight bits a colour counts as it is decoded, scaled to eight; of sixteen it is a tuple of all its bits.
    """
    body = chunks.transparency
    if colour_type == PALETTE:
        return body if 0 < len(body) <= len(chunks.palette) // 3 else None
    if colour_type not in (GREY, RGB) or len(body) != 2 * CHANNELS[colour_type]:
        return None
    levels = (1 << depth) - 1
    values = tuple(value & levels for value in struct.unpack(f">{CHANNELS[colour_type]}H", body))
    if depth == 16:
        return values
    return values if colour_type == RGB else values[0] * 255 // levels


def _open_chunks(chunks: Chunks, depth: int, is_low: bool = False) -> PngImagePlugin.PngImageFile:
    """Sixteen bits are decoded to their high eight, or to their low eight instead."""
    image = PngImagePlugin.PngImageFile(BytesIO(chunks.encode()))
    if image.mode == "I;16":
        image._mode = "L"
    if depth == 16 and image.mode in DEEP_RAW_MODES:
        high, low = DEEP_RAW_MODES[image.mode]
        image.tile = [image.tile[0]._replace(args=low if is_low else high)]
    return image


def _load_deep(image: Image.Image, chunks: Chunks, transparent: tuple[int, ...]) -> Image.Image:
    """Load a picture of sixteen bits, in which all of a colour's bits decide whether it is the transparent one."""
    opaque = _differs(load_pixels(_open_chunks(chunks, 16, is_low=True)), [value & 0xFF for value in transparent])
    opaque = ImageChops.lighter(opaque, _differs(load_pixels(image), [value >> 8 for value in transparent]))
    image.putalpha(opaque)
    return image


def _differs(image: Image.Image, values: Sequence[int]) -> Image.Image:
    """A mask that is 255 wherever the picture has another colour than this one."""
    mask = Image.new("L", image.size)
    for channel, value in enumerate(values):
        table = [0 if level == value else 255 for level in range(256)]
        mask = ImageChops.lighter(mask, image.getchannel(channel).point(table))
    return mask


def _rows_bytes(width: int, height: int, pixel_bits: int, passes: Sequence[tuple[int, int, int, int]]) -> int:
    """The inflated size of all rows, each with its filter byte, of every pass that has pixels."""
    sizes = ((-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes)
    return sum(rows * (1 + (columns * pixel_bits + 7) // 8) for columns, rows in sizes if columns > 0 and rows > 0)


def _inflates_to(enough_bytes: int, pixels: list[memoryview]) -> bool:
    """Whether the stream is complete. Pillow accepts one that ends early and leaves the rest of the picture black."""
    inflate, count = zlib.decompressobj(), 0
    for piece in pixels:
        rest: bytes | memoryview = piece
        while rest:
            count += len(inflate.decompress(rest, 1 << 20))
            if count >= enough_bytes:
                return True
            rest = inflate.unconsumed_tail
    return count + len(inflate.flush()) >= enough_bytes
