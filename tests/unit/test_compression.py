"""The compressor against S3's ways: duplicates, reordering, crashes, a DELETE or the sweeper in the middle.

`Steps` numbers the calls that the rule makes to table and buckets; a test does something before or after the nth.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

import pytest
from PIL import Image as Picture

from shared import bucket, clock, compression, fields, images, pixels, store
from shared.errors import Unavailable
from shared.images import AWAITING, EXPIRED, PROCESSING, READY, REJECTED

ASHA = "asha"
CALLS = [
    *((store, name) for name in ("image", "write")),
    *((bucket, name) for name in ("first_version", "upload", "put_image", "remove_upload", "remove_images")),
]
STEPS = 10  # of a photo that becomes ready: a test below counts them


class Killed(BaseException):
    """The process ends here."""


class Steps:
    """Counts calls, and acts "before" or "after" those that it is told: {(number, when): act}."""

    def __init__(self, patch: pytest.MonkeyPatch, acts: dict[tuple[int, str], Callable[[], Any]]) -> None:
        self.count, self.acts, self.is_acting = 0, acts, False
        for module, name in CALLS:
            patch.setattr(module, name, self._stepped(getattr(module, name)))

    def _stepped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **values: Any) -> Any:
            if self.is_acting:
                return call(*args, **values)
            self.count += 1
            number = self.count
            self._act(number, "before")
            result = call(*args, **values)
            self._act(number, "after")
            return result

        return stepped

    def _act(self, number: int, when: str) -> None:
        self.is_acting = True
        try:
            self.acts.get((number, when), int)()
        finally:
            self.is_acting = False


def kill() -> None:
    raise Killed


def picture(colour: str = "red") -> bytes:
    stored = BytesIO()
    Picture.new("RGB", (48, 32), colour).save(stored, "JPEG")
    return stored.getvalue()


def ticket(**body: Any) -> str:
    sent = fields.check(images.UPLOAD_FIELDS, {"content_type": "image/jpeg", **body})
    return str(images.ticket(ASHA, sent, "post")["id"])


def key_of(image_id: str) -> str:
    return images.upload_key(images.owner_of(ASHA), image_id)


def status(image_id: str) -> str:
    return str(images.retrieve(ASHA, image_id)["status"])


class Buckets:
    """What lies in the two, whoever put it there."""

    def __init__(self, s3: Any) -> None:
        self.s3 = s3

    def put(self, image_id: str, data: bytes) -> str:
        return str(self.s3.put_object(Bucket="uploads", Key=key_of(image_id), Body=data)["VersionId"])

    @property
    def uploads(self) -> list[Any]:
        listed = self.s3.list_object_versions(Bucket="uploads")
        return [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]

    @property
    def images(self) -> list[str]:
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket="images").get("Contents", [])]


@pytest.fixture
def buckets(photos: Any) -> Buckets:
    return Buckets(photos)


@pytest.fixture
def forward(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    now_us, ahead_us = clock.now_us, [0]
    monkeypatch.setattr(clock, "now_us", lambda: now_us() + ahead_us[0])

    def move(minutes: int) -> None:
        ahead_us[0] += minutes * images.MINUTE_US

    return move


def is_whole(image_id: str, buckets: Buckets) -> bool:
    """Ready, every variant there, and nothing else below the photo's prefix."""
    shown = images.retrieve(ASHA, image_id)
    prefix = images.image_prefix(images.owner_of(ASHA), image_id)
    names = sorted(f"{one['name']}.{one['format']}" for one in shown["variants"])
    there = sorted(one.rsplit("/", 1)[1] for one in buckets.images if one.startswith(prefix))
    return shown["status"] == READY and names == there == ["display.avif", "display.jpeg", "thumb.avif", "thumb.jpeg"]


def progress_seen(image_id: str, patch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every write: what the app would see after it."""
    seen: list[int] = []
    write = store.write

    def watched(one: Any) -> bool:
        done = write(one)
        seen.append(images.retrieve(ASHA, image_id)["progress"])
        return done

    patch.setattr(store, "write", watched)
    return seen


def test_a_photo_is_followed_to_its_end(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    image_id, data = ticket(), picture()
    buckets.put(image_id, data)
    with monkeypatch.context() as patch:
        seen = progress_seen(image_id, patch)
        outcome = compression.compress(key_of(image_id))
    assert seen == [50, 75, 100]
    assert (outcome.name, outcome.counts["UploadBytes"]) == ("ready", len(data))
    shown = images.retrieve(ASHA, image_id)
    assert is_whole(image_id, buckets) and shown["reject"] is None
    assert (shown["original"]["width"], shown["original"]["height"], shown["original"]["format"]) == (48, 32, "jpeg")
    assert shown["original"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert shown["original"]["bytes"] == len(data) and shown["dominant_colour"] and shown["placeholder"]


def test_what_is_stored_says_what_it_is_and_may_be_kept_for_ever(buckets: Buckets) -> None:
    image_id = ticket()
    buckets.put(image_id, picture())
    compression.compress(key_of(image_id))
    for key in buckets.images:
        stored = buckets.s3.head_object(Bucket="images", Key=key)
        assert stored["ContentType"] == f"image/{key.rsplit('.', 1)[1]}"
        assert (stored["ContentDisposition"], stored["Metadata"]) == ("inline", {})
        assert stored["CacheControl"] == "private, max-age=31536000, immutable"
        assert pixels.RECIPE + "-" in key


@pytest.mark.parametrize("times", [2, 5])
def test_a_duplicate_event_changes_nothing(times: int, buckets: Buckets) -> None:
    image_id = ticket()
    buckets.put(image_id, picture())
    compression.compress(key_of(image_id))
    before, keys = images.retrieve(ASHA, image_id)["updated_at"], buckets.images
    for _ in range(times):
        assert compression.compress(key_of(image_id)).name == "known"
    assert (images.retrieve(ASHA, image_id)["updated_at"], buckets.images) == (before, keys)


def test_the_first_version_counts_though_the_event_of_a_later_one_comes_first(buckets: Buckets) -> None:
    """An event names a key; which version is the photo is the bucket's to say, so their order does not matter."""
    image_id = ticket()
    first = buckets.put(image_id, picture("red"))
    buckets.put(image_id, picture("blue"))
    assert compression.compress(key_of(image_id)).name == "ready"
    row = store.image(images.owner_of(ASHA), image_id)
    assert row and row.upload_version == first
    assert images.retrieve(ASHA, image_id)["dominant_colour"].startswith("#f")  # red
    assert compression.compress(key_of(image_id)).name == "known"


def test_a_version_that_comes_while_the_first_is_processed_changes_nothing(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    for nth in range(1, STEPS + 1):
        image_id = ticket()
        buckets.put(image_id, picture("red"))

        def second(image_id: str = image_id) -> None:
            buckets.put(image_id, picture("blue"))
            assert compression.compress(key_of(image_id)).name in ("ready", "known")

        with monkeypatch.context() as patch:
            Steps(patch, {(nth, "before"): second})
            compression.compress(key_of(image_id))
        assert is_whole(image_id, buckets), nth
        assert images.retrieve(ASHA, image_id)["dominant_colour"].startswith("#f"), nth


def test_progress_never_goes_back_though_a_second_compressor_starts_at_any_step(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    for nth in range(1, STEPS + 1):
        image_id = ticket()
        buckets.put(image_id, picture())
        with monkeypatch.context() as patch:
            seen = progress_seen(image_id, patch)
            Steps(patch, {(nth, "before"): partial(compression.compress, key_of(image_id))})
            compression.compress(key_of(image_id))
        assert seen == sorted(seen), nth


def test_the_steps_are_as_many_as_the_tests_below_think(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    image_id = ticket()
    buckets.put(image_id, picture())
    with monkeypatch.context() as patch:
        steps = Steps(patch, {})
        compression.compress(key_of(image_id))
    assert steps.count == STEPS


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_step_is_finished_by_the_retry(
    when: str, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    for nth in range(1, STEPS + 1):
        image_id = ticket()
        buckets.put(image_id, picture())
        with monkeypatch.context() as patch, pytest.raises(Killed):
            Steps(patch, {(nth, when): kill})
            compression.compress(key_of(image_id))
        assert compression.compress(key_of(image_id)).name in ("ready", "known"), nth
        assert is_whole(image_id, buckets), nth


def test_a_photo_deleted_at_any_step_leaves_nothing_behind(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    for nth in range(1, STEPS + 1):
        for when in ("before", "after"):
            image_id = ticket()
            buckets.put(image_id, picture())
            with monkeypatch.context() as patch:
                Steps(patch, {(nth, when): partial(images.delete, ASHA, image_id)})
                compression.compress(key_of(image_id))
            assert (buckets.uploads, buckets.images) == ([], []), (nth, when)


def test_a_photo_deleted_at_any_step_of_a_compressor_that_then_dies_leaves_nothing_after_the_sweep(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch, forward: Callable[[int], None]
) -> None:
    for nth in range(1, STEPS + 1):
        for later in (0, 1, 2, 3, 4):
            image_id = ticket()
            buckets.put(image_id, picture())
            with monkeypatch.context() as patch:
                deleted = partial(images.delete, ASHA, image_id)
                Steps(patch, {(nth, "before"): deleted, (nth + later, "after"): kill})
                try:
                    compression.compress(key_of(image_id))
                except Killed:
                    pass
            for minutes in (5, 115):
                forward(minutes)
                images.sweep(clock.now_us() + images.MINUTE_US)
            assert (buckets.uploads, buckets.images) == ([], []), (nth, later)
            assert store.image(images.owner_of(ASHA), image_id) is None, (nth, later)


def test_a_photo_that_is_given_up_keeps_no_variants_wherever_its_compressor_died(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch, forward: Callable[[int], None]
) -> None:
    for nth in range(2, STEPS):
        image_id = ticket()
        buckets.put(image_id, picture())
        with monkeypatch.context() as patch, pytest.raises(Killed):
            Steps(patch, {(nth, "after"): kill})
            compression.compress(key_of(image_id))
        forward(15)
        images.sweep(clock.now_us() + images.MINUTE_US)
        if status(image_id) == AWAITING:
            continue  # it died before its claim
        assert (status(image_id), buckets.images) == (REJECTED, []), nth
        buckets.s3.put_object(
            Bucket="images", Key=images.image_prefix(images.owner_of(ASHA), image_id) + "late", Body=b"x"
        )
        forward(120)
        images.sweep(clock.now_us() + images.MINUTE_US)
        row = store.image(images.owner_of(ASHA), image_id)
        assert row and row.open is None and buckets.images == [], nth


@pytest.mark.parametrize("uploaded_at", [1, 14, 30, 119])
def test_a_photo_whose_compressor_died_is_given_up_a_quarter_of_an_hour_after_its_upload_and_no_sooner(
    uploaded_at: int, buckets: Buckets, monkeypatch: pytest.MonkeyPatch, forward: Callable[[int], None]
) -> None:
    image_id, swept = ticket(), {}
    for minute in range(1, uploaded_at + 17):
        forward(1)
        images.sweep(clock.now_us() + images.MINUTE_US)
        swept[minute] = status(image_id)
        if minute == uploaded_at:
            buckets.put(image_id, picture())
            with monkeypatch.context() as patch, pytest.raises(Killed):
                Steps(patch, {(4, "after"): kill})
                compression.compress(key_of(image_id))
    expected = {uploaded_at: AWAITING, uploaded_at + 1: PROCESSING, uploaded_at + 14: PROCESSING}
    assert {minute: swept[minute] for minute in expected} == expected
    assert swept[uploaded_at + 16] == REJECTED


def test_an_uploads_claim_leaves_the_sweepers_index_as_it_is(buckets: Buckets) -> None:
    image_id = ticket()
    before = store.image(images.owner_of(ASHA), image_id)
    assert before
    buckets.put(image_id, picture())
    claimed = compression._claimed(before, key_of(image_id))
    assert claimed and claimed.status == PROCESSING
    assert claimed.next_check_at_us == before.next_check_at_us == claimed.created_at_us + images.PROCESSED_US


def test_compressor_and_sweeper_end_a_photo_once_whoever_comes_first(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch, forward: Callable[[int], None]
) -> None:
    ends = set()
    for nth in range(1, STEPS + 1):
        image_id, act_once = ticket(), []

        def sweep(act_once: list[int] = act_once) -> None:
            forward(121)
            act_once.append(images.sweep(clock.now_us() + images.MINUTE_US)["SweepFailed"])

        buckets.put(image_id, picture())
        with monkeypatch.context() as patch:
            Steps(patch, {(nth, "before"): sweep})
            compression.compress(key_of(image_id))
        end = status(image_id)
        assert act_once == [0] and end in (READY, REJECTED, EXPIRED), nth
        prefix = images.image_prefix(images.owner_of(ASHA), image_id)
        assert (end == READY) == any(one.startswith(prefix) for one in buckets.images), nth
        compression.compress(key_of(image_id))
        assert status(image_id) == end, nth
        ends.add(end)
    assert {EXPIRED, REJECTED} <= ends


def test_an_upload_after_the_photo_was_deleted_or_expired_is_removed(
    buckets: Buckets, forward: Callable[[int], None]
) -> None:
    deleted, expired = ticket(), ticket()
    images.delete(ASHA, deleted)
    forward(120)
    images.sweep(clock.now_us() + images.MINUTE_US)
    for image_id in (deleted, expired):
        buckets.put(image_id, picture())
        assert compression.compress(key_of(image_id)).name == "unwanted"
    assert (buckets.uploads, buckets.images) == ([], [])
    assert status(expired) == EXPIRED


def test_an_upload_that_nobody_asked_for_is_removed(buckets: Buckets) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    buckets.put(unknown, picture())
    assert compression.compress(key_of(unknown)).name == "unwanted" and buckets.uploads == []


def test_an_upload_that_is_gone_before_its_event_is_no_error(buckets: Buckets) -> None:
    image_id = ticket()
    assert compression.compress(key_of(image_id)).name == "gone"
    assert status(image_id) == AWAITING  # until the sweeper expires it


def test_an_upload_over_the_limit_is_rejected_without_reading_it(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 refuses it by the form; this is for a form that somebody signed otherwise."""
    image_id = ticket()
    buckets.put(image_id, b"x" * 1_000_001)
    monkeypatch.setattr(bucket, "upload", lambda *_: pytest.fail("it was read"))
    assert compression.compress(key_of(image_id)).facts["code"] == "upload_too_large"
    assert images.retrieve(ASHA, image_id)["reject"]["code"] == "upload_too_large"


def test_other_bytes_than_the_app_told_are_rejected(buckets: Buckets) -> None:
    image_id = ticket(sha256="0" * 64)
    buckets.put(image_id, picture())
    assert compression.compress(key_of(image_id)).name == "rejected"
    assert images.retrieve(ASHA, image_id)["reject"]["code"] == "checksum_mismatch" and buckets.images == []


def test_bytes_cut_short_on_their_way_from_s3_are_read_again(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_id = ticket()
    buckets.put(image_id, picture())
    with monkeypatch.context() as patch, pytest.raises(Unavailable):
        patch.setattr(bucket, "upload", lambda *_: picture()[:-10])
        compression.compress(key_of(image_id))
    assert status(image_id) == PROCESSING
    assert compression.compress(key_of(image_id)).name == "ready"


@pytest.mark.parametrize("data", [b"x", b"<svg/>" * 10, picture()[:200], b"GIF89a" + b"\0" * 60])
def test_a_picture_with_a_permanent_fault_is_rejected_with_a_code_and_a_text(data: bytes, buckets: Buckets) -> None:
    image_id = ticket()
    buckets.put(image_id, data)
    assert compression.compress(key_of(image_id)).name == "rejected"
    shown = images.retrieve(ASHA, image_id)
    assert shown["reject"]["code"] in pixels.REJECTIONS and shown["reject"]["text"]
    assert shown["original"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert (shown["status"], shown["progress"], shown["variants"], buckets.images) == (REJECTED, 100, [], [])
    assert compression.compress(key_of(image_id)).name == "known"


def test_a_fault_of_ours_is_no_verdict_on_the_picture(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    image_id = ticket()
    buckets.put(image_id, picture())

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(pixels, "compress", broken)
        compression.compress(key_of(image_id))
    assert status(image_id) == PROCESSING
    assert compression.compress(key_of(image_id)).name == "ready"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "in/",
        "in/asha/1",
        "out/" + "0" * 64 + "/00000000-0000-4000-8000-000000000000",
        "in/" + "0" * 64 + "/00000000-0000-4000-8000-000000000000/x",
        "in/" + "0" * 64 + "/00000000-0000-4000-8000-000000000000\n",
        "in/" + "0" * 64 + "/../00000000-0000-4000-8000-000000000000",
        "in/a+b %.jpg",
        "in/ü",
    ],
)
def test_a_key_that_is_none_of_ours_is_ignored(key: str, buckets: Buckets) -> None:
    assert compression.compress(key).name == "ignored"
