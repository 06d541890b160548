"""The evidence about a dispute, as staff download it."""

from typing import cast

from typing_extensions import TypedDict

from shared import clock
from shared.disputes.serializers import DisputeBody, serialize_dispute
from shared.http.formats import Time, Uuid
from shared.images.models import Image
from shared.images.serializers import ImageStatus, Sha256
from shared.staff.evidence import Evidence
from shared.staff.serializers import StaffPaymentBody, serialize_staff_payment


class EvidencePhotoBody(TypedDict):
    """A photo of the customer's. `sha256` is of the file as it was uploaded, null unless it was read."""

    id: Uuid
    status: ImageStatus
    sha256: Sha256 | None
    created_at: Time


class EvidenceBody(TypedDict):
    """What supports our side of a dispute: its payment with the timeline, and the customer's newest photos."""

    dispute: DisputeBody
    payment: StaffPaymentBody
    photo_count: int
    photos: list[EvidencePhotoBody]
    created_at: Time


def serialize_evidence(evidence: Evidence) -> EvidenceBody:
    return {
        "dispute": serialize_dispute(evidence.dispute),
        "payment": serialize_staff_payment(evidence.record),
        "photo_count": evidence.photo_count,
        "photos": [_photo(image) for image in evidence.photos],
        "created_at": clock.iso(clock.now_us()),
    }


def _photo(image: Image) -> EvidencePhotoBody:
    return {
        "id": image.id,
        "status": cast(ImageStatus, image.status),
        "sha256": image.sha256,
        "created_at": clock.iso(image.created_at_us or image.updated_at_us),
    }
