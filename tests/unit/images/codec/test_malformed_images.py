"""Hostile and damaged files, each in its own process under limits that the kernel enforces."""

from collections.abc import Callable

import pytest
from PIL import ImageFile

from shared.images.codec.pipeline import compress
from shared.images.rejections import IMAGE_FAULTS, RejectedImage
from tests.support import isolated
from tests.support.image_samples import all_metadata, encode, jpeg, photo, with_valid_checksums
from tests.support.isolated import PEAK_BYTES_MAX, Outcome, faults
from tests.support.malformed_images import LARGEST, MALFORMED, READY, damaged_png


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return isolated.run({name: make() for name, (_, make) in MALFORMED.items()})


@pytest.mark.parametrize("name", MALFORMED)
def test_file_gets_its_answer_within_the_limits(name: str, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[name].answer == MALFORMED[name][0]
    assert faults(outcomes[name]) == []


def test_largest_accepted_pictures_stay_within_the_memory_limit() -> None:
    outcomes = isolated.run({name: make() for name, make in LARGEST.items()})
    assert {outcome.answer for outcome in outcomes.values()} == {READY}
    assert not [outcome.name for outcome in outcomes.values() if outcome.peak_bytes > PEAK_BYTES_MAX]


def test_every_rejection_code_has_a_file() -> None:
    assert {answer for answer, _ in MALFORMED.values()} == {READY, *IMAGE_FAULTS}


@pytest.mark.parametrize(
    ("upload", "end_bytes"),
    [
        pytest.param(lambda: jpeg(photo(320, 240)), 80, id="jpeg"),
        pytest.param(lambda: jpeg(photo(320, 240), progressive=True), 6, id="progressive jpeg"),
        pytest.param(lambda: jpeg(photo(320, 240).convert("L"), restart_marker_rows=2), 80, id="grey jpeg"),
        pytest.param(lambda: encode(photo(80, 60), "PNG"), 12, id="png"),
        pytest.param(lambda: encode(photo(320, 240), "WEBP"), 1, id="webp"),
        pytest.param(lambda: encode(photo(320, 240), "AVIF"), 0, id="avif"),
    ],
)
def test_truncated_file_is_always_rejected(upload: Callable[[], bytes], end_bytes: int) -> None:
    """Except within `end_bytes`: the end itself, padding, and of a JPEG its last two blocks."""
    whole = upload()
    last = len(whole) - end_bytes
    cuts = {*range(0, last, len(whole) // 60), *range(last - 20, last)}
    outcomes = isolated.run({str(cut): whole[:cut] for cut in cuts})
    assert {outcome.answer for outcome in outcomes.values()} <= set(IMAGE_FAULTS)
    assert not [name for name, outcome in outcomes.items() if faults(outcome)]


@pytest.mark.parametrize("restarts", [{}, {"restart_marker_rows": 2}])
def test_truncated_jpeg_with_an_end_marker_is_rejected(restarts: dict[str, int]) -> None:
    """Except within its last 16 by 16 pixels, which may be a corner of any colour."""
    whole = jpeg(photo(320, 240), **restarts)
    cuts = range(len(whole) // 60, len(whole) - 100, len(whole) // 60)
    outcomes = isolated.run({str(cut): whole[:cut] + b"\xff\xd9" for cut in cuts})
    assert {outcome.answer for outcome in outcomes.values()} <= {"truncated", "corrupt"}


def test_pixels_are_not_loaded_again_after_a_failed_load(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    load = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: (loads.append(image), load(image))[1])
    with pytest.raises(RejectedImage):
        compress(with_valid_checksums(damaged_png()))
    assert len(loads) == 1


def test_isolated_runner_detects_every_fault() -> None:
    intact = {"intact": encode(photo(64, 48), "PNG")}
    assert faults(isolated.run(intact)["intact"]) == []
    assert faults(isolated.run(intact, "crash")["intact"]) == ["SIGSEGV"]
    assert "SIGKILL" in faults(isolated.run(intact, "hang")["intact"])
    assert "MemoryError" in faults(isolated.run(intact, "grow")["intact"])
    files = {"photo": jpeg(photo(64, 48), all_metadata(1)), "damaged": damaged_png()}
    outcomes = isolated.run(files, "naive")
    assert "b'CANARY' in display.jpeg" in faults(outcomes["photo"])
    assert "a decoder that we do not use" in faults(outcomes["photo"])
    assert outcomes["damaged"].answer == READY  # with pixels that are not the photo's
