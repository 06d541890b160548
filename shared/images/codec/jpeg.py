"""JPEG: its markers are walked first, then it is decoded at the smallest scale that leaves enough pixels.

Pillow gets the picture's own segments, a colour encoding written anew, and the scans. No metadata reaches a parser,
and nothing behind the last scan: some phones write a video there, whose bytes look like markers, and no end marker.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from PIL import Image, JpegImagePlugin

from shared.images.codec.exif import is_tiff, read_orientation
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
SOI, EOI, SOS, COM, APP0, APP1, APP2, APP14, APP15 = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
BARE = {*range(0x01, 0xC0), SOI, EOI}  # no length and no body follow; the first range is reserved
FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive
FRAMES_UNSUPPORTED = {*range(0xC0, 0xD0)} - FRAMES - {0xC4, 0xC8, 0xCC} | {0xDE}  # lossless, hierarchical, arithmetic
PROGRESSIVE = 0xC2
TABLES = {0xC4, 0xCC, 0xDB, 0xDD}  # Huffman, arithmetic, quantisation, restart interval
METADATA = {*range(APP0, APP15 + 1), COM}

END = b"\xff\xd9"
JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
ADOBE = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"  # the transform follows
JFIF_BYTES_MIN, ADOBE_BYTES_MIN, PROFILE_BYTES_MIN = 14, 12, 14  # libjpeg ignores a shorter segment
# libjpeg reads eight bytes ahead. These are ones, which no code consists of, so they make up two blocks at most.
READ_AHEAD = b"\xff\0" * 8
COEFFICIENTS = 64  # of a block

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
    component_ids: bytes = b""


@dataclass(slots=True)
class Header:
    """What precedes the first scan."""

    frame: Frame | None = None
    tables: list[bytes] = field(default_factory=list)  # with the frame header, as they were written
    has_jfif: bool = False
    adobe_transform: int | None = None
    profile_pieces: list[bytes] = field(default_factory=list)
    orientation: int | None = None

    def encode(self) -> bytes:
        """The header as Pillow gets it: JFIF and Adobe's segment say how colours are encoded."""
        adobe = b"" if self.adobe_transform is None else ADOBE + bytes([self.adobe_transform])
        return b"".join((b"\xff\xd8", JFIF if self.has_jfif else b"", adobe, *self.tables))

    def profile(self) -> bytes | None:
        """The colour profile, from its numbered pieces; None if their number is not the one they state."""
        pieces = sorted(self.profile_pieces)
        if not pieces or pieces[0][13] != len(pieces):
            return None
        return b"".join(piece[14:] for piece in pieces)


@dataclass(frozen=True, slots=True)
class Scans:
    start: int
    end: int  # of the last scan's data
    count: int
    has_end_marker: bool
    has_all_coefficients: bool
    is_buffered: bool  # the decoder holds all coefficients until the end


def open_jpeg(data: Bytes) -> Source:
    header, scans_at = _read_header(data)
    frame = header.frame
    if not frame:
        raise RejectedImage("corrupt")
    scans = _read_scans(data, scans_at, frame)
    is_decoded_twice = scans.is_buffered and not scans.has_end_marker
    if is_decoded_twice and not scans.has_all_coefficients:
        raise RejectedImage("truncated")
    if scans.count * (1 + is_decoded_twice) * frame.samples / 64 > SCANNED_BLOCKS_MAX:
        raise RejectedImage("too_complex")
    eighths = decode_scale_eighths(frame)
    scaled_bytes = frame.width * frame.height * 4 * (eighths / 8) ** 2
    check_memory(scaled_bytes * (1 + is_decoded_twice) + (2 * frame.samples if scans.is_buffered else 0))
    encoded_header = header.encode()

    def open_scaled(eighths: int, *rest: bytes) -> JpegImagePlugin.JpegImageFile:
        file = _SplicedFile(encoded_header, data, scans.start, scans.end, b"".join(rest))
        image = JpegImagePlugin.JpegImageFile(file)  # type: ignore[arg-type]
        _set_decode_scale(image, eighths)
        return image

    # Without an end marker a decoder that still lacks blocks asks for more data, which is an error. One that buffers
    # would always ask.
    image = open_scaled(eighths, END if scans.has_end_marker or scans.is_buffered else READ_AHEAD)
    image.info["icc_profile"] = header.profile()
    return Source(
        frame.width,
        frame.height,
        load=lambda: load_pixels(image),
        orientation=header.orientation or 1,
        box=(0, 0, frame.width * eighths / 8, frame.height * eighths / 8),
        is_truncated=lambda image: _lacks_pixels(image, open_scaled, eighths if is_decoded_twice else None),
    )


def _read_header(data: Bytes) -> tuple[Header, int]:
    """Everything before the first scan, and where that scan starts."""
    header, at = Header(), 2
    for _ in range(JPEG_SEGMENTS_MAX):
        segment = _next_segment(data, at)
        if not segment:
            raise RejectedImage("truncated")
        start, marker, at = segment
        body = memoryview(data)[start + 4 : at]
        if marker in FRAMES_UNSUPPORTED:
            raise RejectedImage("unsupported_jpeg")
        if marker == EOI:
            raise RejectedImage("corrupt")
        if marker == SOS:
            return header, start
        if marker in FRAMES:
            if header.frame:
                raise RejectedImage("corrupt")
            header.frame = _parse_frame(marker, body)
        if marker in FRAMES or marker in TABLES:
            header.tables.append(bytes(data[start:at]))
        elif marker in METADATA:
            _read_metadata(header, marker, bytes(body))
    raise RejectedImage("too_complex")


def _next_segment(data: Bytes, at: int) -> tuple[int, int, int] | None:
    """(start, marker, end) of the next segment; None if there is none, or not all of it."""
    found = MARKER.search(data, at)
    if not found:
        return None
    start, marker = found.start(), found[0][1]
    if marker in BARE:
        return start, marker, start + 2
    end = start + 2 + max(2, int.from_bytes(data[start + 2 : start + 4], "big"))
    return (start, marker, end) if end <= len(data) else None


def _read_metadata(header: Header, marker: int, body: bytes) -> None:
    """Keep the little that says how to show the picture; a segment too short for it is ignored."""
    if marker == APP0 and body[:5] == b"JFIF\0" and len(body) >= JFIF_BYTES_MIN:
        header.has_jfif = True
    elif marker == APP1 and header.orientation is None and body[:5] == b"Exif\0" and is_tiff(body[6:10]):
        header.orientation = read_orientation(body[6:])
    elif marker == APP2 and body[:12] == b"ICC_PROFILE\0" and len(body) >= PROFILE_BYTES_MIN:
        header.profile_pieces.append(body)
    elif marker == APP14 and body[:5] == b"Adobe" and len(body) >= ADOBE_BYTES_MIN:
        header.adobe_transform = body[11]


def _read_scans(data: Bytes, at: int, frame: Frame) -> Scans:
    """Walk from the first scan to the last; a segment that cannot stand between two scans ends the picture."""
    first = at
    scans = end = 0
    is_buffered = frame.is_progressive
    missing = {(component, at) for component in frame.component_ids for at in range(COEFFICIENTS)}
    has_end_marker = False
    for _ in range(JPEG_SEGMENTS_MAX):
        segment = _next_segment(data, at)
        if not segment:
            break
        start, marker, at = segment
        if marker == SOS:
            sent = _parse_scan(memoryview(data)[start + 4 : at], frame)
            if sent is None:
                break
            scans += 1
            if scans > SCANS_MAX:
                raise RejectedImage("too_complex")
            missing -= sent
            found = MARKER.search(data, at)
            at = end = found.start() if found else len(data)
            is_buffered = is_buffered or bool(missing)
            if not is_buffered:
                has_end_marker = data[end : end + 2] == END
                break
        elif marker not in TABLES and marker not in METADATA:
            has_end_marker = marker == EOI
            break
    if not scans:
        raise RejectedImage("corrupt")
    return Scans(first, end, scans, has_end_marker, not missing, is_buffered)


def _parse_scan(body: memoryview, frame: Frame) -> set[tuple[int, int]] | None:
    """The (component, coefficient) that have all their bits after this scan; None if its header is invalid."""
    if not body or not 1 <= body[0] <= 4 or len(body) != 4 + 2 * body[0]:
        return None
    components = bytes(body[1:-3:2])
    if not set(components) <= set(frame.component_ids):
        return None
    if not frame.is_progressive:
        return {(component, at) for component in components for at in range(COEFFICIENTS)}
    first, last, bits = body[-3:]
    if not first <= last < COEFFICIENTS or bool(first) != bool(last) or (first and len(components) > 1):
        return None
    has_last_bit = not bits & 15
    return {(component, at) for component in components for at in range(first, last + 1) if has_last_bit}


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
    ids = bytes(body[6 : 6 + 3 * components : 3])
    return Frame(width, height, components, width * height * share, marker == PROGRESSIVE, ids)


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


def _lacks_pixels(
    image: Image.Image, open_scaled: Callable[..., JpegImagePlugin.JpegImageFile], eighths: int | None
) -> bool:
    """Whether the data ends before the picture does.

    libjpeg fills missing pixels with grey without an error, but it decodes more data where it is offered some. Most
    pictures do not end in grey and need no second look. A buffered one without an end marker does, at its own scale:
    what it lacks may be detail anywhere in it.
    """
    more = bytes(range(1, 255)) * 4
    restarts = b"".join(bytes((0xFF, marker)) + more for marker in range(0xD0, 0xD8))
    if eighths:
        return open_scaled(eighths, more, restarts, END).tobytes() != image.tobytes()
    if not ends_in(image, {127, 128}):
        return False
    return open_scaled(1, END).tobytes() != open_scaled(1, more, restarts, END).tobytes()


class _SplicedFile:
    """A file made of a header, a part of the upload without a copy of it, and an end."""

    def __init__(self, header: bytes, data: Bytes, start: int, stop: int, end: bytes) -> None:
        self.parts = ((header, 0, len(header)), (data, start, stop), (end, 0, len(end)))
        self.part = self.read_bytes = 0

    def read(self, size: int) -> bytes:
        while self.part < len(self.parts):
            part, start, stop = self.parts[self.part]
            at = start + self.read_bytes
            if at < stop:
                piece = bytes(memoryview(part)[at : min(stop, at + size)])
                self.read_bytes += len(piece)
                return piece
            self.part, self.read_bytes = self.part + 1, 0
        return b""

    def seek(self, at: int) -> None:
        """Pillow only ever returns to the start."""
        self.part = self.read_bytes = 0
