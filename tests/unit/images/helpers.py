"""Shortcuts for the tests of photos: bodies as the app gets them, rows, and what the buckets contain."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image as Picture

from shared.aws import dynamodb
from shared.http import fields
from shared.images import lifecycle, models, queries, serializers, uploads
from shared.images.models import Image
from shared.images.serializers import ImageBody, UploadBody

ASHA, BILAL = "asha", "bilal"
MINUTE_S = 60


def create_upload(customer: str = ASHA, method: str = "post", **body: Any) -> UploadBody:
    """A new upload; numbers of `body` are sent as JSON numbers."""
    sent = {"content_type": "image/jpeg"} | {name: fields.JsonNumber(value) for name, value in body.items()}
    values = fields.validate(uploads.UPLOAD_FIELDS, sent)
    return serializers.serialize_upload(uploads.create_upload(customer, values, method))


def retrieve(image_id: str, customer: str = ASHA) -> ImageBody:
    return serializers.serialize_image(queries.get_or_404(customer, image_id))


def status_of(image_id: str) -> str:
    return retrieve(image_id)["status"]


def count_images(customer: str) -> int:
    return queries.list_images(customer)[0]


def get_row(image_id: str, customer: str = ASHA) -> Image:
    row = models.get_image(lifecycle.owner_of(customer), image_id)
    assert row
    return row


def upload_key(image_id: str, customer: str = ASHA) -> str:
    return lifecycle.upload_key(lifecycle.owner_of(customer), image_id)


def image_prefix(image_id: str, customer: str = ASHA) -> str:
    return lifecycle.image_prefix(lifecycle.owner_of(customer), image_id)


def picture(colour: str = "red") -> bytes:
    file = BytesIO()
    Picture.new("RGB", (48, 32), colour).save(file, "JPEG")
    return file.getvalue()


class Buckets:
    """The contents of both buckets, whoever stored them."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def put_upload(self, image_id: str, data: bytes = b"x") -> str:
        """Store an upload of Asha's; returns its version."""
        return str(self.client.put_object(Bucket="uploads", Key=upload_key(image_id), Body=data)["VersionId"])

    @property
    def uploads(self) -> list[Any]:
        listed = self.client.list_object_versions(Bucket="uploads")
        return [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]

    @property
    def images(self) -> list[str]:
        return [stored["Key"] for stored in self.client.list_objects_v2(Bucket="images").get("Contents", [])]

    def has_all_variants(self, image_id: str) -> bool:
        """Whether the photo is ready with every variant stored, and nothing else under its prefix."""
        body = retrieve(image_id)
        names = sorted(f"{variant['name']}.{variant['format']}" for variant in body["variants"])
        prefix = image_prefix(image_id)
        stored = sorted(key.rsplit("/", 1)[1] for key in self.images if key.startswith(prefix))
        expected = ["display.avif", "display.jpeg", "thumb.avif", "thumb.jpeg"]
        return body["status"] == "ready" and names == stored == expected


def record_progress(image_id: str, patch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows with every write by the progress that the app would see after it."""
    progress: list[int] = []
    execute = dynamodb.execute

    def recorded(write: Any) -> bool:
        done = execute(write)
        progress.append(retrieve(image_id)["progress"])
        return done

    patch.setattr(dynamodb, "execute", recorded)
    return progress
