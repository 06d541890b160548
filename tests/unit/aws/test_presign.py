"""Presigned uploads and links are those that botocore's own client makes."""

import json
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config

from shared.aws import presign

pytestmark = pytest.mark.usefixtures("photos")
KEY = "out/2c5f/7b0f2c3d/1-a b+c~/display.avif"
SHA256 = "9f" * 32
NOW = datetime(2026, 1, 9, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("botocore.auth", "botocore.signers"):
        monkeypatch.setattr(f"{module}.get_current_datetime", lambda remove_tzinfo=True: NOW.replace(tzinfo=None))


@pytest.fixture(params=["ap-south-1", "eu-west-1"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_DEFAULT_REGION", request.param)
    config = Config(
        signature_version="s3v4", s3={"addressing_style": "virtual"}, request_checksum_calculation="when_required"
    )
    return boto3.client("s3", config=config, region_name=request.param)


def test_link_is_the_clients_own(client: Any) -> None:
    target = {
        "Bucket": "images",
        "Key": KEY,
        "ResponseContentType": "image/avif",
        "ResponseContentDisposition": "inline",
        "ResponseCacheControl": "private, max-age=300",
    }
    theirs = client.generate_presigned_url("get_object", Params=target, ExpiresIn=300)
    assert presign.presign_get(KEY, "image/avif") == theirs


@pytest.mark.parametrize("sha256", [None, SHA256])
def test_put_is_the_clients_own(client: Any, sha256: str | None) -> None:
    target = {"Bucket": "uploads", "Key": KEY, "ContentType": "image/png", "IfNoneMatch": "*", "ContentLength": 12}
    if sha256:
        target["ChecksumSHA256"] = presign.base64_of(sha256)
    theirs = client.generate_presigned_url("put_object", Params=target, ExpiresIn=300)
    assert presign.presign_put(KEY, "image/png", 12, sha256).url == theirs


@pytest.mark.parametrize("sha256", [None, SHA256])
def test_form_is_the_clients_own(client: Any, sha256: str | None) -> None:
    ours = presign.presign_post(KEY, "image/png", (1, 12), sha256)
    policy = json.loads(b64decode(ours.fields["policy"]))
    signing = ("policy", "x-amz-signature", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "key")
    fields = {name: value for name, value in ours.fields.items() if name not in signing}
    conditions: list[Any] = [{name: value} for name, value in fields.items()]
    theirs = client.generate_presigned_post(
        "uploads", KEY, fields, [*conditions, ["content-length-range", 1, 12]], ExpiresIn=300
    )
    assert (ours.url, dict(ours.fields)) == (theirs["url"], theirs["fields"])
    assert policy["expiration"] == "2026-01-09T12:05:00Z"


def test_bucket_at_another_address_is_in_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert presign.presign_get("out/a", "image/avif").startswith("http://127.0.0.1:9/images/out/a?")
