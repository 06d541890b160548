"""Starting a photo: its row, and a presigned upload straight to S3."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import clock
from shared.aws import dynamodb, s3
from shared.aws.dynamodb import OPEN, Insert, Update
from shared.aws.s3 import PresignedUpload
from shared.errors import Throttled, ValidationError
from shared.http import fields
from shared.images import models
from shared.images.lifecycle import AWAITING_UPLOAD, PROCESSING_WINDOW_US, owner_of, upload_key
from shared.images.models import Image, UploadCounter
from shared.settings import settings

PENDING_UPLOADS_MAX = 50  # of one customer, valid at the same time

POST, PUT = "post", "put"
CONTENT_TYPES = ("image/jpeg", "image/png", "image/webp", "image/avif", "image/heic")

UPLOAD_FIELDS: Mapping[str, fields.Field] = {
    "content_type": fields.Choice(options=CONTENT_TYPES, required=True, example="image/jpeg"),
    "size_bytes": fields.Integer(
        null=True,
        minimum=1,
        maximum=1_000_000_000,
        example=4_404_019,
        description="The exact size. S3 rejects an upload of any other size. Required with ?method=put.",
    ),
    "sha256": fields.Text(
        pattern=r"[0-9A-Fa-f]{64}",
        message="Enter the SHA-256 of the photo as 64 hexadecimal digits.",
        card_scan=False,
        description="The SHA-256 of the photo in hexadecimal. S3 rejects an upload of any other bytes.",
    ),
}
UPLOAD_QUERY: Mapping[str, fields.Field] = {
    "method": fields.Choice(
        options=(POST, PUT), description="How to upload: as a multipart form (post) or as the request body (put)."
    )
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A new photo, and how to upload it: valid for one object key and content type, for five minutes."""

    image: Image
    presigned: PresignedUpload
    content_type: str
    size_bytes_max: int
    expires_at_us: int


def create_upload(customer: str, body: Mapping[str, Any], method: str) -> Upload:
    """Write a new photo's row and presign its upload. `body` holds the values of UPLOAD_FIELDS."""
    content_type, size_bytes, sha256 = body["content_type"], body["size_bytes"], body["sha256"].lower() or None
    size_bytes_max = settings().upload_size_bytes_max
    if size_bytes is None and method == PUT:
        raise ValidationError({"size_bytes": ["This field is required."]})
    if size_bytes is not None and size_bytes > size_bytes_max:
        raise ValidationError({"size_bytes": [f"Ensure this value is less than or equal to {size_bytes_max}."]})
    owner = owner_of(customer)
    expires_at_us = _reserve_upload(owner)
    at_us = clock.now_us()
    image = Image(
        owner,
        clock.new_id(),
        status=AWAITING_UPLOAD,
        sha256_wanted=sha256,
        open=OPEN,
        next_check_at_us=at_us + PROCESSING_WINDOW_US,
        created_at_us=at_us,
        updated_at_us=at_us,
    )
    dynamodb.execute(Insert(image))
    key = upload_key(owner, image.id)
    if method == PUT:
        presigned = s3.presign_put(key, content_type, size_bytes, sha256)
    else:
        size_range = (size_bytes, size_bytes) if size_bytes else (1, size_bytes_max)
        presigned = s3.presign_post(key, content_type, size_range, sha256)
    return Upload(image, presigned, content_type, size_bytes or size_bytes_max, expires_at_us)


def _reserve_upload(owner: str) -> int:
    """Count one more pending upload of the owner; returns when it expires and stops counting.

    Throttled when the owner has too many.
    """

    def attempt() -> int | None:
        at_us = clock.now_us()
        counter = models.get_upload_counter(owner)
        pending = [end_us for end_us in (counter.tickets_end_at_us if counter else []) if end_us > at_us]
        if len(pending) >= PENDING_UPLOADS_MAX:
            raise Throttled(retry_after_s=(min(pending) - at_us) // 1_000_000 + 1)
        expires_at_us = at_us + s3.UPLOAD_AGE_S_MAX * 1_000_000
        pending.append(expires_at_us)
        write: Insert | Update
        if counter:
            read = {"tickets_end_at_us": counter.tickets_end_at_us}
            write = Update(counter, {"tickets_end_at_us": pending}, expect=read)
        else:
            write = Insert(UploadCounter(owner, tickets_end_at_us=pending))
        return expires_at_us if dynamodb.execute(write) else None

    return dynamodb.retrying(attempt)
