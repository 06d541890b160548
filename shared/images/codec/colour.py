"""From whatever mode and profile was decoded to plain sRGB on white."""

from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageChops, ImageCms

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
MODES_BY_PROFILE_SPACE = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
PROFILE_BYTES_MAX = 4 * 1024 * 1024  # a larger one is ignored; the cache would keep it


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert to L, LA, RGB, RGBA or CMYK, the modes that Lanczos can shrink."""
    if image.mode.startswith("I"):  # sixteen bits: `convert` alone would clip instead of scaling
        return image.point(lambda value: value * (1 / 256)).convert("L")
    if "transparency" in image.info or image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.convert("L") if image.mode == "1" else image


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to RGB or RGBA; a profile that is broken, huge or for other colours is ignored."""
    has_alpha = image.mode in ("LA", "RGBA")
    alpha = image.getchannel("A") if has_alpha else None
    colours = image.convert("RGB" if image.mode == "RGBA" else "L") if has_alpha else image
    transform, mode = srgb_transform(profile) if profile and len(profile) <= PROFILE_BYTES_MAX else (None, "")
    if mode == "RGB" and colours.mode == "L":
        colours = colours.convert("RGB")
    if transform and colours.mode == mode:
        in_place = mode == "RGB"
        colours = ImageCms.applyTransform(colours, transform, in_place) or colours
    if colours.mode != "RGB":
        colours = colours.convert("RGB")
    if alpha:
        colours.putalpha(alpha)
    return colours


@lru_cache(maxsize=8)
def srgb_transform(profile: bytes) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """The transform to sRGB and the mode it takes; None if it would change nothing or cannot be made."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = MODES_BY_PROFILE_SPACE[source.profile.xcolor_space]
        transform = ImageCms.buildTransform(source, SRGB, mode, "RGB")
    except (ImageCms.PyCMSError, KeyError, OSError, ValueError):
        return None, ""
    levels = (0, 64, 128, 192, 255)
    chart = Image.new("RGB", (125, 1))
    chart.putdata([(r, g, b) for r in levels for g in levels for b in levels])
    if mode == "RGB":
        changed = ImageChops.difference(chart, ImageCms.applyTransform(chart, transform) or chart)
        if max(changed.tobytes()) <= 1:
            return None, ""
    return transform, mode


def flatten(image: Image.Image) -> Image.Image:
    """Lay transparency on white, for every format alike, so that all variants of a picture look the same."""
    if image.mode != "RGBA":
        return image
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper
