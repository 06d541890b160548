"""S3: presigned uploads and links for the app. Nothing is sent, and no client of S3 is needed.

botocore's own signer signs them. What its client does before that for each call is left out: it would check the
parameters and look the address up, the same every time, for each link of a list.
"""

import base64
import os
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from botocore.exceptions import NoCredentialsError
from botocore.model import ServiceId
from botocore.signers import RequestSigner, S3PostPresigner

from shared.aws.session import session
from shared.settings import settings

UPLOAD_AGE_S_MAX = 300
LINK_AGE_S_MAX = 300


class PresignedUpload(NamedTuple):
    """How the app sends a photo: as a multipart form with `fields` (POST), or alone with `headers` (PUT)."""

    method: str
    url: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]


def presign_post(key: str, content_type: str, size_bytes: tuple[int, int], sha256: str | None) -> PresignedUpload:
    """A presigned POST. S3 refuses another key or type, a size out of range, other bytes, and a late upload."""
    bucket = settings().uploads_bucket
    fields = {"Content-Type": content_type}
    if sha256:
        fields |= {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": base64_of(sha256)}
    conditions: list[Any] = [{name: value} for name, value in fields.items()]
    conditions += [["content-length-range", *size_bytes], {"bucket": bucket}, {"key": key}]
    fields["key"] = key
    form = S3PostPresigner(_signer()).generate_presigned_post(
        _request("POST", _address(bucket) + "/"), fields, conditions, UPLOAD_AGE_S_MAX, _region()
    )
    return PresignedUpload("POST", form["url"], form["fields"], {})


def presign_put(key: str, content_type: str, size_bytes: int, sha256: str | None) -> PresignedUpload:
    """A presigned PUT with its type, length and, if given, checksum signed. It stores one object, once."""
    headers = {"Content-Type": content_type, "If-None-Match": "*"}
    if sha256:
        headers["x-amz-checksum-sha256"] = base64_of(sha256)
    signed = headers | {"Content-Length": str(size_bytes)}
    url = f"{_address(settings().uploads_bucket)}/{quote(key, safe='/~')}"
    presigned = _presign("PutObject", _request("PUT", url, signed), UPLOAD_AGE_S_MAX)
    return PresignedUpload("PUT", presigned, {}, headers)


def presign_get(key: str, content_type: str) -> str:
    """A link to one image for five minutes, served with this type whatever type is stored with the object."""
    query = (
        ("response-content-type", content_type),
        ("response-content-disposition", "inline"),
        ("response-cache-control", f"private, max-age={LINK_AGE_S_MAX}"),
    )
    url = f"{_address(settings().images_bucket)}/{quote(key, safe='/~')}?{urlencode(query, quote_via=quote)}"
    return _presign("GetObject", _request("GET", url), LINK_AGE_S_MAX)


def base64_of(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _presign(operation: str, request: Mapping[str, Any], age_s: int) -> str:
    return str(_signer().generate_presigned_url(request, operation, age_s, _region(), "s3"))


def _request(method: str, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"method": method, "url": url, "headers": dict(headers or {}), "body": b"", "context": {}}


def _address(bucket: str) -> str:
    """The bucket's regional host name: the global one may redirect, which a form does not survive.

    At another address than AWS's, the bucket is the first part of the path.
    """
    elsewhere = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return f"{elsewhere}/{bucket}" if elsewhere else f"https://{bucket}.s3.{_region()}.amazonaws.com"


@cache
def _signer() -> RequestSigner:
    credentials, events = session().get_credentials(), session().get_component("event_emitter")
    if credentials is None:
        raise NoCredentialsError
    return RequestSigner(ServiceId("S3"), _region(), "s3", "s3v4", credentials, events)


def _region() -> str:
    return str(session().get_config_variable("region"))
