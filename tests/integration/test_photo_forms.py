"""A photo sent as a form, as apps sent it to the Django backend: it becomes a photo like any other."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import requests

from shared.images.uploads import FORM_PHOTO_BYTES_MAX, FORM_TOO_LARGE
from tests.integration.photo_helpers import UPLOADS_BUCKET, fetch_variants, key_of, picture, send_form, stored_keys
from tests.support.api_client import IMAGES, UPLOAD, App
from tests.support.image_samples import metadata_in, phone_photo
from tests.support.local_stack import LocalStack

Aws = Callable[[str], Any]


def test_photo_sent_as_a_form_becomes_ready(app: App, aws: Aws) -> None:
    data = phone_photo(600, 800, orientation=6)
    response = send_form(app, {"image": ("IMG_0001.JPG", data, "image/jpg")}, data={"title": "two shirts"})
    created = response.json()
    assert (response.status_code, created["status"], created["progress"]) == (201, "awaiting_upload", 0)
    assert set(created) == set(app.photo(created["id"])) and "upload" not in created
    assert key_of(app, created["id"]) in stored_keys(aws, app)
    photo = app.wait_for_photo(created["id"])
    assert (photo["status"], photo["original"]["width"], photo["original"]["bytes"]) == ("ready", 600, len(data))
    for (_, format), variant in fetch_variants(photo).items():
        assert metadata_in(variant, format) == []
    assert [row["id"] for row in app.get(IMAGES)["results"]] == [created["id"]]


@pytest.mark.parametrize(
    "part",
    [
        ("image", ("photo.jpg", picture(), "image/jpeg")),
        ("file", ("blob", picture(), "application/octet-stream")),
        ("photo", ("\u0915\u092e\u0940\u091c.jpg", picture(), "image/jpg")),
        ("image", ('a "quoted"; name.jpg', picture(), "IMAGE/JPEG")),
        ("image", ("content://media/external/images/1000", picture(), "image/*")),
        ("image", ("no type", picture())),
        ("image", ("photo.png", picture(format="PNG"), "image/jpeg", {"Content-Transfer-Encoding": "binary"})),
    ],
    ids=lambda part: f"{part[0]} {part[1][0]}",
)
def test_parts_of_many_apps_are_understood(part: Any, app: App) -> None:
    response = send_form(app, [part])
    assert response.status_code == 201, response.text
    assert app.wait_for_photo(response.json()["id"])["status"] == "ready"


@pytest.mark.parametrize("path", [UPLOAD.rstrip("/"), f"{UPLOAD}?method=put", f"{UPLOAD}?unknown=1"])
def test_form_is_taken_at_every_form_of_the_path(path: str, app: App) -> None:
    response = send_form(app, {"image": ("a.jpg", picture())}, path)
    assert response.status_code == 201 and "upload" not in response.json()


def test_largest_photo_of_a_form_is_taken_and_one_byte_more_is_not(app: App, aws: Aws) -> None:
    padding = b"\0" * (FORM_PHOTO_BYTES_MAX - len(picture()))
    response = send_form(app, {"image": ("a.jpg", picture() + padding)})
    assert response.status_code == 201, response.text
    assert app.wait_for_photo(response.json()["id"])["original"]["bytes"] == FORM_PHOTO_BYTES_MAX
    before = stored_keys(aws, app)
    refused = send_form(app, {"image": ("a.jpg", picture() + padding + b"\0")})
    assert (refused.status_code, refused.json()) == (413, {"detail": FORM_TOO_LARGE, "code": "too_large"})
    assert stored_keys(aws, app) == before


@pytest.mark.parametrize("size_mib", [4.5, 5, 7, 9.9, 11])
def test_larger_form_is_told_of_the_presigned_way(size_mib: float, app: App) -> None:
    """By the function or, when the event is more than Lambda takes, by API Gateway."""
    try:
        refused = send_form(app, {"image": ("a.jpg", b"\0" * int(size_mib * 1024 * 1024))})
    except requests.ConnectionError:
        assert size_mib > 10  # API Gateway closes the connection without reading the body
        return
    assert (refused.status_code, refused.json()["detail"]) == (413, FORM_TOO_LARGE)
    assert app.get(IMAGES)["count"] == 0


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({"other": ("a.jpg", picture())}, {"image": ["No file was submitted."]}),
        ({"image": ("a.jpg", b"")}, {"image": ["The submitted file is empty."]}),
        (
            {"image": (None, b"text")},
            {"image": ["The submitted data was not a file. Check the encoding type on the form."]},
        ),
        (
            [("image", ("a.jpg", picture())), ("note", (None, "4111 1111 1111 1111"))],
            {"note": ["Card numbers and security codes are not accepted."]},
        ),
        (
            [("image", ("a.jpg", picture())), ("cvv", (None, "123"))],
            {"cvv": ["Card numbers and security codes are not accepted."]},
        ),
    ],
)
def test_refused_form_creates_no_photo(files: Any, error: Any, app: App, aws: Aws) -> None:
    refused = send_form(app, files)
    assert (refused.status_code, refused.json()) == (400, error)
    assert app.get(IMAGES)["count"] == 0 and stored_keys(aws, app) == []


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; charset=utf-8", "; boundary=\u00e9", "; Boundary"])
def test_form_without_a_boundary_is_malformed(boundary: str, app: App) -> None:
    headers = {"Content-Type": f"multipart/form-data{boundary}".encode("latin-1")}
    refused = send_form(app, data=b"--x\r\n\r\n\r\n--x--", headers=headers)
    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("Multipart form parse error - Invalid boundary in multipart: ")


def test_form_that_is_no_picture_is_rejected_as_any_upload(app: App) -> None:
    created = send_form(app, {"image": ("a.jpg", b"no picture at all")}).json()
    assert app.wait_for_photo(created["id"])["reject"]["code"] == "unsupported_type"


def test_photo_of_a_form_belongs_to_its_sender(app: App, local_stack: LocalStack) -> None:
    created = send_form(app, {"image": ("a.jpg", picture())}).json()
    assert App(local_stack).call("GET", f"{IMAGES}{created['id']}/").status_code == 404
    url = f"{local_stack.api}{UPLOAD}"
    assert requests.post(url, files={"image": ("a.jpg", picture())}, timeout=60).status_code == 401


def test_deleted_photo_of_a_form_leaves_nothing(app: App, aws: Aws) -> None:
    created = send_form(app, {"image": ("a.jpg", picture())}).json()
    app.wait_for_photo(created["id"])
    assert app.call("DELETE", f"{IMAGES}{created['id']}/").status_code == 204
    assert stored_keys(aws, app) == []


def test_upload_of_a_form_carries_its_checksum(app: App, aws: Aws) -> None:
    """S3 refuses other bytes, and the compressor compares them with the row's hash once more."""
    checksum = base64.b64encode(hashlib.sha256(b"checked").digest()).decode()
    created = send_form(app, {"image": ("a.jpg", b"checked")}).json()
    head = aws("s3").head_object(Bucket=UPLOADS_BUCKET, Key=key_of(app, created["id"]), ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["ChecksumSHA256"]) == (len(b"checked"), checksum)
