"""What an app can show before a variant has arrived: a tiny picture and a colour."""

import base64

from PIL import Image

from shared.images.codec.encode import encode
from shared.images.codec.resize import fit, shrink

PLACEHOLDER_PX = 16
DOMINANT_PX = 48


def placeholder(thumb: Image.Image) -> str:
    """A WebP picture of a hundred bytes or so as a data URI."""
    tiny = shrink(thumb, fit(*thumb.size, PLACEHOLDER_PX))
    return "data:image/webp;base64," + base64.b64encode(encode(tiny, "webp")).decode()


def dominant_colour(thumb: Image.Image) -> str:
    """The mean of the most frequent of eight groups of colours, as "#rrggbb"."""
    groups = shrink(thumb, fit(*thumb.size, DOMINANT_PX)).quantize(8)
    counts = groups.histogram()
    first = 3 * counts.index(max(counts))
    return "#" + bytes((groups.getpalette() or [0, 0, 0])[first : first + 3]).hex()
