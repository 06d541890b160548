"""The entries that a dispute's change of status makes in the wallet."""

from shared.disputes.lifecycle import NEW
from shared.disputes.models import Dispute
from shared.payments.lifecycle import TOP_UP
from shared.payments.models import Payment
from shared.refunds.entries import Moves, head_over, take
from shared.wallets import ledger
from shared.wallets.models import Entry


def moves_for(payment: Payment, dispute: Dispute, status: str, counted_paise: int) -> Moves:
    """The moves that turn the dispute into this status. Only the dispute of a credited top-up moves the wallet."""
    if payment.purpose != TOP_UP or not (counted_paise or dispute.held_paise):
        return Moves([], dispute.held_paise, dispute.owed_paise)
    head = head_over(payment.customer, dispute.held_paise)
    entries = _entries(head, payment, dispute, status, counted_paise)
    last = entries[-1] if entries else head
    held_paise = dispute.held_paise + last.held_paise - head.held_paise
    return Moves(entries, held_paise, dispute.owed_paise + last.owed_paise - head.owed_paise)


def _entries(head: Entry, payment: Payment, dispute: Dispute, status: str, counted_paise: int) -> list[Entry]:
    by, held_paise = ledger.by_dispute(payment.id, dispute.id), dispute.held_paise
    if status == "lost":
        return take(head, "dispute", by, counted_paise, held_paise)
    if status in ("won", "closed"):
        return [ledger.next_entry(head, ledger.RELEASE, "dispute", held_paise, by)] if held_paise else []
    hold_paise = (
        min(counted_paise, head.cash_paise) if dispute.status == NEW else 0
    )  # the rest is taken if it is lost
    return [ledger.next_entry(head, ledger.HOLD, "dispute", hold_paise, by)] if hold_paise else []
