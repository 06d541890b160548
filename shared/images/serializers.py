"""The bodies of the photo endpoints."""

from typing import Annotated, Literal, NotRequired, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.aws.presign import LINK_AGE_S_MAX, presign_get
from shared.http.formats import JsonSchema, Time, Uri, Uuid
from shared.images.lifecycle import AWAITING_UPLOAD, COMPRESSING, MEDIA_TYPES, PROCESSING, PROGRESS, variant_key
from shared.images.models import Image
from shared.images.rejections import REJECTION_RETRIES, REJECTION_TEXTS
from shared.images.uploads import Upload

# How long to wait before asking again, by the age of the last change: (younger than, wait).
POLL_AFTER_MS = ((10_000_000, 1_000), (60_000_000, 3_000), (None, 10_000))

ImageStatus = TypeAliasType("ImageStatus", Literal["awaiting_upload", "processing", "ready", "rejected", "expired"])
RejectionCode = TypeAliasType(
    "RejectionCode",
    Literal[
        "corrupt",
        "heic_not_supported",
        "too_complex",
        "too_large",
        "too_many_pixels",
        "truncated",
        "unsupported_jpeg",
        "unsupported_type",
        "upload_too_large",
        "checksum_mismatch",
        "processing_failed",
    ],
)
VariantFormat = TypeAliasType("VariantFormat", Literal["jpeg", "avif", "webp"])
Percent = Annotated[int, JsonSchema(minimum=0, maximum=100)]
Sha256 = Annotated[str, JsonSchema(pattern="^[0-9a-f]{64}$")]
Colour = Annotated[str, JsonSchema(pattern="^#[0-9a-f]{6}$")]


class OriginalBody(TypedDict):
    """`sha256` is null until the upload has been read; the size and format are null unless the photo is ready."""

    bytes: int
    width: int | None
    height: int | None
    format: str | None
    sha256: Sha256 | None


class VariantBody(TypedDict):
    name: Literal["display", "thumb"]
    format: VariantFormat
    width: int
    height: int
    bytes: int
    url: Uri
    expires_at: Time


class RejectBody(TypedDict):
    """`retry` says whether sending the same photo again can help."""

    code: RejectionCode
    text: str
    retry: bool


class ImageBody(TypedDict):
    """`progress` is in percent; `poll_after_ms` is null once the status is final."""

    id: Uuid
    status: ImageStatus
    progress: Percent
    poll_after_ms: int | None
    original: OriginalBody | None
    variants: list[VariantBody]
    placeholder: Uri | None
    dominant_colour: Colour | None
    reject: RejectBody | None
    created_at: Time
    updated_at: Time


class PresignedUploadBody(TypedDict):
    """Send `fields` and the photo as a form (POST), or the photo with `headers` (PUT).

    `single_use` is whether S3 refuses a second upload.
    """

    method: Literal["POST", "PUT"]
    url: Uri
    fields: dict[str, str]
    headers: dict[str, str]
    expires_at: Time
    size_bytes_max: int
    accept: list[str]
    single_use: bool


class UploadBody(ImageBody):
    """`upload` is absent if the photo came as a form."""

    upload: NotRequired[PresignedUploadBody]


def serialize_image(image: Image) -> ImageBody:
    stage = image.stage or COMPRESSING if image.status == PROCESSING else image.status
    return {
        "id": image.id,
        "status": cast(ImageStatus, image.status),
        "progress": PROGRESS[stage],
        "poll_after_ms": _poll_after_ms(image),
        "original": _serialize_original(image),
        "variants": [serialize_variant(image, variant) for variant in image.variants or []],
        "placeholder": image.placeholder,
        "dominant_colour": image.dominant_colour,
        "reject": _serialize_rejection(image.rejection),
        "created_at": clock.iso(image.created_at_us or 0),
        "updated_at": clock.iso(image.updated_at_us),
    }


def _serialize_rejection(code: str | None) -> RejectBody | None:
    if not code:
        return None
    return {"code": cast(RejectionCode, code), "text": REJECTION_TEXTS[code], "retry": REJECTION_RETRIES[code]}


def serialize_variant(image: Image, stored: dict[str, int | str]) -> VariantBody:
    """A variant with a link to it; `stored` is one of the row's `variants`."""
    name, format = str(stored["name"]), str(stored["format"])
    url = presign_get(variant_key(image, image.recipe, image.sha256, name, format), MEDIA_TYPES[format])
    expires_at = clock.iso(clock.now_us() + LINK_AGE_S_MAX * 1_000_000)
    return cast(VariantBody, {**stored, "url": url, "expires_at": expires_at})


def serialize_upload(upload: Upload) -> UploadBody:
    presigned = upload.presigned
    return {
        **serialize_image(upload.image),
        "upload": {
            "method": "PUT" if presigned.method == "PUT" else "POST",
            "url": presigned.url,
            "fields": dict(presigned.fields),
            "headers": dict(presigned.headers),
            "expires_at": clock.iso(upload.expires_at_us),
            "size_bytes_max": upload.size_bytes_max,
            "accept": [upload.content_type],
            "single_use": presigned.method == "PUT",
        },
    }


def retry_after_s(body: ImageBody) -> int | None:
    """The same wait as `poll_after_ms`, in the whole seconds of the Retry-After header."""
    wait_ms = body["poll_after_ms"]
    return None if wait_ms is None else -(-wait_ms // 1_000)


def _serialize_original(image: Image) -> OriginalBody | None:
    if image.upload_size_bytes is None:
        return None
    return {
        "bytes": image.upload_size_bytes,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "sha256": image.sha256,
    }


def _poll_after_ms(image: Image) -> int | None:
    if image.status not in (AWAITING_UPLOAD, PROCESSING):
        return None
    age_us = clock.now_us() - image.updated_at_us
    return next(wait_ms for younger_us, wait_ms in POLL_AFTER_MS if younger_us is None or age_us < younger_us)
