"""What becomes of sound pictures: upright, small, in sRGB, and nothing beside their pixels."""

import base64
import os
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from shared import pixels
from shared.pixels import Compressed, Rejected, Variant, compress
from shared.rejections import REJECTIONS
from tests import fresh
from tests.pictures import (
    PATCHES,
    TELLTALES,
    chunk,
    colour_distance,
    display_p3,
    encode,
    exif,
    jpeg,
    metadata_in,
    phone_photo,
    photo,
    png,
    srgb_from_p3,
    stored,
    with_patches,
)

FORMATS = ("jpeg", "avif", "webp")
ROOT = Path(__file__).resolve().parents[2]
PHOTOS = os.environ.get("PHOTOS", "")


def shown(variant: Variant) -> Image.Image:
    return Image.open(BytesIO(variant.data)).convert("RGB")


def colour_at(picture: Image.Image, x: float, y: float) -> tuple[float, ...]:
    """The mean of a spot at these fractions of the sides."""
    across, down = int(x * picture.width), int(y * picture.height)
    reach = max(1, picture.width // 50)
    return tuple(ImageStat.Stat(picture.crop((across - reach, down - reach, across + reach, down + reach))).mean)


def difference(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


@pytest.fixture(scope="module")
def phone() -> Compressed:
    return compress(phone_photo(), FORMATS)


def test_a_phone_photo_of_12_megapixels_comes_out_in_every_variant_and_format(phone: Compressed) -> None:
    assert (phone.format, phone.width, phone.height) == ("jpeg", 3024, 4032)
    assert [(one.name, one.format, one.width, one.height) for one in phone.variants] == [
        *(("display", format, 1200, 1600) for format in FORMATS),
        *(("thumb", format, 240, 320) for format in FORMATS),
    ]
    for variant in phone.variants:
        assert shown(variant).size == (variant.width, variant.height)


def test_every_variant_is_upright_and_its_display_p3_colours_are_srgb(phone: Compressed) -> None:
    wanted = {place: srgb_from_p3(colour) for place, colour in PATCHES.items()}
    assert min(colour_distance(PATCHES[place], wanted[place]) for place in PATCHES) > 3  # if nothing were converted
    for variant in phone.variants:
        picture = shown(variant)
        distances = [colour_distance(colour_at(picture, *place), wanted[place]) for place in PATCHES]
        assert sum(distances) / len(distances) <= 1.5, (variant.name, variant.format, distances)


def test_not_a_byte_of_metadata_is_left(phone: Compressed) -> None:
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
def test_the_search_for_metadata_finds_what_a_careless_save_keeps(format: str, saved: bytes) -> None:
    assert metadata_in(saved, format)


@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 99])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_every_orientation_comes_out_upright_and_an_invalid_one_is_ignored(format: str, orientation: int) -> None:
    upright = with_patches(photo(400, 300))
    upload = encode(stored(upright, orientation), format, exif=exif(orientation), quality=95)
    done = compress(upload, FORMATS)
    assert (done.width, done.height) == (400, 300)
    for variant in done.variants:
        original = upright.resize((variant.width, variant.height), Image.Resampling.LANCZOS)
        assert difference(shown(variant), original) < 6, (variant.name, variant.format)


def test_the_orientation_of_an_avif_is_its_own_and_not_that_of_its_exif() -> None:
    upload = encode(photo(400, 300), "AVIF", exif=exif(1)).replace(
        b"\x01\x12\0\3\0\0\0\1\0\1", b"\x01\x12\0\3\0\0\0\1\0\6"
    )
    assert compress(upload).width == 400


def test_the_same_upload_gives_the_same_bytes_in_another_process(phone: Compressed) -> None:
    again = fresh.run({"photo": phone_photo()})["photo"]
    here = {f"{one.name}.{one.format}": one.data for one in phone.variants if one.format != "webp"}
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
def test_a_picture_is_never_enlarged_and_keeps_its_shape(
    size: tuple[int, int], display: tuple[int, int], thumb: tuple[int, int], format: str
) -> None:
    done = compress(encode(Image.new("RGB", size, (90, 120, 130)), format), ("jpeg",))
    assert [(one.width, one.height) for one in done.variants] == [display, thumb]
    assert difference(shown(done.variants[0]), Image.new("RGB", display, (90, 120, 130))) < 2


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_an_upload_given_as_a_bytearray_gives_the_same_and_is_empty_afterwards(format: str) -> None:
    upload = encode(photo(640, 480), format)
    given = bytearray(upload)
    assert pixels.compress(given, ("jpeg",)) == pixels.compress(upload, ("jpeg",)) and not given


@pytest.mark.parametrize(
    ("width", "height", "eighths"),
    [
        *((4032, 3024, 4), (3024, 4032, 4), (5712, 4284, 3), (8064, 6048, 2), (16320, 12240, 1)),
        *((3264, 2448, 8), (3999, 2999, 8)),  # halves would leave nothing to shrink
        *((7071, 7071, 3), (3999, 3999, 4)),  # the whole of the latter would take too much memory
    ],
)
def test_a_jpeg_is_decoded_as_small_as_still_leaves_something_to_shrink(
    width: int, height: int, eighths: int
) -> None:
    assert pixels._jpeg_eighths(pixels._Frame(width, height, 3, 1.5, False)) == eighths


@pytest.mark.parametrize(
    ("width", "height"), [(1999, 61), (4007, 61), (5713, 61), (8061, 61), (16321, 61), (6001, 1)]
)
@pytest.mark.parametrize(("mode", "subsampling"), [("RGB", 0), ("RGB", 2), ("L", 0), ("CMYK", 0)])
def test_at_every_scale_of_decoding_the_whole_picture_is_there(
    width: int, height: int, mode: str, subsampling: int
) -> None:
    picture = Image.linear_gradient("L").rotate(90).resize((width, height)).convert(mode)
    upload = encode(picture, "JPEG", quality=95, subsampling=subsampling)
    done = first(upload)
    assert difference(done, picture.convert("RGB").resize(done.size, Image.Resampling.LANCZOS)) < 2


# Modes: what a picture looks like on white is what comes out.


def first(upload: bytes, format: str = "jpeg") -> Image.Image:
    return shown(compress(upload, (format,)).variants[0])


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_clear_is_white_in_every_format(format: str) -> None:
    picture = Image.new("RGBA", (64, 64), (200, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (0, 0, 32, 64))
    picture.paste((0, 255, 0, 128), (32, 32, 64, 64))
    for upload in (encode(picture, "PNG"), encode(picture, "WEBP", lossless=True)):
        shows = first(upload, format)
        assert colour_distance(shows.getpixel((16, 32)), (0, 0, 255)) < 3
        assert colour_distance(shows.getpixel((48, 16)), (255, 255, 255)) < 3
        assert colour_distance(shows.getpixel((48, 48)), (127, 255, 127)) < 4


def test_clear_pixels_do_not_bleed_their_colour_when_shrunk() -> None:
    picture = Image.new("RGBA", (3200, 64), (255, 0, 0, 0))
    for x in range(0, 3200, 4):
        picture.paste((255, 255, 255, 255), (x, 0, x + 2, 64))
    assert difference(first(encode(picture, "PNG")), Image.new("RGB", (1600, 32), "white")) < 1


def test_a_large_picture_shrunk_in_bands_has_no_seams() -> None:
    picture = photo(3000, 3600).convert("RGBA")
    whole = picture.resize((1333, 1600), Image.Resampling.LANCZOS)
    banded = pixels._shrink(picture, (1333, 1600))
    assert max(high for _, high in ImageChops.difference(banded, whole).getextrema()) <= 1


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    rows = b"".join(b"\0" + (y * 1024).to_bytes(2, "big") * 64 for y in range(64))
    shows = first(png((64, 64), 16, 0, zlib.compress(rows)))
    for y in (2, 20, 40, 60):
        assert abs(shows.getpixel((32, y))[0] - y * 4) <= 3


def test_a_clear_colour_of_a_palette_is_white() -> None:
    picture = Image.new("P", (64, 64), 1)
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.paste(2, (32, 0, 64, 64))
    shows = first(encode(picture, "PNG", transparency=2))
    assert colour_distance(shows.getpixel((16, 32)), (255, 0, 0)) < 3
    assert colour_distance(shows.getpixel((52, 32)), (255, 255, 255)) < 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK"])
def test_other_modes_look_as_they_did(mode: str) -> None:
    picture = Image.new("RGB", (64, 64), "white")
    picture.paste("black", (0, 0, 32, 64))
    shows = first(encode(picture.convert(mode), "JPEG" if mode == "CMYK" else "PNG"))
    assert max(shows.getpixel((16, 32))) < 12 and min(shows.getpixel((48, 32))) > 243


def test_a_grey_picture_in_display_p3_stays_grey() -> None:
    shows = first(encode(Image.new("L", (64, 64), 100), "JPEG", icc_profile=display_p3()))
    assert colour_distance(shows.getpixel((32, 32)), (100, 100, 100)) < 1


@pytest.mark.parametrize("profile", [b"A" * 500, display_p3()[:300]])
def test_a_broken_profile_is_as_good_as_none(profile: bytes) -> None:
    picture = photo(64, 48)
    assert first(encode(picture, "JPEG", icc_profile=profile)).tobytes() == first(encode(picture, "JPEG")).tobytes()


def test_a_profile_that_changes_nothing_costs_no_conversion() -> None:
    srgb = pixels.SRGB.tobytes()
    assert pixels._transform(srgb) == (None, "")
    assert pixels._transform(display_p3())[0]


def test_xmp_and_text_do_not_turn_a_picture() -> None:
    turned = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    text = chunk(b"tEXt", b"Raw profile type exif\0\nexif\n20\n4d4d002a00000008000101120003000000010006\n")
    whole = encode(photo(64, 48), "PNG")
    assert compress(whole[:33] + text + whole[33:]).width == 64
    assert compress(encode(photo(64, 48), "WEBP", xmp=turned)).width == 64


# Beside the variants.


def test_the_placeholder_is_a_tiny_picture_in_a_data_uri(phone: Compressed) -> None:
    head, _, data = phone.placeholder.partition(",")
    tiny = Image.open(BytesIO(base64.b64decode(data)))
    assert head == "data:image/webp;base64" and len(phone.placeholder) < 400
    assert tiny.size == (12, 16)
    assert metadata_in(base64.b64decode(data), "webp") == []


def test_the_dominant_colour_is_one_that_most_of_the_picture_has() -> None:
    picture = Image.new("RGB", (100, 100), (200, 30, 30))
    picture.paste((30, 30, 200), (0, 0, 100, 40))
    colour = compress(encode(picture, "PNG")).dominant_colour
    assert colour_distance(bytes.fromhex(colour[1:]), (200, 30, 30)) < 3


# What a rejection is.


def test_a_rejection_carries_a_code_with_a_text_and_no_other() -> None:
    with pytest.raises(Rejected) as rejected:
        compress(b"")
    assert rejected.value.code == "corrupt"
    assert str(rejected.value) == REJECTIONS["corrupt"]
    with pytest.raises(KeyError):
        Rejected("no_such_code")


def test_what_is_not_the_pictures_fault_is_not_a_rejection(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("encoder error")

    upload = jpeg(photo(64, 48))
    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="encoder error"):
        compress(upload)


def test_the_texts_are_readable_without_the_imaging_layer() -> None:
    code = "import sys, shared.rejections\nassert 'PIL' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.skipif(not PHOTOS, reason="PHOTOS names no folder of real photos")
def test_real_photos_come_out_upright_and_without_metadata() -> None:
    folder = Path(PHOTOS)
    landscapes = [compress(path.read_bytes()) for path in sorted((folder / "orientation").iterdir())]
    for done in (*landscapes, *(compress(path.read_bytes()) for path in folder.glob("*.jpg"))):
        for variant in done.variants:
            assert metadata_in(variant.data, variant.format) == []
    first_thumb, *thumbs = [shown(done.variants[2]) for done in landscapes]
    assert max(difference(thumb, first_thumb) for thumb in thumbs) < 3  # each was encoded anew when turned
    assert compress((folder / "phone_12mp_display_p3.jpg").read_bytes()).height == 4032
