"""JPEG: its markers are walked first, then it is decoded at the smallest scale that leaves enough pixels."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise

from PIL import JpegImagePlugin

from shared.images.codec.exif import read_orientation
from shared.images.codec.limits import (
    JPEG_PIXELS_MAX,
    JPEG_SEGMENTS_MAX,
    SCANNED_BLOCKS_MAX,
    SCANS_MAX,
    SIDES_PX,
    check_memory,
    check_size,
)
from shared.images.codec.source import Bytes, Source, ends_in, load_pixels
from shared.images.rejections import RejectedImage

MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)  # stuffing and restarts belong to a scan's data
SOI, EOI, SOS, TEM, COM, APP0, APP1, APP2, APP14 = 0xD8, 0xD9, 0xDA, 0x01, 0xFE, 0xE0, 0xE1, 0xE2, 0xEE
FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive
FRAMES_UNSUPPORTED = {*range(0xC0, 0xD0)} - FRAMES - {0xC4, 0xC8, 0xCC}  # lossless, hierarchical, arithmetic
PROGRESSIVE = 0xC2

EIGHTHS = (1, 2, 3, 4, 8)  # of its size: the scales at which a JPEG can be decoded
# A scaled decode costs no quality only while Lanczos still has something to shrink.
SHRINK_GAP = 1.25
DECODED_PIXELS_ENOUGH = 12_500_000  # above this, a smaller gap for Lanczos is better than a larger decode


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame header."""

    width: int
    height: int
    components: int
    samples: float  # of all components, subsampling considered
    is_progressive: bool


def open_jpeg(data: Bytes) -> Source:
    """Give Pillow the picture's own segments and its colour profile; no other metadata reaches its parsers."""
    tables = [data[:2]]
    frame: Frame | None = None
    orientation = scans = pixels_at = pixels_end = 0
    is_buffered = False
    for start, marker, end in _segments(data):
        body = memoryview(data)[start + 4 : end]
        if marker in FRAMES_UNSUPPORTED:
            raise RejectedImage("unsupported_jpeg")
        if marker in FRAMES:
            if frame:
                raise RejectedImage("corrupt")
            frame = _parse_frame(marker, body)
        elif marker == SOS:
            if not frame or not body:
                raise RejectedImage("corrupt")
            scans += 1
            pixels_at = pixels_at or start
            is_buffered = is_buffered or frame.is_progressive or body[0] < frame.components
        elif marker == APP1 and not orientation and bytes(body[:6]) == b"Exif\0\0":
            orientation = read_orientation(bytes(body))
        elif marker == EOI:
            pixels_end = start
        if not pixels_at and not _is_metadata(marker, body):
            tables.append(data[start:end])
    if not frame or not scans:
        raise RejectedImage("corrupt")
    if scans > SCANS_MAX or scans * frame.samples / 64 > SCANNED_BLOCKS_MAX:
        raise RejectedImage("too_complex")
    eighths = decode_scale_eighths(frame)
    scaled_bytes = frame.width * frame.height * 4 * (eighths / 8) ** 2
    check_memory(scaled_bytes + (2 * frame.samples if is_buffered else 0))
    header = b"".join(tables)
    image = JpegImagePlugin.JpegImageFile(_SplicedFile(header, data, pixels_at))  # type: ignore[arg-type]
    _set_decode_scale(image, eighths)
    return Source(
        frame.width,
        frame.height,
        load=lambda: load_pixels(image),
        orientation=orientation or 1,
        box=(0, 0, frame.width * eighths / 8, frame.height * eighths / 8),
        is_truncated=lambda image: ends_in(image, {127, 128}) and _lacks_pixels(header, data[pixels_at:pixels_end]),
    )


def _segments(data: Bytes) -> Iterator[tuple[int, int, int]]:
    """(start, marker, end) of every segment of the file's first picture, up to its end of image."""
    at = 2
    for _ in range(JPEG_SEGMENTS_MAX):
        found = MARKER.search(data, at)
        if not found:
            raise RejectedImage("truncated")
        start, marker = found.start(), found[0][1]
        if marker == EOI:
            yield start, marker, start + 2
            return
        at = start + 2
        if marker in (SOI, TEM):
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        at += length
        if max(at, start + 4) > len(data):
            raise RejectedImage("truncated")
        if length < 2:
            raise RejectedImage("corrupt")
        yield start, marker, at
    raise RejectedImage("too_complex")


def _parse_frame(marker: int, body: memoryview) -> Frame:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise RejectedImage("corrupt")
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    if precision != 8 or components not in (1, 3, 4):
        raise RejectedImage("unsupported_jpeg")
    check_size(width, height, JPEG_PIXELS_MAX)
    across, down = zip(*((factors >> 4, factors & 15) for factors in body[7 : 6 + 3 * components : 3]), strict=True)
    if 0 in across or 0 in down:
        raise RejectedImage("corrupt")
    share = sum(x * y for x, y in zip(across, down, strict=True)) / (max(across) * max(down))
    return Frame(width, height, components, width * height * share, marker == PROGRESSIVE)


def _is_metadata(marker: int, body: memoryview) -> bool:
    """APP0 and APP14 define the colour encoding, some APP2 hold the profile; other APPs and comments are metadata."""
    if marker == APP2:
        return bytes(body[:12]) != b"ICC_PROFILE\0"
    return marker == COM or APP0 < marker <= 0xEF and marker != APP14


def decode_scale_eighths(frame: Frame) -> int:
    """The smallest decode with enough pixels left to shrink: of its longer side, or of all of them."""
    side_px, pixels, wanted_px = max(frame.width, frame.height), frame.width * frame.height, SIDES_PX["display"]
    for smaller, larger in pairwise(EIGHTHS):
        is_large = pixels * (larger / 8) ** 2 > DECODED_PIXELS_ENOUGH
        if side_px * smaller / 8 >= wanted_px * (1 if is_large else SHRINK_GAP):
            return smaller
    return EIGHTHS[-1]


def _set_decode_scale(image: JpegImagePlugin.JpegImageFile, eighths: int) -> None:
    """Replace Pillow's `draft`, which never asks for three: libjpeg-turbo takes a third as the next eighth above."""
    width, height = image.size
    image._size = -(-width * eighths // 8), -(-height * eighths // 8)
    image.tile = [image.tile[0]._replace(extents=(0, 0, *image.size))]
    image.decoderconfig = (-(-8 // eighths), 0)


def _lacks_pixels(header: bytes, scans: Bytes) -> bool:
    """Whether the data ends before the picture does.

    libjpeg fills missing pixels with grey without an error, but it decodes more data where it is offered some.
    """

    def decode(end: bytes) -> bytes:
        image = JpegImagePlugin.JpegImageFile(BytesIO(header + scans + end + b"\xff\xd9"))
        image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
        return image.tobytes()

    more = bytes(range(1, 255)) * 4
    restarts = b"".join(bytes((0xFF, marker)) + more for marker in range(0xD0, 0xD8))
    return decode(b"") != decode(more + restarts)


class _SplicedFile:
    """A file made of a header and the rest of the upload, without a copy of the latter."""

    def __init__(self, header: bytes, data: Bytes, rest_at: int) -> None:
        self.header, self.data, self.rest_at = BytesIO(header), data, rest_at
        self.seek(0)

    def read(self, size: int) -> bytes:
        if part := self.header.read(size):
            return part
        part = bytes(memoryview(self.data)[self.at : self.at + size])
        self.at += len(part)
        return part

    def seek(self, at: int) -> None:
        self.header.seek(at)
        self.at = self.rest_at
