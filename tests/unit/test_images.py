"""Tickets, status and the sweep, over tables and buckets in memory."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared import bucket, clock, compression, fields, images, settings, store
from shared.errors import Invalid, NotFound, Throttled, Unavailable
from shared.images import AWAITING, DELETED, EXPIRED, PROCESSING, READY, REJECTED, TRANSITIONS
from tests import pictures

ASHA, BILAL = "asha", "bilal"
SHA256 = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"
SHA256_BASE64 = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
MINUTE_S = 60


def ticket(customer: str = ASHA, method: str = "post", **body: Any) -> dict[str, Any]:
    sent = {"content_type": "image/jpeg"} | {name: fields.Number(value) for name, value in body.items()}
    return images.ticket(customer, fields.check(images.UPLOAD_FIELDS, sent), method)


def conditions(given: dict[str, Any]) -> list[Any]:
    return list(json.loads(base64.b64decode(given["upload"]["fields"]["policy"]))["conditions"])


def row(customer: str, image_id: str) -> store.Image:
    found = store.image(images.owner_of(customer), image_id)
    assert found
    return found


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`at(seconds)` moves the clock, which else stands still."""
    now_us = [clock.now_us()]
    monkeypatch.setattr(clock, "now_us", lambda: now_us[0])

    def forward(seconds: float) -> None:
        now_us[0] += int(seconds * 1_000_000)

    return forward


@pytest.mark.usefixtures("photos")
def test_a_form_is_good_for_one_key_one_type_one_range_of_sizes_and_nothing_else() -> None:
    given = ticket()
    form, key = given["upload"]["fields"], f"in/{images.owner_of(ASHA)}/{given['id']}"
    assert (given["status"], given["progress"], given["upload"]["method"]) == (AWAITING, 0, "POST")
    signing = ("x-amz-algorithm", "x-amz-credential", "x-amz-date")
    assert set(form) == {"Content-Type", "key", "policy", "x-amz-signature", *signing}
    expected = [{"Content-Type": "image/jpeg"}, ["content-length-range", 1, 1_000_000], {"bucket": "uploads"}]
    assert conditions(given) == [*expected, {"key": key}, *({name: form[name]} for name in signing)]
    assert ASHA not in json.dumps(given)  # no customer's id in a key


@pytest.mark.usefixtures("photos")
def test_a_form_is_valid_for_five_minutes(at: Any) -> None:
    given = ticket()
    assert fields.Moment().read(given["upload"]["expires_at"]) - clock.now_us() == 300 * 1_000_000
    form = given["upload"]["fields"]
    signed_at = datetime.strptime(form["x-amz-date"], "%Y%m%dT%H%M%S%z")
    ends_at = datetime.fromisoformat(json.loads(base64.b64decode(form["policy"]))["expiration"])
    assert timedelta(seconds=299) <= ends_at - signed_at <= timedelta(seconds=301)  # two readings of one clock


@pytest.mark.usefixtures("photos")
def test_a_size_and_a_hash_that_the_app_tells_bind_s3_to_them() -> None:
    given = ticket(size_bytes=1234, sha256=SHA256)
    assert ["content-length-range", 1234, 1234] in conditions(given)
    assert {"x-amz-checksum-sha256": SHA256_BASE64} in conditions(given)
    assert given["upload"]["fields"]["x-amz-checksum-algorithm"] == "SHA256"
    assert row(ASHA, given["id"]).sha256_wanted == SHA256.lower()


@pytest.mark.usefixtures("photos")
def test_a_put_has_type_length_checksum_and_once_in_its_signature() -> None:
    upload = ticket(method="put", size_bytes=1234, sha256=SHA256)["upload"]
    query = parse_qs(urlsplit(upload["url"]).query)
    signed = query["X-Amz-SignedHeaders"][0].split(";")
    assert set(signed) == {"content-length", "content-type", "host", "if-none-match", "x-amz-checksum-sha256"}
    assert query["X-Amz-Expires"] == ["300"]
    assert upload["headers"] == {
        "Content-Type": "image/jpeg",
        "If-None-Match": "*",
        "x-amz-checksum-sha256": SHA256_BASE64,
    }


@pytest.mark.usefixtures("photos")
def test_a_put_needs_the_size_since_nothing_else_limits_it() -> None:
    with pytest.raises(Invalid) as refused:
        ticket(method="put")
    assert refused.value.body == {"size_bytes": ["This field is required."]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content_type": "image/svg+xml"},
        {"content_type": "text/html"},
        {"content_type": "image/gif"},
        {"content_type": "image/tiff"},
        {"content_type": "IMAGE/JPEG"},
        {"content_type": "image/jpeg; x"},
        {"content_type": "image/jpeg", "size_bytes": fields.Number("0")},
        {"content_type": "image/jpeg", "size_bytes": fields.Number("-1")},
        {"content_type": "image/jpeg", "size_bytes": fields.Number("1000001")},
        {"content_type": "image/jpeg", "size_bytes": "1.5"},
        {"content_type": "image/jpeg", "sha256": "abc"},
        {"content_type": "image/jpeg", "sha256": "g" * 64},
        {"content_type": "image/jpeg", "sha256": "0" * 64 + "\n0"},
    ],
)
@pytest.mark.usefixtures("photos")
def test_a_ticket_for_anything_else_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        images.ticket(ASHA, fields.check(images.UPLOAD_FIELDS, body), "post")
    assert images.listed(ASHA)[0] == 0


@pytest.mark.usefixtures("photos")
def test_only_so_many_tickets_of_a_customer_are_valid_at_once(at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "TICKETS_MAX", 3)
    ticket()
    at(100)
    ticket()
    ticket()
    with pytest.raises(Throttled) as refused:
        ticket()
    assert refused.value.retry_after_s == 201
    assert ticket(BILAL)  # another customer has places of his own
    at(201)
    assert ticket()
    with pytest.raises(Throttled):
        ticket()
    assert images.listed(ASHA)[0] == 4  # the row that counts is no photo


@pytest.mark.usefixtures("photos")
def test_a_photo_is_shown_to_its_customer_alone() -> None:
    given = ticket()
    assert images.retrieve(ASHA, given["id"])["id"] == given["id"]
    for act in (images.retrieve, images.delete):
        with pytest.raises(NotFound):
            act(BILAL, given["id"])
    assert images.listed(BILAL)[0] == 0 and images.listed(ASHA)[0] == 1


@pytest.mark.usefixtures("photos")
def test_a_page_of_photos_is_read_in_its_order_whatever_the_table_holds_back(
    at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB answers a batch in any order, and perhaps a part of it; what it holds back is asked for again."""
    ids = []
    for _ in range(8):
        ids.append(ticket()["id"])
        at(1)
    real, asked = store.Image._batch_get_page, []

    def in_parts(keys: list[Any], **values: Any) -> Any:
        asked.append(len(keys))
        rows, _ = real(keys[:3], **values)
        return rows[::-1], keys[3:]

    monkeypatch.setattr(store.Image, "_batch_get_page", in_parts)
    count, page = images.listed(ASHA)
    assert (count, [one["id"] for one in page(1, 7)]) == (8, ids[::-1][1:])
    assert asked == [7, 4, 1]


@pytest.mark.usefixtures("photos")
def test_a_photo_deleted_while_the_list_is_read_is_not_shown() -> None:
    given, other = ticket(), ticket()
    _, page = images.listed(ASHA)
    images.delete(ASHA, given["id"])
    assert [one["id"] for one in page(0, 20)] == [other["id"]]


@pytest.mark.usefixtures("photos")
def test_the_wait_grows_with_the_time_that_nothing_happened(at: Any) -> None:
    given, waits = ticket(), []
    for seconds in (0, 9, 1, 49, 1, 600):
        at(seconds)
        shown = images.retrieve(ASHA, given["id"])
        waits.append((shown["poll_after_ms"], images.retry_after_s(shown)))
    assert waits == [(1_000, 1), (1_000, 1), (3_000, 3), (3_000, 3), (10_000, 10), (10_000, 10)]


def test_the_table_of_transitions_only_leads_forward() -> None:
    order = (AWAITING, PROCESSING, READY, REJECTED, EXPIRED, DELETED)
    assert set(TRANSITIONS) == set(order)
    for before, after in TRANSITIONS.items():
        assert all(order.index(one) > order.index(before) for one in after)
        assert before == DELETED or DELETED in after


@pytest.mark.usefixtures("photos")
def test_a_photo_becomes_what_the_table_allows_and_nothing_else() -> None:
    for status in TRANSITIONS:
        for wanted in TRANSITIONS:
            image = row(ASHA, ticket()["id"])
            image.status = status
            image.save()
            allowed = wanted in TRANSITIONS[status]
            assert images.change(image, wanted) == allowed, (status, wanted)
            assert row(ASHA, image.id).status == (wanted if allowed else status)


@pytest.mark.usefixtures("photos")
def test_a_photo_that_was_never_uploaded_expires_after_two_hours(at: Any) -> None:
    given = ticket()
    at(119 * MINUTE_S)
    assert images.sweep(clock.now_us() + 1)["ImageExpired"] == 0
    assert images.retrieve(ASHA, given["id"])["status"] == AWAITING
    at(MINUTE_S)
    assert images.sweep(clock.now_us() + 1)["ImageExpired"] == 1
    shown = images.retrieve(ASHA, given["id"])
    assert (shown["status"], shown["progress"], shown["poll_after_ms"]) == (EXPIRED, 100, None)
    assert images.sweep(clock.now_us() + 1)["ImageExpired"] == 0


@pytest.mark.usefixtures("photos")
def test_a_photo_that_is_stuck_is_given_up_after_a_quarter_of_an_hour(at: Any) -> None:
    image = row(ASHA, ticket()["id"])
    images.change(image, PROCESSING, next_check_at_us=clock.now_us() + images.PROCESSED_US)
    at(15 * MINUTE_S)
    assert images.sweep(clock.now_us() + 1)["ImageProcessingFailed"] == 1
    shown = images.retrieve(ASHA, image.id)
    assert shown["status"] == REJECTED and shown["reject"] == {
        "code": "processing_failed",
        "text": "The photo could not be processed. Please send it again.",
    }


@pytest.mark.parametrize("ended", [READY, REJECTED, EXPIRED])
def test_a_photo_that_ends_while_the_sweeper_has_it_on_its_list_keeps_all_that_it_has(
    ended: str, photos: Any, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = row(ASHA, ticket()["id"])
    upload_key = images.upload_key(image.owner, image.id)
    photos.put_object(Bucket="uploads", Key=upload_key, Body=b"x")
    variant_key = f"{images.image_prefix(image.owner, image.id)}2-0123456789abcdef/display.jpeg"
    photos.put_object(Bucket="images", Key=variant_key, Body=b"x")
    for status in (EXPIRED,) if ended == EXPIRED else (PROCESSING, ended):
        images.change(image, status, **images.CLOSED)
    monkeypatch.setattr(store, "images_to_check", lambda *_: [(image.owner, image.id)])
    at(images.PURGED_US / 1_000_000)
    assert not any(images.sweep(clock.now_us() + 1).values())
    assert row(ASHA, image.id).status == ended
    assert bucket.first_version(upload_key) and photos.head_object(Bucket="images", Key=variant_key)


@pytest.mark.usefixtures("photos")
def test_one_photo_that_cannot_be_swept_does_not_hold_up_the_others(at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    poison, other = ticket(), ticket()
    for one in (poison, other):
        images.delete(ASHA, one["id"])
    at(images.PURGED_US / 1_000_000)
    removed = images.remove_objects

    def breaking(owner: str, image_id: str) -> None:
        if image_id == poison["id"]:
            raise Unavailable
        removed(owner, image_id)

    monkeypatch.setattr(images, "remove_objects", breaking)
    assert images.sweep(clock.now_us() + 1) == {
        "ImageExpired": 0,
        "ImageProcessingFailed": 0,
        "ImagePurged": 1,
        "SweepFailed": 1,
    }
    monkeypatch.setattr(images, "remove_objects", removed)
    assert images.sweep(clock.now_us() + 1)["ImagePurged"] == 1


@pytest.mark.usefixtures("photos")
def test_a_deleted_photo_is_gone_at_once_and_its_emptied_row_after_two_hours(at: Any) -> None:
    given = ticket()
    images.delete(ASHA, given["id"])
    for act in (images.retrieve, images.delete):
        with pytest.raises(NotFound):
            act(ASHA, given["id"])
    assert images.listed(ASHA)[0] == 0
    kept = {name for name, value in row(ASHA, given["id"]).attribute_values.items() if value is not None}
    assert kept == {"owner", "id", "status", "open", "next_check_at_us", "updated_at_us"}
    for minutes, purged in ((5, 0), (114, 0), (1, 1)):
        at(minutes * MINUTE_S)
        assert images.sweep(clock.now_us() + 1)["ImagePurged"] == purged
    assert store.image(images.owner_of(ASHA), given["id"]) is None


@pytest.mark.usefixtures("photos")
def test_deleting_while_s3_is_away_is_finished_by_the_sweeper(
    at: Any, photos: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ticket()
    key = images.upload_key(images.owner_of(ASHA), given["id"])
    photos.put_object(Bucket="uploads", Key=key, Body=b"x")

    def away(*_: Any) -> None:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(bucket, "remove_upload", away)
        images.delete(ASHA, given["id"])
    assert bucket.first_version(key)
    at(5 * MINUTE_S)
    images.sweep(clock.now_us() + 1)
    assert bucket.first_version(key) is None


@pytest.mark.usefixtures("photos")
def test_a_link_lasts_five_minutes_and_says_what_is_behind_it() -> None:
    query = parse_qs(urlsplit(bucket.image_link("out/a/b/display.avif", "image/avif")).query)
    assert (query["X-Amz-Expires"], query["response-content-type"]) == (["300"], ["image/avif"])
    assert query["response-content-disposition"] == ["inline"]


def test_forms_and_links_name_the_bucket_in_its_region(photos: Any) -> None:
    """The global name may redirect, and a form does not survive a redirect."""
    assert bucket.upload_form("in/a", "image/png", (1, 2), None).url == "https://uploads.s3.ap-south-1.amazonaws.com/"
    assert bucket.image_link("out/a", "image/png").startswith("https://images.s3.ap-south-1.amazonaws.com/out/a?")


def test_the_formats_are_those_of_the_setting(photos: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_FORMATS", "jpeg,webp")
    settings.settings.cache_clear()
    given = ticket()
    key = images.upload_key(images.owner_of(ASHA), given["id"])
    photos.put_object(Bucket="uploads", Key=key, Body=pictures.encode(pictures.photo(64, 48), "JPEG"))
    compression.compress(key)
    shown = images.retrieve(ASHA, given["id"])
    assert {one["format"] for one in shown["variants"]} == {"jpeg", "webp"}
