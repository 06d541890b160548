"""AVIF: what its container says of a picture is done, in its order; what it says of other things changes nothing."""

import struct
from collections.abc import Sequence

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageOps

from shared.images.codec.pipeline import compress
from shared.images.rejections import RejectedImage
from tests.support import isolated
from tests.support.avif_samples import (
    BT709,
    BT2020,
    HLG,
    P3,
    PQ,
    SRGB_CURVE,
    Item,
    aux_type,
    avif,
    avif_with_alpha,
    box,
    clap,
    coded,
    container,
    crop,
    full_box,
    grid,
    icc,
    imir,
    irot,
    ispe,
    nclx,
    parts,
    pixi,
)
from tests.support.image_samples import (
    PATCHES,
    colour_at,
    colour_distance,
    compress_to_picture,
    display_p3,
    encode,
    exif,
    linear_light,
    mean_difference,
    photo,
    srgb_from_p3,
    with_patches,
)
from tests.support.isolated import faults
from tests.support.malformed_images import animation, flat_avif

SIZE = WIDTH, HEIGHT = 240, 160
PICTURE = with_patches(photo(*SIZE).filter(ImageFilter.GaussianBlur(3)))
TOLERANCE = 5  # of the mean: the upload and the variant are both lossy

Step = tuple[str, tuple[int, ...]]


def property_of(step: Step, size: tuple[int, int]) -> bytes:
    kind, values = step
    return {"clap": lambda: crop(size, *values), "irot": lambda: irot(*values), "imir": lambda: imir(*values)}[kind]()


def transformed(picture: Image.Image, steps: Sequence[Step]) -> tuple[Image.Image, list[bytes]]:
    """The picture as it is shown, and the properties that say so."""
    properties = []
    for kind, values in steps:
        properties.append(property_of((kind, values), picture.size))
        if kind == "clap":
            left, top, width, height = values
            picture = picture.crop((left, top, left + width, top + height))
        elif kind == "irot":
            picture = picture.rotate(90 * values[0], expand=True)
        else:
            picture = ImageOps.mirror(picture) if values[0] else ImageOps.flip(picture)
    return picture, properties


def assert_shown(upload: bytes, expected: Image.Image, tolerance: float = TOLERANCE) -> None:
    compressed = compress(upload, ("jpeg",))
    assert (compressed.width, compressed.height) == expected.size
    assert mean_difference(compress_to_picture(upload), expected) < tolerance


CROPS = {
    "left half": (0, 0, 120, 160),
    "right half": (120, 0, 120, 160),
    "lower quarter": (120, 80, 120, 80),
    "middle": (60, 40, 120, 80),
    "odd": (33, 21, 101, 77),
    "odd by one at each side": (1, 1, 239, 159),
    "whole": (0, 0, 240, 160),
    "small": (100, 60, 16, 12),
}


@pytest.mark.parametrize("rectangle", CROPS.values(), ids=CROPS)
@pytest.mark.parametrize("essential", [True, False], ids=["essential", "optional"])
def test_clean_aperture_crops(rectangle: tuple[int, int, int, int], essential: bool) -> None:
    expected, properties = transformed(PICTURE, [("clap", rectangle)])
    assert_shown(avif(PICTURE, *properties, essential=essential), expected)


@pytest.mark.parametrize("rectangle", CROPS.values(), ids=CROPS)
def test_pixels_outside_the_clean_aperture_leave_no_trace(rectangle: tuple[int, int, int, int]) -> None:
    """Not even in the outermost pixels, where shrinking would mix them with their neighbours."""
    left, top, width, height = (8 * value for value in rectangle)
    picture = Image.new("RGB", (8 * WIDTH, 8 * HEIGHT), "red")
    picture.paste((0, 0, 255), (left, top, left + width, top + height))
    upload = avif(picture, crop(picture.size, left, top, width, height), subsampling="4:4:4", quality=100)
    red, _, blue = compress_to_picture(upload, "webp").convert("RGB").split()
    assert red.getextrema()[1] < 40
    assert blue.getextrema()[0] > 200


FRACTIONAL = {
    "width of 100 and a half": (clap((201, 2), (80, 1), (0, 1), (0, 1)), (69, 40, 101, 80)),
    "centre a half to the right": (clap((120, 1), (80, 1), (1, 2), (0, 1)), (60, 40, 120, 80)),
    "centre a third to the left": (clap((120, 1), (80, 1), (-1, 3), (0, 1)), (59, 40, 120, 80)),
    "numbers of millions": (clap((120_000_000, 1_000_000), (80, 1), (0, 9), (0, 7)), (60, 40, 120, 80)),
    "odd width in the middle": (clap((119, 1), (79, 1), (0, 1), (0, 1)), (60, 40, 119, 79)),
    "largest denominators": (clap((120, 1), (80, 1), (1, 0xFFFFFFFF), (0, 0xFFFFFFFF)), (60, 40, 120, 80)),
}


@pytest.mark.parametrize(("aperture", "rectangle"), FRACTIONAL.values(), ids=FRACTIONAL)
def test_fractional_clean_aperture_is_rounded(aperture: bytes, rectangle: tuple[int, int, int, int]) -> None:
    expected, _ = transformed(PICTURE, [("clap", rectangle)])
    assert_shown(avif(PICTURE, aperture), expected)


UNUSABLE = {
    "wider than the picture": crop(SIZE, 0, 0, 241, 160),
    "higher than the picture": crop(SIZE, 0, 0, 240, 161),
    "leads out at the left": crop(SIZE, -10, 0, 120, 160),
    "leads out at the bottom": crop(SIZE, 0, 100, 120, 61),
    "beside the picture": crop(SIZE, 300, 0, 120, 160),
    "no width": clap((0, 1), (80, 1), (0, 1), (0, 1)),
    "no height": clap((120, 1), (0, 1), (0, 1), (0, 1)),
    "less than half a pixel": clap((1, 3), (80, 1), (0, 1), (0, 1)),
    "width with a zero denominator": clap((120, 0), (80, 1), (0, 1), (0, 1)),
    "offset with a zero denominator": clap((120, 1), (80, 1), (0, 1), (0, 0)),
    "largest numbers": clap((0xFFFFFFFF, 1), (0xFFFFFFFF, 1), (0x7FFFFFFF, 1), (-0x80000000, 1)),
    "too short": box(b"clap", bytes(12)),
}


@pytest.mark.parametrize("aperture", UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_clean_aperture_is_corrupt(aperture: bytes) -> None:
    """To ignore it would show what somebody had cropped away."""
    with pytest.raises(RejectedImage) as rejected:
        compress(avif(PICTURE, aperture))
    assert rejected.value.code == "corrupt"


TURNS = {f"{90 * quarters} degrees": [("irot", (quarters,))] for quarters in range(4)} | {
    "twice": [("irot", (1,)), ("irot", (1,))],
    "there and back": [("irot", (1,)), ("irot", (3,))],
}
MIRRORS = {
    "top and bottom": [("imir", (0,))],
    "left and right": [("imir", (1,))],
    "both": [("imir", (0,)), ("imir", (1,))],
    "both, the other way round": [("imir", (1,)), ("imir", (0,))],
    "twice": [("imir", (1,)), ("imir", (1,))],
}


@pytest.mark.parametrize("steps", TURNS.values(), ids=TURNS)
@pytest.mark.parametrize("essential", [True, False], ids=["essential", "optional"])
def test_rotation_is_anticlockwise(steps: list[Step], essential: bool) -> None:
    expected, properties = transformed(PICTURE, steps)
    assert_shown(avif(PICTURE, *properties, essential=essential), expected)


@pytest.mark.parametrize("steps", MIRRORS.values(), ids=MIRRORS)
@pytest.mark.parametrize("essential", [True, False], ids=["essential", "optional"])
def test_mirror_swaps_the_sides_of_its_axis(steps: list[Step], essential: bool) -> None:
    expected, properties = transformed(PICTURE, steps)
    assert_shown(avif(PICTURE, *properties, essential=essential), expected)


ORDERS: dict[str, list[Step]] = {
    "crop, turn": [("clap", (10, 20, 100, 60)), ("irot", (1,))],
    "turn, crop": [("irot", (1,)), ("clap", (10, 20, 100, 60))],
    "turn, mirror": [("irot", (1,)), ("imir", (0,))],
    "mirror, turn": [("imir", (0,)), ("irot", (1,))],
    "crop, turn, mirror": [("clap", (10, 20, 100, 60)), ("irot", (3,)), ("imir", (1,))],
    "mirror, turn, crop": [("imir", (1,)), ("irot", (3,)), ("clap", (10, 20, 100, 60))],
    "mirror, crop, turn": [("imir", (0,)), ("clap", (10, 20, 100, 60)), ("irot", (2,))],
    "crop, crop": [("clap", (40, 30, 160, 100)), ("clap", (10, 20, 100, 60))],
    "crop, turn, crop": [("clap", (40, 30, 160, 100)), ("irot", (3,)), ("clap", (10, 20, 60, 100))],
    "turn, crop, mirror, crop, turn": [
        ("irot", (1,)),
        ("clap", (11, 23, 121, 151)),
        ("imir", (1,)),
        ("clap", (7, 5, 61, 97)),
        ("irot", (3,)),
    ],
}


@pytest.mark.parametrize("steps", ORDERS.values(), ids=ORDERS)
def test_transformations_apply_in_the_order_of_their_association(steps: list[Step]) -> None:
    expected, properties = transformed(PICTURE, steps)
    assert_shown(avif(PICTURE, *properties), expected)


@pytest.mark.parametrize("steps", ORDERS.values(), ids=ORDERS)
def test_transformations_of_a_large_picture_apply_before_it_is_shrunk(steps: list[Step]) -> None:
    large = with_patches(photo(2400, 1600))
    scaled = [(kind, tuple(10 * value for value in values) if kind == "clap" else values) for kind, values in steps]
    expected, properties = transformed(large, scaled)
    upload = avif(large, *properties)
    compressed = compress(upload, ("jpeg",))
    assert (compressed.width, compressed.height) == expected.size
    shown = compress_to_picture(upload)
    assert mean_difference(shown, expected.resize(shown.size, Image.Resampling.LANCZOS)) < TOLERANCE


@pytest.mark.parametrize(
    "property_",
    [
        pytest.param(box(b"irot", b"\xfd"), id="irot"),
        pytest.param(box(b"irot", b"\1\2\3"), id="longer irot"),
        pytest.param(box(b"irot", b"\x81"), id="irot with its highest bit"),
    ],
)
def test_reserved_bits_of_a_rotation_are_ignored(property_: bytes) -> None:
    assert_shown(avif(PICTURE, property_), PICTURE.rotate(90, expand=True))


@pytest.mark.parametrize("value", [0x02, 0x80, 0xFE])
def test_reserved_bits_of_a_mirror_are_ignored(value: int) -> None:
    assert_shown(avif(PICTURE, imir(value)), ImageOps.flip(PICTURE))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_ignored(orientation: int) -> None:
    """AVIF's orientation is a property; Pillow writes both, and the EXIF is overwritten with another one."""
    data, own = coded(PICTURE)
    picture = Item(b"av01", data, [(own[b"ispe"], False), (own[b"av1C"], True), (own[b"colr"], False)])
    metadata = bytes(4) + exif(orientation)[6:]
    assert_shown(container([picture, Item(b"Exif", metadata, [], [(b"cdsc", [1])])]), PICTURE)


# Colours.


def decoded_light(value: float, transfer: int) -> float:
    """The light of a stored value on a display whose white is 1, where no highlights are compressed."""
    if transfer in (4, 5, 17):
        return value ** {4: 2.2, 5: 2.8, 17: 2.6}[transfer]
    return value if transfer == 8 else linear_light(value)


@pytest.mark.parametrize("place", PATCHES)
def test_display_p3_as_code_points_becomes_srgb(place: tuple[float, float]) -> None:
    upload = avif(with_patches(photo(400, 300)), colour=[nclx(P3, SRGB_CURVE)], subsampling="4:4:4")
    assert colour_distance(colour_at(compress_to_picture(upload), *place), srgb_from_p3(PATCHES[place])) < 3


@pytest.mark.parametrize("primaries", [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22, 0, 99])
def test_grey_stays_grey_in_all_primaries(primaries: int) -> None:
    upload = avif(Image.new("RGB", (64, 64), (120, 120, 120)), colour=[nclx(primaries, SRGB_CURVE)])
    assert colour_distance(colour_at(compress_to_picture(upload), 0.5, 0.5), (120, 120, 120)) < 1.5


@pytest.mark.parametrize("primaries", [4, 5, 6, 7, 8, 9, 11, 12, 22])
def test_other_primaries_change_colours(primaries: int) -> None:
    stored = (170, 90, 80), (90, 170, 90), (80, 90, 170)
    shown = []
    for colour in stored:
        upload = avif(Image.new("RGB", (64, 64), colour), colour=[nclx(primaries, SRGB_CURVE)], subsampling="4:4:4")
        shown.append(colour_at(compress_to_picture(upload), 0.5, 0.5))
    assert max(colour_distance(a, b) for a, b in zip(stored, shown, strict=True)) > 1.5


@pytest.mark.parametrize("value", [40, 90, 128, 180, 230])
@pytest.mark.parametrize("transfer", [4, 5, 8, 17])
def test_transfer_curve_of_a_power_is_applied(transfer: int, value: int) -> None:
    upload = avif(Image.new("RGB", (64, 64), (value,) * 3), colour=[nclx(BT709, transfer)])
    shown = colour_at(compress_to_picture(upload), 0.5, 0.5)[0]
    assert abs(linear_light(shown / 255) - decoded_light(value / 255, transfer)) < 0.012


@pytest.mark.parametrize("transfer", [0, 1, 2, 6, 7, 11, 12, 13, 14, 15, 99])
def test_other_transfer_curves_are_shown_as_srgb(transfer: int) -> None:
    assert_shown(avif(PICTURE, colour=[nclx(BT709, transfer)]), PICTURE)


@pytest.mark.parametrize("nits", [5, 20, 50, 100, 150])
def test_perceptual_quantiser_shows_its_light(nits: int) -> None:
    """SMPTE ST 2084: a stored value stands for an absolute luminance, and 203 nits are a display's white."""
    power = (nits / 10_000) ** 0.1593017578125
    stored = round(255 * ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)
    upload = avif(Image.new("RGB", (64, 64), (stored,) * 3), colour=[nclx(BT2020, PQ)])
    shown = linear_light(colour_at(compress_to_picture(upload), 0.5, 0.5)[0] / 255)
    assert shown == pytest.approx(nits / 203, rel=0.12, abs=0.004)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_highlights_beyond_white_keep_their_order(transfer: int) -> None:
    levels = range(16, 256, 16)
    steps = Image.new("RGB", (16 * len(levels), 32))
    for place, level in enumerate(levels):
        steps.paste((level,) * 3, (16 * place, 0, 16 * place + 16, 32))
    shown = compress_to_picture(avif(steps, colour=[nclx(BT2020, transfer)], quality=100))
    greys = [colour_at(shown, (place + 0.5) / len(levels), 0.5)[0] for place in range(len(levels))]
    assert greys == sorted(greys)
    assert greys[0] < 30 and greys[-1] > 250


@pytest.mark.parametrize(
    "colour",
    [
        pytest.param([icc(display_p3())], id="profile"),
        pytest.param([icc(display_p3(), b"rICC")], id="restricted profile"),
        pytest.param([icc(display_p3()), nclx(BT2020, PQ)], id="profile, then code points"),
        pytest.param([nclx(BT2020, PQ), icc(display_p3())], id="code points, then profile"),
        pytest.param([nclx(P3, SRGB_CURVE), nclx(BT2020, PQ)], id="code points twice"),
        pytest.param([nclx(P3, SRGB_CURVE), box(b"colr", b"none")], id="code points and an unknown kind"),
    ],
)
def test_profile_comes_before_code_points_and_the_first_before_the_second(colour: list[bytes]) -> None:
    upload = avif(with_patches(photo(400, 300)), colour=colour, subsampling="4:4:4")
    place, stored = next(iter(PATCHES.items()))
    assert colour_distance(colour_at(compress_to_picture(upload), *place), srgb_from_p3(stored)) < 3


@pytest.mark.parametrize(
    "colour",
    [
        pytest.param([b""], id="none"),
        pytest.param([box(b"colr")], id="empty"),
        pytest.param([box(b"colr", b"nclx\0\1")], id="short"),
        pytest.param([box(b"colr", b"what" + bytes(20))], id="unknown kind"),
        pytest.param([icc(b"A" * 300)], id="broken profile"),
        pytest.param([icc(display_p3()[:200])], id="truncated profile"),
        pytest.param([box(b"colr", b"nclx\0\1\0\x0d\0\6\xff")], id="reserved bits"),
        pytest.param([nclx(0, 0)], id="reserved code points"),
    ],
)
def test_unusable_colour_information_counts_as_none(colour: list[bytes]) -> None:
    assert_shown(avif(PICTURE, colour=colour), PICTURE)


# Transparency.

ALPHAS = {
    "gradient": Image.linear_gradient("L").resize(SIZE),
    "disc": Image.radial_gradient("L").resize(SIZE),
    "opaque": Image.new("L", SIZE, 255),
    "clear": Image.new("L", SIZE, 0),
    "half": Image.new("L", SIZE, 128),
    "left half only": Image.new("L", SIZE, 0),
}
ALPHAS["left half only"].paste(255, (0, 0, WIDTH // 2, HEIGHT))


def on_white(picture: Image.Image, alpha: Image.Image) -> Image.Image:
    return Image.composite(picture, Image.new("RGB", picture.size, "white"), alpha)


@pytest.mark.parametrize("alpha", ALPHAS.values(), ids=ALPHAS)
def test_transparency_is_laid_on_white(alpha: Image.Image) -> None:
    assert_shown(avif_with_alpha(PICTURE, alpha), on_white(PICTURE, alpha))


@pytest.mark.parametrize("alpha", ALPHAS.values(), ids=ALPHAS)
def test_premultiplied_colours_are_laid_on_white(alpha: Image.Image) -> None:
    premultiplied = ImageChops.multiply(PICTURE, Image.merge("RGB", [alpha] * 3))
    upload = avif_with_alpha(premultiplied, alpha, premultiplied=True)
    assert_shown(upload, on_white(PICTURE, alpha), tolerance=8)


@pytest.mark.parametrize("steps", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("of_alpha", [True, False], ids=["of both", "of the colours alone"])
def test_transparency_is_transformed_with_the_colours(steps: list[Step], of_alpha: bool) -> None:
    alpha = ALPHAS["gradient"]
    expected, properties = transformed(on_white(PICTURE, alpha), steps)
    assert_shown(avif_with_alpha(PICTURE, alpha, *properties, of_alpha=of_alpha), expected)


@pytest.mark.parametrize("urn", [b"urn:mpeg:hevc:2015:auxid:2\0", b"urn:example:depth\0", b"\0", b"urn:a\0"])
def test_other_auxiliary_pictures_are_ignored(urn: bytes) -> None:
    data, own = coded(PICTURE)
    mask, own_of_mask = coded(ALPHAS["clear"])
    colours = Item(b"av01", data, [(own[b"ispe"], False), (own[b"av1C"], True), (own[b"colr"], False)])
    properties = [(own_of_mask[b"ispe"], False), (own_of_mask[b"av1C"], True), (aux_type(urn), False)]
    other = Item(b"av01", mask, properties, [(b"auxl", [1])])
    assert_shown(container([colours, other]), PICTURE)


# Grids, films and the container.


@pytest.mark.parametrize("steps", [[], *ORDERS.values()], ids=["plain", *ORDERS])
def test_grid_is_put_together_and_then_transformed(steps: list[Step]) -> None:
    expected, properties = transformed(PICTURE, steps)
    assert_shown(grid(PICTURE, 3, 2, 96, *properties), expected)


def test_film_shows_its_primary_picture() -> None:
    assert_shown(animation("AVIF", 3, 200), Image.new("RGB", (200, 200)))


def test_film_without_items_shows_its_first_frame() -> None:
    film = animation("AVIF", 3, 200).replace(b"avif", b"msf1", 1).replace(b"meta", b"free", 1)
    assert_shown(film, Image.new("RGB", (200, 200)))


@pytest.mark.parametrize(
    "property_",
    [
        box(b"abcd", b"1"),
        box(b"uuid", b"A" * 40),
        box(b"pasp", struct.pack(">II", 1, 1)),
        box(b"pixi"),
        pixi(5, 3),
        box(b"clli", b"1"),
        full_box(b"udes", b"no end"),
        box(b"free"),
    ],
    ids=["unknown", "uuid", "pasp", "empty pixi", "wrong pixi", "short clli", "udes", "free"],
)
def test_optional_property_that_no_picture_needs_is_ignored(property_: bytes) -> None:
    assert_shown(avif(PICTURE, property_, essential=False), PICTURE)


@pytest.mark.parametrize("kind", [b"abcd", b"uuid", b"stsm", b"zzzz", b"\0\0\0\0"])
def test_unknown_essential_property_is_rejected(kind: bytes) -> None:
    """Whoever does not know it must not show the item, as ISO/IEC 23008-12 has it."""
    with pytest.raises(RejectedImage) as rejected:
        compress(avif(PICTURE, box(kind, b"A" * 20)))
    assert rejected.value.code == "corrupt"


@pytest.mark.parametrize("is_short", [False, True], ids=["one byte", "two bytes"])
@pytest.mark.parametrize("ipma_version", [0, 1], ids=["ids of two bytes", "ids of four bytes"])
@pytest.mark.parametrize("steps", [ORDERS["crop, turn, mirror"], ORDERS["turn, crop"]], ids=["three", "two"])
def test_associations_of_every_width_are_read(steps: list[Step], ipma_version: int, is_short: bool) -> None:
    expected, properties = transformed(PICTURE, steps)
    data, own = coded(PICTURE)
    # Two hundred properties of another item, so that an index does not fit into seven bits.
    others = [(full_box(b"udes", struct.pack(">I", number)), False) for number in range(200 if is_short else 2)]
    needed = [(own[b"ispe"], False), (own[b"av1C"], True), *((property_, True) for property_ in properties)]
    items = [Item(b"av01", data, [*others, *needed])]
    assert_shown(container(items, ipma_version=ipma_version, is_short=is_short), expected)


@pytest.mark.parametrize("item", [b"", b"\0", b"\xff\xff\xff\xff", b"\0\0\0\0MM\0*\0\0\0\x08", b"A" * 5_000])
@pytest.mark.parametrize("kind", [b"Exif", b"mime"])
def test_broken_metadata_item_is_ignored(kind: bytes, item: bytes) -> None:
    data, own = coded(PICTURE)
    picture = Item(b"av01", data, [(own[b"ispe"], False), (own[b"av1C"], True), (own[b"colr"], False)])
    assert_shown(container([picture, Item(kind, item, [], [(b"cdsc", [1])])]), PICTURE)


def claiming(picture: bytes | tuple[bytes, dict[bytes, bytes]], width: int, height: int) -> bytes:
    """A file that says of its coded picture that it has this size."""
    data, own = parts(picture) if isinstance(picture, bytes) else picture
    return container([Item(b"av01", data, [(ispe(width, height), False), (own[b"av1C"], True)])])


@pytest.mark.parametrize("size", [(10, 10), (239, 160), (240, 161), (2_400, 160), (160, 240)])
def test_claim_of_another_size_is_corrupt(size: tuple[int, int]) -> None:
    with pytest.raises(RejectedImage) as rejected:
        compress(claiming(coded(PICTURE), *size))
    assert rejected.value.code == "corrupt"


def tiles(count: int, tile: tuple[bytes, dict[bytes, bytes]], size: int) -> bytes:
    data, own = tile
    properties = [(ispe(size, size), False), (own[b"av1C"], True), (own[b"colr"], False)]
    layout = struct.pack(">BBBBHH", 0, 0, count - 1, count - 1, count * size, count * size)
    whole = [(ispe(count * size, count * size), False), (own[b"colr"], False)]
    references = [(b"dimg", range(2, 2 + count * count))]
    return container([Item(b"grid", layout, whole, references), *[Item(b"av01", data, properties)] * count**2])


def test_hostile_containers_end_within_the_limits() -> None:
    small, large = coded(Image.new("RGB", (64, 64))), flat_avif(6_000, 6_000, "RGB")
    files = {
        "small claim of a large picture": (claiming(flat_avif(16_000, 16_000, "RGB"), 10, 10), "too_many_pixels"),
        "tiles that are each large": (tiles(20, parts(large), 64), "too_complex"),
        "many tiles": (tiles(31, small, 64), "ready"),
        "too many items": (tiles(40, small, 64), "too_complex"),
        "a property 249 times": (avif(PICTURE, *[irot(1)] * 249), "ready"),
        "many units": (claiming((small[0][:2] * 20_000 + small[0], small[1]), 64, 64), "too_complex"),
        "no units": (claiming((b"", small[1]), 64, 64), "corrupt"),
        "extents without end": (
            avif(PICTURE).replace(b"iloc\0\0\0\0\x44\0\0\1\0\1\0\0\0\1", b"iloc\0\0\0\0\0\0\0\1\0\1\0\0\xff\xff"),
            "too_complex",
        ),
    }
    outcomes = isolated.run({name: data for name, (data, _) in files.items()})
    assert {name: outcomes[name].answer for name in files} == {name: answer for name, (_, answer) in files.items()}
    assert not [(name, faults(outcome)) for name, outcome in outcomes.items() if faults(outcome)]


def test_largest_pictures_are_accepted_within_the_memory_limit() -> None:
    files = {
        "colours": flat_avif(6_320, 6_320, "RGB"),
        "grey": flat_avif(6_320, 6_320),
        "transparent": flat_avif(5_450, 5_450, "RGBA"),
        "colours at full resolution": encode(
            Image.new("RGB", (5_900, 5_900), (90, 120, 150)), "AVIF", speed=10, max_threads=1, subsampling="4:4:4"
        ),
        "tiles": tiles(11, coded(Image.new("RGB", (512, 512), (90, 120, 150))), 512),
    }
    outcomes = isolated.run(files)
    assert {outcome.answer for outcome in outcomes.values()} == {"ready"}
    assert not [outcome.name for outcome in outcomes.values() if outcome.peak_bytes > isolated.PEAK_BYTES_MAX]
