"""What becomes of files made to do harm, each in a process of its own under limits that the kernel keeps."""

from collections.abc import Callable

import pytest
from PIL import ImageFile

from shared import pixels
from shared.rejections import REJECTIONS
from tests import fresh
from tests.fresh import PEAK_BYTES_MAX, Outcome, faults
from tests.nasty import LARGEST, NASTY, READY, damaged_png
from tests.pictures import encode, everything, jpeg, photo, resummed


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return fresh.run({name: make() for name, (_, make) in NASTY.items()})


@pytest.mark.parametrize("name", NASTY)
def test_it_ends_with_its_answer_inside_the_limits(name: str, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[name].answer == NASTY[name][0]
    assert faults(outcomes[name]) == []


def test_the_largest_pictures_that_are_taken_stay_inside_the_memory() -> None:
    outcomes = fresh.run({name: make() for name, make in LARGEST.items()})
    assert {outcome.answer for outcome in outcomes.values()} == {READY}
    assert not [outcome.name for outcome in outcomes.values() if outcome.peak_bytes > PEAK_BYTES_MAX]


def test_every_code_that_has_a_text_has_a_file_that_earns_it() -> None:
    assert {answer for answer, _ in NASTY.values()} == {READY, *REJECTIONS}


@pytest.mark.parametrize(
    "upload",
    [
        pytest.param(lambda: jpeg(photo(320, 240)), id="jpeg"),
        pytest.param(lambda: jpeg(photo(320, 240), progressive=True), id="progressive jpeg"),
        pytest.param(lambda: jpeg(photo(320, 240).convert("L"), restart_marker_rows=2), id="grey jpeg"),
        pytest.param(lambda: encode(photo(80, 60), "PNG"), id="png"),
        pytest.param(lambda: encode(photo(320, 240), "WEBP"), id="webp"),
        pytest.param(lambda: encode(photo(320, 240), "AVIF"), id="avif"),
    ],
)
def test_no_beginning_of_a_picture_is_taken_for_the_whole(upload: Callable[[], bytes]) -> None:
    whole = upload()
    cuts = {*range(0, len(whole), len(whole) // 60), *range(len(whole) - 20, len(whole))}
    beginnings = {str(cut): whole[:cut] for cut in cuts}
    outcomes = fresh.run(beginnings)
    assert {outcome.answer for outcome in outcomes.values()} <= set(REJECTIONS)
    assert not [name for name, outcome in outcomes.items() if faults(outcome)]


@pytest.mark.parametrize("restarts", [{}, {"restart_marker_rows": 2}])
def test_no_beginning_of_a_jpeg_is_whole_because_an_end_was_put_on(restarts: dict[str, int]) -> None:
    """But for its last 16 by 16 pixels, which may be a corner of any colour."""
    whole = jpeg(photo(320, 240), **restarts)
    cuts = range(len(whole) // 60, len(whole) - 100, len(whole) // 60)
    outcomes = fresh.run({str(cut): whole[:cut] + b"\xff\xd9" for cut in cuts})
    assert {outcome.answer for outcome in outcomes.values()} <= {"truncated", "corrupt"}


def test_pixels_are_never_loaded_again_after_a_load_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    load = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: (loads.append(image), load(image))[1])
    with pytest.raises(pixels.Rejected):
        pixels.compress(resummed(damaged_png()))
    assert len(loads) == 1


def test_the_harness_sees_what_must_never_happen() -> None:
    sound = {"sound": encode(photo(64, 48), "PNG")}
    assert faults(fresh.run(sound)["sound"]) == []
    assert faults(fresh.run(sound, "crash")["sound"]) == ["SIGSEGV"]
    assert "SIGKILL" in faults(fresh.run(sound, "hang")["sound"])
    assert "MemoryError" in faults(fresh.run(sound, "grow")["sound"])
    seen = fresh.run({"photo": jpeg(photo(64, 48), everything(1)), "damaged": damaged_png()}, "naive")
    assert "b'CANARY' in display.jpeg" in faults(seen["photo"])
    assert "a decoder beside ours" in faults(seen["photo"])
    assert seen["damaged"].answer == READY  # with pixels that nobody took
