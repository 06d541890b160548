"""What must hold of photos whatever failed, as functions over a world; `invariants.py` has that of their objects."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from tests.prove.invariants import IMAGES, Found
from tests.prove.world import STAGE, World

# What a photo may become, told a second time: the code's own table is under test.
RISES: Mapping[str, tuple[str, ...]] = {
    "awaiting_upload": ("processing", "expired", "deleted"),
    "processing": ("ready", "rejected", "deleted"),
    "ready": ("deleted",),
    "rejected": ("deleted",),
    "expired": ("deleted",),
    "deleted": (),
}
ENDS = ("ready", "rejected", "expired")


def rows(world: World) -> list[dict[str, Any]]:
    """The photos; beside them each owner has a row that counts tickets."""
    return [row for row in world.rows(IMAGES) if row["id"] != "tickets"]


def ends_stay(world: World) -> Found:
    for table, key, before, after in world.engine.journal:
        if table != IMAGES or before is None or key[1] == "tickets":
            continue
        was, becomes = before["status"]["S"], after["status"]["S"] if after else "gone"
        if after is None and was != "deleted":
            yield f"the row of a photo that is {was} was removed"
        elif after and was != becomes and becomes not in RISES[was]:
            yield f"a photo went from {was} to {becomes}"
        elif after and was == becomes == "ready" and before["variants"] != after["variants"]:
            yield "the variants of a photo that is ready changed"


def first_version(world: World) -> Found:
    """A photo that is ready is the first that was uploaded under its key, whatever came after it."""
    for row in rows(world):
        if row["status"] == "ready":
            version, data = world.wire.objects.first[STAGE.uploads, f"in/{row['owner']}/{row['id']}"]
            sha256 = hashlib.sha256(data).hexdigest()
            if row["upload_version"] != version or row["sha256"] != sha256:
                yield "a photo is not of the first version of its upload"


def nobody_elses(world: World) -> Found:
    """No answer tells of a photo of another customer's."""
    from shared.images import owner_of

    owners = {key[1]: key[0] for table, key, *_ in world.engine.journal if table == IMAGES and key[1] != "tickets"}
    for sent, reply in world.replies:
        if not sent or not sent.path.startswith("/api/mobile/") or reply.status not in (200, 201):
            continue
        for name in _ids(reply.body):
            if owners.get(name) != owner_of(sent.customer.id):
                yield f"{sent.method} {sent.path} answered with a photo of another customer's"


def _ids(body: Mapping[str, Any]) -> Iterator[str]:
    yield from (one["id"] for one in body["results"]) if "results" in body else (body["id"],)


def ended(world: World) -> Found:
    """Every photo has come to its end, and the sweeper has nothing left to look at."""
    for row in rows(world):
        if row["status"] not in ENDS or row.get("open"):
            yield f"a photo is still {row['status']}{', and open' if row.get('open') else ''}"


def violations(world: World, settled: bool = False) -> list[str]:
    """What is wrong, each with its invariant; nothing for a sound world."""
    checks = {
        "I16 ends stay": ends_stay,
        "I16 the first version": first_version,
        "I13 nobody else's photo": nobody_elses,
    }
    if settled:
        checks["I16 every photo ends"] = ended
    return [f"{name}: {text}" for name, check in checks.items() for text in check(world)]


def uploads_left(world: World, lost: set[str], deleted: set[str]) -> Found:
    """What lies in the uploads' bucket is of a photo that was told to its end, or nobody was told of it.

    `lost` are the keys of which S3 told nobody, for the bucket's own expiry; `deleted` those that lay there when
    their customer deleted the photo: these go without S3's word.
    """
    status = {f"in/{row['owner']}/{row['id']}": row["status"] for row in rows(world)}
    for key in world.wire.objects.keys(STAGE.uploads):
        is_left_to_expiry = key in lost and key not in deleted and status.get(key, "expired") == "expired"
        if status.get(key) not in ("ready", "rejected") and not is_left_to_expiry:
            yield f"an upload is left of a photo that is {status.get(key, 'gone')}"
