"""From an upload to its variants: outcomes, rejections, and events that need no work."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from shared import settings
from shared.aws import dynamodb, s3
from shared.errors import ServiceUnavailable
from shared.images import compressor, lifecycle, models, removal
from shared.images.codec import pipeline
from shared.images.compressor import compress
from shared.images.rejections import IMAGE_FAULTS
from tests.unit.images.helpers import (
    ASHA,
    MINUTE_S,
    Buckets,
    create_upload,
    get_row,
    picture,
    record_progress,
    retrieve,
    status_of,
    upload_key,
)


def test_upload_becomes_ready(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    image_id, data = create_upload()["id"], picture()
    buckets.put_upload(image_id, data)
    with monkeypatch.context() as patch:
        progress = record_progress(image_id, patch)
        outcome = compress(upload_key(image_id))
    assert progress == [50, 75, 100]
    assert (outcome.name, outcome.counts["UploadBytes"]) == ("ready", len(data))
    body = retrieve(image_id)
    original = body["original"]
    assert buckets.has_all_variants(image_id) and body["reject"] is None and original
    assert (original["width"], original["height"], original["format"]) == (48, 32, "jpeg")
    assert original["sha256"] == hashlib.sha256(data).hexdigest()
    assert original["bytes"] == len(data) and body["dominant_colour"] and body["placeholder"]


def test_variants_are_stored_with_their_type_and_cache_permanently(buckets: Buckets) -> None:
    image_id = create_upload()["id"]
    buckets.put_upload(image_id, picture())
    compress(upload_key(image_id))
    for key in buckets.images:
        stored = buckets.client.head_object(Bucket="images", Key=key)
        assert stored["ContentType"] == f"image/{key.rsplit('.', 1)[1]}"
        assert (stored["ContentDisposition"], stored["Metadata"]) == ("inline", {})
        assert stored["CacheControl"] == "private, max-age=31536000, immutable"
        assert pipeline.RECIPE + "-" in key


def test_formats_come_from_the_setting(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_FORMATS", "jpeg,webp")
    settings.settings.cache_clear()
    image_id = create_upload()["id"]
    buckets.put_upload(image_id, picture())
    compress(upload_key(image_id))
    assert {variant["format"] for variant in retrieve(image_id)["variants"]} == {"jpeg", "webp"}


@pytest.mark.parametrize("times", [2, 5])
def test_duplicate_event_changes_nothing(times: int, buckets: Buckets) -> None:
    image_id = create_upload()["id"]
    buckets.put_upload(image_id, picture())
    compress(upload_key(image_id))
    before, keys = retrieve(image_id)["updated_at"], buckets.images
    for _ in range(times):
        assert compress(upload_key(image_id)).name == "duplicate"
    assert (retrieve(image_id)["updated_at"], buckets.images) == (before, keys)


def test_first_version_counts_in_any_order_of_events(buckets: Buckets) -> None:
    """An event names only a key, and the bucket decides which version is the photo."""
    image_id = create_upload()["id"]
    first = buckets.put_upload(image_id, picture("red"))
    buckets.put_upload(image_id, picture("blue"))
    assert compress(upload_key(image_id)).name == "ready"
    assert get_row(image_id).upload_version == first
    assert str(retrieve(image_id)["dominant_colour"]).startswith("#f")  # red
    assert compress(upload_key(image_id)).name == "duplicate"


def test_claim_does_not_move_the_sweepers_check(buckets: Buckets) -> None:
    image_id = create_upload()["id"]
    before = get_row(image_id)
    buckets.put_upload(image_id, picture())
    claimed = compressor._claim(get_row(image_id), upload_key(image_id))
    assert claimed and claimed.status == lifecycle.PROCESSING and claimed.created_at_us
    assert claimed.next_check_at_us == before.next_check_at_us
    assert claimed.next_check_at_us == claimed.created_at_us + lifecycle.PROCESSING_WINDOW_US


def test_upload_of_deleted_or_expired_photo_is_ignored(buckets: Buckets, advance: Callable[[float], None]) -> None:
    deleted, expired = create_upload()["id"], create_upload()["id"]
    removal.delete(ASHA, deleted)
    advance(120 * MINUTE_S)
    removal.sweep()
    for image_id in (deleted, expired):
        buckets.put_upload(image_id, picture())
        assert compress(upload_key(image_id)).name == "discarded"
    assert buckets.images == [] and status_of(expired) == "expired"


def test_late_upload_of_an_expired_photo_is_removed_by_the_next_sweep(
    buckets: Buckets, advance: Callable[[float], None]
) -> None:
    image_id, other = create_upload()["id"], create_upload()["id"]
    advance(120 * MINUTE_S)
    removal.sweep()
    assert status_of(image_id) == "expired" and get_row(image_id).open is None
    for late in (image_id, image_id, other):
        buckets.put_upload(late, picture())
        compress(upload_key(late))
    assert len(buckets.uploads) == 3
    assert removal.sweep() == {"ImageExpired": 0, "ImageProcessingFailed": 0, "ImagePurged": 0, "SweepFailed": 0}
    assert buckets.uploads == [] and status_of(image_id) == "expired" and get_row(image_id).open is None


@pytest.mark.parametrize("is_picture", [True, False], ids=["ready", "rejected"])
def test_repeated_upload_costs_one_read(is_picture: bool, buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    """A form takes any number of uploads. One customer's must not keep the compressor from the others' photos."""
    image_id = create_upload()["id"]
    buckets.put_upload(image_id, picture() if is_picture else b"x")
    compress(upload_key(image_id))
    reads, get_image = [], models.get_image

    def counted(owner: str, image: str) -> Any:
        reads.append(image)
        return get_image(owner, image)

    def refuse(*args: Any, **values: Any) -> Any:
        raise AssertionError("a repeated upload needs nothing but its row")

    monkeypatch.setattr(models, "get_image", counted)
    for name in ("client", "first_version", "get_upload", "put_image"):
        monkeypatch.setattr(s3, name, refuse)
    monkeypatch.setattr(dynamodb, "execute", refuse)
    for _ in range(20):
        assert compress(upload_key(image_id)).name == "duplicate"
    assert len(reads) == 20


def test_upload_without_a_row_is_ignored(buckets: Buckets) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    buckets.put_upload(unknown, picture())
    assert compress(upload_key(unknown)).name == "discarded" and buckets.images == []


@pytest.mark.usefixtures("photos")
def test_event_of_missing_upload_is_no_error() -> None:
    image_id = create_upload()["id"]
    assert compress(upload_key(image_id)).name == "gone"
    assert status_of(image_id) == "awaiting_upload"  # until the sweeper expires it


def test_upload_over_the_limit_is_rejected_unread(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form makes S3 refuse it; this is for a form that was signed otherwise."""
    image_id = create_upload()["id"]
    buckets.put_upload(image_id, b"x" * 1_000_001)
    monkeypatch.setattr(s3, "get_upload", lambda *_: pytest.fail("it was read"))
    assert compress(upload_key(image_id)).facts["code"] == "upload_too_large"
    assert rejection_code(image_id) == "upload_too_large"


def test_upload_with_another_hash_is_rejected(buckets: Buckets) -> None:
    image_id = create_upload(sha256="0" * 64)["id"]
    buckets.put_upload(image_id, picture())
    assert compress(upload_key(image_id)).name == "rejected"
    assert rejection_code(image_id) == "checksum_mismatch" and buckets.images == []


def test_truncated_download_is_retried(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    image_id = create_upload()["id"]
    buckets.put_upload(image_id, picture())
    with monkeypatch.context() as patch, pytest.raises(ServiceUnavailable):
        patch.setattr(s3, "get_upload", lambda *_: picture()[:-10])
        compress(upload_key(image_id))
    assert status_of(image_id) == "processing"
    assert compress(upload_key(image_id)).name == "ready"


@pytest.mark.parametrize("data", [b"x", b"<svg/>" * 10, picture()[:200], b"GIF89a" + b"\0" * 60])
def test_faulty_picture_is_rejected_with_code_and_text(data: bytes, buckets: Buckets) -> None:
    image_id = create_upload()["id"]
    buckets.put_upload(image_id, data)
    assert compress(upload_key(image_id)).name == "rejected"
    body = retrieve(image_id)
    assert body["reject"] and body["original"]
    assert body["reject"]["code"] in IMAGE_FAULTS and body["reject"]["text"]
    assert body["reject"]["retry"] == (body["reject"]["code"] != "unsupported_type")
    assert body["original"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert (body["status"], body["progress"], body["variants"], buckets.images) == ("rejected", 100, [], [])
    assert compress(upload_key(image_id)).name == "duplicate"


def test_our_own_error_does_not_reject_the_picture(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    image_id = create_upload()["id"]
    buckets.put_upload(image_id, picture())

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(pipeline, "compress", fail)
        compress(upload_key(image_id))
    assert status_of(image_id) == "processing"
    assert compress(upload_key(image_id)).name == "ready"


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
@pytest.mark.usefixtures("photos")
def test_key_of_another_form_is_ignored(key: str) -> None:
    assert compress(key).name == "ignored"


def rejection_code(image_id: str) -> str:
    reject = retrieve(image_id)["reject"]
    assert reject
    return reject["code"]
