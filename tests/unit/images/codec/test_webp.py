"""WebP: its picture decides, wherever its metadata stands and whatever it is."""

import struct

import pytest
from PIL import Image

from shared.images.codec.pipeline import compress
from shared.images.rejections import RejectedImage
from tests.support.image_samples import compress_to_picture, display_p3, encode, mean_difference, photo
from tests.support.metadata_samples import orientation_exif, webp, webp_chunk

PICTURE = photo(64, 48)
TRANSPARENT = PICTURE.copy()
TRANSPARENT.putalpha(Image.linear_gradient("L").resize(PICTURE.size))
EXIF, XMP, PROFILE = 0x08, 0x04, 0x20  # flags
LYING = orientation_exif(6, 3, "H")


def rejection(data: bytes) -> str:
    with pytest.raises(RejectedImage) as rejected:
        compress(data)
    return rejected.value.code


@pytest.mark.parametrize("picture", [PICTURE, TRANSPARENT], ids=["opaque", "transparent"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([webp_chunk(b"ICCP", b"")], [webp_chunk(b"EXIF", b""), webp_chunk(b"XMP ", b"")]),
        ([webp_chunk(b"ICCP", b"odd")], [webp_chunk(b"EXIF", b"odd"), webp_chunk(b"XMP ", b"odd")]),
        ([webp_chunk(b"ICCP", b"o", b"\xff")], [webp_chunk(b"EXIF", b"o", b"\xff"), webp_chunk(b"A   ", b"o", b"")]),
        ([webp_chunk(b"ICCP", b"odd", b"")], [webp_chunk(b"EXIF", b"odd", b""), webp_chunk(b"XMP ", b"odd", b"")]),
        ([webp_chunk(b"XMP ", b"first")], [webp_chunk(b"ICCP", bytes(50_000))]),
        ([webp_chunk(b"ABCD", bytes(100_000))], [webp_chunk(bytes(4), b""), webp_chunk(b"\xff" * 4, b"unknown")]),
        ([webp_chunk(b"EXIF", b"MM\0*"), webp_chunk(b"EXIF", b"II*\0")], [webp_chunk(b"XMP ", b"<x/>")] * 3),
        ([], [struct.pack("<4sI", b"EXIF", 1_000_000) + b"cut"]),
        ([], [struct.pack("<4sI", b"XMP ", 0xFFFFFFFF)]),
        ([], [b"XM"]),
    ],
)  # fmt: skip
def test_odd_metadata_is_ignored(picture: Image.Image, before: list[bytes], after: list[bytes]) -> None:
    plain = webp(picture, flags=0x10 if picture is TRANSPARENT else 0)
    flags = plain[20] | EXIF | XMP | PROFILE
    for riff_bytes_off in (0, -1, 1, -5, 100_000):
        assert compress(webp(picture, before, after, flags, riff_bytes_off)) == compress(plain)


@pytest.mark.parametrize("riff_bytes", [0, 4, 100, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("lossless", [False, True])
def test_size_that_the_file_claims_is_ignored(riff_bytes: int, lossless: bool) -> None:
    plain = encode(PICTURE, "WEBP", lossless=lossless)
    assert compress(plain[:4] + struct.pack("<I", riff_bytes) + plain[8:]) == compress(plain)


def test_missing_last_padding_is_not_missed() -> None:
    """The picture itself has an odd length."""
    files = (encode(photo(16, 12, seed), "WEBP", lossless=True) for seed in range(50))
    odd = next(data for data in files if data[16] % 2)
    assert compress(odd[:-1]) == compress(odd)


@pytest.mark.parametrize("picture", [PICTURE, TRANSPARENT], ids=["opaque", "transparent"])
def test_picture_that_is_cut_is_truncated(picture: Image.Image) -> None:
    plain = webp(picture, flags=0x10 if picture is TRANSPARENT else 0)
    for lost_bytes in (2, 10, len(plain) // 2):
        assert rejection(plain[:-lost_bytes]) == "truncated"


def test_file_without_a_picture_is_corrupt() -> None:
    for chunks in (b"", webp_chunk(b"EXIF", LYING), webp_chunk(b"VP8X", bytes(4)), webp_chunk(b"VP8 ", b"")):
        assert rejection(b"RIFF\0\0\0\0WEBP" + chunks) == "corrupt"


@pytest.mark.parametrize(
    ("chunk", "flag", "width"),
    [
        (webp_chunk(b"EXIF", LYING), EXIF, 48),
        (webp_chunk(b"EXIF", b"Exif\0\0" + LYING), EXIF, 48),
        (webp_chunk(b"EXIF", LYING[:-9]), EXIF, 64),
        (webp_chunk(b"EXIF", b"Exif\0\0"), EXIF, 64),
        (webp_chunk(b"EXIF", LYING), 0, 64),
        (webp_chunk(b"EXIF", LYING), 0x02 | EXIF, 48),  # the flag of an animation
    ],
)
def test_exif_counts_where_the_header_announces_it(chunk: bytes, flag: int, width: int) -> None:
    for before, after in (([], [chunk]), ([chunk], [])):
        assert compress(webp(PICTURE, before, after, flag)).width == width


def test_exif_that_is_cut_is_ignored() -> None:
    cut = struct.pack("<4sI", b"EXIF", len(LYING) + 1) + LYING
    assert compress(webp(PICTURE, [], [cut], EXIF)).width == 64


def test_profile_counts_where_the_header_announces_it() -> None:
    profile = [webp_chunk(b"ICCP", display_p3())]
    converted = compress(webp(PICTURE, profile, flags=PROFILE))
    plain = compress(webp(PICTURE))
    assert converted == compress(encode(PICTURE, "WEBP", icc_profile=display_p3())) != plain
    assert compress(webp(PICTURE, [], profile, PROFILE)) == converted
    assert compress(webp(PICTURE, profile)) == plain
    for broken in (b"", b"A" * 500, display_p3()[:300]):
        assert compress(webp(PICTURE, [webp_chunk(b"ICCP", broken)], flags=PROFILE)) == plain


def test_first_frame_of_an_animation_is_shown() -> None:
    red, blue = Image.new("RGB", (64, 48), "red"), Image.new("RGB", (64, 48), "blue")
    whole = encode(red, "WEBP", save_all=True, append_images=[blue, red], lossless=True)
    second = whole.index(b"ANMF", whole.index(b"ANMF") + 4)
    assert mean_difference(compress_to_picture(whole), red) < 2
    for upload in (whole[:second], whole[: second + 30], whole + webp_chunk(b"EXIF", b"odd")):
        assert compress(upload) == compress(whole)
    assert rejection(whole[: second - 10]) == "truncated"


def test_frame_smaller_than_its_animation_lies_on_white() -> None:
    frame = encode(Image.new("RGB", (16, 16), "red"), "WEBP", lossless=True)[12:]
    place = (10).to_bytes(3, "little") * 2 + (15).to_bytes(3, "little") * 2 + bytes(4)
    canvas = bytes([0x12, 0, 0, 0]) + (63).to_bytes(3, "little") * 2
    animation = webp_chunk(b"ANIM", bytes(6)) + webp_chunk(b"ANMF", place + frame)
    body = webp_chunk(b"VP8X", canvas) + animation
    result = compress_to_picture(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body)
    assert result.size == (64, 64)
    assert min(result.getpixel((50, 50))) > 250 and result.getpixel((28, 28))[1] < 40
