"""Bodies of photos: the wait before the next request, and links to variants."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.aws import presign
from shared.images.serializers import retry_after_s
from tests.unit.images.helpers import create_upload, retrieve

pytestmark = pytest.mark.usefixtures("photos")


def test_wait_grows_while_nothing_happens(advance: Callable[[float], None]) -> None:
    image_id, waits = create_upload()["id"], []
    for seconds in (0, 9, 1, 49, 1, 600):
        advance(seconds)
        body = retrieve(image_id)
        waits.append((body["poll_after_ms"], retry_after_s(body)))
    assert waits == [(1_000, 1), (1_000, 1), (3_000, 3), (3_000, 3), (10_000, 10), (10_000, 10)]


def test_link_lasts_five_minutes_and_fixes_the_type() -> None:
    query = parse_qs(urlsplit(presign.presign_get("out/a/b/display.avif", "image/avif")).query)
    assert (query["X-Amz-Expires"], query["response-content-type"]) == (["300"], ["image/avif"])
    assert query["response-content-disposition"] == ["inline"]
