"""The auditor: checks from the tables' streams what must hold for money, whatever the code did. It only reads.

Every new entry must follow from the entry before it, and no entry may ever change. By induction the whole ledger is
then sound without ever being read as a whole. Every entry must have the record that justifies it, and every top-up
that turned captured must have credited its wallet, once.
"""

from collections.abc import Sequence
from functools import cache
from typing import Protocol

from shared.justification import find_credits, is_justified
from shared.payments.lifecycle import TOP_UP
from shared.payments.models import payment_from
from shared.wallets import ledger
from shared.wallets.models import Entry, entry_from, find_customer, get_entry


class Change(Protocol):
    """A change of one item, before and after, in DynamoDB's JSON."""

    @property
    def before(self) -> dict[str, object] | None: ...
    @property
    def after(self) -> dict[str, object] | None: ...


def audit_entries(changes: Sequence[Change]) -> dict[str, int]:
    """Counts for a batch of changes to the ledger: entries, paise in and out, and what must never happen.

    `OwedPaise` is what customers came to owe, `OwedEndedPaise` what was recovered or waived of it.
    """
    counts = {"EntriesAudited": 0, "WalletCreditedPaise": 0, "WalletDebitedPaise": 0}
    counts |= {"OwedPaise": 0, "OwedEndedPaise": 0}
    counts |= {"LedgerEntryChanged": 0, "LedgerDrift": 0, "EntryNotJustified": 0}
    owner_of = cache(find_customer)  # read once a batch
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
        counts["WalletCreditedPaise"] += entry.amount_paise if entry.kind == ledger.CREDIT else 0
        counts["WalletDebitedPaise"] += entry.amount_paise if entry.kind in (ledger.DEBIT, ledger.CAPTURE) else 0
        owed_paise = entry.owed_paise - (previous.owed_paise if previous else 0)
        counts["OwedPaise" if owed_paise > 0 else "OwedEndedPaise"] += abs(owed_paise)
        counts["LedgerDrift"] += bool(ledger.verify_link(previous, entry))
        counts["EntryNotJustified"] += not is_justified(entry, previous, owner_of(entry.wallet))
    return counts


def audit_top_ups(changes: Sequence[Change]) -> dict[str, int]:
    """Counts for a batch of changes to payments: new captured top-ups, and those not credited exactly once."""
    counts = {"TopUpsAudited": 0, "TopUpNotCredited": 0}
    for change in changes:
        if change.after is None:
            continue
        payment = payment_from(change.after)
        was_paid = change.before is not None and payment_from(change.before).is_paid
        # A top-up that is refunded without a capture was never paid. One that says captured must be credited.
        is_captured = payment.is_paid or payment.status == "captured"
        if payment.purpose != TOP_UP or not is_captured or was_paid:
            continue
        credits_paise = [entry.amount_paise for entry in find_credits(payment) or ()]
        counts["TopUpsAudited"] += 1
        counts["TopUpNotCredited"] += credits_paise != [payment.paid_paise]
    return counts
