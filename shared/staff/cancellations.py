"""Refunds that staff cancel before they are sent."""

from shared.aws.dynamodb import Insert
from shared.desk.actions import new_action
from shared.desk.review_moves import SOURCE
from shared.payments.models import find_or_404
from shared.refunds.models import Refund
from shared.refunds.request import cancel_refund


def cancel(staff: str, payment_id: str, refund_id: str, reason: str) -> Refund:
    """Cancel a refund that was not sent to Razorpay yet, with who and why; Conflict for any other."""
    action = new_action(staff, "cancel_refund", refund_id, reason)
    return cancel_refund(find_or_404(payment_id), refund_id, Insert(action), source=SOURCE, reference=action.id)
