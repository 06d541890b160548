"""Pictures for the tests and the benchmark: photos as phones write them, and the parts of every format."""

import math
import struct
import zlib
from collections.abc import Iterable
from functools import cache
from io import BytesIO
from random import Random

from PIL import Image, ImageChops, ImageStat

from shared.images.codec.pipeline import compress

CANARY = b"CANARY"  # in every piece of metadata that this module writes
INVERSE_ORIENTATIONS = {6: 8, 8: 6}  # the others are their own inverse
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Display P3 colours inside the sRGB gamut, by place: x and y as fractions of the sides.
PATCH_SIDE = 0.2
PATCHES = {
    (0.15, 0.15): (200, 80, 60),
    (0.85, 0.15): (90, 170, 80),
    (0.15, 0.85): (60, 90, 190),
    (0.85, 0.85): (200, 180, 70),
    (0.50, 0.15): (170, 80, 160),
    (0.50, 0.85): (80, 170, 180),
}


# Scenes.


def photo(width: int, height: int, seed: int = 1) -> Image.Image:
    """A picture that encodes like a photo: contrast at every scale, less at finer ones, and sensor noise."""
    random = Random(seed)

    def noise(mode: str, across: int) -> Image.Image:
        size = (across, max(1, across * height // width))
        cells = Image.frombytes(mode, size, random.randbytes(size[0] * size[1] * len(mode)))
        return cells.resize((width, height), Image.Resampling.BICUBIC).convert("RGB")

    picture = noise("RGB", 5)
    for across, share in ((20, 0.35), (80, 0.3)):
        picture = Image.blend(picture, noise("RGB", across), share)
    for across, share in ((320, 0.2), (1280, 0.12), (width, 0.03)):
        picture = Image.blend(picture, noise("L", across), share)
    return picture


def with_patches(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    half = PATCH_SIDE / 2
    for (x, y), colour in PATCHES.items():
        left, upper = round((x - half) * width), round((y - half) * height)
        right, lower = round((x + half) * width), round((y + half) * height)
        picture.paste(colour, (left, upper, right, lower))
    return picture


def as_stored(upright: Image.Image, orientation: int) -> Image.Image:
    """The pixels as a camera held in this orientation stores them."""
    inverse = INVERSE_ORIENTATIONS.get(orientation, orientation)
    return upright.transpose(TRANSPOSITIONS[inverse]) if inverse in TRANSPOSITIONS else upright


@cache
def phone_photo(width: int = 3024, height: int = 4032, orientation: int = 6, progressive: bool = False) -> bytes:
    """A JPEG as a phone writes it, `width` by `height` when upright: in Display P3, with every kind of metadata."""
    upright = with_patches(photo(width, height))
    return jpeg(
        as_stored(upright, orientation), all_metadata(orientation), icc_profile=display_p3(), progressive=progressive
    )


# Results.


def decode_variant(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data)).convert("RGB")


def compress_to_picture(upload: bytes, format: str = "jpeg") -> Image.Image:
    """The display variant of an upload."""
    return decode_variant(compress(upload, (format,)).variants[0].data)


def colour_at(picture: Image.Image, x: float, y: float) -> tuple[float, ...]:
    """The mean colour around a point, whose x and y are fractions of the sides."""
    across, down = int(x * picture.width), int(y * picture.height)
    reach = max(1, picture.width // 50)
    return tuple(ImageStat.Stat(picture.crop((across - reach, down - reach, across + reach, down + reach))).mean)


def mean_difference(first: Image.Image, second: Image.Image) -> float:
    """The mean difference of two pictures, 0 to 255, in the channel where it is largest."""
    assert first.size == second.size
    return max(ImageStat.Stat(ImageChops.difference(first, second)).mean)


# Formats.


def encode(picture: Image.Image, format: str, **settings: object) -> bytes:
    file = BytesIO()
    picture.save(file, format, **settings)
    return file.getvalue()


def jpeg(picture: Image.Image, segments: Iterable[bytes] = (), trailer: bytes = b"", **settings: object) -> bytes:
    data = encode(picture, "JPEG", **{"quality": 92, "subsampling": "4:2:0", **settings})
    return data[:2] + b"".join(segments) + data[2:] + trailer


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(size: tuple[int, int], depth: int, colour_type: int, pixels: bytes, *before: bytes) -> bytes:
    """A PNG of `pixels`, already deflated; `before` are chunks that precede them."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def deflated_zeros(count: int) -> bytes:
    """A zlib stream of `count` zero bytes, made of one repeated block, so that any length is cheap."""
    block = 1 << 20
    deflate = zlib.compressobj(9, wbits=-15)
    again = deflate.compress(bytes(block)) + deflate.flush(zlib.Z_FULL_FLUSH)
    rest = zlib.compressobj(9, wbits=-15)
    last = rest.compress(bytes(count % block)) + rest.flush()
    adler = struct.pack(">I", (count % 65521) << 16 | 1)
    return b"\x78\xda" + again * (count // block) + last + adler


def with_valid_checksums(data: bytes) -> bytes:
    """A PNG with the checksum of every chunk computed anew, so that damage is not found by it."""
    at, chunks = 8, []
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunks.append(chunk(kind, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return data[:8] + b"".join(chunks)


def boxes(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    """(kind, body) of every box of an AVIF file or box body."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + size]
        at += size


# Metadata, each piece with the canary.


def directory(at: int, entries: list[tuple[int, int, int, bytes]], following: int = 0, order: str = ">") -> bytes:
    """A TIFF directory at offset `at`, with (tag, type, count, value) per entry and long values after it."""
    head, values = struct.pack(order + "H", len(entries)), b""
    values_at = at + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        inline = value.ljust(4, b"\0")
        if len(value) > 4:
            inline, values = struct.pack(order + "I", values_at + len(values)), values + value
        head += struct.pack(order + "HHI", tag, kind, count) + inline
    return head + struct.pack(order + "I", following) + values


def exif(orientation: int = 6) -> bytes:
    """EXIF with make, orientation, maker note, position and a thumbnail, nested as by a camera."""
    thumbnail = encode(Image.new("RGB", (160, 120), "red"), "JPEG", comment=CANARY)
    text = CANARY + b" was here\0"
    gps_at, camera_at, thumbnail_at = 1000, 2000, 4000
    start = directory(
        8,
        [
            (0x010F, 2, len(text), text),
            (0x0112, 3, 1, struct.pack(">H", orientation)),
            (0x8769, 4, 1, struct.pack(">I", camera_at)),
            (0x8825, 4, 1, struct.pack(">I", gps_at)),
        ],
        following=thumbnail_at,
    )
    degrees = CANARY + bytes(2) + struct.pack(">4I", 58, 1, 1766, 100)  # the canary is the numerator
    gps = directory(gps_at, [(1, 2, 2, b"N\0"), (2, 5, 3, degrees), (0x1D, 2, len(text), text)])
    camera = directory(camera_at, [(0x927C, 7, len(text), text), (0x9286, 7, len(text), text)])
    second = [
        (0x0103, 3, 1, struct.pack(">H", 6)),
        (0x0201, 4, 1, struct.pack(">I", 5000)),
        (0x0202, 4, 1, struct.pack(">I", len(thumbnail))),
    ]
    parts = {8: start, gps_at: gps, camera_at: camera, thumbnail_at: directory(thumbnail_at, second), 5000: thumbnail}
    tiff = bytearray(5000 + len(thumbnail))
    tiff[:8] = b"MM\0*" + struct.pack(">I", 8)
    for at, part in parts.items():
        tiff[at : at + len(part)] = part
    return b"Exif\0\0" + bytes(tiff)


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Make="CANARY"/></rdf:RDF></x:xmpmeta>'
)


def all_metadata(orientation: int) -> list[bytes]:
    """Every kind of metadata segment that a JPEG may carry."""
    iptc = b"\x1c\x02\x78" + struct.pack(">H", len(CANARY)) + CANARY
    return [
        segment(0xE1, exif(orientation)),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + CANARY),
        segment(0xE2, b"MPF\0MM\0*\0\0\0\x08" + CANARY),
        segment(0xE2, b"FPXR\0" + CANARY),
        segment(0xE5, b"Samsung\0" + CANARY),
        segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc),
        segment(0xFE, b"<script>alert('CANARY')</script>"),
    ]


@cache
def display_p3() -> bytes:
    """The colour profile that iPhones embed: a matrix and the sRGB curve."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    def text(words: str) -> bytes:
        coded = words.encode("utf-16-be")
        return b"mluc" + struct.pack(">III2s2sII", 0, 1, 12, b"en", b"US", len(coded), 28) + coded

    curve = b"para\0\0\0\0\0\3\0\0" + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    tags = {
        b"desc": text("CANARY Display P3"),
        b"cprt": text("none"),
        b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249),
        b"rXYZ": b"XYZ \0\0\0\0" + fixed(0.51512, 0.24120, -0.00105),
        b"gXYZ": b"XYZ \0\0\0\0" + fixed(0.29198, 0.69225, 0.04189),
        b"bXYZ": b"XYZ \0\0\0\0" + fixed(0.15710, 0.06657, 0.78407),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(value))
        body += value.ljust(-(-len(value) // 4) * 4, b"\0")
    header = struct.pack(
        ">I4sI4s4s4s12s4s", at + len(body), b"\0" * 4, 0x04000000, b"mntr", b"RGB ", b"XYZ ", b"", b"acsp"
    )
    header = header.ljust(68, b"\0") + fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + table + body


def srgb_from_p3(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    """Convert with the matrix of the two standards, independently of any colour library."""
    linear = [linear_light(value / 255) for value in colour]
    matrix = ((1.22494, -0.22494, 0), (-0.04206, 1.04206, 0), (-0.01964, -0.07864, 1.09828))
    red, green, blue = (sum(m * v for m, v in zip(row, linear, strict=True)) for row in matrix)
    return encoded_light(red) * 255, encoded_light(green) * 255, encoded_light(blue) * 255


def linear_light(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def encoded_light(value: float) -> float:
    value = min(max(value, 0), 1)
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def colour_distance(first: Iterable[float], second: Iterable[float]) -> float:
    """The CIE76 distance of two sRGB colours with channels of 0 to 255."""

    def lab(colour: Iterable[float]) -> tuple[float, float, float]:
        r, g, b = (linear_light(value / 255) for value in colour)
        x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047
        y = 0.2126 * r + 0.7152 * g + 0.0722 * b
        z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883
        x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
        return 116 * y - 16, 500 * (x - y), 200 * (y - z)

    return math.dist(lab(first), lab(second))


# Metadata left in an output.

ALLOWED_SEGMENTS = {0xE0, 0xDB, 0xC0, 0xC2, 0xC4, 0xDA, 0xDD}  # JFIF, tables, frame, scans
ALLOWED_CHUNKS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}
ALLOWED_ITEMS = {b"av01"}
TELLTALES = (
    CANARY, b"Exif", b"http://ns.", b"8BIM", b"Photoshop", b"ICC_PROFILE", b"<script", b"MPF\0", b"JFXX", b"acsp",
)  # fmt: skip


def metadata_in(data: bytes, format: str) -> list[str]:
    """The names of everything in an encoded picture that is not needed to display it."""
    found = [repr(telltale) for telltale in TELLTALES if telltale in data]
    if format == "jpeg":
        found += _extra_in_jpeg(data)
    elif format == "webp":
        found += _extra_in_webp(data)
    else:
        found += _extra_in_avif(data)
    return found


def _extra_in_jpeg(data: bytes) -> list[str]:
    found, at = [], 2
    while data[at + 1] != 0xD9:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at] != 0xFF or marker not in ALLOWED_SEGMENTS or (marker == 0xE0 and length != 16):
            found.append(f"segment {marker:02x}")
        at += 2 + length
        while marker == 0xDA and (data[at] != 0xFF or data[at + 1] in (0, *range(0xD0, 0xD8))):
            at += 1
    return found + (["bytes after the end"] if at + 2 != len(data) else [])


def _extra_in_webp(data: bytes) -> list[str]:
    found, at = [], 12
    while at < len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        found += [] if kind in ALLOWED_CHUNKS else [f"chunk {kind!r}"]
        at += 8 + size + size % 2
    return found + (["bytes after the end"] if 8 + int.from_bytes(data[4:8], "little") != len(data) else [])


def _extra_in_avif(data: bytes) -> list[str]:
    found = []
    for kind, body in boxes(data):
        if kind == b"meta":
            items = dict(boxes(body[4:]))
            entries = [body for _, body in boxes(items[b"iinf"][6:])]
            found += [f"item {entry[8:12]!r}" for entry in entries if entry[8:12] not in ALLOWED_ITEMS]
            colours = [body for kind, body in boxes(dict(boxes(items[b"iprp"]))[b"ipco"]) if kind == b"colr"]
            found += ["a colour profile" for body in colours if not body.startswith(b"nclx")]
        elif kind not in (b"ftyp", b"mdat"):
            found.append(f"box {kind!r}")
    return found
