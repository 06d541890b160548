"""What a photo may become, when the sweeper checks it, and the keys of its objects.

The status of a photo's row alone decides who may change it, in one conditional write. So the compressor, the sweeper
and the customer's DELETE can collide at any moment, and one of them wins.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from shared import clock
from shared.aws import dynamodb
from shared.aws.dynamodb import Update
from shared.images.models import Image

AWAITING_UPLOAD, PROCESSING, READY, REJECTED = "awaiting_upload", "processing", "ready", "rejected"
EXPIRED, DELETED = "expired", "deleted"  # a deleted photo is never returned

# The statuses that may follow each status; any other change is refused.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    AWAITING_UPLOAD: (PROCESSING, EXPIRED, DELETED),
    PROCESSING: (READY, REJECTED, DELETED),
    READY: (DELETED,),
    REJECTED: (DELETED,),
    EXPIRED: (DELETED,),
    DELETED: (),
}

# The stages of processing, and the progress of each stage and status in percent. The first stage is entered once,
# together with the status, and the second from anywhere: a photo's progress only grows, however many compressors run.
COMPRESSING, STORING = "compressing", "storing"
PROGRESS = {AWAITING_UPLOAD: 0, COMPRESSING: 50, STORING: 75, READY: 100, REJECTED: 100, EXPIRED: 100}

# When the sweeper checks. An upload may begin just before its form expires, and S3 retries an event for an hour. The
# first check is already set to the time when an upload would be stuck, so that a claim need not move it; a photo
# that still awaits its upload then is checked again.
MINUTE_US = 60 * 1_000_000
UPLOAD_WINDOW_US = 120 * MINUTE_US
PROCESSING_WINDOW_US = 15 * MINUTE_US
WINDOWS_US: Mapping[str, int] = {AWAITING_UPLOAD: UPLOAD_WINDOW_US, PROCESSING: PROCESSING_WINDOW_US}
REMOVE_AGAIN_AFTER_US = 5 * MINUTE_US
PURGE_AFTER_US = UPLOAD_WINDOW_US

NO_MORE_CHECKS: Mapping[str, Any] = {"open": None, "next_check_at_us": None}
EXPIRED_KEPT_S = 86_400  # how long the app can see that a photo never came

HASH_LENGTH = 16  # of the content's hash, in a variant's key
UPLOAD_KEY = re.compile(r"in/([0-9a-f]{64})/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
MEDIA_TYPES = {"jpeg": "image/jpeg", "avif": "image/avif", "webp": "image/webp"}


def change_status(image: Image, status: str, **values: Any) -> bool:
    """Move a photo to a status that its current one allows; False if another call has moved it first."""
    allowed = [before for before, after in TRANSITIONS.items() if status in after]
    values |= {"status": status, "updated_at_us": clock.now_us()}
    return bool(allowed) and dynamodb.execute(Update(image, values, expect_status=allowed))


def expire(image: Image) -> bool:
    """Give up a photo that never came; its row goes after a day. False if another call has moved it first."""
    return change_status(image, EXPIRED, **NO_MORE_CHECKS, expires_at_s=clock.now_s() + EXPIRED_KEPT_S)


def owner_of(customer: str) -> str:
    """A pseudonym of the customer for keys, which appear in logs and in listings of the buckets."""
    return hashlib.sha256(b"garment-pay image owner\n" + customer.encode()).hexdigest()


def upload_key(owner: str, image_id: str) -> str:
    return f"in/{owner}/{image_id}"


def image_prefix(owner: str, image_id: str) -> str:
    return f"out/{owner}/{image_id}/"


def variant_key(image: Image, recipe: str | None, sha256: str | None, name: str, format: str) -> str:
    """Derived from the upload's content and the recipe, so that the same bytes have the same key."""
    return f"{image_prefix(image.owner, image.id)}{recipe}-{(sha256 or '')[:HASH_LENGTH]}/{name}.{format}"
