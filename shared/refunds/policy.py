"""Who may ask for which refund. A policy raises what refuses one; whether the money is there is not its question."""

from shared import clock
from shared.errors import PermissionDenied
from shared.payments.lifecycle import TOP_UP
from shared.payments.models import Payment
from shared.refunds.lifecycle import DAY_S
from shared.settings import settings
from shared.wallets.models import Entry
from shared.wallets.wallet import check_not_blocked

NOT_ALLOWED = "This payment cannot be refunded in the app. Please contact support."


def customer_policy(payment: Payment, amount_paise: int, head: Entry | None) -> None:
    """Customers may ask for their top-ups within TopUpRefundDays, and for nothing else."""
    days = settings().top_up_refund_days
    until_us = payment.created_at_us + days * DAY_S * 1_000_000
    if payment.purpose != TOP_UP or not days or clock.now_us() >= until_us:
        raise PermissionDenied(NOT_ALLOWED, code="refund_not_allowed")
    if head:
        check_not_blocked(head)


def approved_policy(payment: Payment, amount_paise: int, head: Entry | None) -> None:
    """Staff may ask for any refund that another one approves."""
