"""S3: objects read, written and removed.

Uploads are in one bucket, versioned and short-lived; images are in another. A missing object is None, or nothing to
remove. A transient error is ServiceUnavailable; any other error stays what it is.
"""

from functools import cache
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from shared import initialization
from shared.aws.client_errors import translate_errors
from shared.aws.presign import base64_of
from shared.aws.session import answered_here, make_client
from shared.settings import settings

CONNECT_TIMEOUT_S = 1
READ_TIMEOUT_S = 5

# S3 says AccessDenied for what does not exist to a role that may not list the whole bucket.
MISSING = {"NoSuchKey", "NoSuchVersion", "404", "AccessDenied", "403"}


class Version(NamedTuple):
    id: str
    size_bytes: int


def first_version(key: str) -> Version | None:
    """The oldest version of an upload, whichever version the event named."""
    versions = [version for version in _versions(key) if "Size" in version]
    return Version(versions[-1]["VersionId"], versions[-1]["Size"]) if versions else None


def get_upload(key: str, version: str) -> bytearray | None:
    """The bytes of one version, mutable so that the decoder can release them; None when it is not there."""
    with translate_errors("buckets"):
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
    with translate_errors("buckets"):
        client().put_object(
            Bucket=settings().uploads_bucket,
            Key=key,
            Body=data,
            ContentType="application/octet-stream",
            ChecksumSHA256=base64_of(sha256),
        )


def store_again(key: str, version: str) -> None:
    """Store a version of an upload once more as the newest one, which S3 reports like any upload."""
    bucket = settings().uploads_bucket
    with translate_errors("buckets"):
        client().copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": bucket, "Key": key, "VersionId": version},
            MetadataDirective="REPLACE",  # S3 copies nothing onto itself unchanged
            ContentType="application/octet-stream",
        )


def put_image(key: str, data: bytes, content_type: str) -> None:
    """Store a variant. The same bytes have the same key, so repeating this changes nothing."""
    with translate_errors("buckets"):
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
    with translate_errors("buckets"):
        for version in _versions(key):
            client().delete_object(Bucket=settings().uploads_bucket, Key=key, VersionId=version["VersionId"])


def remove_images(prefix: str) -> None:
    """Remove every object under a prefix, which are few."""
    with translate_errors("buckets"):
        pages = client().get_paginator("list_objects_v2").paginate(Bucket=settings().images_bucket, Prefix=prefix)
        for image in [image for page in pages for image in page.get("Contents", [])]:
            client().delete_object(Bucket=settings().images_bucket, Key=image["Key"])


def _versions(key: str) -> list[dict[str, Any]]:
    """The versions and delete markers of exactly this key, newest first."""
    with translate_errors("buckets"):
        pages = client().get_paginator("list_object_versions")
        versions = [
            version
            for page in pages.paginate(Bucket=settings().uploads_bucket, Prefix=key)
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        ]
    return [version for version in versions if version["Key"] == key]


@cache
def client() -> Any:
    return make_client(
        "s3",
        CONNECT_TIMEOUT_S,
        READ_TIMEOUT_S,
        signature_version="s3v4",
        # The bucket's regional host name: the global one may redirect, which a form does not survive.
        s3={"addressing_style": "virtual"},
        # Otherwise a presigned PUT would carry the checksum of an empty body.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def _rehearse(made: Any) -> None:
    with answered_here(made):
        made.delete_object(Bucket=settings().uploads_bucket, Key="rehearsal")


initialization.register(client, _rehearse)
