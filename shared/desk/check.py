"""The check of one wallet: its whole chain, and the record of each entry."""

from typing import NamedTuple

from shared.deadline import Deadline
from shared.desk.wallets import CustomerWallet, get_customer_wallet
from shared.justification import is_justified
from shared.wallets import ledger
from shared.wallets.models import newest_entries

RESERVE_S = 1.0  # of the time left, for the answer


class Check(NamedTuple):
    """What was found. `checked` of the entries, from the oldest on, were compared with their records in the time."""

    wallet: CustomerWallet
    entries: int
    checked: int
    faults: list[str]

    @property
    def is_sound(self) -> bool:
        return not self.faults and self.checked == self.entries


def check_wallet(wallet: str) -> Check:
    """Verify all links of the wallet's chain, and find the record that justifies each entry; NotFound if unopened."""
    found = get_customer_wallet(wallet)
    entries = list(newest_entries(wallet))[::-1]
    faults = ledger.verify_chain(entries)
    checked = 0
    for entry in entries:
        if Deadline.current().remaining_s < RESERVE_S:
            break
        if not is_justified(entry, None, found.customer, entries[:checked]):
            faults.append(f"entry {entry.seq}: no record justifies it")
        checked += 1
    return Check(CustomerWallet(found.customer, entries[-1]), len(entries), checked, faults)
