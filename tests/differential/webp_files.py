"""WebP, lossy and lossless, with transparency, frames and metadata."""

import struct
from functools import partial

from PIL import Image

from tests.differential.files import SIZES, File, Files, scene, transparent_scene
from tests.differential.jpeg_files import broken_profiles, orientation_exif, profiles
from tests.support.image_samples import CANARY, XMP, encode

CODINGS: dict[str, dict[str, object]] = {
    "lossy": {"quality": 90},
    "lossy, fast": {"quality": 70, "method": 0},
    "lossless": {"lossless": True},
    "nearly lossless": {"lossless": True, "quality": 40, "exact": True},
}


def webp_files() -> Files:
    file = partial(File, "webp")
    for coding, settings in CODINGS.items():
        for width, height in (*SIZES, (1800, 1300)):
            make = partial(lambda w, h, s: encode(scene(w, h), "WEBP", **s), width, height, settings)
            yield file(coding, f"{width}x{height}", make)
            make = partial(lambda w, h, s: encode(transparent_scene(w, h), "WEBP", **s), width, height, settings)
            yield file(f"{coding} with alpha", f"{width}x{height}", make)
        for mode in ("L", "P"):
            make = partial(lambda m, s: encode(scene().convert(m).convert("RGB"), "WEBP", **s), mode, settings)
            yield file(coding, f"of mode {mode}", make)
        for share in (0.1, 0.3, 0.5, 0.7, 0.9):
            make = partial(lambda p, s: _first(encode(scene(), "WEBP", **s), p), share, settings)
            yield file("truncated", f"{share:.0%}, {coding}", make)
    for quality in (0, 30, 100):
        make = partial(lambda q: encode(transparent_scene(), "WEBP", alpha_quality=q), quality)
        yield file("alpha quality", str(quality), make)
    for orientation in range(1, 9):
        for coding in ("lossy", "lossless"):
            exif = orientation_exif(3, struct.pack(">H", orientation))
            make = partial(lambda e, s: encode(scene(), "WEBP", exif=e, **s), exif, CODINGS[coding])
            yield file("orientation", f"{orientation}, {coding}", make)
    for name, profile in profiles().items():
        for picture in (scene(), transparent_scene()):
            make = partial(lambda i, p: encode(i, "WEBP", icc_profile=p), picture, profile)
            yield file("profile", f"{name}, {picture.mode}", make)
    for name, profile in broken_profiles().items():
        make = partial(lambda p: encode(scene(), "WEBP", icc_profile=p), profile)
        yield file("profile that is broken", name, make)
    for name, metadata in {
        "XMP": {"xmp": XMP},
        "broken EXIF": {"exif": b"Exif\0\0MM\0*\xff\xff\xff\xff"},
        "empty EXIF": {"exif": b"Exif\0\0"},
        "broken XMP": {"xmp": b"<x:xmpmeta"},
        "both": {"xmp": XMP, "exif": b"Exif\0\0MM\0*" + CANARY},
    }.items():
        yield file("metadata", name, partial(lambda m: encode(scene(), "WEBP", **m), metadata))
    colours = ("red", "green", "blue", "yellow", "black")
    frames = [Image.new("RGB", (80, 60), colour) for colour in colours]
    frames[0].paste("white", (0, 0, 20, 30))
    for count in range(2, 6):
        for lossless in (False, True):
            make = partial(
                lambda n, s: encode(
                    frames[0], "WEBP", save_all=True, append_images=frames[1:n], duration=50, lossless=s
                ),
                count,
                lossless,
            )
            yield file("animated", f"{count} frames{', lossless' * lossless}", make)
    for count in (2, 3):
        make = partial(
            lambda n: encode(transparent_scene(), "WEBP", save_all=True, append_images=[scene()] * n, duration=50),
            count,
        )
        yield file("animated", f"{count} frames with alpha", make)
    for name, trailer in {
        "zeros": bytes(100),
        "a page": b"<html>",
        "a byte": b"\n",
        "a ZIP": b"PK\3\4",
        "a chunk": b"what\4\0\0\0text",
    }.items():
        yield file("trailer", name, partial(lambda t: encode(scene(), "WEBP") + t, trailer))
    for name, kind in {"unknown": b"what", "unknown, of zeros": b"\0\0\0\0", "a second ICCP": b"ICCP"}.items():
        for picture in (scene(), transparent_scene()):
            make = partial(lambda i, k: with_chunk(encode(i, "WEBP", xmp=XMP), k), picture, kind)
            yield file("chunks", f"{name}, {picture.mode}", make)


def with_chunk(data: bytes, kind: bytes) -> bytes:
    """An extended file with one more chunk at its end."""
    body = data[8:] + kind + struct.pack("<I", 4) + b"text"
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _first(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]
