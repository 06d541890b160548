"""Photos over HTTP: uploaded with a presigned form, returned upright and without metadata, listed and deleted."""

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from PIL import Image

from shared.images.uploads import PENDING_UPLOADS_MAX
from tests.integration.photo_helpers import fetch_variants, picture, stored_keys
from tests.support.api_client import IMAGES, UPLOAD, App, at_once
from tests.support.image_samples import (
    PATCHES,
    colour_distance,
    metadata_in,
    phone_photo,
    srgb_from_p3,
)
from tests.support.local_stack import LocalStack

PHOTOS = os.environ.get("PHOTOS")
needs_photos = pytest.mark.skipif(not PHOTOS, reason="PHOTOS names no folder of real photos")


# --- from upload to variants


def test_phone_photo_becomes_upright_srgb_without_metadata(app: App) -> None:
    """It is stored on its side, in Display P3, with every kind of metadata; each patch is found in its own place."""
    data = phone_photo(3024, 4032, orientation=6)
    assert metadata_in(data, "jpeg")
    body = app.upload_photo(data)
    assert (body["status"], body["progress"], body["reject"]) == ("ready", 100, None)
    original = body["original"] | {"sha256": None}
    assert original == {"bytes": len(data), "width": 3024, "height": 4032, "format": "jpeg", "sha256": None}
    variants = fetch_variants(body)
    assert set(variants) == {(name, format) for name in ("display", "thumb") for format in ("jpeg", "avif")}
    for (name, format), variant in variants.items():
        assert metadata_in(variant, format) == []
        with Image.open(BytesIO(variant)) as opened:
            assert opened.size == {"display": (1200, 1600), "thumb": (240, 320)}[name]
            assert not opened.getexif() and "icc_profile" not in opened.info
            decoded = opened.convert("RGB")
        distances = [
            colour_distance(srgb_from_p3(colour), decoded.getpixel((int(x * decoded.width), int(y * decoded.height))))
            for (x, y), colour in PATCHES.items()
        ]
        assert sum(distances) / len(distances) <= 1.5, (name, format, distances)


@needs_photos
@pytest.mark.parametrize("name", ["phone_12mp_display_p3.jpg", "phone_12mp_srgb.jpg"])
def test_real_photo_becomes_upright_without_metadata(name: str, app: App) -> None:
    data = (Path(PHOTOS or "") / name).read_bytes()
    body = app.upload_photo(data)
    assert body["status"] == "ready"
    with Image.open(BytesIO(data)) as taken:
        is_on_its_side = taken.getexif().get(0x0112, 1) >= 5
        upright = taken.size[::-1] if is_on_its_side else taken.size
    assert (body["original"]["width"], body["original"]["height"]) == upright
    for (_, format), variant in fetch_variants(body).items():
        assert metadata_in(variant, format) == []
        with Image.open(BytesIO(variant)) as opened:
            assert (opened.width > opened.height) == (upright[0] > upright[1])


@needs_photos
def test_malformed_files_become_ready_or_are_rejected(app: App) -> None:
    for path in sorted((Path(PHOTOS or "") / "nasty").iterdir()):
        if path.stat().st_size:  # S3 refuses an empty file, as another test shows
            body = app.upload_photo(path.read_bytes())
            assert (body["status"] == "ready") != (body["reject"] is not None), (path.name, body)


@pytest.mark.parametrize(
    "format, content_type", [("PNG", "image/png"), ("WEBP", "image/webp"), ("AVIF", "image/avif")]
)
def test_every_accepted_type_becomes_ready(format: str, content_type: str, app: App) -> None:
    body = app.upload_photo(picture(format=format), content_type)
    assert (body["status"], body["original"]["format"]) == ("ready", format.lower())


def test_format_comes_from_the_bytes(app: App) -> None:
    """The form fixes the content type that is declared, which may be wrong."""
    assert app.upload_photo(picture(format="PNG"), "image/jpeg")["original"]["format"] == "png"


def test_file_of_another_type_is_rejected_with_a_text(app: App) -> None:
    body = app.upload_photo(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    assert body["status"] == "rejected" and body["variants"] == []
    assert body["reject"]["code"] == "unsupported_type" and "JPEG" in body["reject"]["text"]


def test_heic_without_its_layer_is_rejected_by_code(app: App) -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64
    assert app.upload_photo(heic, "image/heic")["reject"]["code"] in ("heic_not_supported", "corrupt")


def test_links_last_five_minutes_and_set_the_headers(app: App) -> None:
    for variant in app.upload_photo(picture())["variants"]:
        response = requests.get(variant["url"], timeout=10)
        assert response.headers["Content-Type"] == f"image/{variant['format']}"
        assert response.headers["Content-Disposition"] == "inline"
        assert response.headers["Cache-Control"] == "private, max-age=300"
        assert parse_qs(urlsplit(variant["url"]).query)["X-Amz-Expires"] == ["300"]
        assert requests.get(variant["url"].split("?")[0], timeout=10).status_code == 403
        assert requests.get(variant["url"][:-6] + "000000", timeout=10).status_code == 403


# --- status, lists and limits


def test_retry_after_equals_the_wait_until_finished(app: App) -> None:
    upload = app.create_upload()
    response = app.call("GET", f"{IMAGES}{upload['id']}/")
    assert (response.json()["status"], response.json()["progress"]) == ("awaiting_upload", 0)
    assert response.headers["Retry-After"] == str(response.json()["poll_after_ms"] // 1_000)
    app.send(upload, picture())
    app.wait_for_photo(upload["id"])
    assert "Retry-After" not in app.call("GET", f"{IMAGES}{upload['id']}/").headers


def test_list_is_newest_first_in_pages_of_twenty(app: App) -> None:
    ids = [app.create_upload()["id"] for _ in range(21)]
    first = app.get(IMAGES)
    assert (first["count"], len(first["results"]), first["previous"]) == (21, 20, None)
    second = app.get(urlsplit(first["next"]).path + "?" + urlsplit(first["next"]).query)
    assert [photo["id"] for photo in first["results"] + second["results"]] == ids[::-1]


def test_pending_uploads_are_limited_under_concurrency(app: App, local_stack: LocalStack) -> None:
    phones = [app.another_phone() for _ in range(10)]

    def create(phone: App) -> list[int]:
        return [phone.call("POST", UPLOAD, {"content_type": "image/jpeg"}).status_code for _ in range(6)]

    results = at_once([lambda phone=phone: create(phone) for phone in phones])
    statuses = [status for statuses in results for status in statuses]
    assert (statuses.count(201), statuses.count(429)) == (PENDING_UPLOADS_MAX, 60 - PENDING_UPLOADS_MAX)
    refused = app.call("POST", UPLOAD, {"content_type": "image/jpeg"})
    assert refused.status_code == 429 and 0 < int(refused.headers["Retry-After"]) <= 300
    assert refused.json()["detail"].startswith("Request was throttled. Expected available in ")
    assert App(local_stack).create_upload()  # another customer is not limited


def test_upload_page_is_served_and_lists_the_customers(local_stack: LocalStack) -> None:
    page = requests.get(f"{local_stack.api}/_local/upload", timeout=5)
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    assert requests.post(f"{local_stack.api}/_local/seeds", json={}, timeout=5).json() == local_stack.customers


# --- deletion


def test_deleted_photo_leaves_no_objects(app: App, aws: Callable[[str], Any]) -> None:
    upload = app.create_upload()
    for colour in ("red", "blue"):
        app.send(upload, picture(colour))
    links = app.wait_for_photo(upload["id"])["variants"]
    other = app.upload_photo(picture())
    assert app.call("DELETE", f"{IMAGES}{upload['id']}/").status_code == 204
    assert not [key for key in stored_keys(aws, app) if upload["id"] in key]
    assert [requests.get(variant["url"], timeout=10).status_code for variant in links] == [404] * 4
    assert app.call("GET", f"{IMAGES}{upload['id']}/").status_code == 404
    assert app.call("DELETE", f"{IMAGES}{upload['id']}/").status_code == 404
    assert [photo["id"] for photo in app.get(IMAGES)["results"]] == [other["id"]]


def test_log_contains_no_signature_and_no_customer_id(app: App, local_stack: LocalStack) -> None:
    """With them, a reader of the log could upload or look at photos."""
    upload = app.create_upload()
    app.send(upload, picture())
    links = [variant["url"] for variant in app.wait_for_photo(upload["id"])["variants"]]
    fields, log = upload["upload"]["fields"], local_stack.log_text()
    signatures = [parse_qs(urlsplit(link).query)["X-Amz-Signature"][0] for link in links]
    for secret in (fields["policy"], fields["x-amz-signature"], *signatures, app.customer["id"]):
        assert secret not in log
