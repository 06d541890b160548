"""HEIC with the optional layer and without: `make test` lays layers/heif into .venv-heif, as Lambda into /opt."""

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from tests import fresh
from tests.fresh import faults
from tests.pictures import photo, with_patches

ROOT = Path(__file__).resolve().parents[2]
LAYER = ROOT / ".venv-heif"
PHOTOS = os.environ.get("PHOTOS", "")
WRITE = """
import sys, pillow_heif
from tests.pictures import display_p3, exif, photo, with_patches
picture = with_patches(photo(400, 300))
heif = pillow_heif.from_pillow(picture)
heif.save(sys.argv[1], quality=95, exif=exif(1), xmp=b"CANARY")
"""


@pytest.fixture(scope="module")
def heic(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    assert (LAYER / "pillow_heif").is_dir(), "the HEIC layer is not there: make test puts it there"
    path = tmp_path_factory.mktemp("heic") / "photo.heic"
    environment = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(LAYER)))}
    subprocess.run([sys.executable, "-c", WRITE, str(path)], env=environment, check=True)
    return path.read_bytes()


def test_with_the_layer_a_heic_comes_out_like_any_photo(heic: bytes) -> None:
    assert b"CANARY" in heic
    done = fresh.run({"photo": heic}, path=str(LAYER))["photo"]
    assert (done.answer, faults(done), done.size) == ("ready", [], [400, 300])
    shown = Image.open(BytesIO(done.variants["display.jpeg"]))
    assert max(ImageStat.Stat(ImageChops.difference(shown, with_patches(photo(400, 300)))).mean) < 6


def test_without_the_layer_a_heic_is_refused_by_its_name(heic: bytes) -> None:
    assert fresh.run({"photo": heic})["photo"].answer == "heic_not_supported"


def test_no_beginning_of_a_heic_is_taken_for_the_whole(heic: bytes) -> None:
    beginnings = {str(cut): heic[:cut] for cut in range(0, len(heic) - 1, len(heic) // 40)}
    outcomes = fresh.run(beginnings, path=str(LAYER))
    assert {outcome.answer for outcome in outcomes.values()} <= {"truncated", "corrupt"}


@pytest.mark.skipif(not PHOTOS, reason="PHOTOS names no folder of real photos")
def test_the_heic_of_a_real_phone_comes_out_upright() -> None:
    upload = (Path(PHOTOS) / "phone_12mp.heic").read_bytes()
    done = fresh.run({"photo": upload}, path=str(LAYER))["photo"]
    assert (done.answer, done.size) == ("ready", [3024, 4032])
    assert not [fault for fault in faults(done) if not fault.endswith(" s")]
