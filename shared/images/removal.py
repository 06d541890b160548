"""The end of a photo: the customer's DELETE, and the sweep that finishes what was left unfinished.

Nothing else removes objects. An upload without a photo goes with the bucket's lifecycle, after a day.
"""

from collections.abc import Mapping
from typing import Any

from shared import clock
from shared.aws import dynamodb, s3
from shared.aws.dynamodb import OPEN, Delete, Update
from shared.deadline import Deadline
from shared.errors import ServiceUnavailable
from shared.images import models
from shared.images.lifecycle import (
    AWAITING_UPLOAD,
    DELETED,
    EXPIRED,
    NO_MORE_CHECKS,
    PROCESSING,
    PURGE_AFTER_US,
    REJECTED,
    REMOVE_AGAIN_AFTER_US,
    WINDOWS_US,
    change_status,
    expire,
    image_prefix,
    upload_key,
)
from shared.images.models import Image
from shared.images.queries import get_or_404
from shared.telemetry import journal

# What a delete removes from the row. Without its creation time the row is in no list.
_CLEARED_ATTRIBUTES: Mapping[str, Any] = dict.fromkeys(
    (
        "stage",
        "sha256_wanted",
        "upload_version",
        "upload_size_bytes",
        "sha256",
        "recipe",
        "format",
        "width",
        "height",
        "variants",
        "placeholder",
        "dominant_colour",
        "rejection",
        "created_at_us",
        "expires_at_s",
    )
)


def delete(customer: str, image_id: str) -> None:
    """Delete a photo for everyone at once; an upload or a variant that still arrives is removed when it is noticed.

    The cleared row stays while any work on the photo may still be running: the compressor reads it and discards its
    work, and the sweeper checks it twice more.
    """
    image = get_or_404(customer, image_id)
    # A blocked write means that a concurrent call, or our own first attempt, has deleted the photo: the same result.
    next_check_at_us = clock.now_us() + REMOVE_AGAIN_AFTER_US
    change_status(image, DELETED, open=OPEN, next_check_at_us=next_check_at_us, **_CLEARED_ATTRIBUTES)
    try:
        remove_objects(image.owner, image.id)
    except ServiceUnavailable:
        pass  # the sweeper's first check removes them


def sweep(limit: int = 1_000) -> dict[str, int]:
    """Finish the photos whose check is due, until the deadline; returns counts by metric."""
    counts = {"ImageExpired": 0, "ImageProcessingFailed": 0, "ImagePurged": 0, "SweepFailed": 0}
    for owner, image_id in models.list_due(clock.now_us(), limit):
        if Deadline.current().has_passed:
            break
        try:
            metric = _sweep_image(owner, image_id)
        except ServiceUnavailable:
            metric = "SweepFailed"  # this photo is still due, and the others must not wait for it
        except Exception as error:
            journal.unexpected(error)
            metric = "SweepFailed"
        if metric:
            counts[metric] += 1
    return counts


def _sweep_image(owner: str, image_id: str) -> str:
    """Check one photo; returns the metric to count, or an empty string."""
    image, at_us = models.get_image(owner, image_id), clock.now_us()
    if not image or image.open is None or (image.next_check_at_us or 0) > at_us:
        return ""  # finished, or no longer due, since it was listed
    window_ends_at_us = image.updated_at_us + WINDOWS_US.get(image.status, 0)
    if at_us < window_ends_at_us:
        dynamodb.execute(Update(image, {"next_check_at_us": window_ends_at_us}, expect_status=(image.status,)))
        return ""
    if image.status == AWAITING_UPLOAD:
        return "ImageExpired" if expire(image) else ""
    if image.status == PROCESSING:
        # Checked once more later: a compressor that still runs may die right after it has stored variants.
        next_check_at_us = at_us + PURGE_AFTER_US
        if not change_status(image, REJECTED, rejection="processing_failed", next_check_at_us=next_check_at_us):
            return ""
        s3.remove_images(image_prefix(owner, image_id))
        return "ImageProcessingFailed"
    if image.status == REJECTED:
        s3.remove_images(image_prefix(owner, image_id))
        dynamodb.execute(Update(image, NO_MORE_CHECKS, expect_status=(REJECTED,)))
        return ""
    if image.status == EXPIRED:  # an upload was reported too late; its form is no longer valid, so none follows
        s3.remove_upload(upload_key(owner, image_id))
        dynamodb.execute(Update(image, NO_MORE_CHECKS, expect_status=(EXPIRED,)))
        return ""
    return _purge(image, at_us) if image.status == DELETED else ""


def _purge(image: Image, at_us: int) -> str:
    """Remove a deleted photo's objects again, and its row once no work on it can be running."""
    remove_objects(image.owner, image.id)
    purge_at_us = image.updated_at_us + PURGE_AFTER_US
    if at_us < purge_at_us:
        dynamodb.execute(Update(image, {"next_check_at_us": purge_at_us}, expect_status=(DELETED,)))
        return ""
    dynamodb.execute(Delete(image))
    return "ImagePurged"


def remove_objects(owner: str, image_id: str) -> None:
    """Remove every version of the upload and every variant."""
    s3.remove_upload(upload_key(owner, image_id))
    s3.remove_images(image_prefix(owner, image_id))
