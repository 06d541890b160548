"""Invariants of photos and of the objects in their buckets."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulation.harness import HARNESS
from tests.simulation.invariants.check import IMAGES, Check, Findings
from tests.simulation.world import World

# The allowed transitions of a photo. They repeat the code's own table on purpose, since that table is under test.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "awaiting_upload": ("processing", "expired", "deleted"),
    "processing": ("ready", "rejected", "deleted"),
    "ready": ("deleted",),
    "rejected": ("deleted",),
    "expired": ("deleted",),
    "deleted": (),
}
FINAL_STATUSES = ("ready", "rejected", "expired")


def photo_rows(world: World) -> list[dict[str, Any]]:
    """The rows of photos, without each owner's row that counts uploads."""
    return [row for row in world.rows(IMAGES) if row["id"] != "tickets"]


def allowed_transitions(world: World) -> Findings:
    for table, key, before, after in world.dynamodb.journal:
        if table != IMAGES or before is None or key[1] == "tickets":
            continue
        old, new = before["status"]["S"], after["status"]["S"] if after else "removed"
        if after is None and old != "deleted":
            yield f"the row of a photo that is {old} was removed"
        elif after and old != new and new not in TRANSITIONS[old]:
            yield f"a photo went from {old} to {new}"
        elif after and old == new == "ready" and before["variants"] != after["variants"]:
            yield "the variants of a photo that is ready changed"


def first_version(world: World) -> Findings:
    """A photo that is ready was made from the first version uploaded under its key."""
    for row in photo_rows(world):
        if row["status"] == "ready":
            version, data = world.s3.first[HARNESS.uploads, f"in/{row['owner']}/{row['id']}"]
            sha256 = hashlib.sha256(data).hexdigest()
            if row["upload_version"] != version or row["sha256"] != sha256:
                yield "a photo was not made from the first version of its upload"


def own_photos_only(world: World) -> Findings:
    """No reply contains another customer's photo."""
    from shared.images.lifecycle import owner_of

    owners = {key[1]: key[0] for table, key, *_ in world.dynamodb.journal if table == IMAGES and key[1] != "tickets"}
    for request, reply in world.replies:
        if not request or not request.path.startswith("/api/mobile/") or reply.status not in (200, 201):
            continue
        for name in _ids(reply.body):
            if owners.get(name) != owner_of(request.customer.id):
                yield f"{request.method} {request.path} replied with another customer's photo"


def _ids(body: Mapping[str, Any]) -> Iterator[str]:
    yield from (image["id"] for image in body["results"]) if "results" in body else (body["id"],)


def variants_stored(world: World) -> Findings:
    """A photo that is ready has all of its variants, and none contains the camera's metadata."""
    bucket = world.s3.buckets.get(HARNESS.images, {})
    for row in world.rows(IMAGES):
        if row.get("status") == "ready":
            for variant in row["variants"]:
                key = _variant_key(row, variant)
                data = bucket[key][-1][1] if key in bucket else b""
                if len(data) != variant["bytes"]:
                    yield f"the variant {variant['name']} of a photo that is ready is missing"
                if b"canary-camera" in data or b"Exif" in data:
                    yield f"the variant {variant['name']} contains the camera's metadata"


# --- at rest


def all_final(world: World) -> Findings:
    """Every photo has its final status, and the sweeper has nothing left to do."""
    for row in photo_rows(world):
        if row["status"] not in FINAL_STATUSES or row.get("open"):
            yield f"a photo is still {row['status']}{', and open' if row.get('open') else ''}"


def no_orphans(world: World) -> Findings:
    """Every object in the images bucket belongs to a photo that is ready."""
    rows = [row for row in photo_rows(world) if row["status"] == "ready"]
    wanted = {_variant_key(row, variant) for row in rows for variant in row["variants"]}
    for key in world.s3.keys(HARNESS.images):
        if key not in wanted:
            yield f"the object {key} belongs to no photo"


def _variant_key(row: dict[str, Any], variant: dict[str, Any]) -> str:
    content = f"{row['recipe']}-{row['sha256'][:16]}"
    return f"out/{row['owner']}/{row['id']}/{content}/{variant['name']}.{variant['format']}"


def upload_key(row: Mapping[str, Any]) -> str:
    return f"in/{row['owner']}/{row['id']}"


def leftover_uploads(world: World, lost: set[str], deleted: set[str], late: set[str]) -> Findings:
    """Every object in the uploads bucket belongs to a photo that got its final status, or was never reported.

    `lost` are the keys that S3 never reported; the bucket's own expiry removes them. `deleted` are the keys that
    existed when their customer deleted the photo; these are removed even if S3 never reported them. `late` are the
    keys whose row was gone: the clock of the machine that deleted the photo was behind, so its row went before the
    form's end. The bucket's own expiry removes those, too.
    """
    status = {upload_key(row): row["status"] for row in photo_rows(world)}
    for key in world.s3.keys(HARNESS.uploads):
        if key in late:
            continue
        expires = key in lost and key not in deleted and status.get(key, "expired") == "expired"
        if status.get(key) not in ("ready", "rejected") and not expires:
            yield f"an upload is left of a photo that is {status.get(key, 'removed')}"


def photo_violations(world: World, at_rest: bool = False) -> list[str]:
    """The violations of the rules above that only histories with photos check, each with its invariant."""
    checks: dict[str, Check] = {
        "I16 allowed transitions": allowed_transitions,
        "I16 the first version": first_version,
        "I13 own photos only": own_photos_only,
    }
    if at_rest:
        checks["I16 every photo ends"] = all_final
    return [f"{name}: {text}" for name, check in checks.items() for text in check(world)]
