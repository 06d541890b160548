"""The orientation, in every form in which cameras store it."""

import pytest

from shared.images.codec.exif import read_orientation
from shared.images.codec.pipeline import compress
from tests.support.image_samples import (
    as_stored,
    chunk,
    decode_variant,
    encode,
    exif,
    jpeg,
    mean_difference,
    photo,
    segment,
    with_patches,
)
from tests.support.metadata_samples import INTEGERS, orientation_exif, with_chunks, with_exif, with_wrong_checksum

ORDERS = ("<", ">")
UPRIGHT = with_patches(photo(240, 160))
LYING = as_stored(UPRIGHT, 6)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("type_name", INTEGERS)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_orientation_of_any_integer_type_is_obeyed(format: str, type_name: str, order: str) -> None:
    upload = with_exif(format, LYING, orientation_exif(6, *INTEGERS[type_name], order))
    compressed = compress(upload, ("jpeg",))
    assert (compressed.width, compressed.height) == UPRIGHT.size
    display = decode_variant(compressed.variants[0].data)
    assert mean_difference(display, UPRIGHT) < 14 < mean_difference(display, UPRIGHT.rotate(180)) / 2


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("type_name", INTEGERS)
def test_every_orientation_is_read_from_every_type(type_name: str, order: str) -> None:
    for value in range(1, 9):
        assert read_orientation(orientation_exif(value, *INTEGERS[type_name], order)) == value


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        *(("BYTE", 0), ("BYTE", 9), ("BYTE", 255), ("SHORT", 0), ("SHORT", 0x0600), ("SHORT", 65_535)),
        *(("LONG", 0x10006), ("LONG", 0x06000000), ("LONG", 0xFFFFFFFF)),
        *(("SBYTE", -6), ("SSHORT", -6), ("SLONG", -6), ("SLONG", 9)),
    ],
)
def test_orientation_out_of_range_counts_as_none(type_name: str, value: int, order: str) -> None:
    tiff = orientation_exif(value, *INTEGERS[type_name], order)
    assert read_orientation(tiff) == 1
    assert compress(with_exif("JPEG", UPRIGHT, tiff), ("jpeg",)).width == 240


@pytest.mark.parametrize(
    ("kind", "letter", "count"),
    [(2, "H", 1), (5, "I", 1), (7, "B", 1), (11, "f", 1), (99, "H", 1), (3, "H", 0), (3, "H", 2), (1, "B", 4)],
)
def test_orientation_that_is_no_single_integer_counts_as_none(kind: int, letter: str, count: int) -> None:
    assert read_orientation(orientation_exif(6, kind, letter, count=count)) == 1


def test_exif_may_begin_with_its_jpeg_prefix() -> None:
    tiff = orientation_exif(6, *INTEGERS["SHORT"])
    for format in ("PNG", "WEBP"):
        assert compress(with_exif(format, LYING, b"Exif\0\0" + tiff), ("jpeg",)).width == 240


@pytest.mark.parametrize("short", [b"", b"Exif", b"Exif\0", b"Exif\0\0", b"Exif\0\0MM", b"Exif\0\0junk of any kind"])
def test_short_exif_does_not_hide_the_real_one(short: bytes) -> None:
    assert compress(jpeg(LYING, [segment(0xE1, short), segment(0xE1, exif(6))]), ("jpeg",)).width == 240


def test_png_exif_may_follow_the_pixels() -> None:
    data = encode(LYING, "PNG")
    end = data.index(b"IEND") - 4
    exif_chunk = chunk(b"eXIf", orientation_exif(6, *INTEGERS["LONG"]))
    assert compress(data[:end] + exif_chunk + data[end:], ("jpeg",)).width == 240
    assert compress(data[:end] + exif_chunk, ("jpeg",)).width == 240


def test_png_exif_with_a_wrong_checksum_is_ignored() -> None:
    exif_chunk = chunk(b"eXIf", orientation_exif(6, *INTEGERS["SHORT"]))
    assert compress(with_chunks(encode(LYING, "PNG"), with_wrong_checksum(exif_chunk)), ("jpeg",)).width == 160


def test_directory_that_ends_early_still_gives_its_orientation() -> None:
    tiff = orientation_exif(6, *INTEGERS["LONG"])
    many = tiff[:8] + b"\xff\xff" + tiff[10:]
    assert read_orientation(many) == 6 and read_orientation(tiff[:-6]) == 1
