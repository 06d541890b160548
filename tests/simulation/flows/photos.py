"""The flows of a photo: creating its upload, compressing, deleting, and sweeping what got stuck."""

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image

from tests.simulation.flows.flow import APP, RECONCILER, Flow, Run, run_checking_reply
from tests.simulation.harness import HARNESS
from tests.simulation.world import Customer, Reply, World

UPLOAD = "/api/mobile/upload-image/"
SWEEP_DUE_S = 3 * 3_600  # after this time the sweeper looks at any photo


@cache
def photo() -> bytes:
    """A small photo with a camera's metadata."""
    data, exif = BytesIO(), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "canary-camera"
    Image.new("RGB", (48, 32), (180, 40, 40)).save(data, "JPEG", exif=exif)
    return data.getvalue()


def create_upload(world: World, customer: Customer) -> dict[str, Any]:
    """Create an upload; returns it as the API serializes it."""
    reply = world.call(customer, "POST", UPLOAD, {"content_type": "image/jpeg"})
    assert reply.status == 201, reply
    return dict(reply.body)


def photo_status(world: World) -> str:
    """The status of the world's only photo."""
    return str(next(row["status"] for row in world.rows("ImagesTable") if row["id"] != "tickets"))


def ask_for_upload(world: World) -> Run:
    """Create an upload. Without a key a retry may create a second one; an unused upload expires by itself."""
    customer = world.customer()
    return run_checking_reply(
        lambda: world.call(customer, "POST", UPLOAD, {"content_type": "image/jpeg"}),
        lambda reply: reply.status == 201,
    )


def send_form(world: World) -> Run:
    """Send a photo as a form, and S3 reports what it took. A retry may create a second photo; neither is lost."""
    customer, boundary = world.customer(), b"canary-boundary"
    head = b'--%b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' % boundary
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}", "Host": "api.test"}

    def act() -> Reply:
        reply = world.request("POST", UPLOAD, None, headers, customer, head + photo() + b"\r\n--%b--\r\n" % boundary)
        for key in world.s3.keys(HARNESS.uploads):
            for _ in range(3):  # S3's event comes again
                if world.report_upload(key).status == 200:
                    break
        return reply

    def is_ready(reply: Reply) -> bool:
        statuses = {row["id"]: row.get("status") for row in world.rows("ImagesTable")}
        return reply.status == 201 and statuses[reply.body["id"]] == "ready"

    return run_checking_reply(act, is_ready)


def compress(world: World) -> Run:
    """S3 reports an upload, and repeats the event until the compressor succeeds."""
    key = create_upload(world, world.customer())["upload"]["fields"]["key"]
    world.s3.put(HARNESS.uploads, key, photo())
    return Run(lambda: world.report_upload(key), lambda: photo_status(world) == "ready")


def reject(world: World) -> Run:
    """S3 reports an upload that is not an image."""
    key = create_upload(world, world.customer())["upload"]["fields"]["key"]
    world.s3.put(HARNESS.uploads, key, b"no picture")
    return Run(lambda: world.report_upload(key), lambda: photo_status(world) == "rejected")


def delete(world: World) -> Run:
    """Delete a photo that is ready; its objects are deleted at once or by the sweeper."""
    customer = world.customer()
    created = create_upload(world, customer)
    assert world.upload(created, photo()).status == 200
    path = f"/api/mobile/images/{created['id']}/"
    return run_checking_reply(
        lambda: world.call(customer, "DELETE", path),
        lambda reply: reply.status in (204, 404) and world.call(customer, "GET", path).status == 404,
    )


def sweep(world: World) -> Run:
    """An upload that was never used, after its deadline."""
    create_upload(world, world.customer())
    world.advance(SWEEP_DUE_S)
    return Run(lambda: run_sweeper(world), lambda: photo_status(world) == "expired")


def run_sweeper(world: World) -> Reply:
    world.sweep()
    return Reply(200)


PHOTO_FLOWS: Mapping[str, Flow] = {
    "create an upload": Flow(ask_for_upload, (APP,)),
    "send a photo as a form": Flow(send_form, (APP,)),
    "compress a photo": Flow(compress, (APP,)),
    "reject an invalid photo": Flow(reject, (APP,)),
    "delete a photo": Flow(delete, (APP,)),
    "sweep an unused upload": Flow(sweep, (RECONCILER,)),
}
