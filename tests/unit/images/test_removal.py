"""Deleting photos, and the sweep that expires, rejects and purges them."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.aws import s3
from shared.errors import NotFound, ServiceUnavailable
from shared.images import lifecycle, models, removal
from shared.images.lifecycle import EXPIRED, PROCESSING, READY, REJECTED, change_status
from tests.unit.images.helpers import (
    ASHA,
    MINUTE_S,
    Buckets,
    count_images,
    create_upload,
    get_row,
    image_prefix,
    retrieve,
    status_of,
    upload_key,
)

PURGE_AFTER_S = lifecycle.PURGE_AFTER_US / 1_000_000
Advance = Callable[[float], None]

pytestmark = pytest.mark.usefixtures("photos")


def test_photo_without_upload_expires_after_two_hours(advance: Advance) -> None:
    image_id = create_upload()["id"]
    advance(119 * MINUTE_S)
    assert removal.sweep()["ImageExpired"] == 0
    assert status_of(image_id) == "awaiting_upload"
    advance(MINUTE_S)
    assert removal.sweep()["ImageExpired"] == 1
    body = retrieve(image_id)
    assert (body["status"], body["progress"], body["poll_after_ms"]) == ("expired", 100, None)
    assert removal.sweep()["ImageExpired"] == 0


def test_sweep_rejects_stuck_photo_after_15_minutes(advance: Advance) -> None:
    image = get_row(create_upload()["id"])
    next_check_at_us = image.updated_at_us + lifecycle.PROCESSING_WINDOW_US
    change_status(image, PROCESSING, next_check_at_us=next_check_at_us)
    advance(15 * MINUTE_S)
    assert removal.sweep()["ImageProcessingFailed"] == 1
    body = retrieve(image.id)
    assert body["status"] == "rejected" and body["reject"] == {
        "code": "processing_failed",
        "text": "The photo could not be processed. Please send it again.",
        "retry": True,
    }


@pytest.mark.parametrize("final", [READY, REJECTED, EXPIRED])
def test_sweep_leaves_photo_that_finished_after_listing(
    final: str, buckets: Buckets, advance: Advance, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = get_row(create_upload()["id"])
    buckets.put_upload(image.id)
    variant_key = f"{image_prefix(image.id)}2-0123456789abcdef/display.jpeg"
    buckets.client.put_object(Bucket="images", Key=variant_key, Body=b"x")
    for status in (EXPIRED,) if final == EXPIRED else (PROCESSING, final):
        change_status(image, status, **lifecycle.NO_MORE_CHECKS)
    monkeypatch.setattr(models, "list_due", lambda *_: [(image.owner, image.id)])
    advance(PURGE_AFTER_S)
    assert not any(removal.sweep().values())
    assert get_row(image.id).status == final
    assert s3.first_version(upload_key(image.id)) and buckets.images == [variant_key]


def test_photo_that_cannot_be_swept_does_not_stop_the_others(
    advance: Advance, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, other = create_upload(), create_upload()
    for body in (failing, other):
        removal.delete(ASHA, body["id"])
    advance(PURGE_AFTER_S)
    remove_objects = removal.remove_objects

    def fail_for_one(owner: str, image_id: str) -> None:
        if image_id == failing["id"]:
            raise ServiceUnavailable
        remove_objects(owner, image_id)

    monkeypatch.setattr(removal, "remove_objects", fail_for_one)
    assert removal.sweep() == {
        "ImageExpired": 0,
        "ImageProcessingFailed": 0,
        "ImagePurged": 1,
        "SweepFailed": 1,
    }
    monkeypatch.setattr(removal, "remove_objects", remove_objects)
    assert removal.sweep()["ImagePurged"] == 1


def test_deleted_photo_is_gone_at_once_and_its_row_after_two_hours(advance: Advance) -> None:
    """The row remains for two hours without anything about the photo."""
    image_id = create_upload()["id"]
    removal.delete(ASHA, image_id)
    with pytest.raises(NotFound):
        retrieve(image_id)
    with pytest.raises(NotFound):
        removal.delete(ASHA, image_id)
    assert count_images(ASHA) == 0
    attributes = {name for name, value in get_row(image_id).attribute_values.items() if value is not None}
    assert attributes == {"owner", "id", "status", "open", "next_check_at_us", "updated_at_us"}
    for minutes, purged in ((5, 0), (114, 0), (1, 1)):
        advance(minutes * MINUTE_S)
        assert removal.sweep()["ImagePurged"] == purged
    assert models.get_image(lifecycle.owner_of(ASHA), image_id) is None


def test_sweep_finishes_a_delete_that_s3_refused(
    advance: Advance, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_id = create_upload()["id"]
    buckets.put_upload(image_id)

    def fail(*_: Any) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(s3, "remove_upload", fail)
        removal.delete(ASHA, image_id)
    assert s3.first_version(upload_key(image_id))
    advance(5 * MINUTE_S)
    removal.sweep()
    assert s3.first_version(upload_key(image_id)) is None
