"""What staff send with most actions, and a claim that they released."""

from collections.abc import Mapping

from typing_extensions import TypedDict

from shared.http import fields

REASON_FIELDS: Mapping[str, fields.Field] = {
    "reason": fields.Text(length_max=255, required=True, example="The customer reported a stolen phone")
}


class ReleasedBody(TypedDict):
    """The customer at Razorpay whose claim was released."""

    customer: str
    gateway_customer: str
