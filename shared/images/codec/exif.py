"""The orientation, the only EXIF value that is used; the rest is never parsed."""

import struct

from PIL import Image

# The transposition that makes a picture upright, by its EXIF orientation.
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION_TAG = 0x0112
SHORT = 3  # TIFF's type of a 16-bit integer


def read_orientation(exif: bytes) -> int:
    """The orientation in the first directory; 1 where it is missing, malformed or out of range."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4], "")
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, at)
            if tag == ORIENTATION_TAG:
                return value if kind == SHORT and value in TRANSPOSITIONS else 1
    except struct.error:
        pass
    return 1
