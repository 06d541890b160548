"""From an upload to its variants: the one rule that S3 starts, any number of times and in any order.

The oldest version of an upload is the photo. Which one that is is written into the row once, and every later step
is conditional on it; the variants of the same bytes go under the same keys. So a duplicate, a retry after a crash
and a later version change nothing, and whoever finds that the photo is not wanted any more removes what it made.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared import bucket, clock, images, pixels, store
from shared.errors import Unavailable
from shared.images import AWAITING, COMPRESSING, MEDIA_TYPES, PROCESSING, READY, REJECTED, STORING
from shared.pixels import Compressed
from shared.settings import settings
from shared.store import Change, Image

KEY = re.compile(r"in/([0-9a-f]{64})/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an upload: one of the names below, and what to log of it."""

    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """What happened, by the name of its metric."""
        counts = {METRICS[self.name]: 1}
        if self.name == READY:
            counts |= {"UploadBytes": self.facts["bytes_in"], "VariantBytes": self.facts["bytes_out"]}
            counts |= {"CompressMilliseconds": self.facts["compress_ms"]}
        return counts


METRICS = {
    READY: "ImageReady",
    REJECTED: "ImageRejected",
    "known": "UploadKnown",  # it came to its end before: a duplicate, or an upload after the first
    "unwanted": "UploadUnwanted",  # removed: its photo is deleted, expired or was never asked for
    "gone": "UploadUnwanted",  # there is nothing under the key any more
    "ignored": "UploadEventIgnored",  # no key of ours
}


def compress(key: str) -> Outcome:
    """Follow an upload to its end; Unavailable when it should be tried again."""
    found = KEY.fullmatch(key)
    if not found:
        return Outcome("ignored")
    owner, image_id = found.groups()
    image = store.image(owner, image_id)
    if image and image.status == AWAITING:
        image = _claimed(image, key)
    if not image or image.status not in (AWAITING, PROCESSING):
        return _left_alone(owner, image_id)
    if image.status == AWAITING:
        return Outcome("gone", {"id": image_id})
    return _process(image, key)


def _claimed(image: Image, key: str) -> Image | None:
    """The row with its version written in, by this call or another; unchanged when there is nothing to claim."""
    first = bucket.first_version(key)
    if not first:
        return image
    claim = {"stage": COMPRESSING, "upload_version": first.id, "upload_size_bytes": first.size_bytes}
    # Only an upload that was late moves the check, which else is soon enough: an index is written with every move.
    check_at_us = min(image.next_check_at_us or 0, clock.now_us() + images.PROCESSED_US)
    if images.change(image, PROCESSING, next_check_at_us=check_at_us, **claim):
        return image
    return store.image(image.owner, image.id)


def _process(image: Image, key: str) -> Outcome:
    size_bytes = image.upload_size_bytes or 0
    if size_bytes > settings().upload_size_bytes_max:
        return _rejected(image, "upload_too_large", {"id": image.id, "bytes_in": size_bytes})
    data = bucket.upload(key, image.upload_version or "")
    if data is None or len(data) != size_bytes:  # gone, or cut short on its way to us
        return _left_alone(image.owner, image.id)
    sha256 = hashlib.sha256(data).hexdigest()
    facts = {"id": image.id, "sha256": sha256, "bytes_in": len(data)}
    if image.sha256_wanted and image.sha256_wanted != sha256:
        return _rejected(image, "checksum_mismatch", facts)
    started_us = clock.now_us()
    try:
        made = pixels.compress(data, settings().image_formats)
    except pixels.Rejected as reason:
        return _rejected(image, reason.code, facts)
    facts |= {"format": made.format, "compress_ms": (clock.now_us() - started_us) // 1_000}
    return _stored(image, made, facts)


def _stored(image: Image, made: Compressed, facts: dict[str, Any]) -> Outcome:
    """Put the variants and say so in the row; the other way round, links would lead nowhere."""
    if not store.write(Change(image, {"stage": STORING}, status_in=(PROCESSING,))):
        return _left_alone(image.owner, image.id)
    for one in made.variants:
        key = images.variant_key(image, pixels.RECIPE, facts["sha256"], one.name, one.format)
        bucket.put_image(key, one.data, MEDIA_TYPES[one.format])
    values = {
        "sha256": facts["sha256"],
        "recipe": pixels.RECIPE,
        "format": made.format,
        "width": made.width,
        "height": made.height,
        "variants": [
            {
                "name": one.name,
                "format": one.format,
                "width": one.width,
                "height": one.height,
                "bytes": len(one.data),
            }
            for one in made.variants
        ],
        "placeholder": made.placeholder,
        "dominant_colour": made.dominant_colour,
    }
    if not _finished(image, READY, **values):
        return _left_alone(image.owner, image.id)
    return Outcome(READY, facts | {"bytes_out": sum(len(one.data) for one in made.variants)})


def _rejected(image: Image, code: str, facts: Mapping[str, Any]) -> Outcome:
    if not _finished(image, REJECTED, rejection=code, sha256=facts.get("sha256")):
        return _left_alone(image.owner, image.id)
    return Outcome(REJECTED, {**facts, "code": code})


def _left_alone(owner: str, image_id: str) -> Outcome:
    """Look at the row as it stands now: what is not wanted leaves nothing behind."""
    image = store.image(owner, image_id)
    status = image.status if image else None
    if status == PROCESSING:  # its upload cannot be had; if it stays so, the sweeper gives up
        raise Unavailable
    if status == REJECTED:  # perhaps by the sweeper, while this was at work
        bucket.remove_images(images.image_prefix(owner, image_id))
    if status in (READY, REJECTED):
        return Outcome("known", {"id": image_id})
    images.remove_objects(owner, image_id)
    return Outcome("unwanted", {"id": image_id})


def _finished(image: Image, status: str, **values: Any) -> bool:
    return images.change(image, status, **images.CLOSED, **values)
