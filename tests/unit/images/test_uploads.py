"""Presigned uploads: what the signature fixes, and how many a customer may hold."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.images import create_upload as create_upload_function
from shared import clock
from shared.aws import presign, s3
from shared.errors import Conflict, LimitReached, PayloadTooLarge, ServiceUnavailable, Throttled, ValidationError
from shared.http import fields
from shared.images import models, queries, removal, uploads
from shared.images.compressor import compress
from shared.images.serializers import UploadBody, serialize_upload
from shared.telemetry import log
from tests.support.lambda_events import LambdaContext, request_event
from tests.unit.images.helpers import (
    ASHA,
    BILAL,
    Buckets,
    count_images,
    create_upload,
    get_row,
    picture,
    status_of,
    upload_key,
)

SHA256 = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"
SHA256_BASE64 = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="

pytestmark = pytest.mark.usefixtures("photos")


def conditions(body: UploadBody) -> list[Any]:
    return list(json.loads(base64.b64decode(body["upload"]["fields"]["policy"]))["conditions"])


def test_form_fixes_key_type_and_size_range() -> None:
    body = create_upload()
    form, key = body["upload"]["fields"], upload_key(body["id"])
    assert (body["status"], body["progress"], body["upload"]["method"]) == ("awaiting_upload", 0, "POST")
    signing = ("x-amz-algorithm", "x-amz-credential", "x-amz-date")
    assert set(form) == {"Content-Type", "key", "policy", "x-amz-signature", *signing}
    expected = [{"Content-Type": "image/jpeg"}, ["content-length-range", 1, 1_000_000], {"bucket": "uploads"}]
    assert conditions(body) == [*expected, {"key": key}, *({name: form[name]} for name in signing)]
    assert ASHA not in json.dumps(body)  # no customer's id in a key


def test_form_is_valid_for_five_minutes(advance: Callable[[float], None]) -> None:
    body = create_upload()
    assert fields.DateTime().parse(body["upload"]["expires_at"]) - clock.now_us() == 300 * 1_000_000
    form = body["upload"]["fields"]
    signed_at = datetime.strptime(form["x-amz-date"], "%Y%m%dT%H%M%S%z")
    expires_at = datetime.fromisoformat(json.loads(base64.b64decode(form["policy"]))["expiration"])
    # botocore reads the clock twice
    assert timedelta(seconds=299) <= expires_at - signed_at <= timedelta(seconds=301)


def test_form_binds_the_size_and_hash_that_the_app_sent() -> None:
    body = create_upload(size_bytes=1234, sha256=SHA256)
    assert ["content-length-range", 1234, 1234] in conditions(body)
    assert {"x-amz-checksum-sha256": SHA256_BASE64} in conditions(body)
    assert body["upload"]["fields"]["x-amz-checksum-algorithm"] == "SHA256"
    assert get_row(body["id"]).sha256_wanted == SHA256.lower()


def test_put_signs_type_length_checksum_and_if_none_match() -> None:
    upload = create_upload(method="put", size_bytes=1234, sha256=SHA256)["upload"]
    query = parse_qs(urlsplit(upload["url"]).query)
    signed = query["X-Amz-SignedHeaders"][0].split(";")
    assert set(signed) == {"content-length", "content-type", "host", "if-none-match", "x-amz-checksum-sha256"}
    assert query["X-Amz-Expires"] == ["300"]
    assert upload["headers"] == {
        "Content-Type": "image/jpeg",
        "If-None-Match": "*",
        "x-amz-checksum-sha256": SHA256_BASE64,
    }


def test_put_requires_the_size() -> None:
    """Nothing else would limit it."""
    with pytest.raises(ValidationError) as refused:
        create_upload(method="put")
    assert refused.value.body == {"size_bytes": ["This field is required."]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content_type": "image/svg+xml"},
        {"content_type": "text/html"},
        {"content_type": "image/gif"},
        {"content_type": "image/tiff"},
        {"content_type": "image/"},
        {"content_type": "jpeg"},
        {"content_type": "; image/jpeg"},
        {"content_type": "image/jpeg, image/png"},
        {"content_type": "image / jpeg"},
        {"content_type": ["image/jpeg"]},
        {"content_type": "image/jpeg", "size_bytes": fields.JsonNumber("0")},
        {"content_type": "image/jpeg", "size_bytes": fields.JsonNumber("-1")},
        {"content_type": "image/jpeg", "size_bytes": fields.JsonNumber("1000001")},
        {"content_type": "image/jpeg", "size_bytes": "1.5"},
        {"content_type": "image/jpeg", "sha256": "abc"},
        {"content_type": "image/jpeg", "sha256": "g" * 64},
        {"content_type": "image/jpeg", "sha256": "0" * 64 + "\n0"},
    ],
)
def test_invalid_body_creates_no_upload(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        uploads.create_upload(ASHA, fields.validate(uploads.UPLOAD_FIELDS, body), "post")
    assert count_images(ASHA) == 0


@pytest.mark.parametrize("method", ["post", "put"])
def test_upload_demands_the_type_that_was_meant(method: str) -> None:
    for written, content_type in (("image/jpg", "image/jpeg"), ("Image/X-PNG; q=1", "image/png")):
        sent = {"content_type": written, "size_bytes": fields.JsonNumber("10")}
        created = uploads.create_upload(ASHA, fields.validate(uploads.UPLOAD_FIELDS, sent), method)
        upload = serialize_upload(created)["upload"]
        assert upload["accept"] == [content_type]
        demanded = upload["fields"] if method == "post" else upload["headers"]
        assert demanded["Content-Type"] == content_type
        assert upload["single_use"] is (method == "put")


# --- the photo as a form


def test_received_photo_becomes_the_upload_of_its_row(buckets: Buckets) -> None:
    data = picture()
    image = uploads.receive_photo(ASHA, data)
    assert [(stored["Key"], stored["Size"]) for stored in buckets.uploads] == [(upload_key(image.id), len(data))]
    assert get_row(image.id).sha256_wanted == hashlib.sha256(data).hexdigest()
    assert (status_of(image.id), compress(upload_key(image.id)).name) == ("awaiting_upload", "ready")
    assert buckets.has_all_variants(image.id)


def test_photo_over_the_upload_limit_is_not_received() -> None:
    with pytest.raises(PayloadTooLarge, match="too large to upload"):
        uploads.receive_photo(ASHA, b"x" * 1_000_001)
    assert count_images(ASHA) == 0


def test_received_photos_count_as_pending_uploads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PENDING_UPLOADS_MAX", 2)
    create_upload()
    uploads.receive_photo(ASHA, b"x")
    with pytest.raises(Throttled):
        uploads.receive_photo(ASHA, b"x")


def test_photo_that_s3_does_not_take_expires_at_once(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app sends it again. An upload that arrives all the same is ignored."""

    def fail_after_storing(key: str, data: bytes, sha256: str) -> None:
        buckets.client.put_object(Bucket="uploads", Key=key, Body=data)
        raise ServiceUnavailable

    monkeypatch.setattr(s3, "put_upload", fail_after_storing)
    with pytest.raises(ServiceUnavailable):
        uploads.receive_photo(ASHA, picture())
    (image,) = queries.list_images(ASHA)[1](0, 20)
    assert image.status == "expired"
    assert compress(upload_key(image.id)).name == "discarded"
    assert buckets.images == []


def test_photo_that_s3_took_without_an_answer_is_received(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compressor has it already, so the app need not send it again."""

    def fail_after_compressing(key: str, data: bytes, sha256: str) -> None:
        buckets.client.put_object(Bucket="uploads", Key=key, Body=data)
        compress(key)
        raise ServiceUnavailable

    monkeypatch.setattr(s3, "put_upload", fail_after_compressing)
    image = uploads.receive_photo(ASHA, picture())
    assert (image.status, status_of(image.id), count_images(ASHA)) == ("ready", "ready", 1)


def test_pending_uploads_of_a_customer_are_limited(
    advance: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PENDING_UPLOADS_MAX", 3)
    create_upload()
    advance(100)
    create_upload()
    create_upload()
    with pytest.raises(Throttled) as refused:
        create_upload()
    assert refused.value.retry_after_s == 201
    assert create_upload(BILAL)  # another customer has a count of their own
    advance(201)
    assert create_upload()
    with pytest.raises(Throttled):
        create_upload()
    assert count_images(ASHA) == 4  # the counter's row is no photo


def test_refused_upload_is_not_counted_as_created(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    monkeypatch.setattr(log, "count", counted.append)
    monkeypatch.setattr(uploads, "PENDING_UPLOADS_MAX", 1)
    request = request_event(path="/api/mobile/upload-image/", body='{"content_type": "image/jpeg"}')
    statuses = [create_upload_function.handler(request, LambdaContext())["statusCode"] for _ in range(2)]
    assert (statuses, counted) == ([201, 429], ["UploadCreated"])


def test_urls_name_the_bucket_in_its_region() -> None:
    """The global host name may redirect, and a form does not survive a redirect."""
    form = presign.presign_post("in/a", "image/png", (1, 2), None)
    assert form.url == "https://uploads.s3.ap-south-1.amazonaws.com/"
    assert presign.presign_get("out/a", "image/png").startswith("https://images.s3.ap-south-1.amazonaws.com/out/a?")


# --- ceilings


def test_photos_are_limited_and_deleted_ones_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PHOTOS_MAX", 2)
    first = create_upload()["id"]
    create_upload()
    with pytest.raises(Conflict) as refused:
        create_upload()
    assert (refused.value.code, count_images(ASHA)) == ("too_many_photos", 2)
    removal.delete(ASHA, first)
    create_upload()
    with pytest.raises(Conflict):
        create_upload()


def test_photos_are_counted_only_at_their_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    counted, real = list[int](), models.count_images

    def count(owner: str) -> int:
        counted.append(1)
        return real(owner)

    monkeypatch.setattr(models, "count_images", count)
    monkeypatch.setattr(uploads, "PHOTOS_MAX", 3)
    for _ in range(3):
        removal.delete(ASHA, create_upload()["id"])
    assert counted == []
    create_upload()
    assert counted == [1]


def test_uploads_of_a_day_are_limited(monkeypatch: pytest.MonkeyPatch, advance: Callable[[float], None]) -> None:
    monkeypatch.setattr(uploads, "UPLOADS_PER_DAY_MAX", 2)
    create_upload()
    create_upload()
    advance(86_390)
    with pytest.raises(LimitReached) as refused:
        create_upload()
    assert refused.value.code == "uploads_per_day" and 0 < (refused.value.retry_after_s or 0) <= 11
    advance(11)
    create_upload()
