"""Refunds as the app sends and sees them."""

from collections.abc import Mapping
from typing import Literal, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.http import fields
from shared.http.formats import Money, Time, Uuid
from shared.money import rupees
from shared.refunds.lifecycle import DESTINATIONS
from shared.refunds.models import Refund

REFUND_FIELDS: Mapping[str, fields.Field] = {
    "amount": fields.Amount(example="200.00", description="Without it, all that is left of the payment."),
    "destination": fields.Choice(
        options=DESTINATIONS,
        description="`source` is the default; a payment from the wallet goes back to the wallet alone, a top-up to "
        "its source alone.",
    ),
    "reason": fields.Text(length_max=255, example="Order cancelled"),
}

RefundStatus = TypeAliasType(
    "RefundStatus", Literal["requested", "sending", "pending", "processed", "failed", "cancelled", "returned"]
)
RefundDestination = TypeAliasType("RefundDestination", Literal["source", "wallet"])


class RefundBody(TypedDict):
    id: Uuid
    amount: Money
    destination: RefundDestination
    status: RefundStatus
    reason: str
    failure: str | None
    arn: str | None
    expected_by: Time | None
    created_at: Time


class RefundPreviewBody(RefundBody):
    """What a request would make of a refund, in the response to a dry run. Its `id` is null."""

    id: Uuid | None  # type: ignore[misc]  # a refund's own is never null


def serialize_refund(refund: Refund) -> RefundBody:
    return {
        "id": refund.id,
        "amount": rupees(refund.amount_paise),
        "destination": cast(RefundDestination, refund.destination),
        "status": cast(RefundStatus, refund.status),
        "reason": refund.reason,
        "failure": refund.failure or None,
        "arn": refund.arn,
        "expected_by": clock.iso(refund.expected_by_us) if refund.expected_by_us else None,
        "created_at": clock.iso(refund.created_at_us),
    }


def serialize_preview(refund: Refund) -> RefundPreviewBody:
    return cast(RefundPreviewBody, serialize_refund(refund) | {"id": None})
