"""The placeholder and the dominant colour."""

import base64
from io import BytesIO

from PIL import Image

from shared.images.codec.pipeline import compress
from tests.support.image_samples import colour_distance, encode, metadata_in, phone_photo


def test_placeholder_is_a_tiny_picture_in_a_data_uri() -> None:
    placeholder = compress(phone_photo(), ("jpeg",)).placeholder
    head, _, data = placeholder.partition(",")
    tiny = Image.open(BytesIO(base64.b64decode(data)))
    assert head == "data:image/webp;base64" and len(placeholder) < 400
    assert tiny.size == (12, 16)
    assert metadata_in(base64.b64decode(data), "webp") == []


def test_dominant_colour_is_the_most_frequent() -> None:
    picture = Image.new("RGB", (100, 100), (200, 30, 30))
    picture.paste((30, 30, 200), (0, 0, 100, 40))
    colour = compress(encode(picture, "PNG")).dominant_colour
    assert colour_distance(bytes.fromhex(colour[1:]), (200, 30, 30)) < 3
