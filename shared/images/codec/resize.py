"""Shrinking with Lanczos inside a small amount of memory."""

from PIL import Image

from shared.images.codec.source import Box

REDUCING_GAP = 2.0  # a picture more than twice too large is halved with a box filter first
LARGE_BYTES = 20_000_000
BAND_BYTES, BAND_OF_LARGE_BYTES = 16_000_000, 4_000_000  # a large picture leaves less room for bands
PREMULTIPLIED = {"RGBA": "RGBa", "LA": "La"}  # so that transparent pixels do not bleed their colour


def fit(width: int, height: int, side_px: int) -> tuple[int, int]:
    """The size whose longer side is at most `side_px`; never larger than the given one."""
    scale = min(1, side_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrink(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Image.Image:
    """Resize to `size`, in bands where the copy with the new width and the old height would be large."""
    if image.size == size and not box:
        return image
    if image.mode in PREMULTIPLIED:
        return shrink(image.convert(PREMULTIPLIED[image.mode]), size, box).convert(image.mode)
    left, top, right, bottom = box or (0, 0, *image.size)
    width, height = size
    scale = (bottom - top) / height
    band_bytes = BAND_OF_LARGE_BYTES if image.width * image.height * 4 > LARGE_BYTES else BAND_BYTES
    band = max(1, int(band_bytes / (width * 4 * scale)))
    if band >= height:
        return image.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=REDUCING_GAP)
    small = Image.new(image.mode, size)
    for y in range(0, height, band):
        rows = min(band, height - y)
        part = (left, top + y * scale, right, top + (y + rows) * scale)
        small.paste(image.resize((width, rows), Image.Resampling.LANCZOS, part), (0, y))
    return small
