"""PNG: its own chunks decide, and no other."""

import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from shared.images.codec.pipeline import compress
from shared.images.rejections import RejectedImage
from tests.support.image_samples import (
    chunk,
    colour_distance,
    compress_to_picture,
    deflated_zeros,
    display_p3,
    encode,
    photo,
    png,
)
from tests.support.metadata_samples import (
    png_chunks,
    with_chunks,
    with_wrong_checksum,
)

PICTURE = photo(64, 48)
PLAIN = encode(PICTURE, "PNG")
PALETTE_PNG = encode(PICTURE.convert("P"), "PNG", transparency=3)
GREY, RGB, PALETTE = 0, 2, 3  # colour types
WHITE = (255, 255, 255)
XMP = b"".join(b"<rdf:li>%032x</rdf:li>\n" % number for number in range(40_000))  # 2 MB
PLTE = chunk(b"PLTE", bytes((0, 0, 0, 200, 30, 30, 30, 200, 30, 30, 30, 200)))


def rejection(data: bytes) -> str:
    with pytest.raises(RejectedImage) as rejected:
        compress(data)
    return rejected.value.code


ANCILLARY = {
    b"tEXt": b"Comment\0hello",
    b"zTXt": b"Comment\0\0" + zlib.compress(b"hello"),
    b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0<x/>",
    b"tIME": bytes([7, 230, 1, 1, 1, 1, 1]),
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
    b"iCCP": b"p\0\0" + zlib.compress(display_p3()),
    b"eXIf": b"MM\0*\0\0\0\x08",
    b"sRGB": b"\0",
    b"gAMA": struct.pack(">I", 45_455),
    b"cHRM": struct.pack(">8I", *range(8)),
    b"acTL": struct.pack(">II", 1, 0),
    b"prVt": b"private",
}


@pytest.mark.parametrize("kind", ANCILLARY)
def test_wrong_checksum_of_metadata_is_ignored(kind: bytes) -> None:
    upload = with_chunks(PLAIN, with_wrong_checksum(chunk(kind, ANCILLARY[kind])))
    assert compress(upload) == compress(PLAIN)


@pytest.mark.parametrize("kind", ANCILLARY)
def test_metadata_of_any_length_is_ignored(kind: bytes) -> None:
    whole = ANCILLARY[kind]
    for length in (0, 1, len(whole) // 4, len(whole) // 2):
        assert compress(with_chunks(PLAIN, chunk(kind, whole[:length]))) == compress(PLAIN), length
    if kind not in (b"iCCP", b"eXIf"):
        assert compress(with_chunks(PLAIN, chunk(kind, whole + bytes(100_000)))) == compress(PLAIN)


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE", b"tRNS", b"IDAT"])
def test_wrong_checksum_of_the_picture_is_corrupt(kind: bytes) -> None:
    chunks = [with_wrong_checksum(whole) if each == kind else whole for each, whole in png_chunks(PALETTE_PNG)]
    assert rejection(PALETTE_PNG[:8] + b"".join(chunks)) == "corrupt"


@pytest.mark.parametrize(
    "text",
    [
        chunk(b"tEXt", b"Comment\0" + XMP),
        chunk(b"zTXt", b"Raw profile type xmp\0\0" + zlib.compress(XMP)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)),
        chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 19))) * 200,
        chunk(b"zTXt", b"k\0\7" + zlib.compress(XMP)),
        chunk(b"zTXt", b"k\0\0not deflated"),
        chunk(b"zTXt", b"k\0\0" + deflated_zeros(500 << 20)),
        chunk(b"iTXt", b"k\0\1\0\0\0" + deflated_zeros(500 << 20)),
    ],
    ids=["text", "deflated", "xmp", "deflated xmp", "many", "unknown method", "no method", "bomb", "xmp bomb"],
)
def test_text_of_any_size_is_ignored(text: bytes) -> None:
    assert compress(with_chunks(PLAIN, text)) == compress(PLAIN)


@pytest.mark.parametrize(
    "keyword", [b"transparency", b"icc_profile", b"exif", b"interlace", b"bbox", b"default_image"]
)
def test_text_never_counts_as_a_property_of_the_picture(keyword: bytes) -> None:
    """Pillow keeps both in one dictionary."""
    assert compress(with_chunks(PLAIN, chunk(b"tEXt", keyword + b"\0" + b"7"))) == compress(PLAIN)


@pytest.mark.parametrize(
    "end",
    [
        *(b"", *(chunk(b"IEND", b"")[:length] for length in (1, 4, 7, 8, 11))),
        *(with_wrong_checksum(chunk(b"IEND", b"")), chunk(b"IEND", b"body"), b"\xff\xff\xff\xffIEND"),
        *(b"any other bytes", chunk(b"tEXt", b"k\0v"), chunk(b"tEXt", b"k\0v")[:-6], b"\xff\xff\xff\xfftEXt"),
    ],
)
def test_end_of_the_file_is_not_needed(end: bytes) -> None:
    assert compress(PLAIN[:-12] + end) == compress(PLAIN)


@pytest.mark.parametrize("lost_bytes", [1, 4, 5, 100, 1_000])
def test_pixels_that_end_early_are_truncated(lost_bytes: int) -> None:
    assert rejection(PLAIN[: -12 - lost_bytes]) == "truncated"


def test_missing_last_pixel_chunks_are_truncated() -> None:
    pixels = zlib.compress(b"".join(b"\0" + bytes(range(64)) * 3 for _ in range(64)))
    whole = png((64, 64), 8, RGB, pixels)
    start = whole[: whole.index(b"IDAT") - 4]
    pieces = [chunk(b"IDAT", pixels[at : at + 50]) for at in range(0, len(pixels), 50)]
    between = chunk(b"tEXt", b"k\0v")
    assert len(pieces) > 2
    assert compress(start + between.join(pieces)) == compress(whole)
    for end in (b"", chunk(b"IEND", b""), b"junk"):
        assert rejection(start + b"".join(pieces[:-1]) + end) == "truncated"


def test_palette_is_needed_where_pixels_refer_to_it() -> None:
    for colours in (b"", b"\0", bytes(4)):
        assert rejection(png((8, 8), 8, PALETTE, deflated_zeros(72), chunk(b"PLTE", colours))) == "corrupt"
    assert rejection(png((8, 8), 8, PALETTE, deflated_zeros(72))) == "corrupt"


# Transparency.


def two_halves(depth: int, colour_type: int, left: int, right: int, *before: bytes) -> bytes:
    """A PNG of 32 by 32, whose halves are filled with these samples (16 columns each, every channel the same)."""
    samples = 3 if colour_type == RGB else 1
    bits = "".join(format(value, f"0{depth}b") * 16 * samples for value in (left, right))
    row = b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return png((32, 32), depth, colour_type, zlib.compress(row * 32), *before)


def halves(upload: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    picture = compress_to_picture(upload)
    return picture.getpixel((8, 16)), picture.getpixel((24, 16))


DEPTHS = [(GREY, 1), (GREY, 2), (GREY, 4), (GREY, 8), (GREY, 16), (RGB, 8), (RGB, 16)]


@pytest.mark.parametrize(("colour_type", "depth"), DEPTHS)
def test_transparent_colour_of_every_depth_is_white(colour_type: int, depth: int) -> None:
    """Black or, of more than one bit, a grey next to it."""
    samples = 3 if colour_type == RGB else 1
    black = tuple([0] * 3)
    for value in {0, 1} if depth > 1 else {0}:
        transparent = chunk(b"tRNS", struct.pack(">H", value) * samples)
        left, right = halves(two_halves(depth, colour_type, value, 0 if value else 1, transparent))
        assert colour_distance(left, WHITE) < 3
        if value:
            assert colour_distance(right, black) < 3
    white = (1 << depth) - 1
    left, right = halves(two_halves(depth, colour_type, white, 0, chunk(b"tRNS", bytes(2 * samples))))
    assert colour_distance(left, WHITE) < 3 and colour_distance(right, WHITE) < 3


@pytest.mark.parametrize("colour_type", [GREY, RGB])
@pytest.mark.parametrize("neighbour", [0x1233, 0x1235, 0x1334, 0x0034, 0x3412])
def test_all_sixteen_bits_decide_what_is_transparent(colour_type: int, neighbour: int) -> None:
    transparent = chunk(b"tRNS", struct.pack(">H", 0x1234) * (3 if colour_type == RGB else 1))
    left, right = halves(two_halves(16, colour_type, 0x1234, neighbour, transparent))
    assert colour_distance(left, WHITE) < 3
    assert colour_distance(right, (neighbour >> 8,) * 3) < 4


@pytest.mark.parametrize(("colour_type", "depth"), [each for each in DEPTHS if each[1] < 16])
def test_unused_bits_of_the_transparent_colour_are_ignored(colour_type: int, depth: int) -> None:
    samples = 3 if colour_type == RGB else 1
    transparent = chunk(b"tRNS", struct.pack(">H", 0x4000 | 1 << depth) * samples)
    left, right = halves(two_halves(depth, colour_type, 0, (1 << depth) - 1, transparent))
    assert colour_distance(left, WHITE) < 3 and colour_distance(right, WHITE) < 3


@pytest.mark.parametrize("depth", [2, 4, 8])
def test_palette_has_an_opacity_for_each_colour(depth: int) -> None:
    upload = two_halves(depth, PALETTE, 1, 2, PLTE, chunk(b"tRNS", bytes((255, 0, 128))))
    left, right = halves(upload)
    assert colour_distance(left, WHITE) < 3 and colour_distance(right, (142, 227, 142)) < 4
    left, right = halves(two_halves(depth, PALETTE, 1, 3, PLTE, chunk(b"tRNS", bytes((255, 255, 0)))))
    assert colour_distance(left, (200, 30, 30)) < 6 and colour_distance(right, (30, 30, 200)) < 6


@pytest.mark.parametrize(
    ("colour_type", "body"),
    [
        (GREY, b""),
        (GREY, b"\0"),
        (GREY, bytes(6)),
        (RGB, bytes(2)),
        (RGB, bytes(5)),
        (PALETTE, b""),
        (PALETTE, bytes(5)),
    ],
)
def test_transparency_of_a_wrong_size_is_ignored(colour_type: int, body: bytes) -> None:
    before = [PLTE] if colour_type == PALETTE else []
    plain = two_halves(8, colour_type, 0, 1, *before)
    assert compress(two_halves(8, colour_type, 0, 1, *before, chunk(b"tRNS", body))) == compress(plain)


def test_transparency_of_a_picture_with_alpha_is_ignored() -> None:
    for mode in ("LA", "RGBA"):
        plain = encode(PICTURE.convert(mode), "PNG")
        assert compress(with_chunks(plain, chunk(b"tRNS", bytes(2)))) == compress(plain)


def test_truncated_picture_with_a_deep_transparent_colour_is_rejected() -> None:
    rows = zlib.compress((b"\0" + bytes(range(64)) * 2) * 30)
    assert rejection(png((64, 64), 16, GREY, rows, chunk(b"tRNS", b"\0\1"))) == "truncated"


# Colour profiles.


@pytest.mark.parametrize(
    "make",
    [
        lambda: chunk(b"iCCP", b"p\0\0" + zlib.compress(display_p3())[:-9]),
        lambda: chunk(b"iCCP", b"p\0\1" + zlib.compress(display_p3())),
        lambda: chunk(b"iCCP", b"n" * 80 + b"\0\0" + zlib.compress(display_p3())),
        lambda: chunk(b"iCCP", b"p\0\0" + display_p3()),
        lambda: chunk(b"iCCP", b"p\0\0" + deflated_zeros(200 << 20)),
        lambda: with_wrong_checksum(chunk(b"iCCP", b"p\0\0" + zlib.compress(display_p3()))),
    ],
    ids=["cut", "unknown method", "long name", "not deflated", "bomb", "wrong checksum"],
)
def test_profile_that_cannot_be_read_counts_as_none(make: Callable[[], bytes]) -> None:
    assert compress(with_chunks(PLAIN, make())) == compress(PLAIN)


def test_large_profile_is_used() -> None:
    profile = display_p3() + bytes(2 << 20)
    converted = compress(with_chunks(PLAIN, chunk(b"iCCP", b"p\0\0" + zlib.compress(profile))))
    assert converted == compress(encode(PICTURE, "PNG", icc_profile=display_p3())) != compress(PLAIN)


def test_first_picture_of_an_animation_is_shown() -> None:
    red, blue = Image.new("RGB", (32, 32), "red"), Image.new("RGB", (32, 32), "blue")
    for default_image in (False, True):
        upload = encode(red, "PNG", save_all=True, append_images=[blue, red], default_image=default_image)
        assert b"fdAT" in upload
        assert compress(upload) == compress(encode(red, "PNG"))
