"""A picture whose header has been read and whose pixels have not been decoded yet."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

Bytes = bytes | bytearray
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Source:
    """What a format's `open_*` function returns; `load` must be called exactly once.

    The loaded picture's `info` has its `icc_profile`, which may be None or broken, and perhaps a `transparency`.
    """

    width: int
    height: int
    load: Callable[[], Image.Image]
    orientation: int = 1  # by EXIF's numbers
    box: Box | None = None  # the part of the decoded pixels that belongs to the picture
    is_truncated: Callable[[Image.Image], bool] = lambda image: False  # asked after loading


def load_pixels(image: Image.Image) -> Image.Image:
    image.load()
    return image


def ends_in(image: Image.Image, values: set[int]) -> bool:
    """Whether the last pixel is what a decoder leaves there when it runs out of data."""
    corner = image.getpixel((image.width - 1, image.height - 1))
    return set(corner if isinstance(corner, tuple) else (corner,)) <= values
