"""The compressor with a crash, a DELETE, the sweeper or another compressor at any of its steps.

`Steps` numbers the calls that the compressor makes to the table and the buckets, and a test acts before or after the
nth call.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from shared.aws import dynamodb, s3
from shared.images import lifecycle, models, removal
from shared.images.compressor import compress
from tests.unit.images.helpers import (
    ASHA,
    MINUTE_S,
    Buckets,
    create_upload,
    get_row,
    image_prefix,
    picture,
    record_progress,
    retrieve,
    status_of,
    upload_key,
)

CALLS = [
    (models, "get_image"),
    (dynamodb, "execute"),
    *((s3, name) for name in ("first_version", "get_upload", "put_image", "remove_upload", "remove_images")),
]
STEPS = 10  # of a photo that becomes ready, as a test below verifies
Advance = Callable[[float], None]


class Killed(BaseException):
    """The process ends here."""


class Steps:
    """Counts calls, and runs the acts that are given as {(number, "before" or "after"): act}."""

    def __init__(self, patch: pytest.MonkeyPatch, acts: dict[tuple[int, str], Callable[[], Any]]) -> None:
        self.count, self.acts, self.is_acting = 0, acts, False
        for module, name in CALLS:
            patch.setattr(module, name, self._counted(getattr(module, name)))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **values: Any) -> Any:
            if self.is_acting:
                return call(*args, **values)
            self.count += 1
            number = self.count
            self._act(number, "before")
            result = call(*args, **values)
            self._act(number, "after")
            return result

        return counted

    def _act(self, number: int, when: str) -> None:
        self.is_acting = True
        try:
            self.acts.get((number, when), int)()
        finally:
            self.is_acting = False


def kill() -> None:
    raise Killed


def test_number_of_steps(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    image_id = create_upload()["id"]
    buckets.put_upload(image_id, picture())
    with monkeypatch.context() as patch:
        steps = Steps(patch, {})
        compress(upload_key(image_id))
    assert steps.count == STEPS


def test_later_version_changes_nothing_at_any_step(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, STEPS + 1):
        image_id = create_upload()["id"]
        buckets.put_upload(image_id, picture("red"))

        def upload_again(image_id: str = image_id) -> None:
            buckets.put_upload(image_id, picture("blue"))
            assert compress(upload_key(image_id)).name in ("ready", "duplicate")

        with monkeypatch.context() as patch:
            Steps(patch, {(number, "before"): upload_again})
            compress(upload_key(image_id))
        assert buckets.has_all_variants(image_id), number
        assert str(retrieve(image_id)["dominant_colour"]).startswith("#f"), number  # red


def test_progress_never_decreases_with_two_compressors(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, STEPS + 1):
        image_id = create_upload()["id"]
        buckets.put_upload(image_id, picture())
        with monkeypatch.context() as patch:
            progress = record_progress(image_id, patch)
            Steps(patch, {(number, "before"): partial(compress, upload_key(image_id))})
            compress(upload_key(image_id))
        assert progress == sorted(progress), number


@pytest.mark.parametrize("when", ["before", "after"])
def test_retry_finishes_after_a_crash_at_any_step(
    when: str, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, STEPS + 1):
        image_id = create_upload()["id"]
        buckets.put_upload(image_id, picture())
        with monkeypatch.context() as patch, pytest.raises(Killed):
            Steps(patch, {(number, when): kill})
            compress(upload_key(image_id))
        assert compress(upload_key(image_id)).name in ("ready", "duplicate"), number
        assert buckets.has_all_variants(image_id), number


def test_delete_at_any_step_leaves_no_objects_after_a_sweep(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch, advance: Advance
) -> None:
    for number in range(1, STEPS + 1):
        for when in ("before", "after"):
            image_id = create_upload()["id"]
            buckets.put_upload(image_id, picture())
            with monkeypatch.context() as patch:
                Steps(patch, {(number, when): partial(removal.delete, ASHA, image_id)})
                compress(upload_key(image_id))
            advance(5 * MINUTE_S)
            removal.sweep()
            assert (buckets.uploads, buckets.images) == ([], []), (number, when)


def test_sweep_cleans_up_after_a_delete_and_a_crash(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch, advance: Advance
) -> None:
    """The photo is deleted at any step, and the compressor dies at one of the next."""
    for number in range(1, STEPS + 1):
        for later in (0, 1, 2, 3, 4):
            image_id = create_upload()["id"]
            buckets.put_upload(image_id, picture())
            with monkeypatch.context() as patch:
                delete = partial(removal.delete, ASHA, image_id)
                Steps(patch, {(number, "before"): delete, (number + later, "after"): kill})
                try:
                    compress(upload_key(image_id))
                except Killed:
                    pass
            for minutes in (5, 115):
                advance(minutes * MINUTE_S)
                removal.sweep()
            assert (buckets.uploads, buckets.images) == ([], []), (number, later)
            assert models.get_image(lifecycle.owner_of(ASHA), image_id) is None, (number, later)


def test_photo_rejected_by_the_sweep_keeps_no_variants(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch, advance: Advance
) -> None:
    """Wherever its compressor died, and although a variant arrives after the first sweep."""
    for number in range(2, STEPS):
        image_id = create_upload()["id"]
        buckets.put_upload(image_id, picture())
        with monkeypatch.context() as patch, pytest.raises(Killed):
            Steps(patch, {(number, "after"): kill})
            compress(upload_key(image_id))
        advance(15 * MINUTE_S)
        removal.sweep()
        if status_of(image_id) == "awaiting_upload":
            continue  # the compressor died before its claim
        assert (status_of(image_id), buckets.images) == ("rejected", []), number
        buckets.client.put_object(Bucket="images", Key=image_prefix(image_id) + "late", Body=b"x")
        advance(120 * MINUTE_S)
        removal.sweep()
        assert get_row(image_id).open is None and buckets.images == [], number


@pytest.mark.parametrize("uploaded_at", [1, 14, 30, 119])
def test_stuck_photo_is_rejected_15_minutes_after_upload(
    uploaded_at: int, buckets: Buckets, monkeypatch: pytest.MonkeyPatch, advance: Advance
) -> None:
    image_id, status_at = create_upload()["id"], {}
    for minute in range(1, uploaded_at + 17):
        advance(MINUTE_S)
        removal.sweep()
        status_at[minute] = status_of(image_id)
        if minute == uploaded_at:
            buckets.put_upload(image_id, picture())
            with monkeypatch.context() as patch, pytest.raises(Killed):
                Steps(patch, {(4, "after"): kill})
                compress(upload_key(image_id))
    expected = {uploaded_at: "awaiting_upload", uploaded_at + 1: "processing", uploaded_at + 14: "processing"}
    assert {minute: status_at[minute] for minute in expected} == expected
    assert status_at[uploaded_at + 16] == "rejected"


def test_compressor_and_sweeper_finish_a_photo_only_once(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch, advance: Advance
) -> None:
    results = set()
    for number in range(1, STEPS + 1):
        image_id, failures = create_upload()["id"], []

        def sweep(failures: list[int] = failures) -> None:
            advance(121 * MINUTE_S)
            failures.append(removal.sweep()["SweepFailed"])

        buckets.put_upload(image_id, picture())
        with monkeypatch.context() as patch:
            Steps(patch, {(number, "before"): sweep})
            compress(upload_key(image_id))
        result = status_of(image_id)
        assert failures == [0] and result in ("ready", "rejected", "expired"), number
        advance(121 * MINUTE_S)
        removal.sweep()  # removes what the compressor stored after the rejection
        has_variants = any(key.startswith(image_prefix(image_id)) for key in buckets.images)
        assert (result == "ready") == has_variants, number
        compress(upload_key(image_id))
        assert status_of(image_id) == result, number
        results.add(result)
    assert {"expired", "rejected"} <= results
