"""Disputes in the states that tests start from."""

from typing import Any

from shared import clock
from shared.disputes.apply import apply_dispute
from shared.disputes.models import Dispute, list_disputes
from shared.payments.models import Payment
from shared.payments.results import ApplyResult
from shared.razorpay.entities import dispute_from
from tests.unit.conftest import an_attempt
from tests.unit.payments.support import ATTEMPT_ID, stored

DISPUTE_ID = "disp_00000000000001"
SECOND_DISPUTE_ID = "disp_00000000000002"
OPENED_AT_S = 1_800_000_000
RESPOND_BY_S = OPENED_AT_S + 3 * 86_400


def a_dispute(status: str = "open", amount_paise: int = 50_000, **values: Any) -> dict[str, Any]:
    """A dispute in Razorpay's JSON, about the attempt that tests pay with; a lost one has lost all of its amount."""
    fields = {
        "id": DISPUTE_ID,
        "entity": "dispute",
        "payment_id": ATTEMPT_ID,
        "amount": amount_paise,
        "currency": "INR",
        "amount_deducted": amount_paise if status == "lost" else 0,
        "reason_code": "goods_or_services_not_received",
        "respond_by": RESPOND_BY_S,
        "status": status,
        "phase": "chargeback",
        "created_at": OPENED_AT_S,
    }
    return fields | values


def dispute(payment: Payment, status: str = "open", amount_paise: int = 50_000, **values: Any) -> ApplyResult:
    """Apply a report about a dispute, as a webhook brings it."""
    return bring(payment, a_dispute(status, amount_paise, **values))


def bring(payment: Payment, entity: dict[str, Any], attempt_id: str | None = None) -> ApplyResult:
    """Apply a dispute in Razorpay's JSON, in an event with its attempt or another one."""
    attempt = an_attempt(payment.gateway_order, payment.amount_paise, id=attempt_id or entity["payment_id"])
    return apply_dispute(payment, attempt, dispute_from(entity), "evt")


def only_dispute(payment: Payment) -> Dispute:
    (found,) = list_disputes(payment.id)
    return found


def contested(payment: Payment) -> tuple[int, int, int]:
    """What of the payment is disputed, is lost, and can still be refunded."""
    found = stored(payment)
    return found.disputed_paise or 0, found.lost_paise or 0, found.refundable_paise


def a_listed_dispute(status: str = "open", **values: Any) -> dict[str, Any]:
    """A dispute that Razorpay created just now."""
    return a_dispute(status, **{"created_at": clock.now_s(), "respond_by": clock.now_s() + 3 * 86_400} | values)
