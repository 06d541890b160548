"""The differences that are left, each with its reason. Any other fails, and so does one that is no longer found."""

from typing import NamedTuple


class Allowed(NamedTuple):
    format: str
    kind: str
    what: str  # verdict, size, colour
    reason: str
    names: tuple[str, ...] = ()  # of the files; none: every file of the kind


ALLOWED = (
    Allowed(
        "jpeg",
        "orientation that is no integer",
        "size",
        "EXIF stores an orientation as an integer; libexif rounds a rational, browsers ignore it",
        ("rational",),
    ),
    Allowed(
        "jpeg",
        "grey with an RGB profile",
        "colour",
        "libvips drops a profile of three channels for a picture of one; browsers apply it",
    ),
    Allowed(
        "png",
        "orientation after the pixels",
        "colour",
        "PNG allows an eXIf chunk there; libvips has read the header by then and ignores it",
    ),
    Allowed(
        "png",
        "orientation after the pixels",
        "size",
        "PNG allows an eXIf chunk there; libvips has read the header by then and ignores it",
    ),
    Allowed(
        "png",
        "profile that is broken",
        "colour",
        "a profile whose checksum is wrong counts as none, as in libpng; libvips uses it",
        ("chunk wrong checksum",),
    ),
    Allowed(
        "avif",
        "4:0:0, limited range",
        "colour",
        "libheif does not stretch the samples of a grey picture from 16–235 to the full range",
    ),
    Allowed(
        "avif",
        "code points for other colours",
        "colour",
        "libvips does not convert from nclx primaries and curves; browsers do",
    ),
    Allowed(
        "avif",
        "premultiplied alpha",
        "colour",
        "libvips takes colours that are multiplied by their opacity for plain ones, and so darkens them",
    ),
    Allowed(
        "avif",
        "odd colour information",
        "verdict",
        "colours of an unknown kind count as none; libheif refuses the file for them",
        ("unknown kind",),
    ),
    Allowed(
        "avif",
        "film",
        "verdict",
        "libvips knows no file whose brand is that of a film; the first picture is shown, as of WebP",
    ),
)
