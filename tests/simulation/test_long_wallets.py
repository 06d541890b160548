"""A page of a wallet's list costs what it shows, however long the wallet: counted with 100,000 entries."""

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from pynamodb.connection import Connection

from tests.fakes.dynamodb import FakeDynamoDB
from tests.simulation.world import Customer, World
from tools.cost.meter import read_units

pytestmark = pytest.mark.usefixtures("harness")
ENTRIES, UNITS_MAX, PAGE_ROWS = 100_000, 45, 20
OPENED_AT_US, PAUSE_US = 1_700_000_000_000_000, 300 * 1_000_000  # an entry every five minutes or so, for a year
# How often an entry is what. A page of holds has one payment and one refund for each row.
SHARES = {("debit", "payment"): 70, ("credit", "top_up"): 25, ("hold", "refund"): 2, ("capture", "refund"): 2}
SHARES |= {("credit", "adjustment"): 1}
FILTERS: dict[str, dict[str, str]] = {
    "none": {},
    "common": {"category": "payment"},
    "type": {"type": "credit"},
    "holds": {"category": "refund"},
    "rare": {"category": "adjustment"},
    "absent": {"category": "cashback"},
    "time": {"from": "2024-02-01", "to": "2024-08-01"},
    "time and type": {"type": "credit", "from": "2024-02-01", "to": "2024-08-01"},
    "time and holds": {"category": "refund", "from": "2024-02-01", "to": "2024-08-01"},
}


@dataclass
class LongWallet:
    """A customer's wallet, its moves by entry number, and the read units of the last request."""

    world: World
    customer: Customer
    moves: list[tuple[str, str]]
    times_us: list[int]
    units: float = 0

    def page(self, filters: dict[str, str], number: str) -> dict[str, Any]:
        self.units = 0
        path = f"/api/payments/wallets/transactions/?{urlencode(filters | {'page': number})}"
        reply = self.world.call(self.customer, "GET", path)
        assert reply.status == 200, reply
        return dict(reply.body)

    def matching(self, filters: dict[str, str]) -> list[int]:
        """The numbers of the rows that match, newest first, without the code under test."""
        types = {"credit": "credit", "release": "credit", "debit": "debit", "hold": "debit"}
        first_us, end_us = (_india_us(filters.get(name)) for name in ("from", "to"))
        return [
            seq
            for seq, (kind, category) in reversed(list(enumerate(self.moves)))
            if kind in types
            and filters.get("type") in (None, types[kind])
            and filters.get("category") in (None, category)
            and (first_us is None or self.times_us[seq] >= first_us)
            and (end_us is None or self.times_us[seq] < end_us)
        ]


def _india_us(day: str | None) -> int | None:
    return int(datetime.fromisoformat(f"{day}T00:00:00+05:30").timestamp()) * 1_000_000 if day else None


class Records(dict[str, Any]):
    """Any payment or refund that is asked for, so that not all of them need be made."""

    def __init__(self, **values: Any) -> None:
        super().__init__()
        self.values_of_all = values

    def get(self, key: str, default: Any = None) -> Any:
        return self.values_of_all | {"id": {"S": key}}


class Refunds(dict[str, Any]):
    """Refunds by payment."""

    def get(self, payment: str, default: Any = None) -> Any:
        texts = {"customer": "c", "status": "processed", "destination": "source", "asked_by": "customer"}
        numbers = {name: {"N": "100"} for name in ("amount_paise", "counted_paise", "created_at_us", "updated_at_us")}
        return Records(payment={"S": payment}, **{name: {"S": text} for name, text in texts.items()}, **numbers)


@pytest.fixture(scope="module")
def moves() -> list[tuple[str, str]]:
    chance = random.Random(1)
    return [("opening", ""), *chance.choices(list(SHARES), list(SHARES.values()), k=ENTRIES)]


@pytest.fixture(scope="module")
def times_us(moves: list[tuple[str, str]]) -> list[int]:
    chance, at_us, times = random.Random(2), OPENED_AT_US, []
    for _ in moves:
        times.append(at_us)
        at_us += int(chance.expovariate(1 / PAUSE_US))
    return times


@pytest.fixture(scope="module")
def items(moves: list[tuple[str, str]], times_us: list[int]) -> dict[str, Any]:
    """The entries as they are stored. Nobody checks their hashes here."""
    from shared.wallets import ledger, packed

    zero = {"B": base64.b64encode(bytes(32)).decode()}
    common: dict[str, Any] = {
        name: {"N": "100"} for name in ("amount_paise", "cash_paise", "held_paise", "owed_paise")
    }
    common |= {"wallet": {"S": "w" * 36}, "version": {"N": "3"}, "promo": {"S": ""}, "is_blocked": {"BOOL": False}}
    common |= {"opened_at_us": {"N": str(OPENED_AT_US)}, "previous_hash": zero, "hash": zero}
    totals: dict[str, Any] = {}
    made, last = {}, ""
    for seq, ((kind, category), at_us) in enumerate(zip(moves, times_us, strict=True)):
        if last:
            totals[last] = totals[last]._replace(last_seq=seq - 1)
        last = ledger.PAIRS.get((kind, category), "")
        if last:
            before = totals.get(last, packed.Total())
            totals[last] = packed.Total(before.entries + 1, before.sum_paise + 100, before.last_seq)
        name = f"{seq:036}"
        texts = {"kind": kind, "category": category, "totals": packed.pack_totals(totals)}
        texts["by"] = f"r:{name}/{name}" if category == "refund" else f"p:{name}"
        numbers = {"seq": {"N": str(seq)}, "at_us": {"N": str(at_us)}}
        made[str(seq)] = common | numbers | {name: {"S": text} for name, text in texts.items()}
    return made


@pytest.fixture
def long_wallet(
    world: World,
    moves: list[tuple[str, str]],
    times_us: list[int],
    items: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[LongWallet]:
    from shared.wallets.wallet import wallet_id

    wallet = LongWallet(world, world.customers[0], moves, times_us)
    entries = world.dynamodb.tables["WalletEntriesTable"].partitions
    payment = {"customer": {"S": wallet.customer.id}, "description": {"S": "Wallet top-up"}}
    payment |= {name: {"S": "captured"} for name in ("purpose", "source", "status")}
    payment |= {name: {"N": "100"} for name in ("amount_paise", "created_at_us", "updated_at_us")}
    world.dynamodb.tables["PaymentsTable"].partitions[wallet.customer.id] = Records(**payment)
    world.dynamodb.tables["RefundsTable"].partitions = Refunds()
    query, send = FakeDynamoDB._Query, Connection._make_api_call

    def query_range(fake: FakeDynamoDB, sent: dict[str, Any], writes_behind: int) -> dict[str, Any]:
        """The fake looks at every item of a partition: it is shown the range that is asked for, or the newest."""
        bounds = sorted(int(value["N"]) for value in sent["ExpressionAttributeValues"].values() if "N" in value)
        first, last = bounds or (ENTRIES, ENTRIES)
        entries[wallet_id(wallet.customer.id)] = {str(seq): items[str(seq)] for seq in range(first, last + 1)}
        response = query(fake, sent, writes_behind)
        entries[wallet_id(wallet.customer.id)] = items
        return response

    def metered(connection: Connection, operation: str, request: dict[str, Any]) -> Any:
        response = send(connection, operation, request)
        wallet.units += read_units(request, response)
        return response

    entries[wallet_id(wallet.customer.id)] = items
    monkeypatch.setattr(FakeDynamoDB, "_Query", query_range)
    monkeypatch.setattr(Connection, "_make_api_call", metered)
    for item in items.values():
        item["wallet"] = {"S": wallet_id(wallet.customer.id)}
    yield wallet


@pytest.mark.parametrize("name", FILTERS)
def test_page_of_a_long_wallet_costs_what_it_shows(name: str, long_wallet: LongWallet) -> None:
    matching = long_wallet.matching(FILTERS[name])
    last = max(-(-len(matching) // PAGE_ROWS), 1)
    for number in sorted({1, 2, last // 3 + 1, last // 2 + 1, last}):
        if number > last:
            continue
        page = long_wallet.page(FILTERS[name], str(number))
        expected = matching[(number - 1) * PAGE_ROWS :][:PAGE_ROWS]
        assert (page["count"], len(page["results"])) == (len(matching), len(expected))
        assert [row["payment"] for row in page["results"]] == [f"{seq:036}" for seq in expected]
        assert long_wallet.units <= UNITS_MAX, (number, long_wallet.units)
