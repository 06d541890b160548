"""What one member of staff may give back alone: up to FourEyesPaise of one payment, whoever gave the rest of it."""

from shared.desk.reviews import REFUND_ATTEMPT, reviews_of
from shared.errors import PermissionDenied
from shared.money import rupees
from shared.payments.models import Payment
from shared.refunds.lifecycle import OPEN_STATUSES, STAFF
from shared.refunds.models import list_refunds
from shared.settings import settings
from shared.wallets.models import Entry

COUNTED_STATUSES = (*OPEN_STATUSES, "processed")  # of refunds: the others gave nothing back


class ApprovalRequired(PermissionDenied):
    """The refund needs the approval of a second member of staff."""

    code = "approval_required"


def staff_policy(payment: Payment, amount_paise: int, head: Entry | None) -> None:
    """Staff may ask for any refund that, with what staff refunded of the payment before, is up to FourEyesPaise."""
    if needs_approval(payment, amount_paise):
        raise ApprovalRequired(f"Refunds above {rupees(settings().four_eyes_paise)} of one payment need approval.")


def needs_approval(payment: Payment, amount_paise: int, besides: str = "") -> bool:
    """Whether this amount is too much for one person. `besides` is the review that it is about."""
    return amount_paise + _refunded_paise(payment, besides) > settings().four_eyes_paise


def _refunded_paise(payment: Payment, besides: str) -> int:
    """What staff gave back of the payment: by refunds, and by reviews of attempts that were not credited."""
    refunds = [
        refund.amount_paise
        for refund in list_refunds(payment.id)
        if refund.asked_by.startswith(STAFF) and refund.status in COUNTED_STATUSES
    ]
    rows = [item.row for item in reviews_of(payment) if item.row and item.id != besides]
    attempts = [row.amount_paise or 0 for row in rows if REFUND_ATTEMPT in (row.begun, row.action)]
    return sum(refunds) + sum(attempts)
