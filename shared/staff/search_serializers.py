"""The results of a search by staff."""

from collections.abc import Mapping
from typing import Literal, cast

from typing_extensions import TypedDict

from shared import clock
from shared.http import fields
from shared.http.formats import Money, Time
from shared.money import rupees
from shared.payments.serializers import PaymentStatus
from shared.staff.search import Found

SEARCH_QUERY: Mapping[str, fields.Field] = {
    "q": fields.Text(
        length_max=255,
        description="The id of a customer, wallet or payment, or `order_…`, `pay_…`, `rfnd_…`, `disp_…`, `cust_…`.",
    )
}


class FoundBody(TypedDict):
    """A customer, whose `id` it is, or a payment of theirs."""

    kind: Literal["customer", "payment"]
    id: str
    customer: str
    status: PaymentStatus | None
    amount: Money | None
    created_at: Time | None


def serialize_found(found: Found) -> FoundBody:
    if not found.payment:
        return {
            "kind": "customer",
            "id": found.customer,
            "customer": found.customer,
            "status": None,
            "amount": None,
            "created_at": None,
        }
    return {
        "kind": "payment",
        "id": found.payment.id,
        "customer": found.customer,
        "status": cast(PaymentStatus, found.payment.status),
        "amount": rupees(found.payment.amount_paise),
        "created_at": clock.iso(found.payment.created_at_us),
    }
