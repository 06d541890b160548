"""Photos made small, upright and anonymous: bytes in, bytes out.

A file passes three gates before a pixel of it is decoded: its first bytes name the format (never its name or
type), a walk over its structure finds what is missing or excessive, and its header tells whether decoding fits the
memory. What is left is opened by that format's own reader, so no other decoder is ever registered, and loaded
once: after a load that failed, Pillow's second one returns in silence with pixels that are black or partial.

Anything that is wrong with the picture itself is a `Rejected`; any other exception is passing, and worth a retry.
"""

import base64
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from typing import Any

from PIL import Image, ImageChops, ImageCms, JpegImagePlugin, PngImagePlugin, WebPImagePlugin, _avif

from shared.rejections import REJECTIONS as REJECTIONS

RECIPE = "2"  # part of the stored keys: raise it when other bytes come out for the same upload
SIDES_PX = {"display": 1600, "thumb": 320}  # of the longest side; a smaller picture is never enlarged
PLACEHOLDER_PX = 16
DOMINANT_PX = 48

SIDE_PX_MAX = 30_000
JPEG_PIXELS_MAX = 210_000_000  # decoded at an eighth of its size or more
PIXELS_MAX = 40_000_000  # of every other format: decoded in full
MEMORY_BYTES_MAX = 300 * 1024 * 1024  # of what decoding and shrinking need, beside the file and the process
SEGMENTS_MAX = 50_000  # of a JPEG, and chunks of a PNG below: each costs Pillow a call
CHUNKS_MAX = 400_000
SCANS_MAX = 100
SCANNED_BLOCKS_MAX = 40_000_000  # a scan of a few bytes buys a pass over all blocks of the picture
FILE_BYTES_MIN = 12

# A shrunken decode is free quality only while Lanczos still has something to do.
SHRINK_GAP = 1.25
DECODED_PIXELS_ENOUGH = 12_500_000  # rather than decode more, less than that is left to Lanczos
REDUCING_GAP = 2.0  # what is more than twice too large is halved by a box first
LARGE_BYTES = 20_000_000
BAND_BYTES, BAND_OF_LARGE_BYTES = 16_000_000, 4_000_000  # beside a large picture there is less room
PREMULTIPLIED = {"RGBA": "RGBa", "LA": "La"}  # clear pixels have no colour to bleed
EIGHTHS = (1, 2, 3, 4, 8)  # of its size, that a JPEG can be decoded at
# The working bytes of a decoder for each pixel, as measured; a JPEG's are reckoned from its header.
PNG_PIXEL_BYTES = {"1": 2, "L": 2, "I;16": 8, "RGB": 5}
PNG_PIXEL_BYTES_OTHER = 13  # transparency: shrinking premultiplies a copy
WEBP_PIXEL_BYTES = 16
AVIF_PIXEL_BYTES = 12
HEIC_PIXEL_BYTES = 12

# N. Robidoux's quantisation table: at equal visible quality 6 % fewer bytes than the standard's.
# fmt: off
ROBIDOUX = [
    16, 16, 16, 18, 25, 37, 56, 85,
    16, 17, 20, 27, 34, 40, 53, 75,
    16, 20, 24, 31, 43, 62, 91, 135,
    18, 27, 31, 40, 53, 74, 106, 156,
    25, 34, 43, 53, 69, 94, 131, 189,
    37, 40, 62, 74, 94, 124, 169, 238,
    56, 53, 91, 106, 131, 169, 226, 255,
    85, 75, 135, 156, 189, 238, 255, 255,
]
# fmt: on
# The mean of a block, its first value, is worth finer steps: 2 to 4 % fewer bytes at equal SSIMULACRA2.
LUMA, CHROMA = [10, *ROBIDOUX[1:]], [8, *ROBIDOUX[1:]]
# A sixth of the time for a few percent more bytes; the model plans for pictures that follow, of which there are none.
AVIF_SHORT_CUTS = {"disable-trellis-quant": "1", "enable-tpl-model": "0"}
# Settings of equal visible quality. One thread: the same bytes on every machine.
ENCODERS: dict[str, dict[str, Any]] = {
    "jpeg": {"quality": 80, "progressive": True, "subsampling": "4:2:0", "qtables": [LUMA, CHROMA]},
    "avif": {
        "quality": 70,
        "speed": 9,
        "max_threads": 1,
        "advanced": {"tune": "ssimulacra2", **AVIF_SHORT_CUTS},
    },
    "webp": {"quality": 80, "method": 4},
}
# What turns a picture upright, by its EXIF orientation.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
PROFILE_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
PROFILE_BYTES_MAX = 4 * 1024 * 1024


Bytes = bytes | bytearray
Box = tuple[float, float, float, float]


class Rejected(Exception):
    """The picture is at fault and always will be; `code` is a key of REJECTIONS."""

    def __init__(self, code: str) -> None:
        super().__init__(REJECTIONS[code])
        self.code = code


@dataclass(frozen=True, slots=True)
class Variant:
    name: str  # display, thumb
    format: str  # jpeg, avif, webp
    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Compressed:
    """`width` and `height` are the upload's, turned upright."""

    format: str  # of the upload: jpeg, png, webp, avif, heic
    width: int
    height: int
    variants: tuple[Variant, ...]
    placeholder: str  # a data URI, to be stretched until the thumb is there
    dominant_colour: str  # "#rrggbb"


@dataclass(frozen=True, slots=True)
class _Upload:
    """A picture of which only the header has been read; `load` is called once."""

    width: int
    height: int
    load: Callable[[], Image.Image]
    orientation: int | None = None  # None: in the EXIF, which a PNG may carry behind its pixels
    box: Box | None = None  # of the decoded pixels, those that are picture
    is_cut: Callable[[Image.Image], bool] = lambda image: False


def compress(data: Bytes, formats: Sequence[str] = ("jpeg", "avif")) -> Compressed:
    """Every variant in every format: the same bytes for the same upload, recipe and formats.

    A bytearray is empty afterwards: encoding takes the memory that the upload had.
    """
    format = _format(data)
    small, width, height = _decode(OPENERS[format], data)
    if isinstance(data, bytearray):
        data.clear()
    pictures = {name: _shrink(small, _fit(width, height, side)) for name, side in SIDES_PX.items()}
    return Compressed(
        format=format,
        width=width,
        height=height,
        variants=tuple(
            Variant(name, wanted, picture.width, picture.height, _encode(picture, wanted))
            for name, picture in pictures.items()
            for wanted in formats
        ),
        placeholder=_placeholder(pictures["thumb"]),
        dominant_colour=_dominant_colour(pictures["thumb"]),
    )


def _format(data: Bytes) -> str:
    """By the first bytes alone: a name or content type is what somebody says."""
    head = bytes(data[:256])
    if len(head) < FILE_BYTES_MIN:
        raise Rejected("corrupt")
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        end = int.from_bytes(head[:4], "big")
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(end, len(head)), 4))}
        if brands & {b"avif", b"avis"}:
            return "avif"
        if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}:
            return "heic"
    raise Rejected("unsupported_type")


def _decode(opener: Callable[[Bytes], _Upload], data: Bytes) -> tuple[Image.Image, int, int]:
    """The picture at display size, upright, in sRGB, without anything beside its pixels; and its full size."""
    upload, image = _load(opener, data)
    width, height = upload.width, upload.height
    profile = image.info.get("icc_profile")
    orientation = upload.orientation or _orientation(image.info.get("exif", b""))
    image = _shrink(_eight_bits(image), _fit(width, height, SIDES_PX["display"]), upload.box)
    del upload  # and with it the large picture
    image = _flatten(_to_srgb(image, profile))
    if orientation in UPRIGHT:
        image = image.transpose(UPRIGHT[orientation])
        width, height = (height, width) if orientation >= 5 else (width, height)
    image.info = {}
    return image, width, height


def _load(opener: Callable[[Bytes], _Upload], data: Bytes) -> tuple[_Upload, Image.Image]:
    """The one place where a decoder meets the upload: whatever it throws is the picture's fault."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata, none of which is used
            upload = opener(data)
            image = upload.load()
            if upload.is_cut(image):
                raise Rejected("truncated")
            return upload, image
    except Rejected:
        raise
    except MemoryError:
        raise Rejected("too_large") from None
    except Exception as fault:
        raise Rejected("truncated" if "truncated" in str(fault) else "corrupt") from fault


def _fit(width: int, height: int, side: int) -> tuple[int, int]:
    scale = min(1, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _check_size(width: int, height: int, pixels_max: int) -> None:
    if not width or not height:
        raise Rejected("corrupt")
    if max(width, height) > SIDE_PX_MAX or width * height > pixels_max:
        raise Rejected("too_many_pixels")


def _check_full_decode(width: int, height: int, pixel_bytes: int) -> None:
    _check_size(width, height, PIXELS_MAX)
    _check_memory(width * height * pixel_bytes)


def _check_memory(needed_bytes: float) -> None:
    if needed_bytes > MEMORY_BYTES_MAX:
        raise Rejected("too_large")


def _loaded(image: Image.Image) -> Image.Image:
    image.load()
    return image


def _ends_in(image: Image.Image, values: set[int]) -> bool:
    """Whether the last pixel is what a decoder leaves there that ran out of data."""
    corner = image.getpixel((image.width - 1, image.height - 1))
    return set(corner if isinstance(corner, tuple) else (corner,)) <= values


# Opening: the structure is walked and the header read, nothing is decoded.

JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)  # stuffing and restarts belong to a scan's data
SOI, EOI, SOS, TEM, COM, APP0, APP1, APP2, APP14 = 0xD8, 0xD9, 0xDA, 0x01, 0xFE, 0xE0, 0xE1, 0xE2, 0xEE
FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive
FRAMES_UNSUPPORTED = {*range(0xC0, 0xD0)} - FRAMES - {0xC4, 0xC8, 0xCC}  # lossless, hierarchical, arithmetic
PROGRESSIVE = 0xC2


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a JPEG's frame header says."""

    width: int
    height: int
    components: int
    samples: float  # of all components, subsampling considered
    is_progressive: bool


def _open_jpeg(data: Bytes) -> _Upload:
    """Pillow gets the picture's own segments and colour profile; no other metadata reaches its parsers."""
    tables = [data[:2]]
    frame: _Frame | None = None
    orientation = scans = pixels_at = pixels_end = 0
    is_buffered = False
    for start, marker, end in _segments(data):
        body = memoryview(data)[start + 4 : end]
        if marker in FRAMES_UNSUPPORTED:
            raise Rejected("unsupported_jpeg")
        if marker in FRAMES:
            if frame:
                raise Rejected("corrupt")
            frame = _frame(marker, body)
        elif marker == SOS:
            if not frame or not body:
                raise Rejected("corrupt")
            scans += 1
            pixels_at = pixels_at or start
            is_buffered = is_buffered or frame.is_progressive or body[0] < frame.components
        elif marker == APP1 and not orientation and bytes(body[:6]) == b"Exif\0\0":
            orientation = _orientation(bytes(body))
        elif marker == EOI:
            pixels_end = start
        if not pixels_at and not _is_metadata(marker, body):
            tables.append(data[start:end])
    if not frame or not scans:
        raise Rejected("corrupt")
    if scans > SCANS_MAX or scans * frame.samples / 64 > SCANNED_BLOCKS_MAX:
        raise Rejected("too_complex")
    eighths = _jpeg_eighths(frame)
    scaled_bytes = frame.width * frame.height * 4 * (eighths / 8) ** 2
    _check_memory(scaled_bytes + (2 * frame.samples if is_buffered else 0))
    header = b"".join(tables)
    image = JpegImagePlugin.JpegImageFile(_Spliced(header, data, pixels_at))  # type: ignore[arg-type]
    _decode_eighths(image, eighths)
    return _Upload(
        frame.width,
        frame.height,
        load=lambda: _loaded(image),
        orientation=orientation or 1,
        box=(0, 0, frame.width * eighths / 8, frame.height * eighths / 8),
        is_cut=lambda image: _ends_in(image, {127, 128}) and _is_jpeg_cut(header, data[pixels_at:pixels_end]),
    )


def _segments(data: Bytes) -> Iterator[tuple[int, int, int]]:
    """(start, marker, end) of every segment of a JPEG's first picture, to its end of image."""
    at = 2
    for _ in range(SEGMENTS_MAX):
        found = JPEG_MARKER.search(data, at)
        if not found:
            raise Rejected("truncated")
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
            raise Rejected("truncated")
        if length < 2:
            raise Rejected("corrupt")
        yield start, marker, at
    raise Rejected("too_complex")


def _frame(marker: int, body: memoryview) -> _Frame:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise Rejected("corrupt")
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    if precision != 8 or components not in (1, 3, 4):
        raise Rejected("unsupported_jpeg")
    _check_size(width, height, JPEG_PIXELS_MAX)
    across, down = zip(*((factors >> 4, factors & 15) for factors in body[7 : 6 + 3 * components : 3]), strict=True)
    if 0 in across or 0 in down:
        raise Rejected("corrupt")
    share = sum(x * y for x, y in zip(across, down, strict=True)) / (max(across) * max(down))
    return _Frame(width, height, components, width * height * share, marker == PROGRESSIVE)


def _is_metadata(marker: int, body: memoryview) -> bool:
    """APP0 and APP14 say how the colours are stored, some of APP2 are the profile; the other APPs and comments go."""
    if marker == APP2:
        return bytes(body[:12]) != b"ICC_PROFILE\0"
    return marker == COM or APP0 < marker <= 0xEF and marker != APP14


def _jpeg_eighths(frame: _Frame) -> int:
    """The smallest decode with enough pixels left to shrink: of its longer side, or of all of them."""
    side_px, pixels, wanted_px = max(frame.width, frame.height), frame.width * frame.height, SIDES_PX["display"]
    for smaller, larger in pairwise(EIGHTHS):
        is_large = pixels * (larger / 8) ** 2 > DECODED_PIXELS_ENOUGH
        if side_px * smaller / 8 >= wanted_px * (1 if is_large else SHRINK_GAP):
            return smaller
    return EIGHTHS[-1]


def _decode_eighths(image: JpegImagePlugin.JpegImageFile, eighths: int) -> None:
    """In place of Pillow's `draft`, which never asks for three: to libjpeg-turbo a third is the next eighth above."""
    width, height = image.size
    image._size = -(-width * eighths // 8), -(-height * eighths // 8)
    image.tile = [image.tile[0]._replace(extents=(0, 0, *image.size))]
    image.decoderconfig = (-(-8 // eighths), 0)


def _is_jpeg_cut(header: bytes, scans: Bytes) -> bool:
    """Whether pixels are missing before the end: libjpeg fills them with grey in silence, and reads on if it can."""

    def decoded(end: bytes) -> bytes:
        image = JpegImagePlugin.JpegImageFile(BytesIO(header + scans + end + b"\xff\xd9"))
        image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
        return image.tobytes()

    more = bytes(range(1, 255)) * 4
    restarts = b"".join(bytes((0xFF, marker)) + more for marker in range(0xD0, 0xD8))
    return decoded(b"") != decoded(more + restarts)


class _Spliced:
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


PIXEL_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def _open_png(data: Bytes) -> _Upload:
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise Rejected("corrupt")
    width, height, depth, colour, interlaced = struct.unpack_from(">IIBBxxB", data, 16)
    _check_size(width, height, PIXELS_MAX)
    pixels = _pixel_chunks(data)
    image = PngImagePlugin.PngImageFile(BytesIO(data))
    mode = "" if "transparency" in image.info else image.mode
    _check_full_decode(width, height, PNG_PIXEL_BYTES.get(mode, PNG_PIXEL_BYTES_OTHER))
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    rows_bytes = _rows_bytes(width, height, depth * CHANNELS[colour], passes)
    return _Upload(
        width,
        height,
        load=lambda: _loaded(image),
        is_cut=lambda image: (interlaced or _ends_in(image, {0})) and not _inflates_to(rows_bytes, pixels),
    )


def _pixel_chunks(data: Bytes) -> list[memoryview]:
    """Deflated pixels of a PNG that is whole to its end; Pillow compares no checksum of theirs."""
    at, view = 8, memoryview(data)
    pixels: list[memoryview] = []
    for _ in range(CHUNKS_MAX):
        if at + 12 > len(data):
            raise Rejected("truncated")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise Rejected("truncated")
        if kind in PIXEL_CHUNKS and zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise Rejected("corrupt")
        if kind == b"IEND":
            return pixels
        if kind == b"IDAT":
            pixels.append(view[at + 8 : end - 4])
        at = end
    raise Rejected("too_complex")


def _rows_bytes(width: int, height: int, pixel_bits: int, passes: Sequence[tuple[int, int, int, int]]) -> int:
    """Of all rows, each with its filter's byte, of every pass that has pixels."""
    sizes = ((-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes)
    return sum(rows * (1 + (columns * pixel_bits + 7) // 8) for columns, rows in sizes if columns > 0 and rows > 0)


def _inflates_to(enough_bytes: int, pixels: list[memoryview]) -> bool:
    """Asked where a picture ends in black: Pillow is content with a stream that ends too early."""
    inflate, count = zlib.decompressobj(), 0
    for piece in pixels:
        rest: bytes | memoryview = piece
        while rest:
            count += len(inflate.decompress(rest, 1 << 20))
            if count >= enough_bytes:
                return True
            rest = inflate.unconsumed_tail
    return count + len(inflate.flush()) >= enough_bytes


def _open_webp(data: Bytes) -> _Upload:
    if 8 + int.from_bytes(data[4:8], "little") > len(data):
        raise Rejected("truncated")
    width, height = _webp_size(data)
    _check_full_decode(width, height, WEBP_PIXEL_BYTES)
    image = WebPImagePlugin.WebPImageFile(BytesIO(data))
    if image.size != (width, height):
        raise Rejected("corrupt")
    return _Upload(width, height, load=lambda: _loaded(image))


def _webp_size(data: Bytes) -> tuple[int, int]:
    """Read here, since the decoder takes memory for the whole canvas as soon as it is made."""
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    raise Rejected("corrupt")


def _open_avif(data: Bytes) -> _Upload:
    """By Pillow's decoder without its reader, which parses the EXIF and registers TIFF for it.

    The orientation is the picture's own property; what its EXIF says of it does not count.
    """
    _check_boxes(data)
    decoder = _avif.AvifDecoder(data, "auto", 1)
    (width, height), _, mode, profile, _, orientation, _ = decoder.get_info()
    _check_full_decode(width, height, AVIF_PIXEL_BYTES)

    def load() -> Image.Image:
        image = Image.frombytes(mode, (width, height), decoder.get_frame(0)[0])
        image.info["icc_profile"] = profile
        return image

    return _Upload(width, height, load, orientation)


def _open_heic(data: Bytes) -> _Upload:
    try:
        import pillow_heif
    except ImportError:
        raise Rejected("heic_not_supported") from None
    _check_boxes(data)
    heif = pillow_heif.open_heif(BytesIO(data), convert_hdr_to_8bit=True)
    width, height = heif.size
    _check_full_decode(width, height, HEIC_PIXEL_BYTES)
    return _Upload(width, height, load=heif.to_pillow, orientation=1)  # libheif has turned it


BOXES_MAX = 1_000
BOXES_NEEDED = {b"ftyp", b"meta", b"mdat", b"moov"}
PICTURE_SIZE = re.compile(rb"ispe\0\0\0\0(....)(....)", re.DOTALL)  # read before libavif refuses with no reason


def _check_boxes(data: Bytes) -> None:
    """An AVIF or HEIC: whole, and of no more pixels than it may have."""
    at = 0
    for _ in range(BOXES_MAX):
        if at + 8 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
        end = at + size if size else len(data)
        if kind in BOXES_NEEDED and end > len(data):
            raise Rejected("truncated")
        if kind == b"meta":
            for width, height in PICTURE_SIZE.findall(data, at, end):
                _check_size(int.from_bytes(width, "big"), int.from_bytes(height, "big"), PIXELS_MAX)
        if end < at + 8:
            return
        at = end
    raise Rejected("too_complex")


OPENERS = {"jpeg": _open_jpeg, "png": _open_png, "webp": _open_webp, "avif": _open_avif, "heic": _open_heic}


def _orientation(exif: bytes) -> int:
    """Out of the first directory; 1 where it is missing, odd or out of range."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4], "")
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, at)
            if tag == 0x0112:
                return value if kind == 3 and value in UPRIGHT else 1
    except struct.error:
        pass
    return 1


# Normalising: whatever was decoded becomes small, then plain sRGB.


def _eight_bits(image: Image.Image) -> Image.Image:
    """L, LA, RGB, RGBA or CMYK, which Lanczos can shrink."""
    if image.mode.startswith("I"):  # sixteen bits: converting would clip, not scale
        return image.point(lambda value: value * (1 / 256)).convert("L")
    if "transparency" in image.info or image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.convert("L") if image.mode == "1" else image


def _shrink(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Image.Image:
    """By Lanczos; in bands where the copy that has the new width and still the old height would be large."""
    if image.size == size and not box:
        return image
    if image.mode in PREMULTIPLIED:
        return _shrink(image.convert(PREMULTIPLIED[image.mode]), size, box).convert(image.mode)
    left, top, right, bottom = box or (0, 0, *image.size)
    width, height = size
    scale = (bottom - top) / height
    band_bytes = BAND_OF_LARGE_BYTES if image.width * image.height * 4 > LARGE_BYTES else BAND_BYTES
    band = max(1, int(band_bytes / (width * 4 * scale)))
    if band >= height:
        return image.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=REDUCING_GAP)
    small = Image.new(image.mode, size)
    for y in range(0, height, band):
        rows = min(band, height - y)
        part = (left, top + y * scale, right, top + (y + rows) * scale)
        small.paste(image.resize((width, rows), Image.Resampling.LANCZOS, part), (0, y))
    return small


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB or RGBA; a profile that is broken or of other colours is as good as none."""
    has_alpha = image.mode in ("LA", "RGBA")
    alpha = image.getchannel("A") if has_alpha else None
    colours = image.convert("RGB" if image.mode == "RGBA" else "L") if has_alpha else image
    transform, space = _transform(profile) if profile else (None, "")
    if space == "RGB" and colours.mode == "L":
        colours = colours.convert("RGB")
    if transform and colours.mode == space:
        in_place = space == "RGB"
        colours = ImageCms.applyTransform(colours, transform, in_place) or colours
    if colours.mode != "RGB":
        colours = colours.convert("RGB")
    if alpha:
        colours.putalpha(alpha)
    return colours


@lru_cache(maxsize=8)
def _transform(profile: bytes) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """To sRGB, with the mode that it takes; None where it would change nothing, or cannot be made."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile[:PROFILE_BYTES_MAX]))
        space = PROFILE_SPACES[source.profile.xcolor_space]
        transform = ImageCms.buildTransform(source, SRGB, space, "RGB")
    except (ImageCms.PyCMSError, KeyError, OSError, ValueError):
        return None, ""
    levels = (0, 64, 128, 192, 255)
    chart = Image.new("RGB", (125, 1))
    chart.putdata([(r, g, b) for r in levels for g in levels for b in levels])
    if space == "RGB":
        changed = ImageChops.difference(chart, ImageCms.applyTransform(chart, transform) or chart)
        if max(changed.tobytes()) <= 1:
            return None, ""
    return transform, space


def _flatten(image: Image.Image) -> Image.Image:
    """On white, in every format alike, so that a picture looks the same whichever the app takes."""
    if image.mode != "RGBA":
        return image
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


# Encoding.


def _encode(picture: Image.Image, format: str) -> bytes:
    file = BytesIO()
    file.name = f"picture.{format}"  # told the format instead, Pillow registers five more decoders
    picture.save(file, **ENCODERS[format])
    return file.getvalue()


def _placeholder(thumb: Image.Image) -> str:
    tiny = _shrink(thumb, _fit(*thumb.size, PLACEHOLDER_PX))
    return "data:image/webp;base64," + base64.b64encode(_encode(tiny, "webp")).decode()


def _dominant_colour(thumb: Image.Image) -> str:
    """The mean of the most frequent of eight groups of colours."""
    groups = _shrink(thumb, _fit(*thumb.size, DOMINANT_PX)).quantize(8)
    counts = groups.histogram()
    first = 3 * counts.index(max(counts))
    return "#" + bytes((groups.getpalette() or [0, 0, 0])[first : first + 3]).hex()
