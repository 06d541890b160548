"""WebP."""

from io import BytesIO

from PIL import WebPImagePlugin

from shared.images.codec.limits import check_full_decode
from shared.images.codec.source import Bytes, Source, load_pixels
from shared.images.rejections import RejectedImage

PIXEL_BYTES = 16  # that the decoder needs per pixel, as measured


def open_webp(data: Bytes) -> Source:
    if 8 + int.from_bytes(data[4:8], "little") > len(data):
        raise RejectedImage("truncated")
    width, height = _read_size(data)
    check_full_decode(width, height, PIXEL_BYTES)
    image = WebPImagePlugin.WebPImageFile(BytesIO(data))
    if image.size != (width, height):
        raise RejectedImage("corrupt")
    return Source(width, height, load=lambda: load_pixels(image))


def _read_size(data: Bytes) -> tuple[int, int]:
    """Read the size without Pillow, whose decoder allocates the whole canvas as soon as it is made."""
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    raise RejectedImage("corrupt")
