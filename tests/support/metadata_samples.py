"""Sound pictures with metadata that no writer should write, and the parts of files to write it with."""

import struct
import zlib
from collections.abc import Iterable
from random import Random

from PIL import Image

from tests.support.image_samples import chunk, deflated_zeros, display_p3, encode, exif, jpeg, photo, segment

END = b"\xff\xd9"
# TIFF's integer types by name: its number, and the letter by which `struct` writes it.
INTEGERS = {
    "BYTE": (1, "B"),
    "SHORT": (3, "H"),
    "LONG": (4, "I"),
    "SBYTE": (6, "b"),
    "SSHORT": (8, "h"),
    "SLONG": (9, "i"),
}


# EXIF.


def orientation_exif(value: int, kind: int, letter: str, order: str = ">", count: int = 1) -> bytes:
    """A TIFF file whose only entry is the orientation."""
    entry = struct.pack(order + "HHI", 0x0112, kind, count) + struct.pack(order + letter, value).ljust(4, b"\0")
    start = b"MM\0*" if order == ">" else b"II*\0"
    return start + struct.pack(order + "IH", 8, 1) + entry + bytes(4)


def with_exif(format: str, picture: Image.Image, tiff: bytes) -> bytes:
    """The picture with this EXIF, which Pillow does not get to parse."""
    if format == "JPEG":
        return jpeg(picture, [segment(0xE1, b"Exif\0\0" + tiff)])
    if format == "PNG":
        return with_chunks(encode(picture, "PNG"), chunk(b"eXIf", tiff))
    return webp(picture, after=[webp_chunk(b"EXIF", tiff)], flags=0x08)


# JPEG.


def jpeg_with(data: bytes, *segments: bytes) -> bytes:
    """The file with these segments in front of its first."""
    return data[:2] + b"".join(segments) + data[2:]


def without_jfif(data: bytes) -> bytes:
    return data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]


def segments(header: bytes) -> list[bytes]:
    """Each segment of what precedes the first scan; the rest of the file, if there is more, is the last."""
    at, found = 2, []
    while at < len(header) and header[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(header[at + 2 : at + 4], "big")
        found.append(header[at:end])
        at = end
    return [*found, header[at:]] if at < len(header) else found


def scans_of_components(picture: Image.Image) -> bytes:
    """A sequential JPEG with a scan for each component, made of three grey ones."""
    parts = [encode(channel, "JPEG", quality=92) for channel in picture.convert("YCbCr").split()]
    frame_at = parts[0].index(b"\xff\xc0")
    tables = parts[0][: parts[0].index(b"\xff\xda")]
    frame = segment(0xC0, parts[0][frame_at + 4 : frame_at + 9] + b"\3\1\x11\0\2\x11\0\3\x11\0")
    scans = b""
    for number, part in enumerate(parts, 1):
        data_at = part.index(b"\xff\xda") + 10
        scans += segment(0xDA, bytes([1, number, 0, 0, 63, 0])) + part[data_at:-2]
    return tables[:frame_at] + frame + tables[frame_at + 13 :] + scans + END


def motion_video(seed: int = 1, size: int = 50_000) -> bytes:
    """What some phones append to a photo: bytes in which every marker occurs."""
    movie = Random(seed).randbytes(size)
    box = struct.pack(">I4s", 8 + len(movie), b"mdat") + movie
    return struct.pack("<HHI", 0, 0x0A30, 16) + b"Motion" + box + b"trailer"


# PNG.


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    """The PNG with these chunks behind its header."""
    return data[:33] + b"".join(chunks) + data[33:]


def with_wrong_checksum(chunk: bytes) -> bytes:
    return chunk[:-4] + bytes(byte ^ 0x55 for byte in chunk[-4:])


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """(kind, the whole chunk) of every chunk."""
    at, chunks = 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunks.append((kind, data[at : at + 12 + length]))
        at += 12 + length
    return chunks


# WebP.


def webp_chunk(kind: bytes, body: bytes, padding: bytes | None = None) -> bytes:
    padding = bytes(len(body) % 2) if padding is None else padding
    return struct.pack("<4sI", kind, len(body)) + body + padding


def webp(
    picture: Image.Image,
    before: Iterable[bytes] = (),
    after: Iterable[bytes] = (),
    flags: int = 0,
    riff_bytes_off: int = 0,
    **settings: object,
) -> bytes:
    """An extended WebP file with chunks before and after its picture."""
    sides = (picture.width - 1).to_bytes(3, "little") + (picture.height - 1).to_bytes(3, "little")
    image = encode(picture, "WEBP", **settings)[12:]
    body = webp_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides) + b"".join((*before, image, *after))
    return struct.pack("<4sI4s", b"RIFF", 4 + len(body) + riff_bytes_off, b"WEBP") + body


# Random metadata, none of which may change how a picture looks.

PICTURE = photo(48, 32)
KNOWN_STARTS = (
    b"",
    b"JFIF\0\1\1",
    b"JFXX\0\x10",
    exif()[:30],
    b"Exif\0\0II*\0\xff\xff\xff\xff",
    b"http://ns.adobe.com/xap/1.0/\0<x",
    b"ICC_PROFILE\0\1\1" + display_p3()[:200],
    b"MPF\0II*\0\x08",
    b"FPXR\0",
    b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\xff",
    b"Adobe\0\x64\0\0",
    b"k\0\0" + zlib.compress(bytes(5_000)),
    b"k\0\1" + zlib.compress(bytes(5_000)),
    b"XML:com.adobe.xmp\0\1\0\0\0" + deflated_zeros(3 << 20),
    b"transparency\0" + b"7",
    b"icc_profile\0text",
)
PNG_KINDS = (
    b"tEXt", b"zTXt", b"iTXt", b"tIME", b"pHYs", b"eXIf", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"bKGD", b"sBIT",
    b"hIST", b"sPLT", b"acTL", b"fcTL", b"fdAT", b"oFFs", b"prVt", b"cICP", b"caBX",
)  # fmt: skip


def random_body(random: Random) -> bytes:
    start = random.choice(KNOWN_STARTS)
    if random.random() < 0.3:
        return start[: random.randrange(len(start) + 1)]
    return start + bytes(random.randrange(256) for _ in range(random.choice((0, 0, 1, 2, 3, 50, 800))))


def random_jpeg_segment(random: Random) -> bytes:
    """Often with fill bytes; sometimes of a length that is too short to include itself."""
    marker = bytes([random.choice((*range(0xE0, 0xF0), 0xFE))])
    fill = b"\xff" * random.choice((1, 1, 1, 2, 5))
    if random.random() < 0.1:
        return fill + marker + bytes([0, random.choice((0, 1, 2))])
    body = random_body(random)
    return fill + marker + struct.pack(">H", 2 + len(body)) + body if len(body) < 65_000 else b""


def random_jpeg(random: Random) -> tuple[bytes, bytes]:
    """A sound picture and the same with other metadata."""
    restart_blocks = random.choice((0, 0, 3))
    seed = jpeg(PICTURE, progressive=random.random() < 0.5, restart_marker_blocks=restart_blocks)
    data = jpeg_with(seed, *(random_jpeg_segment(random) for _ in range(random.randrange(4))))
    if random.random() < 0.5:
        data = data[: -len(END)]
    trailers = (b"", b"\0", b"\xff", motion_video(random.randrange(1 << 30), 2_000), seed, b"SEFT", b"\xff\xda\0\x08")
    return seed, data + random.choice(trailers)


def random_png_chunk(random: Random) -> bytes:
    whole = chunk(random.choice(PNG_KINDS), random_body(random))
    return with_wrong_checksum(whole) if random.random() < 0.5 else whole


def random_png(random: Random) -> tuple[bytes, bytes]:
    seed = encode(PICTURE.convert(random.choice(("RGB", "L", "RGBA", "1"))), "PNG")
    (_, header), *pixels, (_, end) = png_chunks(seed)
    before, after = ([random_png_chunk(random) for _ in range(random.randrange(4))] for _ in range(2))
    end = random.choice((end, with_wrong_checksum(end), end[: random.randrange(12)], end + b"junk", b"junk"))
    return seed, b"".join((seed[:8], header, *before, *(whole for _, whole in pixels), *after, end))


def random_webp(random: Random) -> tuple[bytes, bytes]:
    lossless = random.random() < 0.3
    seed = webp(PICTURE, lossless=lossless)

    def metadata() -> list[bytes]:
        kinds = (b"EXIF", b"XMP ", b"ICCP", b"ABCD")
        bodies = [(random.choice(kinds), random_body(random)) for _ in range(random.randrange(3))]
        return [webp_chunk(kind, body, bytes([random.choice((0, 255))]) * (len(body) % 2)) for kind, body in bodies]

    before, after = metadata(), metadata()
    if random.random() < 0.3:
        after.append(struct.pack("<4sI", b"XMP ", 1 << random.randrange(4, 32)) + b"cut")
    off = random.choice((0, 0, -9, -1, 1, 2, 1000))
    return seed, webp(PICTURE, before, after, random.choice((0, 0x04, 0x08, 0x20, 0x2C)), off, lossless=lossless)
