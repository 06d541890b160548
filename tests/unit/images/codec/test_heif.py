"""AVIF's orientation, and HEIC with and without its optional layer.

`make test` installs layers/heif into .venv-heif, as Lambda does into /opt.
"""

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from shared.images.codec.pipeline import compress
from shared.images.rejections import IMAGE_FAULTS
from tests.support import isolated
from tests.support.avif_samples import Item, container, crop, imir, irot, nclx, parts
from tests.support.image_samples import (
    PATCHES,
    colour_at,
    colour_distance,
    encode,
    exif,
    mean_difference,
    photo,
    srgb_from_p3,
    with_patches,
)
from tests.support.isolated import faults

ROOT = Path(__file__).resolve().parents[4]
LAYER = ROOT / ".venv-heif"
PHOTOS = os.environ.get("PHOTOS", "")
WRITE_HEIC = """
import sys, pillow_heif
from tests.support.image_samples import exif, photo, with_patches
picture = with_patches(photo(400, 300))
heif = pillow_heif.from_pillow(picture)
heif.save(sys.argv[1], quality=95, exif=exif(1), xmp=b"CANARY")
"""


@pytest.fixture(scope="module")
def heic(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    assert (LAYER / "pillow_heif").is_dir(), "the HEIC layer is missing: make test installs it"
    path = tmp_path_factory.mktemp("heic") / "photo.heic"
    environment = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(LAYER)))}
    subprocess.run([sys.executable, "-c", WRITE_HEIC, str(path)], env=environment, check=True)
    return path.read_bytes()


def test_avif_orientation_ignores_its_exif() -> None:
    upload = encode(photo(400, 300), "AVIF", exif=exif(1)).replace(
        b"\x01\x12\0\3\0\0\0\1\0\1", b"\x01\x12\0\3\0\0\0\1\0\6"
    )
    assert compress(upload).width == 400


def test_heic_with_the_layer_becomes_ready(heic: bytes) -> None:
    assert b"CANARY" in heic
    outcome = isolated.run({"photo": heic}, path=str(LAYER))["photo"]
    assert (outcome.answer, faults(outcome), outcome.size) == ("ready", [], [400, 300])
    display = Image.open(BytesIO(outcome.variants["display.jpeg"]))
    assert mean_difference(display, with_patches(photo(400, 300))) < 6


def test_heic_without_the_layer_is_rejected(heic: bytes) -> None:
    assert isolated.run({"photo": heic})["photo"].answer == "heic_not_supported"


def rewritten(heic: bytes, *properties: bytes) -> bytes:
    """The coded picture of a file in one that has these properties."""
    data, own = parts(heic)
    coded = [(own[b"ispe"], False), (own[b"hvcC"], True)]
    return container([Item(b"hvc1", data, [*coded, *((property_, True) for property_ in properties)])], brand=b"heic")


def test_heic_is_shown_as_its_container_says(heic: bytes) -> None:
    picture = with_patches(photo(400, 300))
    files = {
        "plain": (rewritten(heic), picture),
        "cropped": (rewritten(heic, crop(picture.size, 40, 30, 200, 150)), picture.crop((40, 30, 240, 180))),
        "rotated": (rewritten(heic, irot(1)), picture.transpose(Image.Transpose.ROTATE_90)),
        "mirrored": (rewritten(heic, imir(1)), picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        "upside down": (rewritten(heic, imir(0)), picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)),
        "cropped and rotated": (
            rewritten(heic, crop(picture.size, 40, 30, 200, 150), irot(3)),
            picture.crop((40, 30, 240, 180)).transpose(Image.Transpose.ROTATE_270),
        ),
        "with reserved code points": (rewritten(heic, nclx(0, 0)), picture),
    }
    outcomes = isolated.run({name: data for name, (data, _) in files.items()}, path=str(LAYER))
    for name, (_, expected) in files.items():
        assert (outcomes[name].answer, tuple(outcomes[name].size)) == ("ready", expected.size), name
        display = Image.open(BytesIO(outcomes[name].variants["display.jpeg"]))
        assert mean_difference(display, expected) < 8, name


def test_code_points_for_display_p3_in_heic_become_srgb(heic: bytes) -> None:
    outcome = isolated.run({"photo": rewritten(heic, nclx(12, 13))}, path=str(LAYER))["photo"]
    display = Image.open(BytesIO(outcome.variants["display.jpeg"]))
    for place, stored in PATCHES.items():
        assert colour_distance(colour_at(display, *place), srgb_from_p3(stored)) < 4


def test_rejection_of_heic_says_how_to_get_jpeg() -> None:
    text = IMAGE_FAULTS["heic_not_supported"]
    assert "Settings, Camera, Formats, Most Compatible" in text
    assert "compatible representation" in text


def test_truncated_heic_is_always_rejected(heic: bytes) -> None:
    files = {str(cut): heic[:cut] for cut in range(0, len(heic) - 1, len(heic) // 40)}
    outcomes = isolated.run(files, path=str(LAYER))
    assert {outcome.answer for outcome in outcomes.values()} <= {"truncated", "corrupt"}


@pytest.mark.skipif(not PHOTOS, reason="PHOTOS names no folder of real photos")
def test_real_heic_comes_out_upright() -> None:
    upload = (Path(PHOTOS) / "phone_12mp.heic").read_bytes()
    outcome = isolated.run({"photo": upload}, path=str(LAYER))["photo"]
    assert (outcome.answer, outcome.size) == ("ready", [3024, 4032])
    assert not [fault for fault in faults(outcome) if not fault.endswith(" s")]
