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
from tests.support import isolated
from tests.support.image_samples import encode, exif, mean_difference, photo, with_patches
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
