"""The images table: a row per photo, and a row per owner that counts the pending uploads."""

from collections.abc import Sequence
from typing import Any

from pynamodb.attributes import ListAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection, LocalSecondaryIndex

from shared.aws import dynamodb
from shared.aws.dynamodb import OPEN, IntegerAttribute, Table

UPLOAD_COUNTER_ID = "tickets"


class ImagesByTime(LocalSecondaryIndex["ImageKey"]):
    """Keys only, and neither changes while a photo is processed, so its progress writes nothing here."""

    class Meta:
        index_name = "by_time"
        projection = KeysOnlyProjection()

    owner = UnicodeAttribute(hash_key=True)
    created_at_us = IntegerAttribute(range_key=True)


class OpenImages(GlobalSecondaryIndex["ImageKey"]):
    """Sparse: the photos that the sweeper still has to finish, by the time of the next check."""

    class Meta:
        index_name = "open"
        projection = KeysOnlyProjection()

    open = UnicodeAttribute(hash_key=True)
    next_check_at_us = IntegerAttribute(range_key=True)


class ImageKey(Table):
    """The key of a photo, which is all that the indexes return. Of thousands it is read in a tenth of the time."""

    class Meta:
        table_setting = "images_table"

    by_time = ImagesByTime()
    open_index = OpenImages()

    owner = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class Image(Table):
    """A photo, from its presigned upload to its variants."""

    class Meta:
        table_setting = "images_table"

    by_time = ImagesByTime()
    open_index = OpenImages()

    owner = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute()
    stage = UnicodeAttribute(null=True)
    sha256_wanted = UnicodeAttribute(null=True)
    upload_version = UnicodeAttribute(null=True)
    upload_size_bytes = IntegerAttribute(null=True)
    sha256 = UnicodeAttribute(null=True)
    recipe = UnicodeAttribute(null=True)
    format = UnicodeAttribute(null=True)
    width = IntegerAttribute(null=True)
    height = IntegerAttribute(null=True)
    variants: ListAttribute[Any] = ListAttribute(null=True)
    placeholder = UnicodeAttribute(null=True)
    dominant_colour = UnicodeAttribute(null=True)
    rejection = UnicodeAttribute(null=True)
    open = UnicodeAttribute(null=True)
    next_check_at_us = IntegerAttribute(null=True)
    created_at_us = IntegerAttribute(null=True)  # absent once deleted, so that no list has the row
    updated_at_us = IntegerAttribute()
    expires_at_s = IntegerAttribute(null=True)  # of a photo that never came: DynamoDB's time to live


class UploadCounter(Table):
    """When each of an owner's pending uploads expires, how many began within a day, and how many photos there are.

    `photos_max` counts no deletion. The photos are only counted again when it reaches what is allowed.
    """

    class Meta:
        table_setting = "images_table"

    owner = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True, default=UPLOAD_COUNTER_ID)
    tickets_end_at_us: ListAttribute[Any] = ListAttribute()
    photos_max = IntegerAttribute(default=0)
    day_ends_us = IntegerAttribute(default=0)
    day_count = IntegerAttribute(default=0)


def get_image(owner: str, image_id: str) -> Image | None:
    return dynamodb.get(Image, owner, image_id)


def get_images(owner: str, ids: Sequence[str]) -> list[Image]:
    """The images with these ids, in the same order; images that are gone are left out."""
    return dynamodb.get_each(Image, owner, ids)


def list_image_ids(owner: str) -> list[str]:
    """The ids of all images of an owner, newest first, including one written a moment ago."""
    rows = dynamodb.read(lambda: ImageKey.by_time.query(owner, scan_index_forward=False, consistent_read=True))
    return [row.id for row in rows]


def count_images(owner: str) -> int:
    """How many photos an owner has, those that await their upload included."""
    return dynamodb.count(lambda: ImageKey.by_time.count(owner, consistent_read=True))


def list_due(until_us: int, limit: int) -> list[tuple[str, str]]:
    """(owner, id) of the images that the sweeper has to check by now, the longest waiting first."""
    due = OpenImages.next_check_at_us <= until_us
    rows = dynamodb.read(lambda: ImageKey.open_index.query(OPEN, due, limit=limit))
    return [(row.owner, row.id) for row in rows]


def get_upload_counter(owner: str) -> UploadCounter | None:
    return dynamodb.get(UploadCounter, owner, UPLOAD_COUNTER_ID)
