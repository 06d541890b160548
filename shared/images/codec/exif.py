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
# TIFF's integer types as `struct` writes them: BYTE, SHORT, LONG, SBYTE, SSHORT, SLONG. Phones use several of them.
INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
TIFF_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


def is_tiff(exif: bytes) -> bool:
    return exif.removeprefix(b"Exif\0\0")[:4] in TIFF_ORDERS


def read_orientation(exif: bytes) -> int:
    """The orientation in the first directory; 1 where it is missing, malformed or out of range."""
    if not is_tiff(exif):
        return 1
    tiff = exif.removeprefix(b"Exif\0\0")
    order = TIFF_ORDERS[tiff[:4]]
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, start)
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(order + "HHI", tiff, at)
            if tag == ORIENTATION_TAG:
                if kind not in INTEGERS or count != 1:
                    return 1
                (value,) = struct.unpack_from(order + INTEGERS[kind], tiff, at + 8)
                return value if value in TRANSPOSITIONS else 1
    except struct.error:
        pass
    return 1
