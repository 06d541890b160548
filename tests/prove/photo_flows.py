"""The flows of a photo: its ticket, its compression, its deletion, and the sweep of what got stuck."""

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image

from tests.prove.drivers import APP, RECONCILER, Flow, Run, answered
from tests.prove.world import STAGE, Customer, Reply, World

UPLOAD = "/api/mobile/upload-image/"
DUE_S = 3 * 3_600  # by then the sweeper looks at any photo


@cache
def photo() -> bytes:
    """A small photo, with what a camera writes into one."""
    data, exif = BytesIO(), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "canary-camera"
    Image.new("RGB", (48, 32), (180, 40, 40)).save(data, "JPEG", exif=exif)
    return data.getvalue()


def ticket(world: World, customer: Customer) -> dict[str, Any]:
    reply = world.call(customer, "POST", UPLOAD, {"content_type": "image/jpeg"})
    assert reply.status == 201, reply
    return dict(reply.body)


def status(world: World) -> str:
    """Of the world's only photo."""
    return str(next(row["status"] for row in world.rows("ImagesTable") if row["id"] != "tickets"))


def ask_for_ticket(world: World) -> Run:
    """Without a key a retry may make a second ticket; what nobody uploads to ends by itself."""
    customer = world.customer()
    return answered(
        lambda: world.call(customer, "POST", UPLOAD, {"content_type": "image/jpeg"}),
        lambda answer: answer.status == 201,
    )


def compress(world: World) -> Run:
    """S3 tells of an upload, and tells it again until the compressor has answered."""
    key = ticket(world, world.customer())["upload"]["fields"]["key"]
    world.wire.objects.put(STAGE.uploads, key, photo())
    return Run(lambda: world.tell_of_upload(key), lambda: status(world) == "ready")


def reject(world: World) -> Run:
    """S3 tells of an upload that is no picture."""
    key = ticket(world, world.customer())["upload"]["fields"]["key"]
    world.wire.objects.put(STAGE.uploads, key, b"no picture")
    return Run(lambda: world.tell_of_upload(key), lambda: status(world) == "rejected")


def delete(world: World) -> Run:
    """Forget a photo that is ready; its objects go at once or with the sweeper."""
    customer = world.customer()
    asked = ticket(world, customer)
    assert world.upload(asked, photo()).status == 200
    path = f"/api/mobile/images/{asked['id']}/"
    return answered(
        lambda: world.call(customer, "DELETE", path),
        lambda answer: answer.status in (204, 404) and world.call(customer, "GET", path).status == 404,
    )


def sweep(world: World) -> Run:
    """A ticket that nobody uploaded to, when its time has come."""
    ticket(world, world.customer())
    world.forward(DUE_S)
    return Run(lambda: swept(world), lambda: status(world) == "expired")


def swept(world: World) -> Reply:
    world.sweep()
    return Reply(200)


PHOTO_FLOWS: Mapping[str, Flow] = {
    "ask for a photo's ticket": Flow(ask_for_ticket, (APP,)),
    "compress a photo": Flow(compress, (APP,)),
    "reject what is no photo": Flow(reject, (APP,)),
    "delete a photo": Flow(delete, (APP,)),
    "sweep a photo that never came": Flow(sweep, (RECONCILER,)),
}
