"""Photos over HTTP: in through the form that S3 checks, out upright and without a byte of metadata."""

import base64
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import requests
from PIL import Image

from local.cloud import CREDENTIALS
from local.template import Template
from shared import bucket, images, settings
from tests import pictures
from tests.app import IMAGES, UPLOAD, App, at_once
from tests.conftest import Bundle

TEMPLATE = Template()
UPLOADS_BUCKET, IMAGES_BUCKET = TEMPLATE.bucket("UploadsBucket"), TEMPLATE.bucket("ImagesBucket")
SIZE_BYTES_MAX = TEMPLATE.document["Parameters"]["UploadSizeBytesMax"]["Default"]
PHOTOS = os.environ.get("PHOTOS")
needs_photos = pytest.mark.skipif(not PHOTOS, reason="PHOTOS names no folder of real photos")


def small(colour: str = "red", format: str = "JPEG") -> bytes:
    stored = BytesIO()
    Image.new("RGB", (64, 48), colour).save(stored, format)
    return stored.getvalue()


@pytest.fixture
def aws(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Clients of the bundle's AWS that may see everything, for looking behind the API."""
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": bundle.s3}.items():
        monkeypatch.setenv(name, value)
    return boto3.client


@pytest.fixture
def signing(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forms are signed in this process, for the bundle's S3."""
    environment = TEMPLATE.environment({}) | {**CREDENTIALS, "AWS_ENDPOINT_URL": bundle.s3}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget: list[Any] = [settings.settings, bucket.client]
    for cached in forget:
        cached.cache_clear()
    yield
    for cached in forget:
        cached.cache_clear()


def key_of(app: App, image_id: str) -> str:
    return images.upload_key(images.owner_of(app.customer["id"]), image_id)


def lying_in(aws: Callable[[str], Any], app: App) -> list[str]:
    """Everything of a customer's in the two buckets, every version of it."""
    s3, owner = aws("s3"), images.owner_of(app.customer["id"])
    uploads = s3.list_object_versions(Bucket=UPLOADS_BUCKET, Prefix=f"in/{owner}/")
    variants = s3.list_objects_v2(Bucket=IMAGES_BUCKET, Prefix=f"out/{owner}/").get("Contents", [])
    return [one["Key"] for one in [*uploads.get("Versions", []), *uploads.get("DeleteMarkers", []), *variants]]


def fetched(shown: dict[str, Any]) -> dict[tuple[str, str], bytes]:
    """Every variant, through its link."""
    found = {}
    for one in shown["variants"]:
        answer = requests.get(one["url"], timeout=10)
        assert (answer.status_code, len(answer.content)) == (200, one["bytes"]), one
        found[one["name"], one["format"]] = answer.content
    return found


# --- the way of a photo


def test_a_12_mp_phone_photo_comes_out_upright_in_its_colours_and_anonymous(app: App) -> None:
    """Stored on its side, in Display P3, with all the metadata that phones write; each patch has its own place."""
    data = pictures.phone_photo(3024, 4032, orientation=6)
    assert pictures.metadata_in(data, "jpeg")
    shown = app.uploaded(data)
    assert (shown["status"], shown["progress"], shown["reject"]) == ("ready", 100, None)
    original = shown["original"] | {"sha256": None}
    assert original == {"bytes": len(data), "width": 3024, "height": 4032, "format": "jpeg", "sha256": None}
    variants = fetched(shown)
    assert set(variants) == {(name, format) for name in ("display", "thumb") for format in ("jpeg", "avif")}
    for (name, format), variant in variants.items():
        assert pictures.metadata_in(variant, format) == []
        with Image.open(BytesIO(variant)) as opened:
            assert opened.size == {"display": (1200, 1600), "thumb": (240, 320)}[name]
            assert not opened.getexif() and "icc_profile" not in opened.info
            picture = opened.convert("RGB")
        distances = [
            pictures.colour_distance(
                pictures.srgb_from_p3(colour), picture.getpixel((int(x * picture.width), int(y * picture.height)))
            )
            for (x, y), colour in pictures.PATCHES.items()
        ]
        assert sum(distances) / len(distances) <= 1.5, (name, format, distances)


@needs_photos
@pytest.mark.parametrize("name", ["phone_12mp_display_p3.jpg", "phone_12mp_srgb.jpg"])
def test_a_real_photo_comes_out_upright_small_and_anonymous(name: str, app: App) -> None:
    data = (Path(PHOTOS or "") / name).read_bytes()
    shown = app.uploaded(data)
    assert shown["status"] == "ready"
    with Image.open(BytesIO(data)) as taken:
        turned = taken.getexif().get(0x0112, 1) >= 5
        upright = taken.size[::-1] if turned else taken.size
    assert (shown["original"]["width"], shown["original"]["height"]) == upright
    for (_, format), variant in fetched(shown).items():
        assert pictures.metadata_in(variant, format) == []
        with Image.open(BytesIO(variant)) as opened:
            assert (opened.width > opened.height) == (upright[0] > upright[1])


@needs_photos
def test_every_nasty_file_ends_ready_or_rejected_with_a_code(app: App) -> None:
    for path in sorted((Path(PHOTOS or "") / "nasty").iterdir()):
        if path.stat().st_size:  # S3 refuses an empty one, as a test below shows
            shown = app.uploaded(path.read_bytes())
            assert (shown["status"] == "ready") != (shown["reject"] is not None), (path.name, shown)


@pytest.mark.parametrize(
    "format, content_type", [("PNG", "image/png"), ("WEBP", "image/webp"), ("AVIF", "image/avif")]
)
def test_every_accepted_type_is_taken_and_told_by_its_bytes(format: str, content_type: str, app: App) -> None:
    shown = app.uploaded(small(format=format), content_type)
    assert (shown["status"], shown["original"]["format"]) == ("ready", format.lower())


def test_a_wrong_content_type_is_no_matter_once_s3_took_it(app: App) -> None:
    """The form fixes what is declared; what it is, the bytes say."""
    assert app.uploaded(small(format="PNG"), "image/jpeg")["original"]["format"] == "png"


def test_a_photo_that_is_none_is_rejected_with_a_code_and_a_text(app: App) -> None:
    shown = app.uploaded(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    assert shown["status"] == "rejected" and shown["variants"] == []
    assert shown["reject"]["code"] == "unsupported_type" and "JPEG" in shown["reject"]["text"]


def test_a_heic_photo_is_rejected_with_a_code_that_the_app_understands_where_no_layer_reads_it(app: App) -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64
    assert app.uploaded(heic, "image/heic")["reject"]["code"] in ("heic_not_supported", "corrupt")


def test_links_last_five_minutes_and_tell_the_browser_what_it_gets(app: App) -> None:
    for one in app.uploaded(small())["variants"]:
        answer = requests.get(one["url"], timeout=10)
        assert answer.headers["Content-Type"] == f"image/{one['format']}"
        assert answer.headers["Content-Disposition"] == "inline"
        assert answer.headers["Cache-Control"] == "private, max-age=300"
        assert parse_qs(urlsplit(one["url"]).query)["X-Amz-Expires"] == ["300"]
        assert requests.get(one["url"].split("?")[0], timeout=10).status_code == 403
        assert requests.get(one["url"][:-6] + "000000", timeout=10).status_code == 403


def test_the_app_is_told_how_far_it_is_and_when_to_ask_again(app: App) -> None:
    ticket = app.photo_ticket()
    answer = app.call("GET", f"{IMAGES}{ticket['id']}/")
    assert (answer.json()["status"], answer.json()["progress"]) == ("awaiting_upload", 0)
    assert answer.headers["Retry-After"] == str(answer.json()["poll_after_ms"] // 1_000)
    app.send(ticket, small())
    app.followed(ticket["id"])
    assert "Retry-After" not in app.call("GET", f"{IMAGES}{ticket['id']}/").headers


def test_photos_are_listed_newest_first_in_pages_of_twenty(app: App) -> None:
    ids = [app.photo_ticket()["id"] for _ in range(21)]
    first = app.get(IMAGES)
    assert (first["count"], len(first["results"]), first["previous"]) == (21, 20, None)
    second = app.get(urlsplit(first["next"]).path + "?" + urlsplit(first["next"]).query)
    assert [one["id"] for one in first["results"] + second["results"]] == ids[::-1]


def test_a_customer_may_hold_fifty_valid_tickets_and_no_more_however_fast_he_asks(app: App, bundle: Bundle) -> None:
    phones = [app.another_phone() for _ in range(10)]

    def ask(phone: App) -> list[int]:
        return [phone.call("POST", UPLOAD, {"content_type": "image/jpeg"}).status_code for _ in range(6)]

    answered = [
        status for statuses in at_once([lambda phone=phone: ask(phone) for phone in phones]) for status in statuses
    ]
    assert (answered.count(201), answered.count(429)) == (images.TICKETS_MAX, 60 - images.TICKETS_MAX)
    refused = app.call("POST", UPLOAD, {"content_type": "image/jpeg"})
    assert refused.status_code == 429 and 0 < int(refused.headers["Retry-After"]) <= 300
    assert refused.json()["detail"].startswith("Request was throttled. Expected available in ")
    assert App(bundle).photo_ticket()


# --- what S3 refuses: the form


def test_a_form_names_exactly_what_may_be_uploaded(app: App) -> None:
    """No list of what else: S3 refuses every field that the policy does not name, an acl or a redirect among them."""
    ticket = app.photo_ticket("image/png", size_bytes=100)
    fields = ticket["upload"]["fields"]
    policy = json.loads(base64.b64decode(fields["policy"]))
    exact = {name: value for one in policy["conditions"] if isinstance(one, dict) for name, value in one.items()}
    assert exact == {
        "Content-Type": "image/png",
        "bucket": UPLOADS_BUCKET,
        "key": key_of(app, ticket["id"]),
        **{name: fields[name] for name in ("x-amz-algorithm", "x-amz-credential", "x-amz-date")},
    }
    assert [one for one in policy["conditions"] if isinstance(one, list)] == [["content-length-range", 100, 100]]
    assert "${" not in json.dumps(fields) and ticket["upload"]["accept"] == ["image/png"]


def tampered(fields: dict[str, str]) -> dict[str, Any]:
    """The policy without its conditions, under the signature of the true one."""
    policy = json.dumps({"expiration": "2099-01-01T00:00:00Z", "conditions": []})
    return {"policy": base64.b64encode(policy.encode()).decode()}


FORMS: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "another content type": lambda form: {"Content-Type": "text/html"},
    "a second content type": lambda form: {"Content-Type": "image/jpeg, text/html"},
    "no content type": lambda form: {"Content-Type": None},
    "another key": lambda form: {"key": form["key"][:-1] + "x"},
    "another customer's key": lambda form: {"key": f"in/{'0' * 64}/{form['key'].rsplit('/', 1)[1]}"},
    "a key above": lambda form: {"key": f"in/../{form['key']}"},
    "a key named by the file": lambda form: {"key": "in/${filename}"},
    "a key in the images' place": lambda form: {"key": form["key"].replace("in/", "out/")},
    "another bucket": lambda form: {"bucket": IMAGES_BUCKET},
    "a tampered policy": tampered,
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
    "nothing of a form but key and type": lambda form: {
        name: None for name in form if name not in ("key", "Content-Type")
    },
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_that_was_changed_is_refused(name: str, app: App, aws: Callable[[str], Any]) -> None:
    ticket = app.photo_ticket()
    refused = app.send(ticket, small(), **FORMS[name](ticket["upload"]["fields"]))
    assert refused.status_code in (400, 403), refused.text
    assert lying_in(aws, app) == [] and app.photo(ticket["id"])["status"] == "awaiting_upload"
    assert app.send(ticket, small()).status_code == 204  # as it was given it is taken
    assert app.followed(ticket["id"])["status"] == "ready"


@pytest.mark.parametrize("size_bytes, status", [(0, 400), (SIZE_BYTES_MAX + 1, 400), (SIZE_BYTES_MAX, 204), (1, 204)])
def test_a_size_out_of_the_range_is_refused_and_its_ends_are_taken(size_bytes: int, status: int, app: App) -> None:
    ticket = app.photo_ticket()
    assert ticket["upload"]["size_bytes_max"] == SIZE_BYTES_MAX
    assert app.send(ticket, b"\0" * size_bytes).status_code == status
    if status == 204:
        assert app.followed(ticket["id"])["original"]["bytes"] == size_bytes


def test_any_size_but_the_one_told_is_refused(app: App) -> None:
    data = small()
    ticket = app.photo_ticket(size_bytes=len(data))
    for other in (data[:-1], data + b"\0"):
        assert app.send(ticket, other).status_code == 400
    assert app.send(ticket, data).status_code == 204


@pytest.mark.usefixtures("signing")
def test_a_form_that_is_over_is_refused(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = app.photo_ticket()
    for age_s, status in ((-1, 403), (300, 204)):
        monkeypatch.setattr(bucket, "TICKET_AGE_S", age_s)
        form = bucket.upload_form(key_of(app, ticket["id"]), "image/jpeg", (1, 10_000), None)
        sent = {"upload": {"method": form.method, "url": form.url, "fields": dict(form.fields)}}
        assert app.send(sent, small()).status_code == status


def test_a_form_used_again_stores_a_second_version_and_changes_nothing(app: App, aws: Callable[[str], Any]) -> None:
    ticket = app.photo_ticket()
    app.send(ticket, small("red"))
    shown = app.followed(ticket["id"])
    before = fetched(shown)
    assert app.send(ticket, small("blue")).status_code == 204
    versions = aws("s3").list_object_versions(Bucket=UPLOADS_BUCKET, Prefix=key_of(app, ticket["id"]))["Versions"]
    assert len(versions) == 2
    quiet(app)
    after = app.photo(ticket["id"])
    assert (after["updated_at"], fetched(after)) == (shown["updated_at"], before)


def quiet(app: App) -> None:
    """A photo later: what was uploaded before has had its turn."""
    assert app.uploaded(small())["status"] == "ready"


def test_bytes_of_another_hash_do_not_become_a_photo_though_this_engine_takes_such_a_form(app: App) -> None:
    """S3 checks x-amz-checksum-sha256 of a form; the stand-in for it does not (it does for PUT), so here the form
    itself is looked at, and the compressor's own check is what rejects the bytes."""
    data = small()
    hashed = hashlib.sha256(data)
    ticket = app.photo_ticket(sha256=hashed.hexdigest())
    checksum = base64.b64encode(hashed.digest()).decode()
    assert ticket["upload"]["fields"]["x-amz-checksum-sha256"] == checksum
    policy = json.loads(base64.b64decode(ticket["upload"]["fields"]["policy"]))
    assert {"x-amz-checksum-sha256": checksum} in policy["conditions"]
    for changed in (None, base64.b64encode(b"0" * 32).decode()):  # neither left out nor replaced
        assert app.send(ticket, small("blue"), **{"x-amz-checksum-sha256": changed}).status_code == 403
    app.send(ticket, small("blue"))
    assert app.followed(ticket["id"])["reject"]["code"] == "checksum_mismatch"
    good = app.photo_ticket(sha256=hashed.hexdigest().upper())
    assert app.send(good, data).status_code == 204
    assert app.followed(good["id"])["original"]["sha256"] == hashed.hexdigest()


# --- what S3 refuses: the bare PUT


@pytest.mark.parametrize(
    "name, headers, data",
    [
        ("another content type", {"Content-Type": "text/html"}, small()),
        ("another size", {}, small() + b"\0"),
        ("other bytes", {}, small()[:-1] + b"\1"),
        ("another hash", {"x-amz-checksum-sha256": base64.b64encode(b"0" * 32).decode()}, small()),
        ("no condition", {"If-None-Match": ""}, small()),
        ("an acl", {"x-amz-acl": "public-read"}, small()),
    ],
)
def test_a_put_that_was_changed_is_refused(
    name: str, headers: dict[str, str], data: bytes, app: App, aws: Callable[[str], Any]
) -> None:
    sha256 = hashlib.sha256(small()).hexdigest()
    ticket = app.photo_ticket(method="put", size_bytes=len(small()), sha256=sha256)
    assert app.send(ticket, data, **headers).status_code in (400, 403), name
    assert lying_in(aws, app) == []
    assert app.send(ticket, small()).status_code == 200
    assert app.followed(ticket["id"])["status"] == "ready"


def test_a_put_takes_effect_once(app: App) -> None:
    ticket = app.photo_ticket(method="put", size_bytes=len(small()))
    assert [app.send(ticket, small()).status_code for _ in range(2)] == [200, 412]
    assert app.followed(ticket["id"])["status"] == "ready"


def test_a_put_of_another_key_or_under_another_signature_is_refused(app: App) -> None:
    ticket = app.photo_ticket(method="put", size_bytes=len(small()))
    url = ticket["upload"]["url"]
    for changed in (
        url.replace(ticket["id"], "0" * 36),
        url[:-6] + "000000",
        url.replace("Expires=300", "Expires=900"),
    ):
        assert app.send({"upload": ticket["upload"] | {"url": changed}}, small()).status_code == 403


@pytest.mark.usefixtures("signing")
def test_a_put_that_is_over_is_refused(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket, form = app.photo_ticket(), None
    with monkeypatch.context() as patch:
        long_ago = lambda: images.fields.datetime(2020, 1, 1)  # noqa: E731
        patch.setattr("botocore.auth.get_current_datetime", long_ago)
        form = bucket.upload_put(key_of(app, ticket["id"]), "image/jpeg", len(small()), None)
    sent = {"upload": {"method": "PUT", "url": form.url, "headers": dict(form.headers)}}
    assert app.send(sent, small()).status_code == 403


# --- the web page's door


def test_the_uploads_bucket_lets_the_bundles_own_page_upload_and_no_other(app: App, bundle: Bundle) -> None:
    url = app.photo_ticket()["upload"]["url"]

    def asked(origin: str) -> int:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return requests.options(url, headers=headers, timeout=10).status_code

    assert (asked(bundle.api), asked("http://127.0.0.1:1")) == (200, 403)


def test_the_upload_page_is_served_and_knows_the_customers(bundle: Bundle) -> None:
    page = requests.get(f"{bundle.api}/_local/upload", timeout=5)
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    assert requests.post(f"{bundle.api}/_local/seeds", json={}, timeout=5).json() == bundle.customers


# --- what S3 tells


def event(key: str, bucket_name: str = UPLOADS_BUCKET, name: str = "ObjectCreated:Post") -> dict[str, Any]:
    told = {"bucket": {"name": bucket_name}, "object": {"key": key, "versionId": "v", "sequencer": "0"}}
    return {"Records": [{"eventSource": "aws:s3", "eventName": name, "s3": told}]}


@pytest.mark.parametrize(
    "told",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": UPLOADS_BUCKET},
        {},
        {"Records": []},
        {"Records": None},
        {"Records": [{}, None, 1, {"s3": None}]},
        event("in/a", IMAGES_BUCKET),
        event("in/a", name="ObjectRemoved:Delete"),
    ],
)
def test_an_event_that_tells_of_no_upload_is_ignored(told: Any, bundle: Bundle) -> None:
    assert bundle.invoke("CompressImage", told) == {"uploads": 0}


@pytest.mark.parametrize(
    "key", ["out/x", "in/a%2Bb+c.jpg", "in/%25", "in/%", "in/%zz", "in/%C3%BC", "in%2Fx", "", "in/" + "x" * 900]
)
def test_a_key_of_any_spelling_is_survived(key: str, bundle: Bundle) -> None:
    assert bundle.invoke("CompressImage", event(key)) == {"uploads": 1}


def test_objects_with_odd_keys_go_all_the_way_and_stop_nothing(
    app: App, bundle: Bundle, aws: Callable[[str], Any]
) -> None:
    """S3 writes their keys encoded into the event; the log shows that each arrived."""
    before = bundle.log_text().count('"outcome":"ignored"')
    for key in ("in/a+b c%.jpg", "in/ü&=?#.jpg"):
        aws("s3").put_object(Bucket=UPLOADS_BUCKET, Key=key, Body=b"x")
    quiet(app)
    for _ in range(100):
        if bundle.log_text().count('"outcome":"ignored"') >= before + 2:
            return
        time.sleep(0.05)
    pytest.fail("an event did not arrive")


def test_the_same_event_again_and_again_at_once_makes_one_photo(app: App, bundle: Bundle) -> None:
    ticket = app.photo_ticket()
    assert app.send(ticket, small()).status_code == 204
    told = event(key_of(app, ticket["id"]))
    at_once([lambda: bundle.invoke("CompressImage", told) for _ in range(5)])
    shown = app.followed(ticket["id"])
    assert shown["status"] == "ready" and len(fetched(shown)) == 4
    bundle.invoke("CompressImage", told)
    assert app.photo(ticket["id"])["updated_at"] == shown["updated_at"]


# --- removal


def test_a_deleted_photo_leaves_nothing_in_either_bucket(app: App, aws: Callable[[str], Any]) -> None:
    ticket = app.photo_ticket()
    for colour in ("red", "blue"):
        app.send(ticket, small(colour))
    links = app.followed(ticket["id"])["variants"]
    quiet_one = app.uploaded(small())
    assert app.call("DELETE", f"{IMAGES}{ticket['id']}/").status_code == 204
    assert not [key for key in lying_in(aws, app) if ticket["id"] in key]
    assert [requests.get(one["url"], timeout=10).status_code for one in links] == [404] * 4
    assert app.call("GET", f"{IMAGES}{ticket['id']}/").status_code == 404
    assert app.call("DELETE", f"{IMAGES}{ticket['id']}/").status_code == 404
    assert [one["id"] for one in app.get(IMAGES)["results"]] == [quiet_one["id"]]


def test_an_upload_after_its_photo_was_deleted_is_removed(app: App, aws: Callable[[str], Any]) -> None:
    ticket = app.photo_ticket()
    assert app.call("DELETE", f"{IMAGES}{ticket['id']}/").status_code == 204
    assert app.send(ticket, small()).status_code == 204
    quiet(app)
    for _ in range(200):
        if not [key for key in lying_in(aws, app) if ticket["id"] in key]:
            return
        time.sleep(0.05)
    pytest.fail("the upload still lies there")


def test_nothing_that_lets_anyone_upload_or_look_reached_the_log(app: App, bundle: Bundle) -> None:
    ticket = app.photo_ticket()
    app.send(ticket, small())
    links = [one["url"] for one in app.followed(ticket["id"])["variants"]]
    fields, log = ticket["upload"]["fields"], bundle.log_text()
    signatures = [parse_qs(urlsplit(one).query)["X-Amz-Signature"][0] for one in links]
    for secret in (fields["policy"], fields["x-amz-signature"], *signatures, app.customer["id"]):
        assert secret not in log
