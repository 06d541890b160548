"""Intact pictures come out upright, small, in sRGB, and with nothing but their pixels."""

import os
from pathlib import Path

import pytest
from PIL import Image

from shared.images.codec.pipeline import Compressed, compress
from shared.images.rejections import IMAGE_FAULTS, RejectedImage
from tests.support import isolated
from tests.support.image_samples import (
    PATCHES,
    TELLTALES,
    as_stored,
    chunk,
    colour_at,
    colour_distance,
    decode_variant,
    display_p3,
    encode,
    exif,
    jpeg,
    mean_difference,
    metadata_in,
    phone_photo,
    photo,
    srgb_from_p3,
    with_patches,
)

FORMATS = ("jpeg", "avif", "webp")
PHOTOS = os.environ.get("PHOTOS", "")


@pytest.fixture(scope="module")
def phone() -> Compressed:
    return compress(phone_photo(), FORMATS)


def test_phone_photo_gets_every_variant_in_every_format(phone: Compressed) -> None:
    assert (phone.format, phone.width, phone.height) == ("jpeg", 3024, 4032)
    assert [(variant.name, variant.format, variant.width, variant.height) for variant in phone.variants] == [
        *(("display", format, 1200, 1600) for format in FORMATS),
        *(("thumb", format, 240, 320) for format in FORMATS),
    ]
    for variant in phone.variants:
        assert decode_variant(variant.data).size == (variant.width, variant.height)


def test_variants_are_upright_and_in_srgb(phone: Compressed) -> None:
    """Each patch is found in its own place, with its Display P3 colour converted."""
    wanted = {place: srgb_from_p3(colour) for place, colour in PATCHES.items()}
    assert min(colour_distance(PATCHES[place], wanted[place]) for place in PATCHES) > 3  # if nothing were converted
    for variant in phone.variants:
        picture = decode_variant(variant.data)
        distances = [colour_distance(colour_at(picture, *place), wanted[place]) for place in PATCHES]
        assert sum(distances) / len(distances) <= 1.5, (variant.name, variant.format, distances)


def test_variants_contain_no_metadata(phone: Compressed) -> None:
    upload = phone_photo()
    assert not [telltale for telltale in TELLTALES if telltale not in upload and telltale != b"JFXX"]
    for variant in phone.variants:
        assert metadata_in(variant.data, variant.format) == []


@pytest.mark.parametrize(
    ("format", "saved"),
    [
        ("jpeg", encode(photo(64, 48), "JPEG", comment="CANARY")),
        ("jpeg", encode(photo(64, 48), "JPEG", exif=exif())),
        ("jpeg", encode(photo(64, 48), "JPEG", icc_profile=display_p3())),
        ("jpeg", encode(photo(64, 48), "JPEG") + b"PK\3\4"),
        ("webp", encode(photo(64, 48), "WEBP", exif=exif())),
        ("webp", encode(photo(64, 48), "WEBP", xmp=b"CANARY")),
        ("webp", encode(photo(64, 48), "WEBP", icc_profile=display_p3())),
        ("avif", encode(photo(64, 48), "AVIF", exif=exif())),
        ("avif", encode(photo(64, 48), "AVIF", icc_profile=display_p3())),
        ("avif", encode(photo(64, 48), "AVIF", xmp=b"harmless")),
    ],
)
def test_metadata_search_finds_what_a_plain_save_keeps(format: str, saved: bytes) -> None:
    assert metadata_in(saved, format)


@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 99])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_every_orientation_comes_out_upright(format: str, orientation: int) -> None:
    """An invalid orientation is ignored."""
    upright = with_patches(photo(400, 300))
    upload = encode(as_stored(upright, orientation), format, exif=exif(orientation), quality=95)
    compressed = compress(upload, FORMATS)
    assert (compressed.width, compressed.height) == (400, 300)
    for variant in compressed.variants:
        original = upright.resize((variant.width, variant.height), Image.Resampling.LANCZOS)
        difference = mean_difference(decode_variant(variant.data), original)
        assert difference < 6, (variant.name, variant.format)


def test_xmp_and_text_orientation_is_ignored() -> None:
    rotated = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    text = chunk(b"tEXt", b"Raw profile type exif\0\nexif\n20\n4d4d002a00000008000101120003000000010006\n")
    whole = encode(photo(64, 48), "PNG")
    assert compress(whole[:33] + text + whole[33:]).width == 64
    assert compress(encode(photo(64, 48), "WEBP", xmp=rotated)).width == 64


def test_same_upload_gives_same_bytes_in_another_process(phone: Compressed) -> None:
    again = isolated.run({"photo": phone_photo()})["photo"]
    here = {
        f"{variant.name}.{variant.format}": variant.data for variant in phone.variants if variant.format != "webp"
    }
    assert again.variants == here


@pytest.mark.parametrize(
    ("size", "display", "thumb"),
    [
        ((300, 200), (300, 200), (300, 200)),
        ((1000, 500), (1000, 500), (320, 160)),
        ((1601, 1), (1600, 1), (320, 1)),
        ((3, 9000), (1, 1600), (1, 320)),
        ((1, 1), (1, 1), (1, 1)),
    ],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_picture_keeps_its_shape_and_is_never_enlarged(
    size: tuple[int, int], display: tuple[int, int], thumb: tuple[int, int], format: str
) -> None:
    compressed = compress(encode(Image.new("RGB", size, (90, 120, 130)), format), ("jpeg",))
    assert [(variant.width, variant.height) for variant in compressed.variants] == [display, thumb]
    picture = decode_variant(compressed.variants[0].data)
    assert mean_difference(picture, Image.new("RGB", display, (90, 120, 130))) < 2


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_bytearray_gives_same_result_and_is_emptied(format: str) -> None:
    upload = encode(photo(640, 480), format)
    mutable = bytearray(upload)
    assert compress(mutable, ("jpeg",)) == compress(upload, ("jpeg",)) and not mutable


def test_rejection_has_a_known_code_and_its_text() -> None:
    with pytest.raises(RejectedImage) as rejected:
        compress(b"")
    assert rejected.value.code == "corrupt"
    assert str(rejected.value) == IMAGE_FAULTS["corrupt"]
    with pytest.raises(KeyError):
        RejectedImage("no_such_code")


def test_encoder_failure_is_no_rejection(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not the picture's fault, so the upload is retried."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("encoder error")

    upload = jpeg(photo(64, 48))
    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="encoder error"):
        compress(upload)


@pytest.mark.skipif(not PHOTOS, reason="PHOTOS names no folder of real photos")
def test_real_photos_come_out_upright_without_metadata() -> None:
    folder = Path(PHOTOS)
    landscapes = [compress(path.read_bytes()) for path in sorted((folder / "orientation").iterdir())]
    for compressed in (*landscapes, *(compress(path.read_bytes()) for path in folder.glob("*.jpg"))):
        for variant in compressed.variants:
            assert metadata_in(variant.data, variant.format) == []
    first_thumb, *thumbs = [decode_variant(compressed.variants[2].data) for compressed in landscapes]
    assert max(mean_difference(thumb, first_thumb) for thumb in thumbs) < 3  # each was re-encoded when rotated
    assert compress((folder / "phone_12mp_display_p3.jpg").read_bytes()).height == 4032
