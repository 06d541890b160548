"""Wallets and their transactions as the app sees them."""

import uuid
from collections.abc import Mapping
from typing import Literal, cast

from typing_extensions import TypeAliasType, TypedDict

from shared import clock
from shared.http import fields
from shared.http.formats import Money, Time, Uuid
from shared.money import rupees
from shared.wallets.ledger import CATEGORIES, TYPES
from shared.wallets.models import Entry

FILTERS: Mapping[str, fields.Field] = {
    "type": fields.Choice(options=TYPES),
    "category": fields.Choice(options=CATEGORIES),
    "from": fields.DateTime(description="From this time on; a bare date is a day in India."),
    "to": fields.DateTime(description="Before this time; a bare date is a day in India."),
}


TransactionType = TypeAliasType("TransactionType", Literal["credit", "debit"])
TransactionCategory = TypeAliasType(
    "TransactionCategory", Literal["top_up", "payment", "refund", "cashback", "reward", "adjustment"]
)


class WalletBody(TypedDict):
    id: Uuid
    balance: Money
    currency: Literal["INR"]
    cashback: float
    rewards: float
    is_active: bool
    created_at: Time
    updated_at: Time


class TransactionBody(TypedDict):
    id: Uuid
    type: TransactionType
    category: TransactionCategory
    amount: Money
    balance_after: Money
    description: str
    status: Literal["completed"]
    payment: Uuid | None
    created_at: Time


def serialize_wallet(head: Entry) -> WalletBody:
    """The wallet after its newest entry."""
    return {
        "id": head.wallet,
        "balance": rupees(head.balance_paise),
        "currency": "INR",
        "cashback": head.cashback_paise / 100,  # JSON numbers, as in the service that this one replaces
        "rewards": head.rewards_paise / 100,
        "is_active": True,
        "created_at": clock.iso(head.opened_at_us),
        "updated_at": clock.iso(head.created_at_us),
    }


def serialize_transaction(entry: Entry) -> TransactionBody:
    return {
        "id": str(uuid.uuid5(uuid.UUID(entry.wallet), str(entry.seq))),
        "type": cast(TransactionType, entry.type),
        "category": cast(TransactionCategory, entry.category),
        "amount": rupees(entry.amount_paise),
        "balance_after": rupees(entry.balance_paise),
        "description": entry.description,
        "status": "completed",
        "payment": entry.payment or None,
        "created_at": clock.iso(entry.created_at_us),
    }
