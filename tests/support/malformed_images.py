"""Hostile and damaged files: how each is made, and the answer it must get."""

import struct
import zlib
from collections.abc import Callable
from functools import partial

from PIL import Image

from tests.support.image_samples import (
    CANARY,
    all_metadata,
    chunk,
    deflated_zeros,
    directory,
    display_p3,
    encode,
    exif,
    jpeg,
    photo,
    png,
    segment,
    with_valid_checksums,
)
from tests.support.metadata_samples import motion_video

GREY, RGB, RGBA = 0, 2, 6  # colour types of PNG
SAMPLES = {GREY: 1, RGB: 3, RGBA: 4}
SCRIPT = b"<script>alert('CANARY')</script>"
ZIP = b"PK\3\4" + bytes(64)


def red_jpeg(*segments: bytes, trailer: bytes = b"", **settings: object) -> bytes:
    return jpeg(Image.new("RGB", (64, 64), "red"), segments, trailer, **settings)


def png_of_zeros(side: int, depth: int, colour_type: int) -> bytes:
    row = 1 + (side * depth * SAMPLES[colour_type] + 7) // 8
    return png((side, side), depth, colour_type, deflated_zeros(row * side))


def small_png(*before: bytes) -> bytes:
    return png((64, 64), 8, RGB, deflated_zeros(64 * (1 + 64 * 3)), *before)


def png_bomb(kind: bytes, start: bytes) -> bytes:
    return small_png(chunk(kind, start + deflated_zeros(200 << 20)))


def lying_jpeg(width: int, height: int) -> bytes:
    data = red_jpeg()
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def lying_avif(width: int, height: int) -> bytes:
    data = encode(Image.new("L", (64, 64), 128), "AVIF")
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def flat_avif(width: int, height: int, mode: str = "L") -> bytes:
    colour = (128, 128, 128, 40)[: len(mode)]
    return encode(Image.new(mode, (width, height), colour), "AVIF", speed=10, quality=30, max_threads=1)


def lossless_webp(side: int, mode: str = "RGB") -> bytes:
    """A picture of one colour, whose size is only the fourteen bits of each side: they are overwritten."""
    colour = (128, 128, 128, 40)[: len(mode)]
    data = bytearray(encode(Image.new(mode, (64, 64), colour), "WEBP", lossless=True, method=0, exact=True))
    bits = int.from_bytes(data[21:25], "little") & ~0xFFFFFFF | side - 1 | side - 1 << 14
    data[21:25] = bits.to_bytes(4, "little")
    return bytes(data)


def animation(format: str, frames: int, side: int) -> bytes:
    first, *rest = [Image.new("RGB", (side, side), (at % 256, 0, 0)) for at in range(frames)]
    return encode(first, format, save_all=True, append_images=rest, duration=10, loop=0)


def gif(frames: int) -> bytes:
    """A GIF of 16 by 16 pixels that repeats one frame."""
    single = encode(Image.new("P", (16, 16), 1), "GIF")
    start = single.index(b"\x2c\0\0\0\0\x10\0\x10\0")
    return single[:start] + single[start:-1] * frames + b";"


def scan_bomb(side: int, scans: int) -> bytes:
    """A progressive JPEG where each scan of 120 to 230 bytes costs a pass over all coefficients."""
    blocks = (-(-side // 8)) ** 2
    tables = segment(0xDB, b"\0" + b"\x10" * 64)
    frame = segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0")
    dc_table = segment(0xC4, b"\0" + b"\1" + bytes(15) + b"\0")
    ac_table = segment(0xC4, b"\x10" + b"\1\1" + bytes(14) + b"\xe0\0")
    dc_scan = segment(0xDA, b"\1\1\0\0\0\0") + scan_data("0" * blocks)
    runs: list[str] = []
    left = blocks
    while left and len(runs) * 15 < 4000:
        run = min(left, 32_767)
        if run < 1 << 14:
            runs.append("10" * left)
            break
        runs.append("0" + format(run - (1 << 14), "014b"))
        left -= run
    ac_scan = segment(0xDA, b"\1\1\0\1\x3f\0") + scan_data("".join(runs)[:4000])
    return b"\xff\xd8" + tables + frame + dc_table + ac_table + dc_scan + ac_scan * scans + b"\xff\xd9"


def scan_data(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


def hostile_exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    return red_jpeg(segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08" + directory(8, list(entries))))


def self_loop() -> bytes:
    pointer_to_itself = struct.pack(">I", 8)
    tiff = directory(8, [(0x0112, 3, 1, b"\0\6"), (0x8825, 4, 1, pointer_to_itself)], following=8)
    return red_jpeg(segment(0xE1, b"Exif\0\0MM\0*" + pointer_to_itself + tiff))


def copying_exif() -> bytes:
    """A directory of 5,000 values, each of which is nearly the whole directory."""
    entries = b"".join(struct.pack(">HHII", 0x9000 + at, 7, 60_000, 8) for at in range(5_000))
    return b"Exif\0\0" + (b"MM\0*\0\0\0\x08" + struct.pack(">H", 5_000) + entries).ljust(65_000, b"\0")


def damaged_png() -> bytes:
    data = bytearray(encode(photo(256, 256), "PNG"))
    middle = data.index(b"IDAT") + len(data) // 2
    data[middle] ^= 0xFF
    return bytes(data)


def first_half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def cut_at_restart() -> bytes:
    data = jpeg(SAMPLE(), restart_marker_rows=1)
    return data[: data.index(b"\xff\xd5")] + b"\xff\xd9"


def ftyp(brand: bytes, *others: bytes) -> bytes:
    body = brand + bytes(4) + b"".join(others)
    return struct.pack(">I4s", 8 + len(body), b"ftyp") + body + struct.pack(">I4s", 64, b"meta") + bytes(56)


def with_box(data: bytes) -> bytes:
    return data + struct.pack(">I4s", 8 + len(CANARY), b"free") + CANARY


def webp_with_chunks(count: int) -> bytes:
    data = encode(SAMPLE(), "WEBP", exif=exif())
    return data[:30] + (b"ABCD" + bytes(4)) * count + data[30:]


def sixteen_bits(mode: int, samples: int) -> bytes:
    rows = b"".join(b"\0" + struct.pack(">H", y * 1000) * samples * 64 for y in range(64))
    return png((64, 64), 16, mode, zlib.compress(rows))


SAMPLE = partial(photo, 320, 240)
MARKUP = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"></svg>'
READY = "ready"
MALFORMED: dict[str, tuple[str, Callable[[], bytes]]] = {
    # larger than the file suggests
    "avif of 108 million pixels": ("too_many_pixels", lambda: flat_avif(12_000, 9_000)),
    "avif of 48 million pixels": ("too_many_pixels", lambda: flat_avif(8_000, 6_000)),
    "avif claiming 289 million pixels": ("too_many_pixels", lambda: lying_avif(17_000, 17_000)),
    "png of 88 million pixels with alpha": ("too_many_pixels", lambda: png_of_zeros(9_400, 8, RGBA)),
    "png of 177 million pixels": ("too_many_pixels", lambda: png_of_zeros(13_300, 8, RGB)),
    "png of 49 million pixels with alpha": ("too_many_pixels", lambda: png_of_zeros(7_000, 8, RGBA)),
    "png of 36 million pixels with alpha": ("too_large", lambda: png_of_zeros(6_000, 8, RGBA)),
    "png of 50,000 a side in one bit": ("too_many_pixels", lambda: png_of_zeros(50_000, 1, GREY)),
    "png of 65,536 a side": ("too_many_pixels", lambda: png((65_536, 65_536), 1, GREY, b"")),
    "png of one row": ("too_many_pixels", lambda: png((1_000_000, 1), 8, GREY, deflated_zeros(1_000_001))),
    "webp of 16,383 a side": ("too_many_pixels", lambda: lossless_webp(16_383)),
    "webp of 12,000 a side": ("too_many_pixels", lambda: lossless_webp(12_000)),
    "webp of 6,000 a side": ("too_large", lambda: lossless_webp(6_000)),
    "jpeg claiming 60,000 a side": ("too_many_pixels", lambda: lying_jpeg(60_000, 60_000)),
    "jpeg claiming 280 million pixels": ("too_many_pixels", lambda: lying_jpeg(20_000, 14_000)),
    "jpeg of no height": ("corrupt", lambda: lying_jpeg(64, 0)),
    "jpeg of 100 million pixels": (READY, lambda: jpeg(Image.new("L", (10_000, 10_000), 90))),
    "jpeg of one row": (READY, lambda: jpeg(Image.new("L", (30_000, 1), 90))),
    # more work than the file suggests
    "scan bomb of 300 scans": ("too_complex", lambda: scan_bomb(13_000, 300)),
    "scan bomb of 5,000 scans": ("too_complex", lambda: scan_bomb(8_000, 5_000)),
    "scan bomb of 99 scans": ("too_complex", lambda: scan_bomb(13_000, 99)),
    "scan bomb within the limits": (READY, lambda: scan_bomb(4_000, 99)),
    "scan bomb without an end": ("too_complex", lambda: scan_bomb(4_000, 99)[:-2]),
    "scan bomb without an end within the limits": (READY, lambda: scan_bomb(4_000, 70)[:-2]),
    "scan bomb that needs too much memory": ("too_large", lambda: scan_bomb(13_000, 10)),
    "png with a deflated profile of 200 MiB": (READY, lambda: png_bomb(b"iCCP", b"p\0\0")),
    "png with a deflated text of 200 MiB": (READY, lambda: png_bomb(b"zTXt", b"k\0\0")),
    "png with 300,000 texts": (READY, lambda: small_png(chunk(b"tEXt", b"k\0v") * 300_000)),
    "png with a million texts": ("too_complex", lambda: small_png(chunk(b"tEXt", b"") * 1_000_000)),
    "png with 399,000 deflated texts": (READY, lambda: small_png(chunk(b"zTXt", b"k\0\0") * 399_000)),
    "webp with 390,000 chunks": (READY, lambda: webp_with_chunks(390_000)),
    "webp with a million chunks": ("too_complex", lambda: webp_with_chunks(1_000_000)),
    "png of 12 million pixels with a deep transparent colour": (
        "too_large",
        lambda: png((3_464, 3_464), 16, RGB, b"", chunk(b"tRNS", bytes(6))),
    ),
    "jpeg with 20,000 segments": (READY, lambda: red_jpeg(segment(0xE5, b"A" * 62) * 20_000)),
    "jpeg with a million segments": ("too_complex", lambda: red_jpeg(segment(0xE5, b"") * 1_000_000)),
    "jpeg with 40,000 pieces of exif": (READY, lambda: red_jpeg(segment(0xE1, b"Exif\0\0" + b"A" * 500) * 40_000)),
    "jpeg with an exif that copies itself": (READY, lambda: red_jpeg(segment(0xE1, copying_exif()))),
    "png with an exif that copies itself": (READY, lambda: small_png(chunk(b"eXIf", copying_exif()[6:]))),
    "webp with an exif that copies itself": (READY, lambda: encode(SAMPLE(), "WEBP", exif=copying_exif())),
    "avif with an exif that copies itself": (READY, lambda: avif_with_exif(copying_exif())),
    # several pictures in one file
    "gif of 10,000 frames": ("unsupported_type", lambda: gif(10_000)),
    "webp of 400 frames": (READY, lambda: animation("WEBP", 400, 400)),
    "avif of 12 frames": (READY, lambda: animation("AVIF", 12, 200)),
    "apng of 50 frames": (READY, lambda: animation("PNG", 50, 200)),
    "mpo of two photos": (READY, lambda: red_jpeg(*all_metadata(1), trailer=jpeg(SAMPLE()))),
    # hostile metadata
    "exif that points to itself": (READY, self_loop),
    "exif of orientation 99 and a huge count": (
        READY,
        lambda: hostile_exif((0x010F, 2, 0xFFFFFFFF, b"\0\0\0\x08"), (0x0112, 3, 1, b"\0\x63")),
    ),
    "exif whose orientation is text": (READY, lambda: hostile_exif((0x0112, 2, 4, b"abc\0"))),
    "truncated exif": (READY, lambda: red_jpeg(segment(0xE1, exif()[:40]))),
    "invalid profile": (READY, lambda: encode(SAMPLE(), "JPEG", icc_profile=b"A" * 500)),
    "truncated profile": (READY, lambda: encode(SAMPLE(), "JPEG", icc_profile=display_p3()[:300])),
    "profile for other colours": (READY, lambda: encode(SAMPLE().convert("CMYK"), "JPEG", icc_profile=display_p3())),
    # polyglots
    "jpeg and html": (READY, lambda: red_jpeg(segment(0xFE, SCRIPT), trailer=b"<html>" + SCRIPT)),
    "jpeg and zip": (READY, lambda: red_jpeg(trailer=ZIP + CANARY)),
    "png and html": (READY, lambda: small_png(chunk(b"tEXt", b"Comment\0" + SCRIPT)) + SCRIPT),
    "webp and zip": (READY, lambda: encode(SAMPLE(), "WEBP") + ZIP + CANARY),
    "avif and zip": (READY, lambda: encode(SAMPLE(), "AVIF") + ZIP + CANARY),
    "avif and a box": (READY, lambda: with_box(encode(SAMPLE(), "AVIF"))),
    "gif and script": ("unsupported_type", lambda: b"GIF89a/*" + bytes(100) + b"*/=1;alert(1)"),
    # other file types
    "svg": ("unsupported_type", lambda: MARKUP),
    "html": ("unsupported_type", lambda: b"<!doctype html>" + SCRIPT),
    "pdf": ("unsupported_type", lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
    "zip": ("unsupported_type", lambda: ZIP),
    "eps": ("unsupported_type", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    "gif": ("unsupported_type", lambda: encode(SAMPLE(), "GIF")),
    "bmp": ("unsupported_type", lambda: encode(SAMPLE(), "BMP")),
    "ico": ("unsupported_type", lambda: encode(Image.new("RGB", (16, 16)), "ICO")),
    "tiff": ("unsupported_type", lambda: encode(SAMPLE(), "TIFF")),
    "jpeg 2000": ("unsupported_type", lambda: encode(SAMPLE(), "JPEG2000")),
    "tga": ("unsupported_type", lambda: encode(SAMPLE(), "TGA")),
    "psd": ("unsupported_type", lambda: b"8BPS\0\1" + bytes(60)),
    "fits": ("unsupported_type", lambda: b"SIMPLE  =                    T" + bytes(60)),
    "video": ("unsupported_type", lambda: ftyp(b"isom", b"mp42")),
    "heic": ("heic_not_supported", lambda: ftyp(b"heic", b"mif1")),
    "heif from a Nokia phone": ("heic_not_supported", lambda: ftyp(b"mif1", b"heic")),
    # kinds of JPEG that no phone writes
    "arithmetic jpeg": ("unsupported_jpeg", lambda: red_jpeg().replace(b"\xff\xc0", b"\xff\xc9")),
    "lossless jpeg": ("unsupported_jpeg", lambda: red_jpeg().replace(b"\xff\xc0", b"\xff\xc3")),
    "hierarchical jpeg": ("unsupported_jpeg", lambda: red_jpeg().replace(b"\xff\xc0", b"\xff\xc5")),
    "12-bit jpeg": ("unsupported_jpeg", lambda: red_jpeg().replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c")),
    # incomplete and damaged
    "empty": ("corrupt", lambda: b""),
    "three bytes": ("corrupt", lambda: b"\xff\xd8\xff"),
    "half a jpeg": ("truncated", lambda: first_half(jpeg(SAMPLE()))),
    "half a progressive jpeg": ("truncated", lambda: first_half(jpeg(SAMPLE(), progressive=True))),
    "jpeg without its last two bytes": (READY, lambda: jpeg(SAMPLE())[:-2]),
    "half a jpeg and a video": ("truncated", lambda: first_half(jpeg(SAMPLE())) + motion_video()),
    "half a progressive jpeg and a video": (
        "truncated",
        lambda: first_half(jpeg(SAMPLE(), progressive=True)) + motion_video(),
    ),
    "jpeg with a video instead of an end": (READY, lambda: jpeg(SAMPLE())[:-2] + motion_video()),
    "progressive jpeg with a video instead of an end": (
        READY,
        lambda: jpeg(SAMPLE(), progressive=True)[:-2] + motion_video(),
    ),
    "half a jpeg with an end marker": ("truncated", lambda: first_half(jpeg(SAMPLE())) + b"\xff\xd9"),
    "half a png": ("truncated", lambda: first_half(encode(SAMPLE(), "PNG"))),
    "png without its end": (READY, lambda: encode(SAMPLE(), "PNG")[:-12]),
    "png of half its pixels": ("truncated", lambda: png((64, 64), 8, RGB, deflated_zeros(32 * 193))),
    "half a webp": ("truncated", lambda: first_half(encode(SAMPLE(), "WEBP"))),
    "half an avif": ("truncated", lambda: first_half(encode(SAMPLE(), "AVIF"))),
    "damaged png": ("corrupt", damaged_png),
    "damaged png with valid checksums": ("corrupt", lambda: with_valid_checksums(damaged_png())),
    "jpeg cut at a restart": ("truncated", cut_at_restart),
    "complete grey jpeg": (READY, lambda: jpeg(Image.new("RGB", (640, 480), (128, 128, 128)))),
    "jpeg of noise": ("corrupt", lambda: b"\xff\xd8\xff\xe0" + bytes(range(1, 200)) * 9 + b"\xff\xd9"),
    # unusual colour modes
    "cmyk": (READY, lambda: encode(SAMPLE().convert("CMYK"), "JPEG")),
    "grey": (READY, lambda: encode(SAMPLE().convert("L"), "JPEG")),
    "16-bit grey": (READY, lambda: sixteen_bits(GREY, 1)),
    "16-bit colours": (READY, lambda: sixteen_bits(RGB, 3)),
    "one bit": (READY, lambda: encode(SAMPLE().convert("1"), "PNG")),
    "palette": (READY, lambda: encode(SAMPLE().convert("P"), "PNG")),
    "palette with a transparent colour": (READY, lambda: encode(SAMPLE().convert("P"), "PNG", transparency=3)),
    "grey with alpha": (READY, lambda: encode(SAMPLE().convert("LA"), "PNG")),
    "colours with alpha": (READY, lambda: encode(SAMPLE().convert("RGBA"), "PNG")),
    "one pixel": (READY, lambda: encode(Image.new("RGB", (1, 1), "red"), "PNG")),
}

# Accepted pictures that need nearly all of the memory allowed.
LARGEST: dict[str, Callable[[], bytes]] = {
    "png with alpha": lambda: png_of_zeros(4_900, 8, RGBA),
    "png": lambda: png_of_zeros(6_300, 8, RGB),
    "png of 16 bits": lambda: png_of_zeros(6_270, 16, GREY),
    "webp with alpha": lambda: lossless_webp(4_430, "RGBA"),
    "webp of 26 million pixels with alpha": lambda: lossless_webp(5_110, "RGBA"),
    "png with a deep transparent colour": lambda: png(
        (2_950, 2_950), 16, RGB, deflated_zeros(2_950 * (1 + 6 * 2_950)), chunk(b"tRNS", b"\0\1" * 3)
    ),
    "avif with alpha": lambda: flat_avif(5_110, 5_110, "RGBA"),
    "jpeg": lambda: jpeg(Image.new("L", (16_320, 12_240), 90)),
    "progressive jpeg": lambda: scan_bomb(11_000, 5),
    "progressive jpeg without an end": lambda: scan_bomb(11_000, 5)[:-2],
}


def avif_with_exif(exif_data: bytes) -> bytes:
    """Write a harmless EXIF and overwrite its bytes, because Pillow parses what it writes."""
    place = b"MM\0*\0\0\0\x08\0\0".ljust(len(exif_data) - 6, b"A")
    data = encode(SAMPLE(), "AVIF", exif=b"Exif\0\0" + place)
    return data.replace(place, exif_data[6:])
