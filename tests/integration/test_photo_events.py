"""The events that S3 sends to the compressor: duplicates, foreign ones, and keys of any form."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.photo_helpers import (
    IMAGES_BUCKET,
    UPLOADS_BUCKET,
    fetch_variants,
    key_of,
    picture,
    process_earlier_uploads,
    upload_event,
)
from tests.support.api_client import App, at_once
from tests.support.local_stack import LocalStack


@pytest.mark.parametrize(
    "event",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": UPLOADS_BUCKET},
        {},
        {"Records": []},
        {"Records": None},
        {"Records": [{}, None, 1, {"s3": None}]},
        upload_event("in/a", IMAGES_BUCKET),
        upload_event("in/a", name="ObjectRemoved:Delete"),
    ],
)
def test_event_without_an_upload_is_ignored(event: Any, local_stack: LocalStack) -> None:
    assert local_stack.invoke("CompressImage", event) == {"uploads": 0}


@pytest.mark.parametrize(
    "key", ["out/x", "in/a%2Bb+c.jpg", "in/%25", "in/%", "in/%zz", "in/%C3%BC", "in%2Fx", "", "in/" + "x" * 900]
)
def test_compress_ignores_malformed_keys(key: str, local_stack: LocalStack) -> None:
    assert local_stack.invoke("CompressImage", upload_event(key)) == {"uploads": 1}


def test_objects_with_unusual_keys_reach_the_compressor(
    app: App, local_stack: LocalStack, aws: Callable[[str], Any]
) -> None:
    """S3 encodes their keys in the event; the log shows that each arrived."""
    before = local_stack.log_text().count('"outcome":"ignored"')
    for key in ("in/a+b c%.jpg", "in/ü&=?#.jpg"):
        aws("s3").put_object(Bucket=UPLOADS_BUCKET, Key=key, Body=b"x")
    process_earlier_uploads(app)
    for _ in range(100):
        if local_stack.log_text().count('"outcome":"ignored"') >= before + 2:
            return
        time.sleep(0.05)
    pytest.fail("an event did not arrive")


def test_concurrent_duplicate_events_make_one_photo(app: App, local_stack: LocalStack) -> None:
    upload = app.create_upload()
    assert app.send(upload, picture()).status_code == 204
    event = upload_event(key_of(app, upload["id"]))
    at_once([lambda: local_stack.invoke("CompressImage", event) for _ in range(5)])
    body = app.wait_for_photo(upload["id"])
    assert body["status"] == "ready" and len(fetch_variants(body)) == 4
    local_stack.invoke("CompressImage", event)
    assert app.photo(upload["id"])["updated_at"] == body["updated_at"]
