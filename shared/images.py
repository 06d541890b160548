"""Garment photos: the ticket to upload one, its status with links, its removal, and the sweep of what got stuck.

A photo's row is its whole story. Who may change it is decided by the row's status alone, in one conditional write,
so the compressor, the sweeper and the customer's DELETE can meet at any moment and one of them wins.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from shared import bucket, clock, fields, store
from shared.errors import Invalid, NotFound, Throttled, Unavailable
from shared.rejections import REJECTIONS
from shared.settings import settings
from shared.store import OPEN, TICKETS, Change, Image, Put

AWAITING, PROCESSING, READY, REJECTED = "awaiting_upload", "processing", "ready", "rejected"
EXPIRED, DELETED = "expired", "deleted"  # nobody is shown what is deleted

# What a photo may become; anything else changes nothing.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    AWAITING: (PROCESSING, EXPIRED, DELETED),
    PROCESSING: (READY, REJECTED, DELETED),
    READY: (DELETED,),
    REJECTED: (DELETED,),
    EXPIRED: (DELETED,),
    DELETED: (),
}

# The stages of processing, and how far along each is, in percent. The first is entered once, with the status, and
# the second from anywhere, so however many compressors are at work a photo's progress only grows.
COMPRESSING, STORING = "compressing", "storing"
PROGRESS = {AWAITING: 0, COMPRESSING: 50, STORING: 75, READY: 100, REJECTED: 100, EXPIRED: 100}

# How long to wait before asking again, by the age of the last change: (younger than, wait).
POLL_AFTER_MS = ((10_000_000, 1_000), (60_000_000, 3_000), (None, 10_000))

TICKETS_MAX = 50  # of one customer's that are valid at the same time

# When the sweeper looks. An upload may begin as its ticket ends, and S3's event be retried for an hour after it. A
# ticket already says when its upload would be stuck, so that a claim need not move the check; what is still awaited
# by then is looked at again.
MINUTE_US = 60 * 1_000_000
AWAITED_US = 120 * MINUTE_US
PROCESSED_US = 15 * MINUTE_US
GIVEN_UP_AFTER_US: Mapping[str, int] = {AWAITING: AWAITED_US, PROCESSING: PROCESSED_US}
REMOVED_AGAIN_US = 5 * MINUTE_US
PURGED_US = AWAITED_US

HASH_LENGTH = 16  # of the content's hash, in a variant's key

POST, PUT = "post", "put"
ACCEPTED = ("image/jpeg", "image/png", "image/webp", "image/avif", "image/heic")
MEDIA_TYPES = {"jpeg": "image/jpeg", "avif": "image/avif", "webp": "image/webp"}

# Why a photo was rejected, in words for who took it: what is wrong with the picture, or with its upload.
REASONS: Mapping[str, str] = {
    **REJECTIONS,
    "upload_too_large": "The photo is larger than what can be uploaded. Please send a smaller one.",
    "checksum_mismatch": "The photo was damaged on its way. Please send it again.",
    "processing_failed": "The photo could not be processed. Please send it again.",
}

# --- what the app sends and gets

UPLOAD_FIELDS: Mapping[str, fields.Field] = {
    "content_type": fields.Choice(options=ACCEPTED, required=True, example="image/jpeg"),
    "size_bytes": fields.Integer(
        null=True,
        minimum=1,
        maximum=1_000_000_000,
        example=4_404_019,
        description="The exact size; S3 then refuses any other. Needed with ?method=put.",
    ),
    "sha256": fields.Text(
        pattern=r"[0-9A-Fa-f]{64}",
        message="Enter the SHA-256 of the photo as 64 hexadecimal digits.",
        card_scan=False,
        description="Of the photo, in hexadecimal; S3 then refuses any other bytes.",
    ),
}
UPLOAD_QUERY: Mapping[str, fields.Field] = {
    "method": fields.Choice(options=(POST, PUT), description="How to upload: a form (post) or the bare photo (put).")
}

AWAITED: Mapping[str, Any] = {
    "id": "7b0f2c3d-5c7e-4f5a-9d58-2f6f3c1f8a11",
    "status": AWAITING,
    "progress": 0,
    "poll_after_ms": 1_000,
    "original": None,
    "variants": [],
    "placeholder": None,
    "dominant_colour": None,
    "reject": None,
    "created_at": "2026-01-09T12:00:00.123456Z",
    "updated_at": "2026-01-09T12:00:00.123456Z",
}
DONE: Mapping[str, Any] = {
    **AWAITED,
    "status": READY,
    "progress": 100,
    "poll_after_ms": None,
    "original": {"bytes": 4_404_019, "width": 3_024, "height": 4_032, "format": "jpeg", "sha256": "9f86d081…"},
    "variants": [
        {
            "name": "display",
            "format": "avif",
            "width": 1_200,
            "height": 1_600,
            "bytes": 148_211,
            "url": "https://garment-pay-prod-images-000000000000.s3.ap-south-1.amazonaws.com/out/…",
            "expires_at": "2026-01-09T12:05:02Z",
        }
    ],
    "placeholder": "data:image/webp;base64,UklGRl4AAABXRUJQ…",
    "dominant_colour": "#7a6f63",
}
REFUSED: Mapping[str, Any] = {
    **AWAITED,
    "status": REJECTED,
    "progress": 100,
    "poll_after_ms": None,
    "reject": {"code": "checksum_mismatch", "text": REASONS["checksum_mismatch"]},
}
ANSWER = (DONE, AWAITED, REFUSED)
TICKET: Mapping[str, Any] = {
    **AWAITED,
    "upload": {
        "method": "POST",
        "url": "https://garment-pay-prod-uploads-000000000000.s3.ap-south-1.amazonaws.com/",
        "fields": {"Content-Type": "image/jpeg", "key": "in/…", "policy": "…", "x-amz-signature": "…"},
        "headers": {},
        "expires_at": "2026-01-09T12:05:00Z",
        "size_bytes_max": 26_214_400,
        "accept": ["image/jpeg"],
    },
}


# --- tickets


def ticket(customer: str, wanted: Mapping[str, Any], method: str) -> dict[str, Any]:
    """A new photo's row, and what to upload it with: good for one key, one type and five minutes."""
    size_bytes, sha256 = wanted["size_bytes"], wanted["sha256"].lower() or None
    size_bytes_max = settings().upload_size_bytes_max
    if size_bytes is None and method == PUT:
        raise Invalid({"size_bytes": ["This field is required."]})
    if size_bytes is not None and size_bytes > size_bytes_max:
        raise Invalid({"size_bytes": [f"Ensure this value is less than or equal to {size_bytes_max}."]})
    owner = owner_of(customer)
    ends_at_us = _count_ticket(owner)
    at_us = clock.now_us()
    image = Image(
        owner,
        clock.new_id(),
        status=AWAITING,
        sha256_wanted=sha256,
        open=OPEN,
        next_check_at_us=at_us + PROCESSED_US,
        created_at_us=at_us,
        updated_at_us=at_us,
    )
    store.write(Put(image))
    key = upload_key(owner, image.id)
    if method == PUT:
        form = bucket.upload_put(key, wanted["content_type"], size_bytes, sha256)
    else:
        size_range = (size_bytes, size_bytes) if size_bytes else (1, size_bytes_max)
        form = bucket.upload_form(key, wanted["content_type"], size_range, sha256)
    upload = {
        "method": form.method,
        "url": form.url,
        "fields": dict(form.fields),
        "headers": dict(form.headers),
        "expires_at": clock.iso(ends_at_us),
        "size_bytes_max": size_bytes or size_bytes_max,
        "accept": [wanted["content_type"]],
    }
    return _shown(image) | {"upload": upload}


def _count_ticket(owner: str) -> int:
    """Take one of the owner's places for valid tickets; when it is free again."""
    for _ in store.retries():
        at_us = clock.now_us()
        row = store.image(owner, TICKETS)
        ends = [one for one in (row.tickets_end_at_us or [] if row else []) if one > at_us]
        if len(ends) >= TICKETS_MAX:
            raise Throttled(retry_after_s=(min(ends) - at_us) // 1_000_000 + 1)
        ends.append(at_us + bucket.TICKET_AGE_S * 1_000_000)
        if row:
            write = Change(row, {"tickets_end_at_us": ends}, unchanged={"tickets_end_at_us": row.tickets_end_at_us})
            taken = store.write(write)
        else:
            taken = store.write(Put(Image(owner, TICKETS, tickets_end_at_us=ends)))
        if taken:
            return int(ends[-1])
    raise Unavailable


# --- status


def listed(customer: str) -> tuple[int, Callable[[int, int], list[dict[str, Any]]]]:
    """How many photos the customer has, and what gives the rows of a page, the newest first."""
    owner = owner_of(customer)
    ids = store.image_ids(owner)

    def rows(offset: int, limit: int) -> list[dict[str, Any]]:
        images = store.images(owner, ids[offset : offset + limit])
        return [_shown(one) for one in images if one.status != DELETED]  # since the ids were read, perhaps

    return len(ids), rows


def retrieve(customer: str, image_id: str) -> dict[str, Any]:
    return _shown(_known(customer, image_id))


def retry_after_s(shown: Mapping[str, Any]) -> int | None:
    """The wait that an answer asks for, in the whole seconds of a header."""
    wait_ms = shown["poll_after_ms"]
    return None if wait_ms is None else -(-wait_ms // 1_000)


def _shown(image: Image) -> dict[str, Any]:
    stage = image.stage or COMPRESSING if image.status == PROCESSING else image.status
    reject = {"code": image.rejection, "text": REASONS[image.rejection]} if image.rejection else None
    return {
        "id": image.id,
        "status": image.status,
        "progress": PROGRESS[stage],
        "poll_after_ms": _poll_after_ms(image),
        "original": _original(image),
        "variants": [_linked(image, one) for one in image.variants or []],
        "placeholder": image.placeholder,
        "dominant_colour": image.dominant_colour,
        "reject": reject,
        "created_at": clock.iso(image.created_at_us or 0),
        "updated_at": clock.iso(image.updated_at_us or 0),
    }


def _original(image: Image) -> dict[str, Any] | None:
    if image.upload_size_bytes is None:
        return None
    known = {name: getattr(image, name) for name in ("width", "height", "format", "sha256")}
    return {"bytes": image.upload_size_bytes, **known}


def _poll_after_ms(image: Image) -> int | None:
    if image.status not in (AWAITING, PROCESSING):
        return None
    age_us = clock.now_us() - (image.updated_at_us or 0)
    return next(wait_ms for younger_us, wait_ms in POLL_AFTER_MS if younger_us is None or age_us < younger_us)


def _linked(image: Image, variant: Mapping[str, Any]) -> dict[str, Any]:
    key = variant_key(image, image.recipe, image.sha256, variant["name"], variant["format"])
    url = bucket.image_link(key, MEDIA_TYPES[variant["format"]])
    return {**variant, "url": url, "expires_at": clock.iso(clock.now_us() + bucket.LINK_AGE_S * 1_000_000)}


# --- the end: removal, and what the sweeper brings to its end


def delete(customer: str, image_id: str) -> None:
    """Gone at once for everyone; what an upload or the compressor still adds is removed when it is noticed.

    The row stays, emptied, for as long as anything of it may still be under way: by it the compressor learns that
    nobody wants its work, and the sweeper looks twice more.
    """
    image = _known(customer, image_id)
    # Blocked means deleted meanwhile, by a call at the same time or by our own first attempt: the same end.
    change(image, DELETED, open=OPEN, next_check_at_us=clock.now_us() + REMOVED_AGAIN_US, **_FORGOTTEN)
    try:
        remove_objects(image.owner, image.id)
    except Unavailable:
        pass  # the sweeper's first look is for this


def sweep(deadline_us: int, limit: int = 1_000) -> dict[str, int]:
    """Bring what is due to its end: counts by what was done."""
    counts = {"ImageExpired": 0, "ImageProcessingFailed": 0, "ImagePurged": 0, "SweepFailed": 0}
    for owner, image_id in store.images_to_check(clock.now_us(), limit):
        if clock.now_us() >= deadline_us:
            break
        try:
            done = _sweep(owner, image_id)
        except Unavailable:
            done = "SweepFailed"  # the others are not held up; this one is still due
        if done:
            counts[done] += 1
    return counts


def _sweep(owner: str, image_id: str) -> str:
    image, at_us = store.image(owner, image_id), clock.now_us()
    if not image or image.open is None or (image.next_check_at_us or 0) > at_us:
        return ""  # it has come to its end, or is not due any more, since it was listed
    given_up_at_us = (image.updated_at_us or 0) + GIVEN_UP_AFTER_US.get(image.status, 0)
    if at_us < given_up_at_us:
        store.write(Change(image, {"next_check_at_us": given_up_at_us}, status_in=(image.status,)))
        return ""
    if image.status == AWAITING:
        return "ImageExpired" if change(image, EXPIRED, **CLOSED) else ""
    if image.status == PROCESSING:
        # Looked at once more: a compressor that was still at work may die with variants just put.
        if not change(image, REJECTED, rejection="processing_failed", next_check_at_us=at_us + PURGED_US):
            return ""
        bucket.remove_images(image_prefix(owner, image_id))
        return "ImageProcessingFailed"
    if image.status == REJECTED:
        bucket.remove_images(image_prefix(owner, image_id))
        store.write(Change(image, CLOSED, status_in=(REJECTED,)))
        return ""
    return _purged(image, at_us) if image.status == DELETED else ""


def _purged(image: Image, at_us: int) -> str:
    """Remove the objects of a deleted photo again, and its row once nothing of it can be under way."""
    remove_objects(image.owner, image.id)
    purge_at_us = (image.updated_at_us or 0) + PURGED_US
    if at_us < purge_at_us:
        store.write(Change(image, {"next_check_at_us": purge_at_us}, status_in=(DELETED,)))
        return ""
    store.remove_image(image)
    return "ImagePurged"


def remove_objects(owner: str, image_id: str) -> None:
    """Every version of the upload and every variant."""
    bucket.remove_upload(upload_key(owner, image_id))
    bucket.remove_images(image_prefix(owner, image_id))


# --- beneath

CLOSED: Mapping[str, Any] = {"open": None, "next_check_at_us": None}  # nothing left for the sweeper

# What a deleted photo's row no longer says; without a time it is in no list.
_FORGOTTEN: Mapping[str, Any] = dict.fromkeys(
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
    )
)


def change(image: Image, status: str, **values: Any) -> bool:
    """Move a photo to a status that the table allows it; False when it has moved elsewhere meanwhile."""
    allowed = [before for before, after in TRANSITIONS.items() if status in after]
    values |= {"status": status, "updated_at_us": clock.now_us()}
    return bool(allowed) and store.write(Change(image, values, status_in=allowed))


def owner_of(customer: str) -> str:
    """Stands for the customer in keys, which show up in logs and lists of the buckets."""
    return hashlib.sha256(b"garment-pay image owner\n" + customer.encode()).hexdigest()


def upload_key(owner: str, image_id: str) -> str:
    return f"in/{owner}/{image_id}"


def image_prefix(owner: str, image_id: str) -> str:
    return f"out/{owner}/{image_id}/"


def variant_key(image: Image, recipe: str, sha256: str, name: str, format: str) -> str:
    """By what it is made of and how, so that the same bytes go under the same key."""
    return f"{image_prefix(image.owner, image.id)}{recipe}-{sha256[:HASH_LENGTH]}/{name}.{format}"


def _known(customer: str, image_id: str) -> Image:
    image = store.image(owner_of(customer), image_id)
    if not image or image.status == DELETED:
        raise NotFound("Image")
    return image
