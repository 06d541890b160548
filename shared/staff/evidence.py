"""The evidence for the answer to a disputed payment: the payment, what happened to it, and the customer's photos."""

from typing import NamedTuple

from shared.disputes.models import Dispute
from shared.errors import NotFound
from shared.images.models import Image
from shared.images.queries import list_images
from shared.staff.payment_record import PaymentRecord, get_record

PHOTOS_MAX = 100


class Evidence(NamedTuple):
    """A dispute, its payment with all that belongs to it, and the customer's photos.

    `photos` are the PHOTOS_MAX newest of `photo_count`.
    """

    dispute: Dispute
    record: PaymentRecord
    photo_count: int
    photos: list[Image]


def get_evidence(payment_id: str, dispute_id: str) -> Evidence:
    """The evidence about a dispute of this payment; NotFound without either."""
    record = get_record(payment_id)
    dispute = next((dispute for dispute in record.disputes if dispute.id == dispute_id), None)
    if not dispute:
        raise NotFound("Dispute")
    count, read_page = list_images(record.payment.customer)
    return Evidence(dispute, record, count, read_page(0, PHOTOS_MAX))
