"""PNG of every colour type, depth and filter, interlaced and not, with chunks of every kind."""

import struct
import zlib
from functools import partial

from PIL import Image

from tests.differential.files import SIZES, File, Files, scene, transparent_scene
from tests.differential.jpeg_files import broken_profiles, orientation_exif, profiles
from tests.support.image_samples import chunk, encode, png

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
TYPES = {"grey": GREY, "colours": RGB, "palette": PALETTE, "grey and alpha": GREY_ALPHA, "colours and alpha": RGBA}
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGBA: (8, 16)}
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
FILTERS = ("none", "left", "above", "mean", "Paeth")
SIDES = (61, 45)

Rows = list[list[tuple[int, ...]]]  # samples of each pixel


def samples(colour_type: int, depth: int, width: int, height: int) -> Rows:
    """A picture with a gradient in each channel."""
    most, count = (1 << depth) - 1, CHANNELS[colour_type]
    rows: Rows = []
    for y in range(height):
        row = []
        for x in range(width):
            values = (
                x / max(width - 1, 1),
                y / max(height - 1, 1),
                (x + y) / (width + height),
                1 - x * y / width / height,
            )
            row.append(tuple(round(most * value) for value in values[:count]))
        rows.append(row)
    return rows


def packed(row: list[tuple[int, ...]], depth: int) -> bytes:
    flat = [value for pixel in row for value in pixel]
    if depth == 16:
        return struct.pack(f">{len(flat)}H", *flat)
    bits = "".join(format(value, f"0{depth}b") for value in flat)
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


def filtered(rows: list[bytes], kind: int, pixel_bytes: int) -> bytes:
    data, above = b"", bytes(len(rows[0]) if rows else 0)
    for row in rows:
        left, corner = ((bytes(pixel_bytes) + line)[: len(row)] for line in (row, above))
        guess = {
            0: lambda left, above, corner: 0,
            1: lambda left, above, corner: left,
            2: lambda left, above, corner: above,
            3: lambda left, above, corner: (left + above) // 2,
            4: paeth,
        }[kind]
        guesses = map(guess, left, above, corner)
        data += bytes([kind]) + bytes((value - guessed) & 255 for value, guessed in zip(row, guesses, strict=True))
        above = row
    return data


def paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))


def made_png(
    colour_type: int,
    depth: int,
    *chunks: bytes,
    size: tuple[int, int] = SIDES,
    interlaced: bool = False,
    filter_: int = 0,
    after: bytes = b"",
    pieces: int = 1,
) -> bytes:
    width, height = size
    rows = samples(colour_type, depth, width, height)
    pixel_bytes = max(1, CHANNELS[colour_type] * depth // 8)
    data = b""
    for x, y, dx, dy in PASSES if interlaced else ((0, 0, 1, 1),):
        part = [packed(row[x::dx], depth) for row in rows[y::dy] if row[x::dx]]
        data += filtered(part, filter_, pixel_bytes)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlaced))
    stream = zlib.compress(data)
    step = -(-len(stream) // pieces)
    pixels = b"".join(chunk(b"IDAT", stream[at : at + step]) for at in range(0, len(stream), step))
    before = (
        b"".join(chunks)
        if colour_type != PALETTE or any(c[4:8] == b"PLTE" for c in chunks)
        else palette(depth) + b"".join(chunks)
    )
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + after + chunk(b"IEND", b"")


def palette(depth: int) -> bytes:
    count = 1 << depth
    colours = (
        (index * 255 // (count - 1), 255 - index * 255 // (count - 1), index * 37 % 256) for index in range(count)
    )
    return chunk(b"PLTE", b"".join(map(bytes, colours)))


def with_bad_checksum(piece: bytes) -> bytes:
    return piece[:-4] + bytes([piece[-4] ^ 1]) + piece[-3:]


def png_files() -> Files:
    file = partial(File, "png")
    for name, colour_type in TYPES.items():
        for depth in DEPTHS[colour_type]:
            for size in ((1, 1), (5, 3), SIDES):
                for interlaced in (False, True):
                    make = partial(made_png, colour_type, depth, size=size, interlaced=interlaced)
                    label = f"{depth} bit, {size[0]}x{size[1]}"
                    yield file(f"{name}, interlaced" if interlaced else name, label, make)
    for number, name in enumerate(FILTERS):
        for colour, colour_type in TYPES.items():
            for depth in DEPTHS[colour_type][-1:]:
                make = partial(made_png, colour_type, depth, filter_=number)
                yield file("filters", f"{name}, {colour}", make)
    for width, height in (*SIZES, (1800, 1300)):
        for mode in ("RGB", "L"):
            make = partial(lambda w, h, m: encode(scene(w, h).convert(m), "PNG"), width, height, mode)
            yield file("photo", f"{mode} {width}x{height}", make)
    for pieces in (2, 3, 10, 50, 1_000):
        yield file("pixels in pieces", str(pieces), partial(made_png, RGB, 8, pieces=pieces))
    yield from _transparency()
    yield from _chunks()
    yield from _ends()


def _transparency() -> Files:
    file = partial(File, "png")
    for depth in DEPTHS[GREY]:
        most = (1 << depth) - 1
        for value in {0, most, most // 2}:
            for interlaced in (False, True):
                make = partial(made_png, GREY, depth, chunk(b"tRNS", struct.pack(">H", value)), interlaced=interlaced)
                yield file("tRNS of grey", f"{depth} bit, {value}{', interlaced' * interlaced}", make)
    for depth in DEPTHS[RGB]:
        rows = samples(RGB, depth, *SIDES)
        for x, y in ((0, 0), (60, 44), (30, 20), (10, 40), (60, 0)):
            make = partial(made_png, RGB, depth, chunk(b"tRNS", struct.pack(">3H", *rows[y][x])))
            yield file("tRNS of colours", f"{depth} bit, the colour at {x},{y}", make)
    for depth in DEPTHS[PALETTE]:
        for count in {1, (1 << depth) // 2, 1 << depth}:
            alphas = bytes(index * 255 // max(count - 1, 1) for index in range(count))
            for interlaced in (False, True):
                make = partial(
                    made_png, PALETTE, depth, palette(depth), chunk(b"tRNS", alphas), interlaced=interlaced
                )
                yield file("tRNS of palette", f"{depth} bit, {count} values{', interlaced' * interlaced}", make)
    for width, height in SIZES:
        yield file(
            "photo with alpha",
            f"{width}x{height}",
            partial(lambda w, h: encode(transparent_scene(w, h), "PNG"), width, height),
        )


def _chunks() -> Files:
    file = partial(File, "png")
    before = {
        "text": chunk(b"tEXt", b"Comment\0text"),
        "text without an end": chunk(b"tEXt", b"Comment"),
        "international text": chunk(b"iTXt", b"Comment\0\0\0en\0Comment\0text"),
        "broken international text": chunk(b"iTXt", b"Comment\0\1\7"),
        "compressed text": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"text" * 100)),
        "compressed text of 4 MB": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(4_000_000))),
        "compressed text that is broken": chunk(b"zTXt", b"Comment\0\0what"),
        "time": chunk(b"tIME", bytes([7, 234, 11, 26, 1, 2, 3])),
        "short time": chunk(b"tIME", b"\7"),
        "density": chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),
        "empty density": chunk(b"pHYs", b""),
        "background": chunk(b"bKGD", b"\0\1\0\2\0\3"),
        "significant bits": chunk(b"sBIT", b"\5\6\5"),
        "sRGB": chunk(b"sRGB", b"\0"),
        "sRGB out of range": chunk(b"sRGB", b"\x63"),
        "unknown": chunk(b"teSt", b"what"),
        "unknown and private": chunk(b"teST", b"what"),
        "suggested palette": chunk(b"PLTE", bytes(range(30))),
        "histogram": chunk(b"PLTE", bytes(range(30))) + chunk(b"hIST", bytes(20)),
        "animation control": chunk(b"acTL", struct.pack(">II", 1, 0)),
        "short animation control": chunk(b"acTL", b"\0"),
        "physical scale": chunk(b"sCAL", b"\x01" + b"1\0" + b"1"),
        "a hundred texts": chunk(b"tEXt", b"Comment\0text") * 100,
        "broken EXIF": chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"),
    }
    for name, piece in before.items():
        yield file("chunks before the pixels", name, partial(made_png, RGB, 8, piece))
        if b"PLTE" not in piece and b"acTL" not in piece:
            yield file("chunks with a wrong checksum", name, partial(made_png, RGB, 8, with_bad_checksum(piece)))
            yield file("chunks after the pixels", name, partial(made_png, RGB, 8, after=piece))
    for orientation in range(1, 9):
        exif = chunk(b"eXIf", orientation_exif(3, struct.pack(">H", orientation))[6:])
        yield file("orientation", f"{orientation}", partial(made_png, RGB, 8, exif))
        yield file("orientation after the pixels", f"{orientation}", partial(made_png, RGB, 8, after=exif))
    for name, profile in profiles().items():
        piece = chunk(b"iCCP", b"p\0\0" + zlib.compress(profile))
        for depth in (8, 16):
            yield file("profile", f"{name}, {depth} bit", partial(made_png, RGB, depth, piece))
        yield file("profile of a palette", name, partial(made_png, PALETTE, 8, piece, palette(8)))
        yield file("profile and alpha", name, partial(made_png, RGBA, 8, piece))
    for name, profile in broken_profiles().items():
        piece = chunk(b"iCCP", b"p\0\0" + zlib.compress(profile))
        yield file("profile that is broken", name, partial(made_png, RGB, 8, piece))
    for name, piece in {
        "not compressed": chunk(b"iCCP", b"p\0\0what"),
        "wrong method": chunk(b"iCCP", b"p\0\7" + zlib.compress(b"what")),
        "no name": chunk(b"iCCP", b"\0\0" + zlib.compress(b"what")),
        "empty": chunk(b"iCCP", b""),
        "wrong checksum": with_bad_checksum(chunk(b"iCCP", b"p\0\0" + zlib.compress(profiles()["Display P3"]))),
    }.items():
        yield file("profile that is broken", f"chunk {name}", partial(made_png, RGB, 8, piece))


def _ends() -> Files:
    file = partial(File, "png")
    for name, trailer in {
        "zeros": bytes(100),
        "a page": b"<html>",
        "a PNG": png((1, 1), 8, GREY, zlib.compress(b"\0\0")),
        "a byte": b"\n",
        "a ZIP": b"PK\3\4",
    }.items():
        yield file("trailer", name, partial(lambda t: made_png(RGB, 8) + t, trailer))
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        for mode in ("RGB", "RGBA", "L"):
            make = partial(lambda p, m: _first(encode(transparent_scene().convert(m), "PNG"), p), share, mode)
            yield file("truncated", f"{share:.0%} {mode}", make)
    frames = [Image.new("RGB", (80, 60), colour) for colour in ("red", "green", "blue")]
    for count in (2, 3):
        make = partial(
            lambda n: encode(frames[0], "PNG", save_all=True, append_images=frames[1:n], duration=50), count
        )
        yield file("animated", f"{count} frames", make)


def _first(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]
