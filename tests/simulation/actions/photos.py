"""What customers, S3 and the sweeper may do with photos."""

from functools import cache
from io import BytesIO

from PIL import Image

from tests.simulation.flows.photos import UPLOAD, photo
from tests.simulation.harness import HARNESS
from tests.simulation.history import Act, History
from tests.simulation.invariants.photos import photo_rows, upload_key
from tests.simulation.world import Reply, Request

IMAGES = "/api/mobile/images/"
UPLOAD_WINDOW_US = 300 * 1_000_000  # how long a presigned form is valid


@cache
def _another_photo() -> bytes:
    data = BytesIO()
    Image.new("RGB", (16, 12), (40, 40, 180)).save(data, "JPEG")
    return data.getvalue()


def create_upload(history: History) -> Act | None:
    customer = history.world.random.choice(history.customers)

    def act() -> Reply:
        reply = history.send(Request(customer, "POST", UPLOAD, {"content_type": "image/jpeg"}))
        if reply.status == 201:
            ends_at_us = history.world.clock_us + UPLOAD_WINDOW_US
            history.uploads.append(reply.body | {"customer": customer, "ends_at_us": ends_at_us})
        return reply

    return act


def upload(history: History) -> Act | None:
    """Upload a photo, or something that is none, while the form is valid; possibly a second one under its key."""
    history.latest_us = max(history.latest_us, history.world.clock_us)
    valid = [upload for upload in history.uploads if history.latest_us < upload["ends_at_us"]]
    if not valid:
        return None
    chance = history.world.random
    data = chance.choice([photo(), photo(), _another_photo(), b"no picture, however long one looks at it"])
    key = history.world.put_upload(chance.choice(valid), data)
    history.deleted_uploads.discard(key)
    if key not in {upload_key(row) for row in photo_rows(history.world)}:
        history.late_uploads.add(key)
    history.log(f"S3: {len(data)} bytes for {key.rpartition('/')[2]}")
    return lambda: None


def report_upload(history: History) -> Act | None:
    """S3 reports an upload, in any order."""
    return _report(history, history.world.unreported_uploads)


def report_upload_again(history: History) -> Act | None:
    return _report(history, sorted(history.world.s3.buckets.get(HARNESS.uploads, {})))


def _report(history: History, keys: list[str]) -> Act | None:
    if not keys:
        return None
    key = history.world.random.choice(keys)

    def act() -> Reply:
        reply = history.world.report_upload(key)
        history.log(f"S3 reports {key.rpartition('/')[2]}: {reply.status}")
        return reply

    return act


def lose_upload_event(history: History) -> Act | None:
    """S3 never reports an upload: the sweeper expires its photo, and the bucket's own expiry removes the object."""
    if not history.world.unreported_uploads:
        return None
    key = history.world.random.choice(history.world.unreported_uploads)
    history.world.unreported_uploads.remove(key)
    history.lost_uploads.add(key)
    history.log(f"S3 never reports {key.rpartition('/')[2]}")
    return lambda: None


def read_photo(history: History) -> Act | None:
    """A customer reads one photo, their own or not, or lists theirs."""
    chance = history.world.random
    paths = [f"{IMAGES}{upload['id']}/" for upload in history.uploads[-3:]]
    request = Request(chance.choice(history.customers), "GET", chance.choice([IMAGES, *paths]))
    return lambda: history.send(request)


def delete_photo(history: History) -> Act | None:
    """A customer deletes a photo, their own or not, deleted before or not."""
    if not history.uploads:
        return None
    chance = history.world.random
    upload = chance.choice(history.uploads)
    key = upload["upload"]["fields"]["key"]
    customer = chance.choice([upload["customer"], upload["customer"], *history.customers])
    is_uploaded = key in history.world.s3.keys(HARNESS.uploads)

    def act() -> Reply:
        reply = history.send(Request(customer, "DELETE", f"{IMAGES}{upload['id']}/"))
        if reply.status == 204 and is_uploaded:
            history.deleted_uploads.add(key)
        return reply

    return act


def sweep(history: History) -> Act | None:
    def act() -> None:
        history.world.sweep()
        history.log("sweeper")

    return act
