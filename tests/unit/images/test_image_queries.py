"""A customer's photos: what they see in lists, and who sees nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import NotFound
from shared.images import removal
from shared.images.models import Image
from shared.images.queries import list_images
from tests.unit.images.helpers import ASHA, BILAL, count_images, create_upload, retrieve

pytestmark = pytest.mark.usefixtures("photos")


def test_photo_is_visible_only_to_its_customer() -> None:
    image_id = create_upload()["id"]
    assert retrieve(image_id)["id"] == image_id
    with pytest.raises(NotFound):
        retrieve(image_id, BILAL)
    with pytest.raises(NotFound):
        removal.delete(BILAL, image_id)
    assert count_images(BILAL) == 0 and count_images(ASHA) == 1


def test_page_keeps_its_order_whatever_dynamodb_returns(
    advance: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB returns a batch in any order, and perhaps only a part of it; the rest must be requested again."""
    ids = []
    for _ in range(8):
        ids.append(create_upload()["id"])
        advance(1)
    get_page, requested = Image._batch_get_page, []

    def in_parts(keys: list[Any], **values: Any) -> Any:
        requested.append(len(keys))
        rows, _ = get_page(keys[:3], **values)
        return rows[::-1], keys[3:]

    monkeypatch.setattr(Image, "_batch_get_page", in_parts)
    count, read_page = list_images(ASHA)
    assert (count, [image.id for image in read_page(1, 7)]) == (8, ids[::-1][1:])
    assert requested == [7, 4, 1]


def test_photo_deleted_while_listing_is_left_out() -> None:
    deleted, other = create_upload(), create_upload()
    _, read_page = list_images(ASHA)
    removal.delete(ASHA, deleted["id"])
    assert [image.id for image in read_page(0, 20)] == [other["id"]]
