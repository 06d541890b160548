"""Wallets as the app sees them."""

from typing import Literal

from typing_extensions import TypedDict

from shared import clock
from shared.http.formats import Money, Time, Uuid
from shared.money import rupees
from shared.wallets import packed
from shared.wallets.models import Entry


class ExpiringBody(TypedDict):
    amount: Money
    kind: Literal["cashback", "reward"]
    expires_at: Time


class WalletBody(TypedDict):
    """`balance` can be spent; `held` waits for a refund or a dispute; `available` is the balance with cashback and
    rewards; `owed` is what the wallet could not give back, and next top-ups pay it first."""

    id: Uuid
    balance: Money
    currency: Literal["INR"]
    cashback: float
    rewards: float
    is_active: bool
    created_at: Time
    updated_at: Time
    held: Money
    available: Money
    owed: Money
    expiring: list[ExpiringBody]


def serialize_wallet(head: Entry) -> WalletBody:
    """The wallet after its newest entry."""
    return {
        "id": head.wallet,
        "balance": rupees(head.cash_paise),
        "currency": "INR",
        # JSON numbers, as in the service that this one replaces
        "cashback": packed.promo_paise(head.promo, packed.CASHBACK) / 100,
        "rewards": packed.promo_paise(head.promo, packed.REWARD) / 100,
        "is_active": not head.is_blocked,
        "created_at": clock.iso(head.opened_at_us),
        "updated_at": clock.iso(head.at_us),
        "held": rupees(head.held_paise),
        "available": rupees(head.cash_paise + packed.promo_paise(head.promo)),
        "owed": rupees(head.owed_paise),
        "expiring": [],
    }
