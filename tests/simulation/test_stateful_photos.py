"""The stateful model of photos: the status that each photo must have."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.simulation.flows.photos import SWEEP_DUE_S, UPLOAD, photo
from tests.simulation.invariants.photos import photo_rows, photo_violations
from tests.simulation.invariants.registry import violations
from tests.simulation.stateful import INDEXES, PLANS, Model

UPLOAD_WINDOW_US = 2 * 3_600 * 1_000_000  # how long an upload is awaited
IMAGES = "/api/mobile/images/"
FILES = {photo(): "ready", b"no picture, however long one looks at it": "rejected"}


class Photos(Model):
    """`statuses` is the status that each photo must have."""

    @initialize()
    def start(self) -> None:
        self.uploads: list[dict[str, Any]] = []
        self.statuses: dict[str, str] = {}
        self.first: dict[str, bytes] = {}  # the first file uploaded, by photo

    @rule(index=INDEXES, plan=PLANS)
    def create_upload(self, index: int, plan: dict[int, str]) -> None:
        customer = self.pick(self.customers, index)
        body = {"content_type": "image/jpeg"}
        reply = self.until_definite(lambda: self.world.call(customer, "POST", UPLOAD, body), plan)
        assert reply.status == 201, reply
        due_us = self.world.clock_us + UPLOAD_WINDOW_US
        self.uploads.append(reply.body | {"customer": customer, "due_us": due_us})
        self.statuses[reply.body["id"]] = "awaiting_upload"

    @precondition(lambda self: self.uploads)
    @rule(index=INDEXES, data=st.sampled_from(list(FILES)))
    def upload(self, index: int, data: bytes) -> None:
        """The first file under a key is the photo, whatever follows; after the end an upload has no effect."""
        upload = self.pick(self.uploads, index)
        if self.statuses[upload["id"]] != "deleted":  # a form expires before a deleted photo's row is removed
            self.first.setdefault(upload["id"], data)
            self.world.put_upload(upload, data)

    @precondition(lambda self: self.first)
    @rule(index=INDEXES, plan=PLANS)
    def report_upload(self, index: int, plan: dict[int, str]) -> None:
        """S3 reports an upload, reported before or not."""
        upload = self.pick([upload for upload in self.uploads if upload["id"] in self.first], index)
        key = upload["upload"]["fields"]["key"]
        reply = self.until_definite(lambda: self.world.report_upload(key), plan)
        assert reply.status == 200, reply
        if self.statuses[upload["id"]] == "awaiting_upload":
            self.statuses[upload["id"]] = FILES[self.first[upload["id"]]]

    @precondition(lambda self: self.uploads)
    @rule(index=INDEXES, plan=PLANS)
    def delete_photo(self, index: int, plan: dict[int, str]) -> None:
        upload = self.pick(self.uploads, index)
        path = f"{IMAGES}{upload['id']}/"
        reply = self.until_definite(lambda: self.world.call(upload["customer"], "DELETE", path), plan)
        assert reply.status in (204, 404)
        self.statuses[upload["id"]] = "deleted"

    @rule(index=INDEXES)
    def read_photos(self, index: int) -> None:
        """A customer reads each of their photos, in the list and alone, and no other or deleted photo."""
        customer = self.pick(self.customers, index)
        own_ids = {upload["id"] for upload in self.uploads if upload["customer"] is customer}
        wanted = {image_id: self.statuses[image_id] for image_id in own_ids if self.statuses[image_id] != "deleted"}
        page = self.read(customer, IMAGES)
        listed = {image["id"]: image["status"] for image in page["results"]}
        assert page["next"] or wanted.items() <= listed.items()
        for upload in self.uploads:
            reply = self.world.call(customer, "GET", f"{IMAGES}{upload['id']}/")
            assert reply.status == (200 if upload["id"] in wanted else 404)

    @rule(plan=PLANS)
    def sweep(self, plan: dict[int, str]) -> None:
        """Sweep after the uploads' window, once with faults, and again for what the first sweep could not do."""
        self.world.advance(SWEEP_DUE_S)
        due = [upload["id"] for upload in self.uploads if upload["due_us"] <= self.world.clock_us]
        self.world.wire.arm(plan)
        self.world.sweep()
        self.world.wire.arm({})
        self.world.sweep()
        for image_id in due:
            if self.statuses[image_id] == "awaiting_upload":
                self.statuses[image_id] = "expired"

    @invariant()
    def photos_have_their_status(self) -> None:
        stored = {row["id"]: row["status"] for row in photo_rows(self.world)}
        for image_id, status in self.statuses.items():
            assert stored.get(image_id, "deleted") == status

    @invariant()
    def nothing_is_violated(self) -> None:
        assert [*violations(self.world), *photo_violations(self.world)] == []


PhotosTest = Photos.TestCase
pytestmark = pytest.mark.usefixtures("harness")
