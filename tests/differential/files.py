"""A file of the differential test, and the picture that most of them show."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from PIL import Image, ImageFilter

from tests.support.image_samples import photo, with_patches

WIDTH, HEIGHT = 160, 112
SIZES = ((1, 1), (7, 3), (16, 16), (97, 61), (33, 250), (320, 240))


class File(NamedTuple):
    format: str
    kind: str
    name: str
    make: Callable[[], bytes]  # called where the file is decoded


Files = Iterator[File]


@cache
def scene(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Smooth, so that a lossy format changes little, and different in each corner."""
    if min(width, height) < 24:
        return Image.linear_gradient("L").resize((width, height)).convert("RGB")
    return with_patches(photo(width, height).filter(ImageFilter.GaussianBlur(min(width, height) / 50)))


@cache
def opacity(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    return Image.linear_gradient("L").rotate(90).resize((width, height))


@cache
def transparent_scene(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    picture = scene(width, height).copy()
    picture.putalpha(opacity(width, height))
    return picture
