"""The ledger's table: one row per entry. The newest entry is the balance."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pynamodb.attributes import MapAttribute, UnicodeAttribute

from shared.aws.dynamodb import Insert, IntegerAttribute, Table, Write, get, read, transact


class Entry(Table):
    """One line of a wallet's ledger, with the whole state of the wallet after it. It never changes."""

    class Meta:
        table_setting = "wallet_entries_table"

    wallet = UnicodeAttribute(hash_key=True)
    seq = IntegerAttribute(range_key=True)
    version = IntegerAttribute()
    type = UnicodeAttribute()
    category = UnicodeAttribute()
    amount_paise = IntegerAttribute()
    balance_paise = IntegerAttribute()
    held_paise = IntegerAttribute()
    cashback_paise = IntegerAttribute()
    rewards_paise = IntegerAttribute()
    counts: MapAttribute[str, int] = MapAttribute()
    sums_paise: MapAttribute[str, int] = MapAttribute()
    payment = UnicodeAttribute()
    reference = UnicodeAttribute()
    description = UnicodeAttribute()
    created_at_us = IntegerAttribute()
    opened_at_us = IntegerAttribute()
    previous_hash = UnicodeAttribute()
    hash = UnicodeAttribute()


def append(entry: Entry, *justified_by: Write) -> list[Write]:
    """Insert the next entry in one transaction with the record that justifies it; the writes that were blocked.

    This is the only code that writes to the ledger. The condition on the entry's number is the wallet's lock.
    """
    return transact(Insert(entry), *justified_by)


def get_head(wallet: str) -> Entry | None:
    """The newest entry."""
    return next(read(lambda: Entry.query(wallet, scan_index_forward=False, limit=1, consistent_read=True)), None)


def get_entry(wallet: str, seq: int) -> Entry | None:
    # Entries never change, so a stale read that finds one is as good as a consistent read, at half the price.
    return get(Entry, wallet, seq, consistent=False) or get(Entry, wallet, seq)


def list_entries(wallet: str, seq_from: int, seq_to: int, newest_first: bool = True) -> list[Entry]:
    """The entries from one number to another, both included."""

    def query(consistent: bool) -> list[Entry]:
        between, forward = Entry.seq.between(seq_from, seq_to), not newest_first
        return list(
            read(partial(Entry.query, wallet, between, scan_index_forward=forward, consistent_read=consistent))
        )

    perhaps_stale = query(consistent=False)
    return perhaps_stale if len(perhaps_stale) == seq_to - seq_from + 1 else query(consistent=True)


def find_credits(wallet: str, payment_id: str, entries_min: int) -> list[Entry]:
    """The credits of a payment among the newest `entries_min` entries; without any, the newest one further back."""
    found: list[Entry] = []
    entries = read(lambda: Entry.query(wallet, scan_index_forward=False, consistent_read=True))
    for place, entry in enumerate(entries):
        if place >= entries_min and found:
            break
        if entry.payment == payment_id and entry.type == "credit":
            found.append(entry)
    return found


def entry_from(image: Mapping[str, Any]) -> Entry:
    """The entry in a stream record."""
    return Entry.from_raw_data(dict(image))
