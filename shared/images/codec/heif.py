"""AVIF and HEIC, which share a container made of boxes."""

import re
import struct
from io import BytesIO

from PIL import Image, _avif

from shared.images.codec.limits import HEIF_BOXES_MAX, PIXELS_MAX, check_full_decode, check_size
from shared.images.codec.source import Bytes, Source
from shared.images.rejections import RejectedImage

# Bytes that the decoders need per pixel, as measured.
AVIF_PIXEL_BYTES = 12
HEIC_PIXEL_BYTES = 12

BOXES_NEEDED = {b"ftyp", b"meta", b"mdat", b"moov"}
PICTURE_SIZE = re.compile(rb"ispe\0\0\0\0(....)(....)", re.DOTALL)


def open_avif(data: Bytes) -> Source:
    """Open with Pillow's decoder but without its reader, which parses the EXIF and registers TIFF for it.

    The orientation is a property of the picture itself; its EXIF is ignored.
    """
    _check_boxes(data)
    decoder = _avif.AvifDecoder(data, "auto", 1)
    (width, height), _, mode, profile, _, orientation, _ = decoder.get_info()
    check_full_decode(width, height, AVIF_PIXEL_BYTES)

    def load() -> Image.Image:
        image = Image.frombytes(mode, (width, height), decoder.get_frame(0)[0])
        image.info["icc_profile"] = profile
        return image

    return Source(width, height, load, orientation)


def open_heic(data: Bytes) -> Source:
    try:
        import pillow_heif
    except ImportError:
        raise RejectedImage("heic_not_supported") from None
    _check_boxes(data)
    heif = pillow_heif.open_heif(BytesIO(data), convert_hdr_to_8bit=True)
    width, height = heif.size
    check_full_decode(width, height, HEIC_PIXEL_BYTES)
    return Source(width, height, load=heif.to_pillow, orientation=1)  # libheif has already made it upright


def _check_boxes(data: Bytes) -> None:
    """Check that the file is complete and within the pixel limit; libavif refuses a large one without a reason."""
    at = 0
    for _ in range(HEIF_BOXES_MAX):
        if at + 8 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
        end = at + size if size else len(data)
        if kind in BOXES_NEEDED and end > len(data):
            raise RejectedImage("truncated")
        if kind == b"meta":
            for width, height in PICTURE_SIZE.findall(data, at, end):
                check_size(int.from_bytes(width, "big"), int.from_bytes(height, "big"), PIXELS_MAX)
        if end < at + 8:
            return
        at = end
    raise RejectedImage("too_complex")
