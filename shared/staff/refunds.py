"""Refunds that staff ask for."""

from collections.abc import Mapping
from typing import Any

from shared.refunds.policy import staff_policy
from shared.refunds.request import RequestedRefund, request_refund
from shared.staff.records import get_payment


def refund(
    staff: str, payment_id: str, body: Mapping[str, Any], key: str | None, dry_run: bool = False
) -> RequestedRefund:
    """Refund any customer's payment in the name of this member of staff; PermissionDenied above FourEyesPaise."""
    payment = get_payment(payment_id)
    amount_paise, destination, reason = body["amount"], body["destination"], body["reason"]
    return request_refund(payment, amount_paise, destination, reason, key, f"staff:{staff}", staff_policy, dry_run)
