"""WebP: its picture is put into a file of its own, so that no metadata can keep the decoder from it.

Of an animation that is the first frame.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from PIL import Image, _webp

from shared.images.codec.exif import read_orientation
from shared.images.codec.limits import WEBP_CHUNKS_MAX, check_full_decode, check_memory
from shared.images.codec.source import Bytes, Source
from shared.images.rejections import RejectedImage

# Bytes that the decoder needs per pixel, and copies of the file, as measured.
PIXEL_BYTES = 12
FILE_COPIES = 2

LOSSY, LOSSLESS = b"VP8 ", b"VP8L"
PICTURE_PARTS = {LOSSY, LOSSLESS, b"ALPH"}
KINDS = {*PICTURE_PARTS, b"VP8X", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "}
EXTENDED_BYTES, FRAME_BYTES = 10, 16  # the body of VP8X, and ANMF's before its picture
ANIMATED, XMP, EXIF, PROFILE = 0x02, 0x04, 0x08, 0x20  # flags of VP8X, in its first byte


@dataclass(frozen=True, slots=True)
class Contents:
    """What is used of an upload."""

    file: bytes  # without metadata
    width: int
    height: int
    profile: bytes | None
    orientation: int


def open_webp(data: Bytes) -> Source:
    contents = _read_contents(data)
    size = contents.width, contents.height
    check_full_decode(*size, PIXEL_BYTES)
    check_memory(contents.width * contents.height * PIXEL_BYTES + len(contents.file) * FILE_COPIES)

    def load() -> Image.Image:
        pixels, raw_mode = _decode(contents.file, size)
        image = Image.frombytes("RGB" if raw_mode == "RGBX" else raw_mode, size, pixels, "raw", raw_mode)
        image.info["icc_profile"] = contents.profile
        return image

    return Source(*size, load, contents.orientation)


def _decode(file: bytes, size: tuple[int, int]) -> tuple[bytes, str]:
    """The pixels and their raw mode. The decoder, as large as two pictures, is gone afterwards."""
    decoder = _webp.WebPAnimDecoder(file)
    decoded_size, _, _, _, raw_mode = decoder.get_info()
    frame = decoder.get_next()
    if decoded_size != size or frame is None:
        raise RejectedImage("corrupt")
    return frame[0], raw_mode


def _read_contents(data: Bytes) -> Contents:
    """Find the first picture. Metadata counts where the header announces it, as the format demands."""
    bodies: dict[bytes, memoryview] = {}
    view = memoryview(data)
    for kind, start, end in _walk_chunks(data, 12):
        is_picture = kind in PICTURE_PARTS or kind == b"ANMF"
        if is_picture and not bodies.keys().isdisjoint({LOSSY, LOSSLESS, b"ANMF"}):
            continue
        if is_picture and end > len(data):
            raise RejectedImage("truncated")
        if kind in KINDS and kind not in bodies and end <= len(data):
            bodies[kind] = view[start:end]
        if kind in (LOSSY, LOSSLESS) and b"VP8X" not in bodies:
            break  # the simple format, which has no metadata
    extended = bytes(bodies.get(b"VP8X", b"")[:EXTENDED_BYTES])
    if len(extended) < EXTENDED_BYTES:
        return _read_simple(bodies)
    flags = extended[0]
    picture = _encode_parts(bodies)
    if frame := bodies.get(b"ANMF"):
        walked = _walk_chunks(frame, FRAME_BYTES)
        parts = {kind: frame[start:end] for kind, start, end in walked if kind in PICTURE_PARTS}
        first_frame = bytes(frame[:FRAME_BYTES]) + _encode_parts(parts)
        picture = _encode_chunk(b"ANIM", bytes(6)) + _encode_chunk(b"ANMF", first_frame)
    kept_flags = flags & ~(XMP | EXIF | PROFILE | ANIMATED) | (ANIMATED if frame else 0)
    return Contents(
        _encode_file(_encode_chunk(b"VP8X", bytes([kept_flags]) + extended[1:]) + picture),
        1 + int.from_bytes(extended[4:7], "little"),
        1 + int.from_bytes(extended[7:10], "little"),
        bytes(bodies[b"ICCP"]) if flags & PROFILE and b"ICCP" in bodies else None,
        read_orientation(bytes(bodies[b"EXIF"])) if flags & EXIF and b"EXIF" in bodies else 1,
    )


def _read_simple(bodies: Mapping[bytes, memoryview]) -> Contents:
    """A picture without a header of its own. Its size is read here: a decoder would at once allocate its canvas."""
    if lossless := bodies.get(LOSSLESS):
        bits = int.from_bytes(lossless[1:5], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        return Contents(_encode_file(_encode_chunk(LOSSLESS, lossless)), width, height, None, 1)
    if lossy := bodies.get(LOSSY):
        width, height = (int.from_bytes(lossy[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        return Contents(_encode_file(_encode_chunk(LOSSY, lossy)), width, height, None, 1)
    raise RejectedImage("corrupt")


def _walk_chunks(data: Bytes | memoryview, at: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start and end of its body) of every chunk; the last one's end may lie outside of the data."""
    for _ in range(WEBP_CHUNKS_MAX):
        if at + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length
        yield kind, at + 8, end
        at = end + length % 2
        if length % 2 and bytes(data[at : at + 4]) not in KINDS and bytes(data[end : end + 4]) in KINDS:
            at = end  # some writers forget the padding
    raise RejectedImage("too_complex")


def _encode_parts(parts: Mapping[bytes, memoryview]) -> bytes:
    """The chunks of a picture: its alpha goes first."""
    return b"".join(_encode_chunk(kind, parts[kind]) for kind in (b"ALPH", LOSSY, LOSSLESS) if kind in parts)


def _encode_chunk(kind: bytes, body: bytes | memoryview) -> bytes:
    return b"".join((struct.pack("<4sI", kind, len(body)), body, bytes(len(body) % 2)))


def _encode_file(chunks: bytes) -> bytes:
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WEBP") + chunks
