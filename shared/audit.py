"""The auditor: checks from the tables' streams what must hold for money, whatever the code did. It only reads.

Every new entry must follow from the entry before it, and no entry may ever change. By induction the whole ledger is
then sound without ever being read as a whole. Every top-up that turned captured must have credited its wallet, once.
"""

from collections.abc import Sequence
from typing import Protocol

from shared.payments.lifecycle import PAID_STATUSES, TOP_UP
from shared.payments.models import payment_from
from shared.wallets import ledger
from shared.wallets.models import Entry, entry_from, find_credits, get_entry
from shared.wallets.wallet import wallet_id

CREDIT_ENTRIES_SEARCHED = 100  # a second credit of a top-up is looked for among this many newest entries


class Change(Protocol):
    """A change of one item, before and after, in DynamoDB's JSON."""

    @property
    def before(self) -> dict[str, object] | None: ...
    @property
    def after(self) -> dict[str, object] | None: ...


def audit_entries(changes: Sequence[Change]) -> dict[str, int]:
    """Counts for a batch of changes to the ledger: entries, paise in and out, and what must never happen."""
    counts = {"EntriesAudited": 0, "WalletCreditedPaise": 0, "WalletDebitedPaise": 0}
    counts |= {"LedgerEntryChanged": 0, "LedgerDrift": 0}
    batch: dict[tuple[str, int], Entry] = {}
    for change in changes:
        if change.before is not None or change.after is None:
            counts["LedgerEntryChanged"] += 1
            continue
        entry = entry_from(change.after)
        batch[entry.wallet, entry.seq] = entry
        key = (entry.wallet, entry.seq - 1)
        previous = batch.get(key) or (get_entry(*key) if entry.seq else None)
        counts["EntriesAudited"] += 1
        counts["WalletCreditedPaise" if entry.type == ledger.CREDIT else "WalletDebitedPaise"] += entry.amount_paise
        counts["LedgerDrift"] += bool(ledger.verify_link(previous, entry))
    return counts


def audit_top_ups(changes: Sequence[Change]) -> dict[str, int]:
    """Counts for a batch of changes to payments: new captured top-ups, and those not credited exactly once."""
    counts = {"TopUpsAudited": 0, "TopUpNotCredited": 0}
    for change in changes:
        if change.after is None:
            continue
        payment = payment_from(change.after)
        was_paid = change.before is not None and payment_from(change.before).is_paid
        if payment.purpose != TOP_UP or payment.status not in PAID_STATUSES or was_paid:
            continue
        credits = find_credits(wallet_id(payment.customer), payment.id, CREDIT_ENTRIES_SEARCHED)
        right = [entry for entry in credits if entry.amount_paise == payment.amount_paise]
        counts["TopUpsAudited"] += 1
        counts["TopUpNotCredited"] += len(credits) != 1 or len(right) != 1
    return counts
