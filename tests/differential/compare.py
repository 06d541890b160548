"""What our pipeline and libvips make of the same file, and how that differs."""

from io import BytesIO
from typing import NamedTuple

from PIL import Image, ImageChops, ImageStat

from shared.images.codec.encode import ENCODERS
from shared.images.codec.pipeline import compress
from shared.images.rejections import RejectedImage

COMPARED_PX = 24  # both are shrunk to this before their colours are compared
MEAN_MAX, CELL_MAX = 3, 24  # of 255: in the mean of a channel, and in any cell of one
LIMITS = {"too_complex", "too_large", "too_many_pixels"}  # libvips has other limits, and may need minutes


# So that what is compared is what was decoded.
ENCODERS["jpeg"] = {"quality": 98, "subsampling": "4:4:4"}


class Result(NamedTuple):
    verdict: str  # accepted, or the reason for the refusal
    size: tuple[int, int] = (0, 0)
    picture: Image.Image | None = None  # at most 1600 pixels a side, on white


class Difference(NamedTuple):
    what: str  # verdict, size, colour
    detail: str


def ours(data: bytes) -> Result:
    try:
        compressed = compress(data, ("jpeg",))
    except RejectedImage as rejected:
        return Result(rejected.code)
    display = Image.open(BytesIO(compressed.variants[0].data))
    return Result("accepted", (compressed.width, compressed.height), display.convert("RGB"))


def theirs(data: bytes, is_lenient: bool) -> Result:
    import pyvips

    try:
        image = pyvips.Image.new_from_buffer(data, "", fail_on="none" if is_lenient else "truncated")
        image = image.copy_memory().autorot()
        image = _to_srgb(image)
        if image.format != "uchar":
            image = image.colourspace("srgb" if image.bands >= 3 else "b-w")
        if image.hasalpha():
            image = image.flatten(background=255)
        pixels = bytes(image.write_to_memory())
    except pyvips.Error as refused:
        return Result(str(refused).strip().splitlines()[-1][:80])
    picture = Image.frombytes("RGB" if image.bands == 3 else "L", (image.width, image.height), pixels)
    return Result("accepted", picture.size, picture.convert("RGB"))


def _to_srgb(image: "pyvips.Image") -> "pyvips.Image":  # type: ignore[name-defined]  # noqa: F821
    """With the profile if it can be used. CMYK without one has no defined colours: the plain formula is used."""
    import pyvips

    if image.get_typeof("icc-profile-data"):
        try:
            return image.icc_transform("srgb", embedded=True, intent="perceptual", depth=8).copy_memory()
        except pyvips.Error:
            image = image.copy()
            image.remove("icc-profile-data")
    if image.interpretation == "cmyk":
        black = 255 - image.extract_band(3)
        return ((255 - image.extract_band(0, n=3)) * black / 255).rint().cast("uchar").copy(interpretation="srgb")
    return image.colourspace("srgb")


def difference(data: bytes, is_lenient: bool, is_hostile: bool) -> tuple[Result, Result, Difference | None]:
    our = ours(data)
    if is_hostile and our.verdict in LIMITS:
        return our, Result("not asked"), None
    their = theirs(data, is_lenient)
    return our, their, _difference(our, their)


def _difference(our: Result, their: Result) -> Difference | None:
    if (our.verdict == "accepted") != (their.verdict == "accepted"):
        return Difference("verdict", f"ours {our.verdict}, theirs {their.verdict}")
    if not our.picture or not their.picture:
        return None
    if our.size != their.size:
        return Difference("size", f"ours {our.size}, theirs {their.size}")
    size = max(1, min(COMPARED_PX, our.size[0] // 4)), max(1, min(COMPARED_PX, our.size[1] // 4))
    small = [picture.resize(size, Image.Resampling.BOX) for picture in (our.picture, their.picture)]
    apart = ImageChops.difference(*small)
    mean, most = max(ImageStat.Stat(apart).mean), max(high for _, high in apart.getextrema())
    if mean > MEAN_MAX or most > CELL_MAX:
        return Difference("colour", f"mean {mean:.1f}, most {most}")
    return None
