"""Presigned uploads: S3 accepts exactly what was signed, and refuses everything else."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import requests

from local.aws import CREDENTIALS
from shared import settings
from shared.aws import presign
from tests.integration.photo_helpers import (
    IMAGES_BUCKET,
    TEMPLATE,
    UPLOADS_BUCKET,
    fetch_variants,
    key_of,
    picture,
    process_earlier_uploads,
    stored_keys,
)
from tests.support.api_client import App
from tests.support.cached_state import aws_caches
from tests.support.local_stack import LocalStack

SIZE_BYTES_MAX = TEMPLATE.document["Parameters"]["UploadSizeBytesMax"]["Default"]
Aws = Callable[[str], Any]


@pytest.fixture
def signing(local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Uploads may be presigned in this process, for the stack's S3."""
    environment = TEMPLATE.environment({}) | {**CREDENTIALS, "AWS_ENDPOINT_URL": local_stack.s3}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    caches: list[Any] = [settings.settings, *aws_caches()]
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


# --- the form


def test_form_names_every_field_exactly(app: App) -> None:
    """S3 refuses every field that the policy does not name, such as an acl or a redirect."""
    upload = app.create_upload("image/png", size_bytes=100)
    fields = upload["upload"]["fields"]
    conditions = json.loads(base64.b64decode(fields["policy"]))["conditions"]
    exact = {
        name: value for condition in conditions if isinstance(condition, dict) for name, value in condition.items()
    }
    assert exact == {
        "Content-Type": "image/png",
        "bucket": UPLOADS_BUCKET,
        "key": key_of(app, upload["id"]),
        **{name: fields[name] for name in ("x-amz-algorithm", "x-amz-credential", "x-amz-date")},
    }
    ranges = [condition for condition in conditions if isinstance(condition, list)]
    assert ranges == [["content-length-range", 100, 100]]
    assert "${" not in json.dumps(fields) and upload["upload"]["accept"] == ["image/png"]


def without_conditions(fields: dict[str, str]) -> dict[str, Any]:
    """A policy without conditions, under the signature of the real one."""
    policy = json.dumps({"expiration": "2099-01-01T00:00:00Z", "conditions": []})
    return {"policy": base64.b64encode(policy.encode()).decode()}


CHANGED_FORMS: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "another content type": lambda form: {"Content-Type": "text/html"},
    "a second content type": lambda form: {"Content-Type": "image/jpeg, text/html"},
    "no content type": lambda form: {"Content-Type": None},
    "another key": lambda form: {"key": form["key"][:-1] + "x"},
    "another customer's key": lambda form: {"key": f"in/{'0' * 64}/{form['key'].rsplit('/', 1)[1]}"},
    "a key with a parent": lambda form: {"key": f"in/../{form['key']}"},
    "a key named by the file": lambda form: {"key": "in/${filename}"},
    "a key among the variants": lambda form: {"key": form["key"].replace("in/", "out/")},
    "another bucket": lambda form: {"bucket": IMAGES_BUCKET},
    "a policy without conditions": without_conditions,
    "no policy": lambda form: {"policy": None},
    "a bad signature": lambda form: {"x-amz-signature": "0" * 64},
    "no signature": lambda form: {"x-amz-signature": None},
    "another algorithm": lambda form: {"x-amz-algorithm": "AWS4-HMAC-SHA1"},
    "another credential": lambda form: {"x-amz-credential": form["x-amz-credential"].replace("test", "AKIAOTHER", 1)},
    "another date": lambda form: {"x-amz-date": "20200101T000000Z"},
    "an acl": lambda form: {"acl": "public-read"},
    "a redirect": lambda form: {"success_action_redirect": "http://127.0.0.1/"},
    "metadata": lambda form: {"x-amz-meta-note": "x"},
    "tags": lambda form: {"x-amz-tagging": "a=b"},
    "a storage class": lambda form: {"x-amz-storage-class": "GLACIER"},
    "a disposition": lambda form: {"Content-Disposition": "attachment"},
    "an encryption": lambda form: {"x-amz-server-side-encryption": "aws:kms"},
    "only key and type": lambda form: {name: None for name in form if name not in ("key", "Content-Type")},
}


@pytest.mark.parametrize("name", CHANGED_FORMS)
def test_changed_form_is_refused(name: str, app: App, aws: Aws) -> None:
    upload = app.create_upload()
    refused = app.send(upload, picture(), **CHANGED_FORMS[name](upload["upload"]["fields"]))
    assert refused.status_code in (400, 403), refused.text
    assert stored_keys(aws, app) == [] and app.photo(upload["id"])["status"] == "awaiting_upload"
    assert app.send(upload, picture()).status_code == 204  # the form itself is still valid
    assert app.wait_for_photo(upload["id"])["status"] == "ready"


@pytest.mark.parametrize("size_bytes, status", [(0, 400), (SIZE_BYTES_MAX + 1, 400), (SIZE_BYTES_MAX, 204), (1, 204)])
def test_size_limits_are_inclusive(size_bytes: int, status: int, app: App) -> None:
    upload = app.create_upload()
    assert upload["upload"]["size_bytes_max"] == SIZE_BYTES_MAX
    assert app.send(upload, b"\0" * size_bytes).status_code == status
    if status == 204:
        assert app.wait_for_photo(upload["id"])["original"]["bytes"] == size_bytes


def test_any_size_but_the_declared_one_is_refused(app: App) -> None:
    data = picture()
    upload = app.create_upload(size_bytes=len(data))
    for other in (data[:-1], data + b"\0"):
        assert app.send(upload, other).status_code == 400
    assert app.send(upload, data).status_code == 204


@pytest.mark.usefixtures("signing")
def test_expired_form_is_refused(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = app.create_upload()
    for age_s, status in ((-1, 403), (300, 204)):
        monkeypatch.setattr(presign, "UPLOAD_AGE_S_MAX", age_s)
        form = presign.presign_post(key_of(app, upload["id"]), "image/jpeg", (1, 10_000), None)
        body = {"upload": {"method": form.method, "url": form.url, "fields": dict(form.fields)}}
        assert app.send(body, picture()).status_code == status


def test_second_use_of_a_form_changes_nothing(app: App, aws: Aws) -> None:
    """It stores a second version, and the first remains the photo."""
    upload = app.create_upload()
    app.send(upload, picture("red"))
    before = app.wait_for_photo(upload["id"])
    variants = fetch_variants(before)
    assert app.send(upload, picture("blue")).status_code == 204
    versions = aws("s3").list_object_versions(Bucket=UPLOADS_BUCKET, Prefix=key_of(app, upload["id"]))["Versions"]
    assert len(versions) == 2
    process_earlier_uploads(app)
    after = app.photo(upload["id"])
    assert (after["updated_at"], fetch_variants(after)) == (before["updated_at"], variants)


def test_bytes_of_another_hash_are_rejected(app: App) -> None:
    """S3 checks x-amz-checksum-sha256 of a form, but the local S3 does so only for PUT.

    So this test looks at the form itself, and it is the compressor that rejects the bytes.
    """
    data = picture()
    sha256 = hashlib.sha256(data)
    upload = app.create_upload(sha256=sha256.hexdigest())
    checksum = base64.b64encode(sha256.digest()).decode()
    assert upload["upload"]["fields"]["x-amz-checksum-sha256"] == checksum
    policy = json.loads(base64.b64decode(upload["upload"]["fields"]["policy"]))
    assert {"x-amz-checksum-sha256": checksum} in policy["conditions"]
    for changed in (None, base64.b64encode(b"0" * 32).decode()):  # neither omitted nor replaced
        refused = app.send(upload, picture("blue"), **{"x-amz-checksum-sha256": changed})
        assert refused.status_code == 403
    app.send(upload, picture("blue"))
    assert app.wait_for_photo(upload["id"])["reject"]["code"] == "checksum_mismatch"
    matching = app.create_upload(sha256=sha256.hexdigest().upper())
    assert app.send(matching, data).status_code == 204
    assert app.wait_for_photo(matching["id"])["original"]["sha256"] == sha256.hexdigest()


# --- the PUT


@pytest.mark.parametrize(
    "name, headers, data",
    [
        ("another content type", {"Content-Type": "text/html"}, picture()),
        ("another size", {}, picture() + b"\0"),
        ("other bytes", {}, picture()[:-1] + b"\1"),
        ("another hash", {"x-amz-checksum-sha256": base64.b64encode(b"0" * 32).decode()}, picture()),
        ("no condition", {"If-None-Match": ""}, picture()),
        ("an acl", {"x-amz-acl": "public-read"}, picture()),
    ],
)
def test_changed_put_is_refused(name: str, headers: dict[str, str], data: bytes, app: App, aws: Aws) -> None:
    sha256 = hashlib.sha256(picture()).hexdigest()
    upload = app.create_upload(method="put", size_bytes=len(picture()), sha256=sha256)
    assert app.send(upload, data, **headers).status_code in (400, 403), name
    assert stored_keys(aws, app) == []
    assert app.send(upload, picture()).status_code == 200
    assert app.wait_for_photo(upload["id"])["status"] == "ready"


def test_put_stores_only_once(app: App) -> None:
    upload = app.create_upload(method="put", size_bytes=len(picture()))
    assert [app.send(upload, picture()).status_code for _ in range(2)] == [200, 412]
    assert app.wait_for_photo(upload["id"])["status"] == "ready"


def test_put_with_another_key_or_signature_is_refused(app: App) -> None:
    upload = app.create_upload(method="put", size_bytes=len(picture()))
    url = upload["upload"]["url"]
    for changed in (
        url.replace(upload["id"], "0" * 36),
        url[:-6] + "000000",
        url.replace("Expires=300", "Expires=900"),
    ):
        refused = app.send({"upload": upload["upload"] | {"url": changed}}, picture())
        assert refused.status_code == 403


@pytest.mark.usefixtures("signing")
def test_expired_put_is_refused(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = app.create_upload()
    with monkeypatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: datetime(2020, 1, 1))
        presigned = presign.presign_put(key_of(app, upload["id"]), "image/jpeg", len(picture()), None)
    body = {"upload": {"method": "PUT", "url": presigned.url, "headers": dict(presigned.headers)}}
    assert app.send(body, picture()).status_code == 403


# --- the web page


def test_bucket_allows_uploads_only_from_the_local_page(app: App, local_stack: LocalStack) -> None:
    url = app.create_upload()["upload"]["url"]

    def preflight(origin: str) -> int:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return requests.options(url, headers=headers, timeout=10).status_code

    assert (preflight(local_stack.api), preflight("http://127.0.0.1:1")) == (200, 403)
