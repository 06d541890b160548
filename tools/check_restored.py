"""After a restore: the records of money that the ledger disagrees with, and the entries that are lost.

    python -m tools.check_restored [--repair] PAYMENTS REFUNDS PAYMENT_METHODS DESK WALLET_ENTRIES

It reads the restored tables of these names whole, with the AWS credentials of the environment, and changes nothing.
Tables are restored one by one, so a transaction of the last seconds may be in one of them and not in another. With
--repair it appends to the ledger what the records say and it lacks. Nothing else may write meanwhile. RECOVER_OWED in
the environment is the stack's setting, `all` by default.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from shared.money import rupees
from shared.payments.lifecycle import TOP_UP, WALLET
from shared.refunds.entries import take
from shared.wallets import ledger, packed
from shared.wallets.models import Entry, append
from shared.wallets.wallet import open_wallet, wallet_id

TABLES = ("PAYMENTS_TABLE", "REFUNDS_TABLE", "PAYMENT_METHODS_TABLE", "DESK_TABLE", "WALLET_ENTRIES_TABLE")

Rows = Iterable[Mapping[str, Any]]


class Moves(NamedTuple):
    """By how much a record's entries changed the wallet's money, and what it holds for the record after them."""

    total_paise: int = 0
    held_paise: int = 0

    def __str__(self) -> str:
        return f"{rupees(self.total_paise)} and holds {rupees(self.held_paise)}"


class Record(NamedTuple):
    """What a record says that its entries did. `mark` is the kind of an entry that moves nothing.

    `left_paise` is what was left of the payment before a refund or dispute took its part.
    """

    wallet: str
    category: str
    moves: Moves
    at_us: int
    customer: str
    recovers_paise: int | None = None
    left_paise: int = 0
    mark: str = ""


class Difference(NamedTuple):
    """A record that the ledger disagrees with, or entries without their record."""

    by: str
    record: Record | None
    moves: Moves | None

    def __str__(self) -> str:
        if not self.record:
            return f"{self.by} has no record: its entries moved {self.moves}"
        said = f"its record is a {self.record.mark}" if self.record.mark else f"its record moved {self.record.moves}"
        found = f"its entries moved {self.moves}" if self.moves else "it has no entry"
        return f"{self.by}: {said}, {found}; wallet {self.record.wallet} of customer {self.record.customer or '?'}"


# --- the check


def differences(payments: Rows, refunds: Rows, methods: Rows, desk: Rows, entries: Rows) -> list[Difference]:
    """Each record whose entries are lost, wholly or in part, and each name of entries that no record has."""
    payment_rows, owners = list(payments), {row["customer"]: row["owner"] for row in methods if "owner" in row}
    by_id = {row["id"]: row for row in payment_rows}
    records = dict(_records_of_payments(payment_rows))
    records |= _records_of_refunds(refunds, by_id)
    records |= _records_of_staff(desk, owners)
    moved = _moves_by_record(entries)
    names = sorted(records.keys() | moved.keys())
    found = [Difference(by, records.get(by), moved.get(by)) for by in names]
    return [difference for difference in found if not _agree(difference.record, difference.moves)]


def _agree(record: Record | None, moves: Moves | None) -> bool:
    if record is None or record.mark:
        return record is not None and moves is not None
    return record.moves == (moves or Moves())


def _records_of_payments(payments: Rows) -> Iterator[tuple[str, Record]]:
    for row in payments:
        if row.get("purpose") == TOP_UP and row.get("paid_paise") is not None:
            yield ledger.by_payment(row["id"]), _record(row, "top_up", Moves(int(row["paid_paise"])))
        elif row.get("source") == WALLET and row.get("status") != "failed":
            yield ledger.by_payment(row["id"]), _record(row, "payment", Moves(-int(row["amount_paise"])))


def _records_of_refunds(refunds: Rows, payments: Mapping[str, Mapping[str, Any]]) -> dict[str, Record]:
    """Refunds and disputes lie in one table. Only those of a top-up, and refunds into a wallet, move a wallet."""
    records = {}
    for row in refunds:
        is_dispute, is_to_wallet = "gateway_dispute" in row, row.get("destination") == WALLET
        payment = payments.get(row["payment"], {})
        if "status" not in row or not (payment.get("purpose") == TOP_UP or is_to_wallet):
            continue
        by = (ledger.by_dispute if is_dispute else ledger.by_refund)(row["payment"], row["id"])
        counted_paise = int(row["counted_paise"]) if row["status"] in ("processed", "lost") else 0
        moves = Moves(counted_paise if is_to_wallet else -counted_paise, int(row.get("held_paise", 0)))
        record = _record(row, "dispute" if is_dispute else "refund", moves)
        records[by] = record._replace(left_paise=_left_paise(payment) + counted_paise)
    return records


def _left_paise(payment: Mapping[str, Any]) -> int:
    """What of a payment neither refunds nor lost disputes have taken."""
    paid_paise, *taken = (int(payment.get(name) or 0) for name in ("paid_paise", "refunded_paise", "lost_paise"))
    return paid_paise - sum(taken)


def _records_of_staff(desk: Rows, owners: Mapping[str, str]) -> dict[str, Record]:
    """Adjustments and waivers that were done, and blocks."""
    records = {}
    for row in desk:
        if row.get("state") == "proposal:done" and row["what"] in ("adjustment", "waiver"):
            paise = int(row["amount_paise"])
            recovers_paise = paise if row["what"] == "waiver" else None
            moves = Moves(-paise if row.get("type") == ledger.DEBIT else paise)
            record = _record(row, "adjustment", moves)._replace(recovers_paise=recovers_paise)
            records[ledger.by_staff(row["id"])] = record
        elif row.get("what") in (ledger.BLOCK, ledger.UNBLOCK):
            customer = owners.get(row["subject"], "")
            record = Record(row["subject"], "", Moves(), int(row["created_at_us"]), customer, mark=row["what"])
            records[ledger.by_staff(row["id"])] = record
    return records


def _record(row: Mapping[str, Any], category: str, moves: Moves) -> Record:
    return Record(wallet_id(row["customer"]), category, moves, int(row["created_at_us"]), row["customer"])


def _moves_by_record(entries: Rows) -> dict[str, Moves]:
    """What the entries of each record did together: an entry has the whole state of the wallet after it."""
    moved: dict[str, Moves] = {}
    wallet, before = "", Moves()
    for row in sorted(entries, key=itemgetter("wallet", "seq")):
        if row["wallet"] != wallet:
            wallet, before = row["wallet"], Moves()
        held_paise = int(row["held_paise"])
        promo_paise = packed.promo_paise(row["promo"])
        after = Moves(int(row["cash_paise"]) + promo_paise + held_paise - int(row["owed_paise"]), held_paise)
        if by := row.get("by", ""):
            known = moved.get(by, Moves())
            moved[by] = Moves(*(total + new - old for total, new, old in zip(known, after, before, strict=True)))
        before = after
    return moved


# --- the repair


def repair(found: Iterable[Difference]) -> None:
    """Append the entries that the ledger lacks."""
    lacking = [difference for difference in found if difference.record and difference.record.customer]
    for difference in sorted(lacking, key=_order):
        assert difference.record
        head = open_wallet(difference.record.customer)
        if entries := list(lost_entries(difference, head)):
            if append(*entries):
                raise SystemExit(f"{difference.by}: its wallet has changed. Stop all writers, then begin again.")
            moved = ", ".join(f"{entry.kind} {rupees(entry.amount_paise)}" for entry in entries)
            print(f"{difference.by}: appended {moved}")


def lost_entries(difference: Difference, head: Entry) -> Iterator[Entry]:
    """The entries after `head` that make the wallet agree with the record, which justifies them."""
    record, by = difference.record, difference.by
    assert record
    add = partial(ledger.next_entry, by=by)
    if record.mark:
        yield add(head, record.mark, "", 0)
        return
    total_paise, held_paise = _lacking(difference)
    if held_paise > 0 and (hold_paise := min(held_paise, head.cash_paise)):
        yield add(head, ledger.HOLD, record.category, hold_paise)
    elif total_paise > 0:
        yield add(head, ledger.CREDIT, record.category, total_paise, recovers_paise=record.recovers_paise)
    elif total_paise < 0 or held_paise < 0:
        yield from take(head, record.category, by, -total_paise, max(0, -held_paise), record.left_paise)


def _lacking(difference: Difference) -> Moves:
    """By how much the record moved the wallet more than its entries did."""
    assert difference.record
    pairs = zip(difference.record.moves, difference.moves or Moves(), strict=True)
    return Moves(*(said - done for said, done in pairs))


def _order(difference: Difference) -> tuple[int, int]:
    """Credits and releases, then holds, debits, waivers, blocks: so no wallet lacks money that it had."""
    assert difference.record
    total_paise, held_paise = _lacking(difference)
    if difference.record.mark:
        rank = 4
    elif difference.record.recovers_paise:
        rank = 3
    elif total_paise > 0 or (total_paise == 0 and held_paise < 0):
        rank = 0
    else:
        rank = 1 if held_paise > 0 else 2
    return rank, difference.record.at_us


# --- the command


def scan(table: str) -> Iterator[Mapping[str, Any]]:
    import boto3

    rows = boto3.resource("dynamodb").Table(table)
    page: dict[str, Any] = {}
    while True:
        page = rows.scan(ConsistentRead=True, **page)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        page = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def main(*arguments: str) -> int:
    """Print the differences that are left; 1 if there are any, and 2 without the names of five tables."""
    tables = [argument for argument in arguments if argument != "--repair"]
    if len(tables) != len(TABLES):
        print(__doc__)
        return 2
    if "--repair" in arguments:
        _use(tables)
        repair(differences(*map(scan, tables)))
    found = differences(*map(scan, tables))
    print("\n".join(map(str, found)) or "Every record has its entries, and every entry its record.")
    return 1 if found else 0


def _use(tables: Iterable[str]) -> None:
    """Let the code of the functions write to these tables."""
    from local.template import Template

    names = dict(zip(TABLES, tables, strict=True))
    recover_owed = {"RECOVER_OWED": os.environ["RECOVER_OWED"]} if "RECOVER_OWED" in os.environ else {}
    os.environ.update(Template().environment(names | recover_owed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
