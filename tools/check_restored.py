"""After a restore: records of money without their entry, and entries without their record.

    python -m tools.check_restored PAYMENTS_TABLE REFUNDS_TABLE WALLET_ENTRIES_TABLE

It reads the three restored tables whole, with the AWS credentials of the environment, and changes nothing. Tables are
restored one by one, so a transaction of the last seconds may be in one of them and not in another.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.money import rupees
from shared.payments.lifecycle import TOP_UP, WALLET
from shared.wallets import ledger
from shared.wallets.wallet import wallet_id

Rows = Iterable[Mapping[str, Any]]


def differences(payments: Rows, refunds: Rows, entries: Rows) -> list[str]:
    """A line for each record whose entry is missing, and for each entry whose record is missing or moved nothing."""
    records = {**_moves_of_payments(payments), **_moves_of_refunds(refunds)}
    moved = {str(row["by"]): row for row in entries if row.get("by", "")[:2] in ("p:", "r:")}
    missing_entries = [f"{by} has no entry: {text}" for by, text in records.items() if by not in moved]
    missing_records = [
        f"entry {row['seq']} of wallet {row['wallet']} has no record: {row['kind']} of {_rupees(row)} by {by}"
        for by, row in moved.items()
        if by not in records
    ]
    return sorted([*missing_entries, *missing_records])


def _moves_of_payments(payments: Rows) -> dict[str, str]:
    """What each payment did to its wallet, by the name that its entry has for it."""
    moves = {}
    for row in payments:
        is_credit = row.get("purpose") == TOP_UP and row.get("paid_paise") is not None
        is_debit = row.get("source") == WALLET and row.get("status") != "failed"
        if is_credit or is_debit:
            kind = "credit" if is_credit else "debit"
            moves[ledger.by_payment(row["id"])] = f"{kind} of {_rupees(row)} in {_wallet(row)}"
    return moves


def _moves_of_refunds(refunds: Rows) -> dict[str, str]:
    """The same of refunds: those into a wallet, and those that hold money in it."""
    moves = {}
    for row in refunds:
        is_credit = row.get("destination") == WALLET and row.get("status") == "processed"
        if is_credit or row.get("held_paise"):
            kind = "credit" if is_credit else "hold"
            moves[ledger.by_refund(row["payment"], row["id"])] = f"{kind} of {_rupees(row)} in {_wallet(row)}"
    return moves


def _wallet(row: Mapping[str, Any]) -> str:
    return f"wallet {wallet_id(row['customer'])} of customer {row['customer']}"


def _rupees(row: Mapping[str, Any]) -> str:
    return rupees(int(row["amount_paise"]))


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


def main(*tables: str) -> int:
    """Print the differences; 1 if there are any, and 2 without the names of three tables."""
    if len(tables) != 3:
        print(__doc__)
        return 2
    found = differences(*map(scan, tables))
    print("\n".join(found) or "Every record has its entry, and every entry its record.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
