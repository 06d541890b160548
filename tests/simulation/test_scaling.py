"""What a request costs beside 100, 10,000 and 100,000 rows: flat, or as slow as a logarithm.

Read units and calls are counted on the real handlers. Only the keys of payments and photos grow with their number,
since lists count them exactly. The rows beside are made when they are read, so that their number costs nothing here.
"""

import base64
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pynamodb.connection import Connection

from shared.aws.dynamodb import OPEN
from shared.images.lifecycle import owner_of
from shared.wallets import ledger, packed
from shared.wallets.wallet import wallet_id
from tests.simulation.flows.flow import API, start_top_up
from tests.simulation.harness import HARNESS
from tests.simulation.world import START_US, Context, World
from tools.cost.meter import item_bytes, read_units

pytestmark = pytest.mark.usefixtures("harness")
SIZES = (100, 10_000, 100_000)
PAGE_BYTES_MAX = 1 << 20  # of a query
PHOTOS = "/api/mobile"
Item = dict[str, Any]
Act = Callable[[], int]  # a request or a run; returns how many results it had


@dataclass
class Rows:
    """Many rows of one partition of a table or an index, in the order of their sort key. Each is made when read."""

    count: int
    hash_key: str
    sort_key: str
    sort_value: Callable[[int], int]
    item: Callable[[int], Item]

    def query(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """A page, as DynamoDB cuts it. All rows are as large as the first one."""
        numbers = sorted(int(value["N"]) for value in sent["ExpressionAttributeValues"].values() if "N" in value)
        condition, places = sent["KeyConditionExpression"], range(self.count)
        first, last = 0, self.count
        if "BETWEEN" in condition:
            first = bisect_left(places, numbers[0], key=self.sort_value)
            last = bisect_right(places, numbers[1], key=self.sort_value)
        elif numbers:
            cut = bisect_right if "<=" in condition else bisect_left
            last = cut(places, numbers[0], key=self.sort_value)
        forward = sent.get("ScanIndexForward", True)
        if start := sent.get("ExclusiveStartKey"):
            place = bisect_left(places, int(start[self.sort_key]["N"]), key=self.sort_value)
            first, last = (place + 1, last) if forward else (first, place)
        found = range(first, last) if forward else range(last - 1, first - 1, -1)
        limit = min(sent.get("Limit") or self.count, PAGE_BYTES_MAX // item_bytes(self.item(0)))
        items = [self.item(place) for place in found[:limit]]
        more = {"LastEvaluatedKey": items[-1]} if len(found) > limit or (items and sent.get("Limit") == limit) else {}
        return {"Items": items, "Count": len(items), "ScannedCount": len(items), **more}


@dataclass
class Metered:
    """The world's DynamoDB with rows beside what the world wrote, and what was read since the last measurement."""

    world: World
    rows: dict[tuple[str, str], Rows] = field(default_factory=dict)  # by table and index, which is empty for none
    records: dict[str, Callable[[Item], Item]] = field(default_factory=dict)  # by table: the row of any key
    units: float = 0
    calls: int = 0

    def answer(self, operation: str, sent: dict[str, Any], send: Callable[[], Any]) -> Any:
        response = self._made(operation, sent) or send()
        if operation in ("GetItem", "BatchGetItem", "Query"):
            self.units += read_units(sent, response)
        self.calls += 1
        return response

    def _made(self, operation: str, sent: dict[str, Any]) -> dict[str, Any] | None:
        if operation == "Query":
            rows = self.rows.get((sent["TableName"], sent.get("IndexName", "")))
            partitions = [value.get("S") for value in sent["ExpressionAttributeValues"].values()]
            return rows.query(sent) if rows and rows.hash_key in partitions else None
        if operation == "BatchGetItem":
            ((table, batch),) = sent["RequestItems"].items()
            if table not in self.records:
                return None
            return {"Responses": {table: [self.records[table](key) for key in batch["Keys"]]}, "UnprocessedKeys": {}}
        if operation == "GetItem" and sent["TableName"] in self.records:
            return {"Item": self.records[sent["TableName"]](sent["Key"])}
        return None


Prepare = Callable[[Metered, int], Act]


@pytest.fixture
def metered(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Metered]:
    meter, real = Metered(world), Connection._make_api_call

    def call(connection: Connection, operation: str, sent: dict[str, Any], *more: Any) -> Any:
        return meter.answer(operation, sent, lambda: real(connection, operation, sent, *more))

    monkeypatch.setattr(Connection, "_make_api_call", call)
    yield meter


# --- a wallet of many entries: of twenty, fourteen are payments, five are top-ups and one is a hold

PERIOD = (*[(ledger.DEBIT, "payment")] * 14, *[(ledger.CREDIT, "top_up")] * 5, (ledger.HOLD, "refund"))
PAUSE_US = 60 * 1_000_000


def pair_of(seq: int) -> tuple[str, str]:
    return PERIOD[(seq - 1) % len(PERIOD)] if seq else (ledger.OPENING, "")


def last_with(pair: tuple[str, str], seq: int) -> int:
    """The last entry of this kind and category up to this number; 0 for none."""
    numbers = range(seq, max(seq - len(PERIOD), 0), -1)
    return next((number for number in numbers if pair_of(number) == pair), 0)


def total(pair: tuple[str, str], seq: int) -> packed.Total:
    whole, rest = divmod(seq, len(PERIOD))
    entries = whole * PERIOD.count(pair) + PERIOD[:rest].count(pair)
    return packed.Total(entries, entries * 100, last_with(pair, seq - 1))


def entry(seq: int, newest: int, wallet: str) -> Item:
    """An entry as it is stored, one a minute, the newest of now. Nobody checks its hashes here."""
    kind, category = pair_of(seq)
    totals = {ledger.PAIRS[pair]: total(pair, seq) for pair in dict.fromkeys(PERIOD) if total(pair, seq).entries}
    texts = {"wallet": wallet, "kind": kind, "category": category, "promo": "", "totals": packed.pack_totals(totals)}
    texts["by"] = f"r:{seq:036}/{seq:036}" if category == "refund" else f"p:{seq:036}"
    numbers = dict.fromkeys(("amount_paise", "cash_paise", "held_paise", "owed_paise"), 100)
    opened_at_us = START_US - newest * PAUSE_US
    numbers |= {"seq": seq, "version": 3, "at_us": opened_at_us + seq * PAUSE_US, "opened_at_us": opened_at_us}
    binary = {name: {"B": bytes(32)} for name in ("previous_hash", "hash")}
    return stored(texts, numbers) | {"is_blocked": {"BOOL": False}} | binary


def stored(texts: Mapping[str, str], numbers: Mapping[str, int]) -> Item:
    """Values in DynamoDB's JSON."""
    return {name: {"S": text} for name, text in texts.items()} | {
        name: {"N": str(number)} for name, number in numbers.items()
    }


def payment_of(key: Item) -> Item:
    """The captured top-up with this key."""
    texts = {"purpose": "top_up", "source": "gateway", "status": "captured", "gateway_payment": "pay_1"}
    numbers = {"amount_paise": 100, "paid_paise": 100, "created_at_us": START_US - 10 * PAUSE_US}
    return key | stored(texts | {"description": "Wallet top-up"}, numbers | {"updated_at_us": START_US})


def refund_of(key: Item) -> Item:
    texts = {"customer": "c", "status": "processed", "destination": "source", "asked_by": "customer"}
    numbers = dict.fromkeys(("amount_paise", "counted_paise", "created_at_us", "updated_at_us"), 100)
    return key | stored(texts, numbers)


def fill_wallet(metered: Metered, count: int) -> str:
    """Give the first customer a wallet with so many entries after its opening; returns its id."""
    customer = metered.world.customers[0]
    wallet = wallet_id(customer.id)
    metered.rows["WalletEntriesTable", ""] = Rows(
        count + 1, wallet, "seq", lambda seq: seq, lambda seq: entry(seq, count, wallet)
    )
    metered.records["WalletEntriesTable"] = lambda key: entry(int(key["seq"]["N"]), count, wallet)
    metered.records["PaymentsTable"] = payment_of
    metered.records["RefundsTable"] = refund_of
    metered.records["PaymentMethodsTable"] = lambda key: key | stored({"owner": customer.id}, {})
    return wallet


def request_page(path: str) -> Prepare:
    """A page of a long wallet's list."""

    def prepare(metered: Metered, count: int) -> Act:
        fill_wallet(metered, count)
        return lambda: get(metered.world, f"wallets/transactions/?{path}")

    return prepare


def get(world: World, path: str, base: str = API) -> int:
    """Get a page with rows; returns how many there are."""
    reply = world.call(world.customers[0], "GET", f"{base}/{path}")
    assert reply.status == 200 and reply.body["results"], reply
    return len(reply.body["results"])


def audit_top_up(metered: Metered, count: int) -> Act:
    """A top-up that was started ten minutes ago and captured now, by the newest credit."""
    fill_wallet(metered, count)
    customer, credit = metered.world.customers[0].id, last_with((ledger.CREDIT, "top_up"), count)
    after = payment_of(stored({"customer": customer, "id": f"{credit:036}"}, {}))
    record = {"dynamodb": {"OldImage": after | {"status": {"S": "created"}}, "NewImage": after}}

    def act() -> int:
        counts = metered.world.invoke("AuditPayments", {"Records": [record]})
        assert counts == {"TopUpsAudited": 1, "TopUpNotCredited": 0}
        return 1

    return act


def audit_entry(metered: Metered, count: int) -> Act:
    wallet = fill_wallet(metered, count)
    image = entry(last_with((ledger.CREDIT, "top_up"), count), count, wallet)
    for name in ("previous_hash", "hash"):
        image[name] = {"B": base64.b64encode(bytes(32)).decode()}

    def act() -> int:
        counts = metered.world.invoke("AuditWallets", {"Records": [{"dynamodb": {"NewImage": image}}]})
        assert counts["EntriesAudited"] == 1 and counts["EntryNotJustified"] == 0
        return 1

    return act


# --- many payments, photos and deleted rows of one customer


def list_payments(metered: Metered, count: int) -> Act:
    customer = metered.world.customers[0].id
    metered.rows["PaymentsTable", "by_time"] = keys_by_time("customer", customer, count)
    metered.records["PaymentsTable"] = payment_of
    return lambda: get(metered.world, "payments/")


def retrieve_customer(metered: Metered, count: int) -> Act:
    """Staff look at a customer: at the newest hundred payments."""
    customer, world = metered.world.customers[0].id, metered.world
    metered.rows["PaymentsTable", "by_time"] = keys_by_time("customer", customer, count)
    metered.records["PaymentsTable"] = payment_of
    return lambda: world.call(world.staff(), "GET", f"/api/staff/customers/{customer}/").status


def list_photos(metered: Metered, count: int) -> Act:
    owner = owner_of(metered.world.customers[0].id)
    metered.rows["ImagesTable", "by_time"] = keys_by_time("owner", owner, count)
    numbers = {"created_at_us": START_US, "updated_at_us": START_US}
    metered.records["ImagesTable"] = lambda key: key | stored({"status": "expired"}, numbers)
    return lambda: get(metered.world, "images/", PHOTOS)


def keys_by_time(name: str, hash_key: str, count: int) -> Rows:
    """The keys of rows in their table's index by time."""
    first_us = START_US - count
    return Rows(
        count,
        hash_key,
        "created_at_us",
        lambda place: first_us + place,
        lambda place: stored({name: hash_key, "id": f"{place:036}"}, {"created_at_us": first_us + place}),
    )


def list_methods(metered: Metered, count: int) -> Act:
    """Ten methods, and many that were deleted."""
    world, customer = metered.world, metered.world.customers[0]
    body = {"type": "upi", "upi_id": customer.vpa}
    created = [world.call(customer, "POST", f"{API}/payment-methods/", body).body["id"] for _ in range(11)]
    assert world.call(customer, "DELETE", f"{API}/payment-methods/{created[0]}/").status == 204
    repeat_row(world, "PaymentMethodsTable", customer.id, created[0], count)
    return lambda: get(world, "payment-methods/")


def list_photos_beside_deleted(metered: Metered, count: int) -> Act:
    world, customer = metered.world, metered.world.customers[0]
    body = {"content_type": "image/jpeg"}
    created = [world.call(customer, "POST", f"{PHOTOS}/upload-image/", body).body["id"] for _ in range(11)]
    assert world.call(customer, "DELETE", f"{PHOTOS}/images/{created[0]}/").status == 204
    repeat_row(world, "ImagesTable", owner_of(customer.id), created[0], count)
    return lambda: get(world, "images/", PHOTOS)


def repeat_row(world: World, table: str, partition: str, row_id: str, count: int) -> None:
    """Store a row many times more, each time under another id."""
    rows = world.dynamodb.tables[table].partitions[partition]
    for number in range(count):
        rows[f"{number:036}"] = rows[row_id] | {"id": {"S": f"{number:036}"}}


# --- schedules with much to do: what one of the many costs

RUN_US = 6_000_000  # what a run may take, so that it ends early


def reconcile(metered: Metered, count: int) -> Act:
    """Payments whose check is due, and whose order nobody has paid."""
    world, customer = metered.world, metered.world.customers[0]
    started = start_top_up(world, customer)["id"]
    world.advance(3_600)
    due_at_us = world.clock_us - count
    payments = world.dynamodb.tables["PaymentsTable"].partitions[customer.id]
    first = payments[started]
    keys = due_rows("customer", customer.id, due_at_us, count)

    def item(place: int) -> Item:
        key = keys.item(place)
        payments.setdefault(key["id"]["S"], first | key)
        return key

    metered.rows["PaymentsTable", "open"] = replace(keys, item=item)
    return lambda: run_briefly(world, "ReconcilePayments")["ReconcileAsked"]


def sweep(metered: Metered, count: int) -> Act:
    """Photos whose upload never came."""
    world, customer = metered.world, metered.world.customers[0]
    owner = owner_of(customer.id)
    reply = world.call(customer, "POST", f"{PHOTOS}/upload-image/", {"content_type": "image/jpeg"})
    world.advance(3 * 3_600)
    images = world.dynamodb.tables["ImagesTable"].partitions[owner]
    first, keys = images[reply.body["id"]], due_rows("owner", owner, world.clock_us - count, count)

    def item(place: int) -> Item:
        key = keys.item(place)
        images.setdefault(key["id"]["S"], first | key)
        return key

    metered.rows["ImagesTable", "open"] = replace(keys, item=item)
    return lambda: run_briefly(world, "SweepImages")["ImageExpired"]


def due_rows(name: str, hash_key: str, first_us: int, count: int) -> Rows:
    """The keys of rows whose check is due, in the sparse index of their table."""
    return Rows(
        count,
        OPEN,
        "next_check_at_us",
        lambda place: first_us + place,
        lambda place: stored(
            {"open": OPEN, name: hash_key, "id": f"{place:036}"}, {"next_check_at_us": first_us + place}
        ),
    )


def run_briefly(world: World, function: str) -> dict[str, int]:
    HARNESS.invocation.ends_at_us = ends_at_us = world.clock_us + RUN_US
    try:
        context = Context(function, ends_at_us, lambda: world.clock_us)
        return dict(HARNESS.handlers[function]({"source": "aws.events"}, context))
    finally:
        HARNESS.invocation.ends_at_us = None


@dataclass(frozen=True)
class Limit:
    """The most that an act costs beside any number of rows, in all or per result, and the keys that it reads besides.

    A list reads all keys for its exact count, a schedule those of `keys_max` rows.
    """

    prepare: Prepare
    units: float
    calls: float
    key_bytes: int = 0
    keys_max: int = SIZES[-1]
    per_result: bool = False


LIMITS: Mapping[str, Limit] = {
    "wallet": Limit(request_page("page=1"), 12.5, 4),
    "wallet, last page": Limit(request_page("page=last"), 13, 5),
    "wallet, credits, last page": Limit(request_page("type=credit&page=last"), 15.5, 11),
    "wallet, refunds, first page": Limit(request_page("category=refund"), 31, 23),
    "wallet, a time": Limit(request_page("from=2026-01-09T10:00:00Z&to=2026-01-09T11:30:00Z"), 15.5, 10),
    "audit a top-up": Limit(audit_top_up, 2.5, 4),
    "audit an entry": Limit(audit_entry, 3, 5),
    "methods beside deleted ones": Limit(list_methods, 2, 2),
    "payments": Limit(list_payments, 20, 2, key_bytes=105),
    "photos": Limit(list_photos, 20, 2, key_bytes=130),
    "photos beside deleted ones": Limit(list_photos_beside_deleted, 11, 2),
    "a customer, for staff": Limit(retrieve_customer, 106, 5),
    "reconcile, each payment": Limit(reconcile, 1.1, 2.3, key_bytes=110, keys_max=2_000, per_result=True),
    "sweep, each photo": Limit(sweep, 1.1, 2.3, key_bytes=150, keys_max=1_000, per_result=True),
}


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("name", LIMITS)
def test_cost_does_not_grow_with_rows(name: str, count: int, metered: Metered) -> None:
    limit = LIMITS[name]
    act = limit.prepare(metered, count)
    metered.units = metered.calls = 0
    results = act() if limit.per_result else bool(act())
    keys_bytes = min(count, limit.keys_max) * limit.key_bytes
    assert metered.units <= limit.units * results + math.ceil(keys_bytes / 4_096)
    assert metered.calls <= limit.calls * results + keys_bytes // PAGE_BYTES_MAX
