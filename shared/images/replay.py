"""Sending an upload to the compressor again, after it failed for a reason that is gone.

The upload is stored once more under its key, which S3 reports like any upload. The oldest version remains the photo.
"""

from shared import clock
from shared.aws import s3
from shared.aws.dynamodb import OPEN, Update, execute
from shared.images import models
from shared.images.lifecycle import (
    AWAITING_UPLOAD,
    COMPRESSING,
    MINUTE_US,
    PROCESSING,
    PROCESSING_WINDOW_US,
    REJECTED,
    REMOVE_AGAIN_AFTER_US,
    UPLOAD_KEY,
)
from shared.images.models import Image

GAVE_UP = "processing_failed"  # the rejection of a photo that nobody processed in time
SENT, FINISHED, GONE, LATER = "sent", "finished", "gone", "later"


def replay_upload(key: str, dry_run: bool = False) -> str:
    """Send the upload again. A photo that was rejected since nobody processed it is processed after all.

    Returns `sent`, `finished` if the photo needs it no more, `gone` if S3 has removed the upload, or `later` while
    the sweeper may be at work on the photo. A dry run says the same and changes nothing.
    """
    match = UPLOAD_KEY.fullmatch(key)
    image = models.get_image(*match.groups()) if match else None
    if image is None:
        return FINISHED
    has_given_up = image.status == REJECTED and image.rejection == GAVE_UP
    if not has_given_up and image.status not in (AWAITING_UPLOAD, PROCESSING):
        return FINISHED
    if has_given_up and not _is_left_alone(image):
        return LATER
    version = s3.first_version(key)
    if version is None:
        return GONE
    if dry_run:
        return SENT
    if has_given_up and not _process_after_all(image):
        return LATER
    s3.store_again(key, version.id)
    return SENT


def _is_left_alone(image: Image) -> bool:
    """Whether no sweeper is removing what the photo's compressor may have stored."""
    at_us = clock.now_us()
    has_begun = at_us - image.updated_at_us < MINUTE_US
    is_due = image.open is not None and (image.next_check_at_us or 0) - at_us < REMOVE_AGAIN_AFTER_US
    return not has_begun and not is_due


def _process_after_all(image: Image) -> bool:
    at_us = clock.now_us()
    values = {
        "status": PROCESSING,
        "stage": COMPRESSING,
        "rejection": None,
        "open": OPEN,
        "next_check_at_us": at_us + PROCESSING_WINDOW_US,
        "updated_at_us": at_us,
    }
    expect = {"rejection": GAVE_UP, "next_check_at_us": image.next_check_at_us}
    return execute(Update(image, values, expect=expect, expect_status=(REJECTED,)))
