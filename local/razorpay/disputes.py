"""Disputes: the customer's bank takes a payment back, in phases."""

from collections.abc import Mapping

from local.razorpay import webhooks
from local.razorpay.entities import RESPOND_WITHIN_S, new_dispute
from local.razorpay.responses import Rejected
from local.razorpay.state import Entity, State

# The last word of an event to the status of its dispute.
STATUSES: Mapping[str, str] = {
    "created": "open",
    "action_required": "open",
    "under_review": "under_review",
    "won": "won",
    "lost": "lost",
    "closed": "closed",
}
FINAL = ("won", "lost", "closed")
PHASES = ("chargeback", "pre_arbitration", "arbitration")  # of a payment's first dispute, of its second, ...
LAST_PHASE = PHASES[-1]


def change(state: State, payment_id: str, status: str, dispute_id: str | None, amount: int | None) -> Entity:
    """Begin a dispute about a payment, or continue the one with this id; `status` is the last word of the event.

    A new dispute is about `amount` paise, by default the whole payment. `action_required` sets a new
    `respond_by`. `created` of a dispute that has ended begins its next phase.
    """
    payment = state.find(state.payments, payment_id)
    if status not in STATUSES:
        raise Rejected(f"unknown status {status!r}, known statuses: {', '.join(STATUSES)}")
    if dispute_id is None:
        dispute = _begin(state, payment, payment["amount"] if amount is None else amount)
    else:
        dispute = state.find(state.disputes, dispute_id)
        _check_next(dispute, payment, status, amount)
    if dispute["status"] in FINAL:
        dispute["phase"] = PHASES[PHASES.index(dispute["phase"]) + 1]
    dispute["status"] = STATUSES[status]
    if status in ("created", "action_required"):
        dispute["respond_by"] = state.now_s() + RESPOND_WITHIN_S
    if status == "lost":
        dispute["amount_deducted"] = dispute["amount"]
    webhooks.emit(state, f"payment.dispute.{status}", payment=payment, dispute=dispute)
    return dispute


def _begin(state: State, payment: Entity, amount: int) -> Entity:
    if type(amount) is not int or not 0 < amount <= payment["amount"]:
        raise Rejected("amount must be positive and at most the payment's", field="amount")
    earlier = [dispute for dispute in state.disputes.values() if dispute["payment_id"] == payment["id"]]
    return new_dispute(state, payment, amount, PHASES[min(len(earlier), len(PHASES) - 1)])


def _check_next(dispute: Entity, payment: Entity, status: str, amount: int | None) -> None:
    if dispute["payment_id"] != payment["id"]:
        raise Rejected("the dispute is about another payment", field="dispute_id")
    has_ended = dispute["status"] in FINAL
    if has_ended != (status == "created") or (has_ended and dispute["phase"] == LAST_PHASE):
        raise Rejected(f"a dispute that is {dispute['status']} cannot become {status}", field="status")
    if amount not in (None, dispute["amount"]):
        raise Rejected("the amount of a dispute does not change", field="amount")
