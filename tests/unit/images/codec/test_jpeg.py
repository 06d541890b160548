"""JPEG: the scale at which it is decoded, what counts of its segments, and where it ends."""

import pytest
from PIL import Image

from shared.images.codec import jpeg
from shared.images.codec.pipeline import compress
from shared.images.rejections import RejectedImage
from tests.support.image_samples import (
    compress_to_picture,
    decode_variant,
    display_p3,
    encode,
    mean_difference,
    photo,
    segment,
)
from tests.support.metadata_samples import END, jpeg_with, motion_video, scans_of_components, segments, without_jfif

PICTURE = photo(320, 240)


def rejection(data: bytes) -> str:
    with pytest.raises(RejectedImage) as rejected:
        compress(data)
    return rejected.value.code


@pytest.mark.parametrize(
    ("width", "height", "eighths"),
    [
        *((4032, 3024, 4), (3024, 4032, 4), (5712, 4284, 3), (8064, 6048, 2), (16320, 12240, 1)),
        *((3264, 2448, 8), (3999, 2999, 8)),  # a half would leave nothing to shrink
        *((7071, 7071, 3), (3999, 3999, 4)),  # the whole of the second would take too much memory
    ],
)
def test_decode_scale_leaves_something_to_shrink(width: int, height: int, eighths: int) -> None:
    assert jpeg.decode_scale_eighths(jpeg.Frame(width, height, 3, 1.5, False)) == eighths


@pytest.mark.parametrize(
    ("width", "height"), [(1999, 61), (4007, 61), (5713, 61), (8061, 61), (16321, 61), (6001, 1)]
)
@pytest.mark.parametrize(("mode", "subsampling"), [("RGB", 0), ("RGB", 2), ("L", 0), ("CMYK", 0)])
def test_every_decode_scale_covers_the_whole_picture(width: int, height: int, mode: str, subsampling: int) -> None:
    picture = Image.linear_gradient("L").rotate(90).resize((width, height)).convert(mode)
    upload = encode(picture, "JPEG", quality=95, subsampling=subsampling)
    result = compress_to_picture(upload)
    assert mean_difference(result, picture.convert("RGB").resize(result.size, Image.Resampling.LANCZOS)) < 2


# Segments.


@pytest.mark.parametrize(
    "odd",
    [
        *(segment(0xE0, body) for body in (b"", b"J", b"JFIF\0", b"JFIF\0\1\1\0\0\1", b"JFXX\0")),
        *(segment(0xE1, body) for body in (b"", b"Exif\0", b"Exif\0\0", b"Exif\0\0MM\0*", b"http://ns.adobe.com/xap/1.0/")),
        *(segment(0xE2, b"ICC_PROFILE\0" + body) for body in (b"", b"\1", b"\1\1", b"\1\2d", b"\0\0", b"\1\1d")),
        *(segment(0xE2, body) for body in (b"", b"MPF\0", b"MPF\0II*\0", b"FPXR")),
        *(segment(0xED, b"Photoshop 3.0" + body) for body in (b"", b"\0", b"\x008BIM", b"\x008BIM\x03\xed\0\0\0")),
        *(segment(0xEE, body) for body in (b"", b"Adobe", b"Adobe\0", b"Adobe\0\x64\0\0\0\0")),
        *(segment(marker, bytes(65_533)) for marker in (0xE0, 0xE5, 0xEE, 0xEF, 0xFE)),
        *(segment(0xFE, b""), b"\xff\xfe\0\0", b"\xff\xfe\0\1", b"\xff\xee\0\0", b"\xff\xe0\0\1", b"\xff\xe2\0\0"),
    ],
)  # fmt: skip
def test_odd_metadata_is_ignored(odd: bytes) -> None:
    """In front of a picture that says how its colours are encoded, and of one that leaves it to the default."""
    for plain in (encode(PICTURE, "JPEG"), without_jfif(encode(PICTURE, "JPEG"))):
        assert compress(jpeg_with(plain, odd)) == compress(plain)
        assert compress(jpeg_with(plain, odd, odd)) == compress(plain)


@pytest.mark.parametrize(
    "odd", [segment(0xE0, b"JFIF\0"), segment(0xEE, b"Adobe"), b"\xff\xfe\0\0", segment(0xE1, b"")]
)
def test_odd_metadata_between_scans_is_ignored(odd: bytes) -> None:
    plain = encode(PICTURE, "JPEG", progressive=True)
    second_scan = plain.index(b"\xff\xda", plain.index(b"\xff\xda") + 2)
    table = plain.rindex(b"\xff\xc4", 0, second_scan)
    assert compress(plain[:table] + odd + plain[table:]) == compress(plain)


@pytest.mark.parametrize("fill", [1, 2, 3, 500])
@pytest.mark.parametrize("progressive", [False, True])
def test_fill_bytes_before_markers_are_skipped(fill: int, progressive: bool) -> None:
    plain = encode(PICTURE, "JPEG", progressive=progressive)
    header = plain[: plain.index(b"\xff\xda")]
    filled = plain[:2] + b"".join(b"\xff" * fill + each for each in segments(header))
    scans = plain[len(header) : -2]
    assert compress(filled + b"\xff" * fill + scans + b"\xff" * fill + END) == compress(plain)
    assert compress(filled + scans + b"\xff" * fill) == compress(plain)


@pytest.mark.parametrize("kind", [b"\xff\xe0", b"\xff\xdb", b"\xff\xc4", b"\xff\xfe"])
def test_repeated_segment_changes_nothing(kind: bytes) -> None:
    plain = encode(PICTURE, "JPEG", comment=b"twice")
    header = plain[: plain.index(b"\xff\xda")]
    twice = b"".join(each * (2 if each.startswith(kind) else 1) for each in segments(header))
    assert len(twice) > len(header) - 2
    assert compress(plain[:2] + twice + plain[len(header) :]) == compress(plain)


@pytest.mark.parametrize(
    "restarts", [{"restart_marker_blocks": 1}, {"restart_marker_rows": 1}, {"restart_marker_blocks": 7}]
)
@pytest.mark.parametrize("progressive", [False, True])
def test_restart_markers_need_no_end_either(restarts: dict[str, int], progressive: bool) -> None:
    upload = encode(PICTURE, "JPEG", progressive=progressive, **restarts)
    assert compress(upload[:-2]) == compress(upload) == compress(encode(PICTURE, "JPEG", progressive=progressive))
    assert rejection(upload[: len(upload) // 2]) == "truncated"


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_adobe_transform_says_how_colours_are_encoded(mode: str) -> None:
    """Each is what libjpeg makes of the whole file; the last valid segment counts, and a short one does not."""
    plain = without_jfif(encode(Image.new("RGB", (64, 64), (190, 90, 60)).convert(mode), "JPEG", subsampling=0))
    plain = b"\xff\xd8" + b"".join(each for each in segments(plain) if not each.startswith(b"\xff\xee"))
    adobe = {value: segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([value])) for value in (0, 1, 2)}
    colours = set()
    for transform, other in ((0, 1), (1, 0)) if mode == "RGB" else ((0, 2), (2, 0)):
        upload = jpeg_with(plain, adobe[transform])
        result = compress_to_picture(upload)
        assert mean_difference(result, decode_variant(upload)) < 3
        assert compress(jpeg_with(plain, adobe[transform], segment(0xEE, b"Adobe\0\1"))) == compress(upload)
        assert compress(jpeg_with(plain, adobe[other], adobe[transform])) == compress(upload)
        assert compress(jpeg_with(plain, segment(0xE0, b"JFIF\0\1\1"), adobe[transform])) == compress(upload)
        colours.add(result.getpixel((32, 32)))
    assert len(colours) == 2


# The end.

WHOLE = {
    "baseline": encode(PICTURE, "JPEG"),
    "progressive": encode(PICTURE, "JPEG", progressive=True),
    "progressive of high quality": encode(PICTURE, "JPEG", progressive=True, quality=98, subsampling=0),
    "grey": encode(PICTURE.convert("L"), "JPEG"),
    "progressive grey": encode(PICTURE.convert("L"), "JPEG", progressive=True),
    "cmyk": encode(PICTURE.convert("CMYK"), "JPEG"),
    "of one colour": encode(Image.new("RGB", (320, 240), (128, 128, 128)), "JPEG"),
    "restarts": encode(PICTURE, "JPEG", restart_marker_rows=1),
}
TRAILERS = {
    "nothing": b"",
    "fill bytes": b"\xff\xff\xff",
    "text": b"SEFT" * 100,
    "zeros": bytes(5_000),
    "a video": motion_video(),
    "another video": motion_video(2),
    "a frame": b"\xff\xc0\0\x11\x08\0\x10\0\x10\3\1\x11\0\2\x11\0\3\x11\0",
    "an unsupported frame": b"\xff\xc3\0\x0b\x08\0\x10\0\x10\1\1\x11\0",
    "an invalid scan": b"\xff\xda\0\x08\1\x09\0\0\x3f\0",
    "a cut segment": b"\xff\xe1\xff\xff",
    "a broken table": b"\xff\xc4\0\x05\1\2\3\xff\xdb\0\3\1",
    "reserved markers": b"\xff\1\xff\2\xff\xbf\xff\xf0\0\2\xff\xfd",
    "another photo": encode(Image.new("RGB", (64, 64), "red"), "JPEG"),
    "restarts": b"\xff\xd0\xff\xd7\xff\xd3",
}


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("kind", WHOLE)
def test_whole_picture_needs_no_end_marker(kind: str, trailer: str) -> None:
    whole = WHOLE[kind]
    assert compress(whole[:-2] + TRAILERS[trailer], ("jpeg",)) == compress(whole, ("jpeg",))
    assert compress(whole + TRAILERS[trailer], ("jpeg",)) == compress(whole, ("jpeg",))


@pytest.mark.parametrize("trailer", ["nothing", "a video", "another video", "an unsupported frame", "another photo"])
@pytest.mark.parametrize("kind", [kind for kind in WHOLE if kind != "of one colour"])
def test_part_of_a_picture_is_truncated_whatever_follows(kind: str, trailer: str) -> None:
    whole = WHOLE[kind]
    for tenths in (3, 5, 8, 9):
        assert rejection(whole[: len(whole) * tenths // 10] + TRAILERS[trailer]) == "truncated", tenths


@pytest.mark.parametrize("kind", ["baseline", "progressive", "grey", "cmyk", "restarts"])
def test_last_blocks_are_missed(kind: str) -> None:
    for lost_bytes in (62, 80, 100, 200):
        assert rejection(WHOLE[kind][:-lost_bytes]) == "truncated", lost_bytes


def test_progressive_picture_that_lacks_a_scan_is_truncated() -> None:
    whole = WHOLE["progressive"]
    scans = [at for at in range(len(whole)) if whole[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 5
    for scan in scans[1:]:
        assert rejection(whole[: whole.rindex(b"\xff\xc4", 0, scan)]) == "truncated"


def test_scan_of_each_component_needs_no_end_marker() -> None:
    """A sequential picture whose components follow one another."""
    whole = scans_of_components(PICTURE)
    assert mean_difference(compress_to_picture(whole), PICTURE) < 8
    for trailer in TRAILERS.values():
        assert compress(whole[:-2] + trailer, ("jpeg",)) == compress(whole, ("jpeg",))
    last_scan = whole.rindex(b"\xff\xda")
    for end in (last_scan, last_scan + 200, len(whole) - 500):
        assert rejection(whole[:end]) == "truncated"


# Colour profiles.


def piece(number: int, count: int, data: bytes) -> bytes:
    return segment(0xE2, b"ICC_PROFILE\0" + bytes([number, count]) + data)


def test_profile_in_pieces_is_used_wherever_they_are() -> None:
    plain, profile = encode(PICTURE, "JPEG"), display_p3()
    first, second, third = piece(1, 3, profile[:99]), piece(2, 3, profile[99:200]), piece(3, 3, profile[200:])
    expected = compress(encode(PICTURE, "JPEG", icc_profile=profile))
    scan = plain.index(b"\xff\xda")
    assert expected != compress(plain)
    assert compress(jpeg_with(plain, first, second, third)) == expected
    assert compress(jpeg_with(plain, third, first, second)) == expected
    assert compress(jpeg_with(plain[:scan] + second + third + plain[scan:], first)) == expected


@pytest.mark.parametrize(
    "pieces",
    [
        [(1, 2)],
        [(2, 2)],
        [(1, 1), (1, 1)],
        [(1, 3), (2, 3)],
        [(1, 255)],
        [(0, 0)],
    ],
)
def test_profile_whose_pieces_do_not_fit_counts_as_none(pieces: list[tuple[int, int]]) -> None:
    plain = encode(PICTURE, "JPEG")
    upload = jpeg_with(plain, *(piece(number, count, display_p3()) for number, count in pieces))
    assert compress(upload) == compress(plain)
