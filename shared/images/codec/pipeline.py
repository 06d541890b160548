"""Photos made small, upright and free of metadata: bytes in, bytes out.

A file passes three checks before a pixel of it is decoded. Its first bytes name the format, never its name or
content type; a walk over its structure finds what is missing or excessive; its header shows whether decoding fits
into memory. Then that format's own reader opens it, so no other decoder is ever registered. It is loaded exactly
once: after a failed load, Pillow's second one returns without an error, with pixels that are black or partial.

Anything wrong with the picture itself is a `RejectedImage`; any other exception is not its fault, and worth a retry.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from shared.images.codec.colour import flatten, to_eight_bits, to_srgb
from shared.images.codec.encode import encode
from shared.images.codec.exif import TRANSPOSITIONS
from shared.images.codec.heif import open_avif, open_heic
from shared.images.codec.jpeg import open_jpeg
from shared.images.codec.limits import SIDES_PX
from shared.images.codec.png import open_png
from shared.images.codec.preview import dominant_colour, placeholder
from shared.images.codec.resize import fit, shrink
from shared.images.codec.source import Bytes, Source
from shared.images.codec.webp import open_webp
from shared.images.rejections import RejectedImage

RECIPE = "4"  # part of the stored keys: raise it when the same upload gives other bytes
FILE_BYTES_MIN = 12
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
OPENERS = {"jpeg": open_jpeg, "png": open_png, "webp": open_webp, "avif": open_avif, "heic": open_heic}


@dataclass(frozen=True, slots=True)
class Variant:
    name: str  # display, thumb
    format: str  # jpeg, avif, webp
    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Compressed:
    """`width` and `height` are those of the upload when upright."""

    format: str  # of the upload: jpeg, png, webp, avif, heic
    width: int
    height: int
    variants: tuple[Variant, ...]
    placeholder: str  # a data URI of a tiny picture, to be stretched until the thumb has arrived
    dominant_colour: str  # "#rrggbb"


def compress(data: Bytes, formats: Sequence[str] = ("jpeg", "avif")) -> Compressed:
    """Make every variant in every format; the same upload, recipe and formats give the same bytes.

    A bytearray is empty afterwards: encoding reuses the memory of the upload.
    """
    format = detect_format(data)
    display, width, height = _decode(OPENERS[format], data)
    if isinstance(data, bytearray):
        data.clear()
    pictures = {name: shrink(display, fit(width, height, side_px)) for name, side_px in SIDES_PX.items()}
    return Compressed(
        format=format,
        width=width,
        height=height,
        variants=tuple(
            Variant(name, wanted, picture.width, picture.height, encode(picture, wanted))
            for name, picture in pictures.items()
            for wanted in formats
        ),
        placeholder=placeholder(pictures["thumb"]),
        dominant_colour=dominant_colour(pictures["thumb"]),
    )


def detect_format(data: Bytes) -> str:
    """Read the format from the first bytes; a name or content type is only a claim."""
    head = bytes(data[:256])
    if len(head) < FILE_BYTES_MIN:
        raise RejectedImage("corrupt")
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
        if brands & HEIC_BRANDS:
            return "heic"
    raise RejectedImage("unsupported_type")


def _decode(open_source: Callable[[Bytes], Source], data: Bytes) -> tuple[Image.Image, int, int]:
    """The picture at display size, upright, in sRGB, with nothing but its pixels; then its full width and height."""
    source, image = _load(open_source, data)
    width, height = source.width, source.height
    profile = image.info.get("icc_profile")
    orientation = source.orientation
    image = shrink(to_eight_bits(image), fit(width, height, SIDES_PX["display"]), source.box)
    del source  # and with it the large picture
    image = flatten(to_srgb(image, profile))
    if orientation in TRANSPOSITIONS:
        image = image.transpose(TRANSPOSITIONS[orientation])
        width, height = (height, width) if orientation >= 5 else (width, height)
    image.info = {}
    return image, width, height


def _load(open_source: Callable[[Bytes], Source], data: Bytes) -> tuple[Source, Image.Image]:
    """The only place where a decoder runs on the upload: whatever it raises is the picture's fault."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about malformed metadata, none of which is used
            source = open_source(data)
            image = source.load()
            if source.is_truncated(image):
                raise RejectedImage("truncated")
            return source, image
    except RejectedImage:
        raise
    except MemoryError:
        raise RejectedImage("too_large") from None
    except Exception as fault:
        raise RejectedImage("truncated" if "truncated" in str(fault) else "corrupt") from fault
