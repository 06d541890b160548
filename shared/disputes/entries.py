"""The entries that a dispute's change of status makes in the wallet."""

from shared.disputes.lifecycle import NEW
from shared.disputes.models import Dispute
from shared.payments.lifecycle import TOP_UP
from shared.payments.models import Payment
from shared.refunds.entries import Moves, head_over, left_of, moved, take
from shared.wallets import ledger
from shared.wallets.models import Entry


def moves_for(payment: Payment, dispute: Dispute, status: str, counted_paise: int) -> Moves:
    """The moves that turn the dispute into this status. Only the dispute of a credited top-up moves the wallet."""
    if payment.purpose != TOP_UP or not (counted_paise or dispute.held_paise):
        return Moves([], dispute.held_paise, dispute.owed_paise)
    head = head_over(payment.customer, dispute.held_paise)
    entries = _entries(head, payment, dispute, status, counted_paise)
    return moved(head, entries, dispute.held_paise, dispute.owed_paise)


def _entries(head: Entry, payment: Payment, dispute: Dispute, status: str, counted_paise: int) -> list[Entry]:
    by, held_paise = ledger.by_dispute(payment.id, dispute.id), dispute.held_paise
    if status in ("lost", "won", "closed"):
        taken_paise = counted_paise if status == "lost" else 0
        return take(head, "dispute", by, taken_paise, held_paise, left_of(payment))
    hold_paise = (
        min(counted_paise, head.cash_paise) if dispute.status == NEW else 0
    )  # the rest is taken if it is lost
    return [ledger.next_entry(head, ledger.HOLD, "dispute", hold_paise, by)] if hold_paise else []
