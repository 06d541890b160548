"""Starting a photo: its row, and a presigned upload straight to S3 or, as in the Django backend, the photo itself.

Either way the bytes become the row's upload, and S3 starts the compressor.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared import clock
from shared.aws import dynamodb, presign
from shared.aws.dynamodb import OPEN, Insert, Update
from shared.aws.presign import PresignedUpload
from shared.errors import Conflict, LimitReached, PayloadTooLarge, ServiceUnavailable, Throttled, ValidationError
from shared.http import fields
from shared.http.multipart import FileField
from shared.images import models
from shared.images.lifecycle import (
    AWAITING_UPLOAD,
    PROCESSING_WINDOW_US,
    expire,
    owner_of,
    upload_key,
)
from shared.images.models import Image, UploadCounter
from shared.images.rejections import REJECTION_TEXTS
from shared.settings import settings

# Of one customer.
PENDING_UPLOADS_MAX = 50  # valid at the same time
UPLOADS_PER_DAY_MAX = 500
PHOTOS_MAX = 2_000  # that are not deleted
DAY_US = 86_400 * 1_000_000

POST, PUT = "post", "put"
CONTENT_TYPES = ("image/jpeg", "image/png", "image/webp", "image/avif", "image/heic")
# Other names under which phones, browsers and libraries know these types. The bytes decide in the end.
OTHER_NAMES = {
    "image/jpg": "image/jpeg",
    "image/jpe": "image/jpeg",
    "image/jfif": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/pipeg": "image/jpeg",
    "image/x-jpeg": "image/jpeg",
    "image/x-jpg": "image/jpeg",
    "image/x-citrix-jpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/x-citrix-png": "image/png",
    "image/apng": "image/png",
    "image/vnd.mozilla.apng": "image/png",
    "image/x-webp": "image/webp",
    "image/x-avif": "image/avif",
    "image/avif-sequence": "image/avif",
    "image/heif": "image/heic",
    "image/x-heic": "image/heic",
    "image/x-heif": "image/heic",
    "image/heic-sequence": "image/heic",
    "image/heif-sequence": "image/heic",
}

# API Gateway encodes a form in base64 for a function, and Lambda takes 6 MB of it.
FORM_PHOTO_BYTES_MAX = 4 * 1024 * 1024
FORM_TOO_LARGE = (
    "The request body is too large. Photos above 4 MiB need a presigned upload: POST their content_type as JSON."
)
PHOTO = FileField(names=("image", "file", "photo"), size_bytes_max=FORM_PHOTO_BYTES_MAX, too_large=FORM_TOO_LARGE)


class ContentType(fields.Choice):
    """The type of a photo, however it is written: `IMAGE/JPG; charset=binary` is `image/jpeg`."""

    def parse(self, value: Any) -> str:
        if not isinstance(value, str):
            return super().parse(value)
        name = value.partition(";")[0].strip().lower()
        name = OTHER_NAMES.get(name, name)
        return name if name in self.options else super().parse(value)


UPLOAD_FIELDS: Mapping[str, fields.Field] = {
    "content_type": ContentType(
        options=CONTENT_TYPES,
        required=True,
        example="image/jpeg",
        description="Other writings, such as image/jpg, are taken for what they mean; the form demands one of these.",
    ),
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


class Upload(NamedTuple):
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
    image = _insert_image(owner, sha256)
    key = upload_key(owner, image.id)
    if method == PUT:
        presigned = presign.presign_put(key, content_type, size_bytes, sha256)
    else:
        size_range = (size_bytes, size_bytes) if size_bytes else (1, size_bytes_max)
        presigned = presign.presign_post(key, content_type, size_range, sha256)
    return Upload(image, presigned, content_type, size_bytes or size_bytes_max, expires_at_us)


def receive_photo(customer: str, photo: bytes) -> Image:
    """Write a new photo's row and store the photo as its upload.

    The row comes first: the compressor discards an upload without one. Sending the same photo again makes another.
    """
    if len(photo) > settings().upload_size_bytes_max:
        raise PayloadTooLarge(REJECTION_TEXTS["upload_too_large"])
    owner, sha256 = owner_of(customer), hashlib.sha256(photo).hexdigest()
    _reserve_upload(owner)
    image = _insert_image(owner, sha256)
    try:
        from shared.aws import s3  # most uploads go straight to S3

        s3.put_upload(upload_key(owner, image.id), photo, sha256)
    except ServiceUnavailable:
        # The app will send the photo again, so this row ends, whether or not its upload still arrives. A row that
        # the compressor has claimed shows that it has arrived.
        if expire(image):
            raise
        return models.get_image(owner, image.id) or image
    return image


def _insert_image(owner: str, sha256: str | None) -> Image:
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
    return image


def _reserve_upload(owner: str) -> int:
    """Count one more pending upload of the owner; returns when it expires and stops counting.

    Throttled when too many are pending, LimitReached when too many began within a day, Conflict when the owner has
    too many photos.
    """

    def attempt() -> int | None:
        at_us = clock.now_us()
        stored = models.get_upload_counter(owner)
        counter = stored or UploadCounter(owner, tickets_end_at_us=[])
        pending = [end_us for end_us in counter.tickets_end_at_us if end_us > at_us]
        if len(pending) >= PENDING_UPLOADS_MAX:
            raise Throttled(retry_after_s=(min(pending) - at_us) // 1_000_000 + 1)
        expires_at_us = at_us + presign.UPLOAD_AGE_S_MAX * 1_000_000
        counts: dict[str, Any] = {
            "tickets_end_at_us": [*pending, expires_at_us],
            "photos_max": _checked_photos(counter) + 1,
            **_checked_day(counter, at_us),
        }
        write: Insert | Update
        if stored:
            write = Update(stored, counts, expect={"tickets_end_at_us": stored.tickets_end_at_us})
        else:
            write = Insert(UploadCounter(owner, **counts))
        return expires_at_us if dynamodb.execute(write) else None

    return dynamodb.retrying(attempt)


def _checked_photos(counter: UploadCounter) -> int:
    """How many photos the owner has at most; Conflict if there is no room for another."""
    if counter.photos_max < PHOTOS_MAX:
        return counter.photos_max
    count = models.count_images(counter.owner)
    if count >= PHOTOS_MAX:
        raise Conflict(f"No more than {PHOTOS_MAX} photos can be kept.", code="too_many_photos")
    return count


def _checked_day(counter: UploadCounter, at_us: int) -> dict[str, int]:
    """The counts of uploads within a day, with one more; LimitReached if there are too many."""
    if at_us >= counter.day_ends_us:
        return {"day_ends_us": at_us + DAY_US, "day_count": 1}
    if counter.day_count >= UPLOADS_PER_DAY_MAX:
        retry_after_s = (counter.day_ends_us - at_us) // 1_000_000 + 1
        raise LimitReached("Too many photos were uploaded within a day.", "uploads_per_day", retry_after_s)
    return {"day_ends_us": counter.day_ends_us, "day_count": counter.day_count + 1}
