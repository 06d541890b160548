"""S3: forms and links that are signed here and used by the app, objects read, written and removed.

Uploads lie in one bucket, versioned and short-lived, images in another. What is not there is None or nothing to
remove; what passes by itself is Unavailable; anything else stays what it is.
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
from botocore.exceptions import ConnectionError as NotReached

from shared import tally
from shared.errors import Unavailable
from shared.settings import settings

TICKET_AGE_S = 300
LINK_AGE_S = 300
CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 5
ATTEMPTS = 3

MISSING = {"NoSuchKey", "NoSuchVersion", "404"}
PASSING = {
    "SlowDown",
    "InternalError",
    "ServiceUnavailable",
    "RequestTimeout",
    "ExpiredToken",
    "RequestTimeTooSkewed",
}


@dataclass(frozen=True, slots=True)
class Form:
    """What the app sends a photo with: a multipart form (POST) or the photo alone with headers (PUT)."""

    method: str
    url: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Version:
    id: str
    size_bytes: int


def upload_form(key: str, content_type: str, size_bytes: tuple[int, int], sha256: str | None) -> Form:
    """A presigned POST: S3 refuses any other key or type, a size out of range, other bytes, and all of it later."""
    fields = {"Content-Type": content_type}
    if sha256:
        fields |= {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": _base64(sha256)}
    conditions = [*({name: value} for name, value in fields.items()), ["content-length-range", *size_bytes]]
    made = client().generate_presigned_post(
        settings().uploads_bucket, key, Fields=dict(fields), Conditions=conditions, ExpiresIn=TICKET_AGE_S
    )
    return Form("POST", made["url"], made["fields"], {})


def upload_put(key: str, content_type: str, size_bytes: int, sha256: str | None) -> Form:
    """A presigned PUT with type, length and, where given, checksum signed; it takes effect once."""
    headers = {"Content-Type": content_type, "If-None-Match": "*"}
    signed = {"ContentType": content_type, "IfNoneMatch": "*", "ContentLength": size_bytes}
    if sha256:
        headers["x-amz-checksum-sha256"] = signed["ChecksumSHA256"] = _base64(sha256)
    target = {"Bucket": settings().uploads_bucket, "Key": key}
    url = client().generate_presigned_url("put_object", Params=target | signed, ExpiresIn=TICKET_AGE_S)
    return Form("PUT", url, {}, headers)


def image_link(key: str, content_type: str) -> str:
    """A link to one object for five minutes, which answers with this type whatever is stored with the object."""
    wanted = {
        "Bucket": settings().images_bucket,
        "Key": key,
        "ResponseContentType": content_type,
        "ResponseContentDisposition": "inline",
        "ResponseCacheControl": f"private, max-age={LINK_AGE_S}",
    }
    return str(client().generate_presigned_url("get_object", Params=wanted, ExpiresIn=LINK_AGE_S))


def first_version(key: str) -> Version | None:
    """The oldest version of an upload, whichever of them an event told of."""
    versions = [one for one in _versions(key) if "Size" in one]
    return Version(versions[-1]["VersionId"], versions[-1]["Size"]) if versions else None


def upload(key: str, version: str) -> bytearray | None:
    """The bytes of one version, for who decodes them to let go, or None when it is not there."""
    with _translated():
        try:
            got = client().get_object(Bucket=settings().uploads_bucket, Key=key, VersionId=version)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise
        return bytearray(got["Body"].read())


def put_image(key: str, data: bytes, content_type: str) -> None:
    """The same bytes go under the same key, so a repetition changes nothing."""
    with _translated():
        client().put_object(
            Bucket=settings().images_bucket,
            Key=key,
            Body=data,
            ContentType=content_type,
            ContentDisposition="inline",
            CacheControl="private, max-age=31536000, immutable",
        )


def remove_upload(key: str) -> None:
    """Every version of an upload, which is one or a few, and the marks of earlier removals."""
    with _translated():
        for one in _versions(key):
            client().delete_object(Bucket=settings().uploads_bucket, Key=key, VersionId=one["VersionId"])


def remove_images(prefix: str) -> None:
    """Everything below a prefix, which is a handful."""
    with _translated():
        pages = client().get_paginator("list_objects_v2").paginate(Bucket=settings().images_bucket, Prefix=prefix)
        for one in [one for page in pages for one in page.get("Contents", [])]:
            client().delete_object(Bucket=settings().images_bucket, Key=one["Key"])


def _versions(key: str) -> list[dict[str, Any]]:
    """Of exactly this key, newest first."""
    with _translated():
        pages = client().get_paginator("list_object_versions")
        found = [
            one
            for page in pages.paginate(Bucket=settings().uploads_bucket, Prefix=key)
            for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        ]
    return [one for one in found if one["Key"] == key]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        tally.step(f"buckets: {error.operation_name} {code}")
        if code in PASSING or status >= 500:
            raise Unavailable from error
        raise
    except (HTTPClientError, NotReached) as error:
        tally.step(f"buckets: {type(error).__name__}")
        raise Unavailable from error


@cache
def client() -> Any:
    return boto3.client(
        "s3",
        config=Config(
            signature_version="s3v4",
            # The bucket's name in its region: the global one may redirect, which a form does not survive.
            s3={"addressing_style": "virtual"},
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            # A presigned PUT would else carry the checksum of no bytes.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()
