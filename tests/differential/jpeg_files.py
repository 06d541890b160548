"""JPEG of every kind that can be made here."""

import struct
from functools import partial

from shared.images.codec.nclx import profile_of
from tests.differential.files import SIZES, File, Files, scene
from tests.support.image_samples import all_metadata, directory, display_p3, encode, jpeg, segment

EXIF_TYPES = {"byte": (1, "B"), "short": (3, "H"), "long": (4, "I"), "slong": (9, "i"), "sshort": (8, "h")}
NO_NUMBER = {"text": (2, b"6\0"), "undefined": (7, b"\6"), "rational": (5, struct.pack(">II", 6, 1))}
CODINGS: dict[str, dict[str, object]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "optimised": {"optimize": True},
    "restarts by row": {"restart_marker_rows": 1},
    "restarts by block": {"restart_marker_blocks": 3},
}
SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")


def jpeg_files() -> Files:
    file = partial(File, "jpeg")
    for width, height in (*SIZES, (1800, 1300), (2500, 1700)):
        for coding, settings in CODINGS.items():
            for subsampling in SUBSAMPLINGS:
                if max(width, height) > 400 and subsampling == "4:2:2":
                    continue
                settings_of_file = {**settings, "subsampling": subsampling}
                make = partial(lambda w, h, s: jpeg(scene(w, h), **s), width, height, settings_of_file)
                yield file(coding, f"{width}x{height} {subsampling}", make)
    for coding, settings in CODINGS.items():
        for mode in ("L", "CMYK"):
            for width, height in ((97, 61), (320, 240), (1800, 1300)):
                make = partial(
                    lambda w, h, m, s: encode(scene(w, h).convert(m), "JPEG", quality=92, **s),
                    width,
                    height,
                    mode,
                    settings,
                )
                yield file("grey" if mode == "L" else "CMYK", f"{coding} {width}x{height}", make)
    for quality in (10, 40, 75, 98, 100):
        yield file("quality", str(quality), partial(lambda q: jpeg(scene(), quality=q), quality))
    for coding, settings in CODINGS.items():
        yield file(
            "RGB without YCbCr",
            coding,
            partial(lambda s: jpeg(scene(), subsampling="4:4:4", keep_rgb=True, **s), settings),
        )
    yield from _orientations()
    yield from _colours()
    yield from _segments()
    yield from _ends()


def orientation_exif(tag_type: int, value: bytes, order: str = ">", count: int = 1) -> bytes:
    return (
        b"Exif\0\0"
        + (b"MM\0*\0\0\0\x08" if order == ">" else b"II*\0\x08\0\0\0")
        + directory(8, [(0x0112, tag_type, count, value)], order=order)
    )


def _orientations() -> Files:
    file = partial(File, "jpeg")

    def make(exif: bytes) -> bytes:
        return jpeg(scene(), [segment(0xE1, exif)])

    for name, (tag_type, code) in EXIF_TYPES.items():
        for order in "<>":
            for orientation in range(1, 9):
                exif = orientation_exif(tag_type, struct.pack(order + code, orientation), order)
                yield file(f"orientation as {name}", f"{orientation} {order}", partial(make, exif))
    for orientation in (0, 9, 99, 255, 65535):
        exif = orientation_exif(3, struct.pack(">H", orientation))
        yield file("orientation out of range", str(orientation), partial(make, exif))
    for name, (tag_type, value) in NO_NUMBER.items():
        yield file("orientation that is no integer", name, partial(make, orientation_exif(tag_type, value)))
    for length in (6, 8, 14, 20, 25):
        exif = orientation_exif(3, b"\0\6")[:length]
        yield file("truncated EXIF", str(length), partial(make, exif))


def _colours() -> Files:
    file = partial(File, "jpeg")
    for name, profile in profiles().items():
        for mode in ("RGB", "L"):
            make = partial(lambda p, m: encode(scene().convert(m), "JPEG", quality=92, icc_profile=p), profile, mode)
            yield file("profile" if mode == "RGB" else "grey with an RGB profile", name, make)
    for name, profile in broken_profiles().items():
        make = partial(lambda p: encode(scene(), "JPEG", quality=92, icc_profile=p), profile)
        yield file("profile that is broken", name, make)
    profile, half = display_p3(), len(display_p3()) // 2
    pieces = profile[:half], profile[half:]
    for name, order in {
        "two pieces": (1, 2),
        "two pieces, the second first": (2, 1),
        "a piece is missing": (1,),
    }.items():
        segments = [segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 2]) + pieces[n - 1]) for n in order]
        yield file("profile in pieces", name, partial(lambda s: jpeg(scene(), s), segments))


def profiles() -> dict[str, bytes]:
    codes = {"BT.2020": (9, 13), "DCI P3": (11, 17), "gamma 2.2": (4, 4), "linear": (1, 8)}
    made = {name: profile_of(*code) for name, code in codes.items()}
    return {"Display P3": display_p3(), **{name: profile for name, profile in made.items() if profile}}


def broken_profiles() -> dict[str, bytes]:
    whole = display_p3()
    return {
        "no profile at all": b"A" * 300,
        "truncated": whole[:200],
        "header only": whole[:128],
        "unknown colours": whole.replace(b"RGB ", b"LLLL", 1),
        "one byte": b"\0",
    }


def _segments() -> Files:
    file = partial(File, "jpeg")
    segments = {
        "comment": [segment(0xFE, b"text")],
        "empty comment": [segment(0xFE, b"")],
        "long comment": [segment(0xFE, b"A" * 65_533)],
        "all metadata": all_metadata(1),
        "unknown APPs": [segment(marker, b"what") for marker in range(0xE3, 0xED)],
        "empty APPs": [segment(marker, b"") for marker in range(0xE0, 0xF0)],
        "APPs of one byte": [segment(marker, b"x") for marker in range(0xE0, 0xF0)],
        "two JFIFs": [segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0")] * 2,
        "JFXX": [segment(0xE0, b"JFXX\0\x10" + b"A" * 40)],
        "short JFIF": [segment(0xE0, b"JFIF\0")],
        "short Adobe": [segment(0xEE, b"Ado")],
        "a thousand comments": [segment(0xFE, b"text")] * 1_000,
        "fill bytes": [b"\xff" * 7 + segment(0xFE, b"text")],
        "MPF": [segment(0xE2, b"MPF\0MM\0*\0\0\0\x08\0\0")],
        "broken XMP": [segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta")],
        "broken Photoshop": [segment(0xED, b"Photoshop 3.0\x008BIM\x04")],
    }  # fmt: skip
    for name, parts in segments.items():
        for coding in ("baseline", "progressive"):
            make = partial(lambda p, s: jpeg(scene(), p, **s), parts, CODINGS[coding])
            yield file("segments", f"{name}, {coding}", make)


def _ends() -> Files:
    file = partial(File, "jpeg")
    trailers = {
        "one byte": b"A",
        "zeros": bytes(1_000),
        "ones": b"\xff" * 100,
        "a JPEG": jpeg(scene(64, 48)),
        "a start": b"\xff\xd8",
        "an end": b"\xff\xd9",
        "a ZIP": b"PK\3\4" + bytes(60),
        "a page": b"<html></html>",
    }
    kinds: dict[str, dict[str, object]] = {**CODINGS, "4:4:4": {"subsampling": "4:4:4"}}
    for coding, settings in kinds.items():
        for name, trailer in trailers.items():
            make = partial(lambda t, s: jpeg(scene(), trailer=t, **s), trailer, settings)
            yield file("trailer", f"{name}, {coding}", make)
        for cut in (1, 2):
            make = partial(lambda c, s: jpeg(scene(), **s)[:-c], cut, settings)
            yield file("no end marker", f"{cut} bytes less, {coding}", make)
        for name in ("zeros", "a page", "a ZIP"):
            make = partial(lambda t, s: jpeg(scene(), **s)[:-2] + t, trailers[name], settings)
            yield file("no end marker but a trailer", f"{name}, {coding}", make)
        for share in (0.1, 0.3, 0.5, 0.7, 0.9):
            make = partial(lambda p, s: _first(jpeg(scene(320, 240), **s), p), share, settings)
            yield file("truncated", f"{share:.0%}, {coding}", make)


def _first(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]
