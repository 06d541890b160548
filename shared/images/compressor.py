"""From an upload to its variants: the rule that S3 starts, any number of times and in any order.

The oldest version of an upload is the photo. The first call writes that version into the row, and every later step
is conditional on the row; variants of the same bytes have the same keys. So a duplicate event, a retry after a crash
and a later version change nothing. It decodes untrusted bytes, so its role removes nothing: the sweeper removes what
it stored for a photo that was deleted or rejected meanwhile.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared import clock
from shared.aws import dynamodb, s3
from shared.aws.dynamodb import OPEN, Update
from shared.errors import ServiceUnavailable
from shared.images import models
from shared.images.codec import pipeline
from shared.images.codec.pipeline import RECIPE, Compressed
from shared.images.lifecycle import (
    AWAITING_UPLOAD,
    COMPRESSING,
    EXPIRED,
    MEDIA_TYPES,
    NO_MORE_CHECKS,
    PROCESSING,
    PROCESSING_WINDOW_US,
    READY,
    REJECTED,
    STORING,
    UPLOAD_KEY,
    change_status,
    variant_key,
)
from shared.images.models import Image
from shared.images.rejections import RejectedImage
from shared.settings import settings


class Outcome(NamedTuple):
    """What happened to an upload: a key of METRICS, and facts for the log."""

    name: str
    facts: Mapping[str, Any] = {}

    @property
    def counts(self) -> dict[str, int]:
        """Values by metric name."""
        counts = {METRICS[self.name]: 1}
        if self.name == READY:
            counts |= {"UploadBytes": self.facts["bytes_in"], "VariantBytes": self.facts["bytes_out"]}
            counts |= {"CompressMilliseconds": self.facts["compress_ms"]}
        return counts


METRICS = {
    READY: "ImageReady",
    REJECTED: "ImageRejected",
    "duplicate": "UploadDuplicate",  # the photo was finished before: a repeated event, or a later version
    "discarded": "UploadDiscarded",  # ignored: its photo is deleted, expired or was never requested
    "gone": "UploadDiscarded",  # nothing is stored under the key any more
    "ignored": "UploadEventIgnored",  # the key has another form than ours
}


def compress(key: str) -> Outcome:
    """Process the upload under this key to its end; ServiceUnavailable if it should be retried."""
    match = UPLOAD_KEY.fullmatch(key)
    if not match:
        return Outcome("ignored")
    owner, image_id = match.groups()
    image = models.get_image(owner, image_id)
    if image and image.status == AWAITING_UPLOAD:
        image = _claim(image, key)
    # A form can be sent again and again for five minutes, so a repeated upload costs this one read and no more.
    if not image or image.status not in (AWAITING_UPLOAD, PROCESSING):
        return _not_needed(image, image_id)
    if image.status == AWAITING_UPLOAD:
        return Outcome("gone", {"id": image_id})
    return _process(image, key)


def _claim(image: Image, key: str) -> Image | None:
    """The row with the upload's version, written by this call or another; unchanged if nothing was uploaded."""
    first = s3.first_version(key)
    if not first:
        return image
    claim = {"stage": COMPRESSING, "upload_version": first.id, "upload_size_bytes": first.size_bytes}
    # Only a late upload moves the check, which is soon enough otherwise: moving it would write to an index.
    check_at_us = min(image.next_check_at_us or 0, clock.now_us() + PROCESSING_WINDOW_US)
    if change_status(image, PROCESSING, next_check_at_us=check_at_us, **claim):
        return image
    return models.get_image(image.owner, image.id)


def _process(image: Image, key: str) -> Outcome:
    size_bytes = image.upload_size_bytes or 0
    if size_bytes > settings().upload_size_bytes_max:
        return _reject(image, "upload_too_large", {"id": image.id, "bytes_in": size_bytes})
    data = s3.get_upload(key, image.upload_version or "")
    if data is None or len(data) != size_bytes:  # gone, or truncated while we read it
        return _discard(image.owner, image.id)
    sha256 = hashlib.sha256(data).hexdigest()
    facts = {"id": image.id, "sha256": sha256, "bytes_in": len(data)}
    if image.sha256_wanted and image.sha256_wanted != sha256:
        return _reject(image, "checksum_mismatch", facts)
    started_us = clock.now_us()
    try:
        compressed = pipeline.compress(data, settings().image_formats)
    except RejectedImage as rejected:
        return _reject(image, rejected.code, facts)
    facts |= {"format": compressed.format, "compress_ms": (clock.now_us() - started_us) // 1_000}
    return _store(image, compressed, facts)


def _store(image: Image, compressed: Compressed, facts: dict[str, Any]) -> Outcome:
    """Store the variants, then finish the row: in the other order its links could lead nowhere."""
    if not dynamodb.execute(Update(image, {"stage": STORING}, expect_status=(PROCESSING,))):
        return _discard(image.owner, image.id)
    for variant in compressed.variants:
        key = variant_key(image, RECIPE, facts["sha256"], variant.name, variant.format)
        s3.put_image(key, variant.data, MEDIA_TYPES[variant.format])
    values = {
        "sha256": facts["sha256"],
        "recipe": RECIPE,
        "format": compressed.format,
        "width": compressed.width,
        "height": compressed.height,
        "variants": [
            {
                "name": variant.name,
                "format": variant.format,
                "width": variant.width,
                "height": variant.height,
                "bytes": len(variant.data),
            }
            for variant in compressed.variants
        ],
        "placeholder": compressed.placeholder,
        "dominant_colour": compressed.dominant_colour,
    }
    if not _finish(image, READY, **values):
        return _discard(image.owner, image.id)
    return Outcome(READY, facts | {"bytes_out": sum(len(variant.data) for variant in compressed.variants)})


def _reject(image: Image, code: str, facts: Mapping[str, Any]) -> Outcome:
    if not _finish(image, REJECTED, rejection=code, sha256=facts.get("sha256")):
        return _discard(image.owner, image.id)
    return Outcome(REJECTED, {**facts, "code": code})


def _finish(image: Image, status: str, **values: Any) -> bool:
    return change_status(image, status, **NO_MORE_CHECKS, **values)


def _discard(owner: str, image_id: str) -> Outcome:
    """Read the row again: what happened to the photo decides the outcome."""
    image = models.get_image(owner, image_id)
    if image and image.status == PROCESSING:  # the upload cannot be read now; if that lasts, the sweeper rejects it
        raise ServiceUnavailable
    return _not_needed(image, image_id)


def _not_needed(image: Image | None, image_id: str) -> Outcome:
    """The outcome of an upload whose photo is finished or gone. The sweeper removes one that came too late."""
    if image and image.status in (READY, REJECTED):
        return Outcome("duplicate", {"id": image_id})
    if image and image.status == EXPIRED and image.open is None:
        removal = {"open": OPEN, "next_check_at_us": clock.now_us()}
        dynamodb.execute(Update(image, removal, expect_status=(EXPIRED,)))
    return Outcome("discarded", {"id": image_id})
