"""What is true of money whatever the code did: checked from the tables' streams, by who may only read.

Every new entry must follow from the one before it, and no entry may ever change: by induction the whole ledger is
sound, without ever being read as a whole. Every top-up that turned captured must have credited its wallet, once.
"""

from collections.abc import Sequence
from typing import Protocol

from shared import store, wallet
from shared.payments import CREDITED, TOP_UP
from shared.store import Entry

RECENT = 100  # a top-up's credit is looked for twice among so many newest entries


class Changed(Protocol):
    """A change of one item, before and after, as DynamoDB writes items."""

    @property
    def before(self) -> dict[str, object] | None: ...
    @property
    def after(self) -> dict[str, object] | None: ...


def entries(changes: Sequence[Changed]) -> dict[str, int]:
    """Counts of a batch of changes to the ledger: entries, paise in and out, and what must never be."""
    counts = {"EntriesAudited": 0, "WalletCreditedPaise": 0, "WalletDebitedPaise": 0}
    counts |= {"LedgerEntryChanged": 0, "LedgerDrift": 0}
    batch: dict[tuple[str, int], Entry] = {}
    for change in changes:
        if change.before is not None or change.after is None:
            counts["LedgerEntryChanged"] += 1
            continue
        entry = store.entry_from(change.after)
        batch[entry.wallet, entry.seq] = entry
        place = (entry.wallet, entry.seq - 1)
        before = batch.get(place) or (store.entry(*place) if entry.seq else None)
        counts["EntriesAudited"] += 1
        counts["WalletCreditedPaise" if entry.type == wallet.CREDIT else "WalletDebitedPaise"] += entry.amount_paise
        counts["LedgerDrift"] += bool(wallet.link_faults(before, entry))
    return counts


def top_ups(changes: Sequence[Changed]) -> dict[str, int]:
    """Counts of a batch of changes to payments: top-ups that turned captured, and those not credited just once."""
    counts = {"TopUpsAudited": 0, "TopUpNotCredited": 0}
    for change in changes:
        if change.after is None:
            continue
        payment = store.payment_from(change.after)
        turned = change.before is None or store.payment_from(change.before).status not in CREDITED
        if payment.purpose != TOP_UP or payment.status not in CREDITED or not turned:
            continue
        found = store.credits_of(wallet.wallet_id(payment.customer), payment.id, RECENT)
        right = [one for one in found if one.amount_paise == payment.amount_paise]
        counts["TopUpsAudited"] += 1
        counts["TopUpNotCredited"] += len(found) != 1 or len(right) != 1
    return counts
