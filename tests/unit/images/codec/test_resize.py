"""Shrinking leaves no seams and no coloured edges."""

from PIL import Image, ImageChops

from shared.images.codec.resize import shrink
from tests.support.image_samples import compress_to_picture, encode, mean_difference, photo


def test_transparent_pixels_do_not_bleed_their_colour() -> None:
    picture = Image.new("RGBA", (3200, 64), (255, 0, 0, 0))
    for x in range(0, 3200, 4):
        picture.paste((255, 255, 255, 255), (x, 0, x + 2, 64))
    result = compress_to_picture(encode(picture, "PNG"))
    assert mean_difference(result, Image.new("RGB", (1600, 32), "white")) < 1


def test_bands_of_large_picture_leave_no_seams() -> None:
    picture = photo(3000, 3600).convert("RGBA")
    whole = picture.resize((1333, 1600), Image.Resampling.LANCZOS)
    banded = shrink(picture, (1333, 1600))
    assert max(high for _, high in ImageChops.difference(banded, whole).getextrema()) <= 1
