"""Every mode and profile comes out as the picture looks in sRGB on white."""

import zlib

import pytest
from PIL import Image

from shared.images.codec import colour
from tests.support.image_samples import (
    colour_distance,
    compress_to_picture,
    display_p3,
    encode,
    photo,
    png,
)


@pytest.mark.parametrize("format", ["jpeg", "avif", "webp"])
def test_transparent_pixels_are_white_in_every_format(format: str) -> None:
    picture = Image.new("RGBA", (64, 64), (200, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (0, 0, 32, 64))
    picture.paste((0, 255, 0, 128), (32, 32, 64, 64))
    for upload in (encode(picture, "PNG"), encode(picture, "WEBP", lossless=True)):
        result = compress_to_picture(upload, format)
        assert colour_distance(result.getpixel((16, 32)), (0, 0, 255)) < 3
        assert colour_distance(result.getpixel((48, 16)), (255, 255, 255)) < 3
        assert colour_distance(result.getpixel((48, 48)), (127, 255, 127)) < 4


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    rows = b"".join(b"\0" + (y * 1024).to_bytes(2, "big") * 64 for y in range(64))
    result = compress_to_picture(png((64, 64), 16, 0, zlib.compress(rows)))
    for y in (2, 20, 40, 60):
        assert abs(result.getpixel((32, y))[0] - y * 4) <= 3


def test_transparent_palette_colour_is_white() -> None:
    picture = Image.new("P", (64, 64), 1)
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.paste(2, (32, 0, 64, 64))
    result = compress_to_picture(encode(picture, "PNG", transparency=2))
    assert colour_distance(result.getpixel((16, 32)), (255, 0, 0)) < 3
    assert colour_distance(result.getpixel((52, 32)), (255, 255, 255)) < 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK"])
def test_other_modes_keep_their_look(mode: str) -> None:
    picture = Image.new("RGB", (64, 64), "white")
    picture.paste("black", (0, 0, 32, 64))
    result = compress_to_picture(encode(picture.convert(mode), "JPEG" if mode == "CMYK" else "PNG"))
    assert max(result.getpixel((16, 32))) < 12 and min(result.getpixel((48, 32))) > 243


def test_grey_picture_in_display_p3_stays_grey() -> None:
    result = compress_to_picture(encode(Image.new("L", (64, 64), 100), "JPEG", icc_profile=display_p3()))
    assert colour_distance(result.getpixel((32, 32)), (100, 100, 100)) < 1


@pytest.mark.parametrize("profile", [b"A" * 500, display_p3()[:300]])
def test_broken_profile_is_ignored(profile: bytes) -> None:
    picture = photo(64, 48)
    with_profile = compress_to_picture(encode(picture, "JPEG", icc_profile=profile))
    assert with_profile.tobytes() == compress_to_picture(encode(picture, "JPEG")).tobytes()


def test_srgb_profile_needs_no_conversion() -> None:
    assert colour.srgb_transform(colour.SRGB.tobytes()) == (None, "")
    assert colour.srgb_transform(display_p3())[0]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_profile_above_the_limit_is_ignored_and_never_kept(format: str) -> None:
    """Padding leaves a profile as valid as it was."""
    picture, profile = photo(64, 48), display_p3()
    largest = profile.ljust(colour.PROFILE_BYTES_MAX, b"\0")
    shown = []
    for used in (largest + b"\0", b"", profile, largest):
        colour.srgb_transform.cache_clear()
        upload = encode(picture, format, icc_profile=used) if used else encode(picture, format)
        shown.append((compress_to_picture(upload).tobytes(), colour.srgb_transform.cache_info().currsize))
    above, without, small, largest_allowed = shown
    assert above == without != small == largest_allowed
    assert (above[1], small[1]) == (0, 1)
