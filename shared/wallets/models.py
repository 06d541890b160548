"""The ledger's table: one row per entry. The newest entry is the balance."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import takewhile
from typing import Any

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, UnicodeAttribute

from shared.aws.dynamodb import Insert, IntegerAttribute, Overwrite, Table, Write, get, read, transact

ENTRIES_PER_PAGE = 20  # of a search, which mostly ends on its first page
OWNER = "wallet_owner"  # the id of every WalletOwner; no method has it


class Entry(Table):
    """One line of a wallet's ledger, with the whole state of the wallet after it. It never changes."""

    class Meta:
        table_setting = "wallet_entries_table"

    wallet = UnicodeAttribute(hash_key=True)
    seq = IntegerAttribute(range_key=True)
    version = IntegerAttribute()
    kind = UnicodeAttribute()
    category = UnicodeAttribute()
    amount_paise = IntegerAttribute()
    by = UnicodeAttribute()  # the record that justifies the entry
    cash_paise = IntegerAttribute()
    held_paise = IntegerAttribute()
    owed_paise = IntegerAttribute()
    promo = UnicodeAttribute()
    is_blocked = BooleanAttribute()
    totals = UnicodeAttribute()
    at_us = IntegerAttribute()
    opened_at_us = IntegerAttribute()
    previous_hash = BinaryAttribute(legacy_encoding=False)
    hash = BinaryAttribute(legacy_encoding=False)


class WalletOwner(Table):
    """The customer whose wallet this is. The row lies beside the payment methods, and is written with entry 0."""

    class Meta:
        table_setting = "payment_methods_table"

    wallet = UnicodeAttribute(hash_key=True, attr_name="customer")
    id = UnicodeAttribute(range_key=True, default=OWNER)
    owner = UnicodeAttribute()


def append(*writes: Entry | Write) -> list[Write]:
    """Insert the next entries in one transaction with the records that justify them; the writes that were blocked.

    This is the only code that writes to the ledger. The condition on an entry's number is the wallet's lock.
    """
    return transact(*(Insert(write) if isinstance(write, Entry) else write for write in writes))


def append_opening(entry: Entry, customer: str) -> list[Write]:
    """Insert entry 0 with the row that names the wallet's owner.

    That row may be there already: the tables are restored to different moments, and the id fixes the owner anyway.
    """
    return append(entry, Overwrite(WalletOwner(entry.wallet, owner=customer)))


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


def list_since(wallet: str, since_us: int, entries_max: int, before_seq: int) -> list[Entry]:
    """The newest of the entries before `before_seq`, back to a time, newest first."""
    query = partial(Entry.query, wallet, Entry.seq < before_seq, scan_index_forward=False, consistent_read=True)
    entries = read(lambda: query(limit=entries_max, page_size=ENTRIES_PER_PAGE))
    return list(takewhile(lambda entry: entry.at_us >= since_us, entries))


def newest_entries(wallet: str) -> Iterator[Entry]:
    """All entries, the newest first, read as far as they are asked for."""
    query = partial(Entry.query, wallet, scan_index_forward=False, consistent_read=True, page_size=ENTRIES_PER_PAGE)
    return read(lambda: query())


def find_customer(wallet: str) -> str | None:
    """The customer whose wallet this is; None if it was never opened."""
    # The row never changes, so a stale read that finds it is as good as a consistent read, at half the price.
    row = get(WalletOwner, wallet, OWNER, consistent=False) or get(WalletOwner, wallet, OWNER)
    return row.owner if row else None


def entry_from(image: Mapping[str, Any]) -> Entry:
    """The entry in a stream record, in which binary values are base64."""
    return Entry.from_raw_data({name: _from_base64(value) for name, value in image.items()})


def _from_base64(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"B": b64decode(value["B"])} if isinstance(value.get("B"), str) else dict(value)
