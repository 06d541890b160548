"""The scale at which a JPEG is decoded."""

import pytest
from PIL import Image

from shared.images.codec import jpeg
from tests.support.image_samples import compress_to_picture, encode, mean_difference


@pytest.mark.parametrize(
    ("width", "height", "eighths"),
    [
        *((4032, 3024, 4), (3024, 4032, 4), (5712, 4284, 3), (8064, 6048, 2), (16320, 12240, 1)),
        *((3264, 2448, 8), (3999, 2999, 8)),  # a half would leave nothing to shrink
        *((7071, 7071, 3), (3999, 3999, 4)),  # the whole of the second would take too much memory
    ],
)
def test_decode_scale_leaves_something_to_shrink(width: int, height: int, eighths: int) -> None:
    assert jpeg.decode_scale_eighths(jpeg.Frame(width, height, 3, 1.5, False)) == eighths


@pytest.mark.parametrize(
    ("width", "height"), [(1999, 61), (4007, 61), (5713, 61), (8061, 61), (16321, 61), (6001, 1)]
)
@pytest.mark.parametrize(("mode", "subsampling"), [("RGB", 0), ("RGB", 2), ("L", 0), ("CMYK", 0)])
def test_every_decode_scale_covers_the_whole_picture(width: int, height: int, mode: str, subsampling: int) -> None:
    picture = Image.linear_gradient("L").rotate(90).resize((width, height)).convert(mode)
    upload = encode(picture, "JPEG", quality=95, subsampling=subsampling)
    result = compress_to_picture(upload)
    assert mean_difference(result, picture.convert("RGB").resize(result.size, Image.Resampling.LANCZOS)) < 2
