"""AVIF of every subsampling and depth, with crops, rotations, mirrors, colours, transparency, tiles and frames."""

import struct
from functools import partial
from itertools import product

from PIL import Image, ImageChops

from tests.differential.files import SIZES, File, Files, opacity, scene, transparent_scene
from tests.differential.jpeg_files import broken_profiles, orientation_exif, profiles
from tests.support.avif_samples import (
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
    nclx,
    pixi,
)
from tests.support.image_samples import XMP, encode
from tests.support.malformed_images import animation

SIZE = WIDTH, HEIGHT = 160, 112
CROPS = (
    (0, 0, 80, 56),
    (80, 56, 80, 56),
    (10, 20, 100, 60),
    (33, 21, 101, 77),
    (1, 1, 159, 111),
    (0, 0, 160, 112),
    (50, 40, 17, 13),
)
GRIDS = ((2, 1, 128, (240, 120)), (1, 2, 128, (120, 240)), (2, 2, 96, (192, 192)), (4, 3, 64, (250, 190)))
SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0", "4:0:0")


def avif_files() -> Files:
    file = partial(File, "avif")
    for width, height in (*SIZES, (1800, 1300)):
        for subsampling, range_ in product(SUBSAMPLINGS, ("full", "limited")):
            make = partial(
                lambda w, h, s, r: encode(scene(w, h), "AVIF", quality=90, speed=9, subsampling=s, range=r),
                width,
                height,
                subsampling,
                range_,
            )
            yield file(f"{subsampling}, {range_} range", f"{width}x{height}", make)
        make = partial(lambda w, h: encode(transparent_scene(w, h), "AVIF", quality=90, speed=9), width, height)
        yield file("alpha", f"{width}x{height}", make)
    for quality in (20, 50, 75, 100):
        yield file("quality", str(quality), partial(lambda q: encode(scene(), "AVIF", quality=q), quality))
    for tiles in (1, 2, 3):
        make = partial(lambda n: encode(scene(640, 480), "AVIF", tile_rows=n, tile_cols=n, speed=9), tiles)
        yield file("coded tiles", str(tiles), make)
    for depth, subsampling, (width, height) in product((10, 12), ("on", "off"), SIZES[3:]):
        make = partial(deep_avif, width, height, depth, subsampling)
        yield file(f"{depth} bit", f"{width}x{height}, subsampling {subsampling}", make)
    yield from _transformations()
    yield from _colours()
    yield from _alpha()
    yield from _container()
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        for picture in (scene(320, 240), transparent_scene(320, 240)):
            make = partial(lambda i, p: _first(encode(i, "AVIF", speed=9), p), picture, share)
            yield file("truncated", f"{share:.0%}, {picture.mode}", make)


def deep_avif(width: int, height: int, depth: int, subsampling: str) -> bytes:
    """Encoded by libvips: Pillow encodes eight bits only."""
    import pyvips

    picture = scene(width, height)
    wide = pyvips.Image.new_from_memory(picture.tobytes(), width, height, 3, "uchar").cast("ushort") * 257
    deep = wide.cast("ushort").copy(interpretation="rgb16")
    return bytes(deep.heifsave_buffer(compression="av1", bitdepth=depth, Q=90, effort=0, subsample_mode=subsampling))


def _transformations() -> Files:
    file = partial(File, "avif")
    for essential in (True, False):
        mark = "" if essential else ", optional"
        for rectangle in CROPS:
            for subsampling in ("4:2:0", "4:4:4"):
                make = partial(
                    lambda r, e, s: avif(scene(), crop(SIZE, *r), essential=e, subsampling=s),
                    rectangle,
                    essential,
                    subsampling,
                )
                yield file(f"crop{mark}", f"{rectangle} {subsampling}", make)
        for quarters in (0, 1, 2, 3, 0xFD):
            make = partial(lambda q, e: avif(scene(), irot(q), essential=e), quarters, essential)
            yield file(f"rotation{mark}", str(quarters), make)
        for axis in (0, 1, 2, 0x81, 0xFE):
            make = partial(lambda a, e: avif(scene(), imir(a), essential=e), axis, essential)
            yield file(f"mirror{mark}", str(axis), make)
    steps = {
        "clap": crop(SIZE, 10, 20, 64, 64),
        "irot": irot(1),
        "irot3": irot(3),
        "imir0": imir(0),
        "imir1": imir(1),
    }
    for first, second in product(steps, repeat=2):
        if first != second:
            square = (
                crop((112, 160), 10, 20, 64, 64) if first.startswith("irot") and second == "clap" else steps[second]
            )
            make = partial(lambda a, b: avif(scene(), a, b), steps[first], square)
            yield file("two transformations", f"{first}, {second}", make)
    for quarters, axis, (left, top, width, height) in product(range(4), (0, 1), CROPS[:3]):
        orders = {
            "crop, rotation, mirror": [crop(SIZE, left, top, width, height), irot(quarters), imir(axis)],
            "mirror, crop, rotation": [imir(axis), crop(SIZE, left, top, width, height), irot(quarters)],
        }
        for name, properties in orders.items():
            make = partial(lambda p: avif(scene(), *p), properties)
            yield file(name, f"{quarters} {axis} {left},{top}", make)
    for name, aperture in {
        "too wide": crop(SIZE, 0, 0, 161, 112),
        "too high": crop(SIZE, 0, 0, 160, 113),
        "out at the left": crop(SIZE, -10, 0, 80, 112),
        "out at the bottom": crop(SIZE, 0, 60, 80, 60),
        "beside": crop(SIZE, 300, 0, 80, 112),
        "no width": clap((0, 1), (80, 1), (0, 1), (0, 1)),
        "zero denominator": clap((80, 0), (80, 1), (0, 1), (0, 1)),
        "short": box(b"clap", bytes(12)),
    }.items():
        yield file("unusable crop", name, partial(lambda a: avif(scene(), a), aperture))
    for name, aperture in {
        "half a pixel wider": clap((161, 2), (56, 1), (0, 1), (0, 1)),
        "half a pixel off": clap((80, 1), (56, 1), (1, 2), (0, 1)),
        "a third of a pixel off": clap((80, 1), (56, 1), (-1, 3), (1, 3)),
        "large numbers": clap((80_000, 1_000), (56_000, 1_000), (0, 7), (0, 9)),
        "odd in the middle": clap((81, 1), (57, 1), (0, 1), (0, 1)),
    }.items():
        yield file("fractional crop", name, partial(lambda a: avif(scene(), a), aperture))


def _colours() -> Files:
    file = partial(File, "avif")
    for primaries, transfer in product((1, 2), (1, 2, 6, 13, 14)):
        make = partial(lambda p, t: avif(scene(), colour=[nclx(p, t)]), primaries, transfer)
        yield file("code points for sRGB", f"{primaries} {transfer}", make)
    for primaries, transfer in ((9, 13), (12, 13), (9, 16), (9, 18), (1, 4), (1, 8), (11, 17), (5, 5)):
        make = partial(lambda p, t: avif(scene(), colour=[nclx(p, t)]), primaries, transfer)
        yield file("code points for other colours", f"{primaries} {transfer}", make)
    for matrix, range_ in product((1, 5, 6, 9), (True, False)):
        make = partial(lambda m, r: avif(scene(), colour=[nclx(1, 13, m, r)]), matrix, range_)
        yield file("matrices", f"{matrix}, {'full' if range_ else 'limited'} range", make)
    for name, profile in profiles().items():
        for kind in (b"prof", b"rICC"):
            make = partial(lambda p, k: avif(scene(), colour=[icc(p, k), nclx(1, 13)]), profile, kind)
            yield file("profile", f"{name} as {kind.decode()}", make)
        yield file("profile and alpha", name, partial(_alpha_with_profile, profile))
        make = partial(lambda p: encode(scene().convert("L"), "AVIF", icc_profile=p), profile)
        yield file("grey with an RGB profile", name, make)
    for name, profile in broken_profiles().items():
        yield file("profile that is broken", name, partial(lambda p: avif(scene(), colour=[icc(p)]), profile))
    for name, colour in {
        "none": [b""],
        "unknown kind": [box(b"colr", b"what" + bytes(20))],
        "reserved bits": [box(b"colr", b"nclx\0\1\0\x0d\0\6\xff")],
        "twice": [nclx(1, 13), nclx(1, 1)],
        "profile twice": [icc(profiles()["Display P3"]), icc(profiles()["Display P3"])],
    }.items():
        yield file("odd colour information", name, partial(lambda c: avif(scene(), colour=c), colour))


def _alpha_with_profile(profile: bytes) -> bytes:
    return encode(transparent_scene(), "AVIF", icc_profile=profile)


def _alpha() -> Files:
    file = partial(File, "avif")
    radial = Image.radial_gradient("L").resize(SIZE)
    alphas = {
        "gradient": opacity(),
        "disc": radial,
        "half": Image.new("L", SIZE, 128),
        "clear": Image.new("L", SIZE),
        "opaque": Image.new("L", SIZE, 255),
    }
    for name, alpha in alphas.items():
        yield file("alpha of another item", name, partial(lambda a: avif_with_alpha(scene(), a), alpha))
        make = partial(
            lambda a: avif_with_alpha(
                ImageChops.multiply(scene(), Image.merge("RGB", [a] * 3)), a, premultiplied=True
            ),
            alpha,
        )
        yield file("premultiplied alpha", name, make)
    for name, properties in {
        "rotated": [irot(1)],
        "mirrored": [imir(0)],
        "cropped": [crop(SIZE, 10, 20, 100, 60)],
        "cropped and rotated": [crop(SIZE, 10, 20, 100, 60), irot(3)],
        "mirrored and rotated": [imir(1), irot(1)],
    }.items():
        yield file("transformed alpha", name, partial(lambda p: avif_with_alpha(scene(), opacity(), *p), properties))


def _container() -> Files:
    file = partial(File, "avif")
    for columns, rows, tile, size in GRIDS:
        whole = {"plain": [], "rotated": [irot(1)], "mirrored": [imir(0)], "cropped": [crop(size, 20, 10, 90, 80)]}
        for name, properties in whole.items():
            make = partial(lambda c, r, t, s, p: grid(scene(*s), c, r, t, *p), columns, rows, tile, size, properties)
            yield file("grid", f"{columns}x{rows} of {tile}, {name}", make)
    optional = {
        "unknown": box(b"abcd", b"1"),
        "uuid": box(b"uuid", b"A" * 40),
        "aspect": box(b"pasp", struct.pack(">II", 1, 1)),
        "light level": box(b"clli", bytes(4)),
        "short light level": box(b"clli", b"1"),
        "wrong depth": pixi(3, 12),
        "description": full_box(b"udes", b"en\0name\0text\0\0"),
    }
    for name, property_ in optional.items():
        make = partial(lambda p: avif(scene(), p, essential=False), property_)
        yield file("optional properties", name, make)
    for name, property_ in {
        "unknown": box(b"abcd", b"1"),
        "uuid": box(b"uuid", b"A" * 40),
        "another": box(b"zzzz"),
    }.items():
        yield file("unknown essential properties", name, partial(lambda p: avif(scene(), p), property_))
    for orientation in range(1, 9):
        make = partial(_with_exif, orientation_exif(3, struct.pack(">H", orientation))[6:])
        yield file("orientation in EXIF alone", str(orientation), make)
        make = partial(
            lambda o: encode(scene(), "AVIF", exif=orientation_exif(3, struct.pack(">H", o)), speed=9), orientation
        )
        yield file("orientation as Pillow writes it", str(orientation), make)
    for name, item in {"empty": b"", "short": b"\0", "leads out": b"\xff" * 8, "no EXIF": b"what" * 20}.items():
        yield file("broken EXIF", name, partial(_with_exif, item, prefix=b""))
    yield file("metadata", "XMP", lambda: encode(scene(), "AVIF", xmp=XMP))
    for count in (2, 3, 5):
        yield file("film", f"{count} frames", partial(animation, "AVIF", count, 96))
    for name, trailer in {
        "zeros": bytes(100),
        "a page": b"<html>",
        "a box": box(b"free", b"text"),
        "a ZIP": b"PK\3\4",
        "a byte": b"\n",
    }.items():
        yield file("trailer", name, partial(lambda t: avif(scene()) + t, trailer))
    for name, urn in {"depth": b"urn:mpeg:hevc:2015:auxid:2\0", "unknown": b"urn:example\0"}.items():
        yield file("other auxiliary pictures", name, partial(_with_auxiliary, urn))


def _with_exif(exif: bytes, prefix: bytes = bytes(4)) -> bytes:
    data, own = coded(scene())
    picture = Item(b"av01", data, [(own[b"ispe"], False), (own[b"av1C"], True), (own[b"colr"], False)])
    return container([picture, Item(b"Exif", prefix + exif, [], [(b"cdsc", [1])])])


def _with_auxiliary(urn: bytes) -> bytes:
    data, own = coded(scene())
    mask, own_of_mask = coded(opacity())
    colours = Item(b"av01", data, [(own[b"ispe"], False), (own[b"av1C"], True), (own[b"colr"], False)])
    properties = [(own_of_mask[b"ispe"], False), (own_of_mask[b"av1C"], True), (aux_type(urn), False)]
    return container([colours, Item(b"av01", mask, properties, [(b"auxl", [1])])])


def _first(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]
