"""A customer's photos."""

from collections.abc import Callable

from shared.errors import NotFound
from shared.images import models
from shared.images.lifecycle import DELETED, owner_of
from shared.images.models import Image


def get_or_404(customer: str, image_id: str) -> Image:
    image = models.get_image(owner_of(customer), image_id)
    if not image or image.status == DELETED:
        raise NotFound("Image")
    return image


def list_images(customer: str) -> tuple[int, Callable[[int, int], list[Image]]]:
    """How many photos the customer has, and a function that reads the rows of a page, newest first."""
    owner = owner_of(customer)
    ids = models.list_image_ids(owner)

    def read_page(offset: int, limit: int) -> list[Image]:
        images = models.get_images(owner, ids[offset : offset + limit])
        return [image for image in images if image.status != DELETED]  # perhaps since the ids were read

    return len(ids), read_page
