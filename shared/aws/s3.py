"""S3: presigned uploads and links for the app, and objects read, written and removed.

Uploads are in one bucket, versioned and short-lived; images are in another. A missing object is None, or nothing to
remove. A transient error is ServiceUnavailable; any other error stays what it is.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from shared.aws.timeouts import limit_timeouts
from shared.errors import ServiceUnavailable
from shared.settings import settings
from shared.telemetry import journal

UPLOAD_AGE_S_MAX = 300
LINK_AGE_S_MAX = 300
CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 5
ATTEMPTS = 3

MISSING = {"NoSuchKey", "NoSuchVersion", "404"}
TRANSIENT_ERRORS = {
    "SlowDown",
    "InternalError",
    "ServiceUnavailable",
    "RequestTimeout",
    "ExpiredToken",
    "RequestTimeTooSkewed",
}


@dataclass(frozen=True, slots=True)
class PresignedUpload:
    """How the app sends a photo: as a multipart form with `fields` (POST), or alone with `headers` (PUT)."""

    method: str
    url: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Version:
    id: str
    size_bytes: int


def presign_post(key: str, content_type: str, size_bytes: tuple[int, int], sha256: str | None) -> PresignedUpload:
    """A presigned POST. S3 refuses another key or type, a size out of range, other bytes, and a late upload."""
    fields = {"Content-Type": content_type}
    if sha256:
        fields |= {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": _base64(sha256)}
    conditions = [*({name: value} for name, value in fields.items()), ["content-length-range", *size_bytes]]
    form = client().generate_presigned_post(
        settings().uploads_bucket, key, Fields=dict(fields), Conditions=conditions, ExpiresIn=UPLOAD_AGE_S_MAX
    )
    return PresignedUpload("POST", form["url"], form["fields"], {})


def presign_put(key: str, content_type: str, size_bytes: int, sha256: str | None) -> PresignedUpload:
    """A presigned PUT with its type, length and, if given, checksum signed. It stores one object, once."""
    headers = {"Content-Type": content_type, "If-None-Match": "*"}
    signed = {"ContentType": content_type, "IfNoneMatch": "*", "ContentLength": size_bytes}
    if sha256:
        headers["x-amz-checksum-sha256"] = signed["ChecksumSHA256"] = _base64(sha256)
    target = {"Bucket": settings().uploads_bucket, "Key": key}
    url = client().generate_presigned_url("put_object", Params=target | signed, ExpiresIn=UPLOAD_AGE_S_MAX)
    return PresignedUpload("PUT", url, {}, headers)


def presign_get(key: str, content_type: str) -> str:
    """A link to one image for five minutes, served with this type whatever type is stored with the object."""
    target = {
        "Bucket": settings().images_bucket,
        "Key": key,
        "ResponseContentType": content_type,
        "ResponseContentDisposition": "inline",
        "ResponseCacheControl": f"private, max-age={LINK_AGE_S_MAX}",
    }
    return str(client().generate_presigned_url("get_object", Params=target, ExpiresIn=LINK_AGE_S_MAX))


def first_version(key: str) -> Version | None:
    """The oldest version of an upload, whichever version the event named."""
    versions = [version for version in _versions(key) if "Size" in version]
    return Version(versions[-1]["VersionId"], versions[-1]["Size"]) if versions else None


def get_upload(key: str, version: str) -> bytearray | None:
    """The bytes of one version, mutable so that the decoder can release them; None when it is not there."""
    with _translate_errors():
        try:
            response = client().get_object(Bucket=settings().uploads_bucket, Key=key, VersionId=version)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise
        return bytearray(response["Body"].read())


def put_upload(key: str, data: bytes, sha256: str) -> None:
    """Store an upload that came through the API. Its type is not known, and S3 refuses bytes of another hash.

    A repetition stores another version of the same bytes, and the first remains the photo.
    """
    with _translate_errors():
        client().put_object(
            Bucket=settings().uploads_bucket,
            Key=key,
            Body=data,
            ContentType="application/octet-stream",
            ChecksumSHA256=_base64(sha256),
        )


def put_image(key: str, data: bytes, content_type: str) -> None:
    """Store a variant. The same bytes have the same key, so repeating this changes nothing."""
    with _translate_errors():
        client().put_object(
            Bucket=settings().images_bucket,
            Key=key,
            Body=data,
            ContentType=content_type,
            ContentDisposition="inline",
            CacheControl="private, max-age=31536000, immutable",
        )


def remove_upload(key: str) -> None:
    """Remove every version of an upload, which are few, and the delete markers of earlier removals."""
    with _translate_errors():
        for version in _versions(key):
            client().delete_object(Bucket=settings().uploads_bucket, Key=key, VersionId=version["VersionId"])


def remove_images(prefix: str) -> None:
    """Remove every object under a prefix, which are few."""
    with _translate_errors():
        pages = client().get_paginator("list_objects_v2").paginate(Bucket=settings().images_bucket, Prefix=prefix)
        for image in [image for page in pages for image in page.get("Contents", [])]:
            client().delete_object(Bucket=settings().images_bucket, Key=image["Key"])


def _versions(key: str) -> list[dict[str, Any]]:
    """The versions and delete markers of exactly this key, newest first."""
    with _translate_errors():
        pages = client().get_paginator("list_object_versions")
        versions = [
            version
            for page in pages.paginate(Bucket=settings().uploads_bucket, Prefix=key)
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        ]
    return [version for version in versions if version["Key"] == key]


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        journal.breadcrumb(f"buckets: {error.operation_name} {code}")
        if code in TRANSIENT_ERRORS or status >= 500:
            raise ServiceUnavailable from error
        raise
    except (HTTPClientError, BotoConnectionError) as error:
        journal.breadcrumb(f"buckets: {type(error).__name__}")
        raise ServiceUnavailable from error


@cache
def client() -> Any:
    made = boto3.client(
        "s3",
        config=Config(
            signature_version="s3v4",
            # The bucket's regional host name: the global one may redirect, which a form does not survive.
            s3={"addressing_style": "virtual"},
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            # Otherwise a presigned PUT would carry the checksum of an empty body.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    limit_timeouts(made, CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
    return made


def _base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()
