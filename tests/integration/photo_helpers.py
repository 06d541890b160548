"""Shortcuts for the tests of photos over HTTP: pictures, keys, events, and what the buckets contain."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import requests
from PIL import Image

from local.template import Template
from shared.images.lifecycle import owner_of, upload_key
from tests.support.api_client import UPLOAD, App
from tests.support.api_document import response_violations

TEMPLATE = Template()
UPLOADS_BUCKET, IMAGES_BUCKET = TEMPLATE.bucket("UploadsBucket"), TEMPLATE.bucket("ImagesBucket")


def picture(colour: str = "red", format: str = "JPEG") -> bytes:
    file = BytesIO()
    Image.new("RGB", (64, 48), colour).save(file, format)
    return file.getvalue()


def send_form(app: App, files: Any = None, path: str = UPLOAD, **more: Any) -> requests.Response:
    """Send a photo as an old app would, in a form; the response is as the API document says."""
    response = app.session.post(f"{app.stack.api}{path}", files=files, timeout=60, **more)
    app.stack.record(app.customer["id"], response)
    assert response_violations("POST", path, response.status_code, response.json()) == []
    return response


def key_of(app: App, image_id: str) -> str:
    """The key of a photo's upload."""
    return upload_key(owner_of(app.customer["id"]), image_id)


def stored_keys(aws: Callable[[str], Any], app: App) -> list[str]:
    """The keys of all the customer's objects in both buckets, one per version."""
    s3, owner = aws("s3"), owner_of(app.customer["id"])
    uploads = s3.list_object_versions(Bucket=UPLOADS_BUCKET, Prefix=f"in/{owner}/")
    variants = s3.list_objects_v2(Bucket=IMAGES_BUCKET, Prefix=f"out/{owner}/").get("Contents", [])
    objects = [*uploads.get("Versions", []), *uploads.get("DeleteMarkers", []), *variants]
    return [stored["Key"] for stored in objects]


def fetch_variants(body: dict[str, Any]) -> dict[tuple[str, str], bytes]:
    """Every variant by name and format, downloaded through its link."""
    variants = {}
    for variant in body["variants"]:
        response = requests.get(variant["url"], timeout=10)
        assert (response.status_code, len(response.content)) == (200, variant["bytes"]), variant
        variants[variant["name"], variant["format"]] = response.content
    return variants


def process_earlier_uploads(app: App) -> None:
    """Upload another photo and wait for it: the events of earlier uploads are processed before it."""
    assert app.upload_photo(picture())["status"] == "ready"


def upload_event(key: str, bucket: str = UPLOADS_BUCKET, name: str = "ObjectCreated:Post") -> dict[str, Any]:
    s3 = {"bucket": {"name": bucket}, "object": {"key": key, "versionId": "v", "sequencer": "0"}}
    return {"Records": [{"eventSource": "aws:s3", "eventName": name, "s3": s3}]}
