"""Refunds that staff ask for. One that is too large for one person becomes a proposal."""

from collections.abc import Mapping
from typing import Any

from shared.desk.four_eyes import ApprovalRequired, staff_policy
from shared.desk.proposals import Proposed, find_refund_proposal, propose_refund
from shared.payments.models import find_or_404
from shared.refunds.policy import approved_policy
from shared.refunds.request import Policy, RequestedRefund, request_refund


def refund(
    staff: str, payment_id: str, body: Mapping[str, Any], key: str | None, dry_run: bool = False
) -> RequestedRefund | Proposed:
    """Refund any customer's payment in the name of this member of staff; above FourEyesPaise, propose to."""
    payment = find_or_404(payment_id)

    def request(policy: Policy, dry_run: bool) -> RequestedRefund:
        amount_paise, destination, reason = body["amount"], body["destination"], body["reason"]
        return request_refund(payment, amount_paise, destination, reason, key, f"staff:{staff}", policy, dry_run)

    if earlier := find_refund_proposal(staff, payment, body, key):
        return earlier
    try:
        return request(staff_policy, dry_run)
    except ApprovalRequired:
        preview = request(approved_policy, dry_run=True)
    amount_paise, destination = preview.refund.amount_paise, preview.refund.destination
    return propose_refund(staff, payment, amount_paise, destination, body, key, dry_run)
