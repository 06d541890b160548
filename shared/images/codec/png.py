"""PNG: its chunks are checked before Pillow reads them, its pixel stream where it may have ended too early."""

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO

from PIL import PngImagePlugin

from shared.images.codec.limits import PIXELS_MAX, PNG_CHUNKS_MAX, check_full_decode, check_size
from shared.images.codec.source import Bytes, Source, ends_in, load_pixels
from shared.images.rejections import RejectedImage

# Bytes that the decoder needs per pixel, by Pillow's mode, as measured.
PIXEL_BYTES = {"1": 2, "L": 2, "I;16": 8, "RGB": 5}
PIXEL_BYTES_OTHER = 13  # with transparency: shrinking premultiplies a copy

CHECKED_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# x, y, dx, dy of each pass of an interlaced picture
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def open_png(data: Bytes) -> Source:
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise RejectedImage("corrupt")
    width, height, depth, colour_type, interlaced = struct.unpack_from(">IIBBxxB", data, 16)
    check_size(width, height, PIXELS_MAX)
    pixels = _pixel_chunks(data)
    image = PngImagePlugin.PngImageFile(BytesIO(data))
    mode = "" if "transparency" in image.info else image.mode
    check_full_decode(width, height, PIXEL_BYTES.get(mode, PIXEL_BYTES_OTHER))
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    rows_bytes = _rows_bytes(width, height, depth * CHANNELS[colour_type], passes)
    return Source(
        width,
        height,
        load=lambda: load_pixels(image),
        is_truncated=lambda image: (interlaced or ends_in(image, {0})) and not _inflates_to(rows_bytes, pixels),
    )


def _pixel_chunks(data: Bytes) -> list[memoryview]:
    """The deflated pixels of a complete PNG, their checksums verified, which Pillow does not do."""
    at, view = 8, memoryview(data)
    pixels: list[memoryview] = []
    for _ in range(PNG_CHUNKS_MAX):
        if at + 12 > len(data):
            raise RejectedImage("truncated")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise RejectedImage("truncated")
        if kind in CHECKED_CHUNKS and zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(
            view[end - 4 : end], "big"
        ):
            raise RejectedImage("corrupt")
        if kind == b"IEND":
            return pixels
        if kind == b"IDAT":
            pixels.append(view[at + 8 : end - 4])
        at = end
    raise RejectedImage("too_complex")


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
