"""A wallet's transactions as the app sees them."""

import uuid
from collections.abc import Mapping
from typing import Literal, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.http import fields
from shared.http.formats import Money, Time, Uuid
from shared.money import rupees
from shared.transactions.rows import Row
from shared.wallets.ledger import CATEGORIES, TYPES

FILTERS: Mapping[str, fields.Field] = {
    "type": fields.Choice(options=tuple(dict.fromkeys(TYPES.values()))),
    "category": fields.Choice(options=CATEGORIES),
    "from": fields.DateTime(description="From this time on; a bare date is a day in India."),
    "to": fields.DateTime(description="Before this time; a bare date is a day in India."),
}

TransactionType = TypeAliasType("TransactionType", Literal["credit", "debit"])
TransactionCategory = TypeAliasType(
    "TransactionCategory",
    Literal["top_up", "payment", "refund", "cashback", "reward", "expiry", "dispute", "adjustment"],
)
TransactionStatus = TypeAliasType("TransactionStatus", Literal["completed", "pending", "failed", "reversed"])


class TransactionBody(TypedDict):
    id: Uuid
    type: TransactionType
    category: TransactionCategory
    amount: Money
    balance_after: Money
    description: str
    status: TransactionStatus
    payment: Uuid | None
    created_at: Time


def serialize_transaction(row: Row) -> TransactionBody:
    entry = row.entry
    return {
        "id": str(uuid.uuid5(uuid.UUID(entry.wallet), str(entry.seq))),
        "type": cast(TransactionType, TYPES[entry.kind]),
        "category": cast(TransactionCategory, entry.category),
        "amount": rupees(entry.amount_paise),
        "balance_after": rupees(entry.cash_paise),
        "description": row.description,
        "status": cast(TransactionStatus, row.status),
        "payment": row.payment,
        "created_at": clock.iso(entry.at_us),
    }
