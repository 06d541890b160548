"""What a picture may cost to decode, and the checks of its header that enforce it."""

from shared.images.rejections import RejectedImage

SIDES_PX = {"display": 1600, "thumb": 320}  # longest side of each variant; a smaller picture is never enlarged

SIDE_PX_MAX = 30_000
PIXELS_MAX = 40_000_000  # of every format that is decoded in full
JPEG_PIXELS_MAX = 210_000_000  # a JPEG can be decoded at an eighth of its size
MEMORY_BYTES_MAX = 300 * 1024 * 1024  # for decoding and shrinking, on top of the file and the process
# Structure. Each segment, chunk and box costs a step of ours.
JPEG_SEGMENTS_MAX = 50_000
PNG_CHUNKS_MAX = 400_000
WEBP_CHUNKS_MAX = 400_000
HEIF_BOXES_MAX = 1_000
HEIF_ITEMS_MAX = 1_000  # items, their extents, properties and sizes in a file, and boxes inside a box
HEIF_ASSOCIATIONS_MAX = 10 * HEIF_ITEMS_MAX  # in a file; Pillow writes four to seven for each picture
AV1_UNITS_MAX = 10_000
SCANS_MAX = 100
SCANNED_BLOCKS_MAX = 40_000_000  # a scan of a few bytes buys a pass over all blocks of the picture


def check_size(width: int, height: int, pixels_max: int) -> None:
    if not width or not height:
        raise RejectedImage("corrupt")
    if max(width, height) > SIDE_PX_MAX or width * height > pixels_max:
        raise RejectedImage("too_many_pixels")


def check_memory(needed_bytes: float) -> None:
    if needed_bytes > MEMORY_BYTES_MAX:
        raise RejectedImage("too_large")


def check_full_decode(width: int, height: int, pixel_bytes: int) -> None:
    """Check a format that cannot be decoded at a smaller scale; `pixel_bytes` is what its decoder needs per pixel."""
    check_size(width, height, PIXELS_MAX)
    check_memory(width * height * pixel_bytes)
