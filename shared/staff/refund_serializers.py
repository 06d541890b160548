"""Refunds as staff see and ask for them."""

from collections.abc import Mapping
from typing import cast

from typing_extensions import TypeAliasType

from shared import clock
from shared.desk.proposal_serializers import ProposalPreviewBody
from shared.http import fields
from shared.http.formats import Time, Uuid
from shared.refunds.models import Refund
from shared.refunds.serializers import REFUND_FIELDS, RefundBody, serialize_refund

STAFF_REFUND_FIELDS: Mapping[str, fields.Field] = {
    **REFUND_FIELDS,
    "reason": fields.Text(length_max=255, required=True, example="Two shirts came back stained"),
}


class StaffRefundBody(RefundBody):
    """`asked_by` is customer, gateway, or `staff:` with an id."""

    asked_by: str
    gateway_refund_id: str | None
    updated_at: Time


class StaffRefundPreviewBody(StaffRefundBody):
    """What a request would make of a refund, in the response to a dry run. Its `id` is null."""

    id: Uuid | None  # type: ignore[misc]  # a refund's own is never null


RefundOrProposalBody = TypeAliasType("RefundOrProposalBody", StaffRefundPreviewBody | ProposalPreviewBody)


def serialize_staff_refund(refund: Refund) -> StaffRefundBody:
    return {
        **serialize_refund(refund),
        "asked_by": refund.asked_by,
        "gateway_refund_id": refund.gateway_refund,
        "updated_at": clock.iso(refund.updated_at_us),
    }


def serialize_staff_preview(refund: Refund) -> StaffRefundPreviewBody:
    return cast(StaffRefundPreviewBody, serialize_staff_refund(refund) | {"id": None})
