"""The whole bundle under one seed: customers, the gateway, webhooks, photos, S3, schedules, the clock, and faults.

A history is a few dozen steps, each one to three things that happen at once in an order that the seed decides, then
quiet: everything is retried, delivered and reconciled, and the invariants are checked. The same seed always tells
the same story; `make prove SEED=…` tells it aloud.

Every tenth seed, by its number, lets the reconciler ask for the five days that it asks for what nobody pays, and is
told to the last check of the last payment. The others are told until each payment that was open when the last event
had come was asked for once more and the money then stood still for two rounds. In the end every third seed has all
of its events told again, in another order.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from random import Random
from typing import Any

from PIL import Image

from tests.prove import photo_invariants
from tests.prove.drivers import API
from tests.prove.engine import Item
from tests.prove.faults import FAULTS, Call
from tests.prove.interleavings import Scheduler
from tests.prove.invariants import ENTRIES, METHODS, PAYMENTS, REFUNDS, violations
from tests.prove.photo_flows import UPLOAD, photo
from tests.prove.world import OLD_WEBHOOK_SECRET, STAGE, WEBHOOK_SECRET, Customer, Reply, Sent, World

AMOUNTS = ("1.00", "19.99", "100.00", "250.50", "500.00", "500.00", "150000.00")
OUTCOMES = ("success", "success", "success", "authorize", "fail", "late", "pending")
CARD_STATUSES = ("activated", "activated", "suspended", "deactivated")
FAULT_RATES = (0.0, 0.0, 0.02, 0.1, 0.3)
JUMPS_S = (1, 61, 61, 300, 3_600, 86_400, -3_600, -86_400)
CHECKS_S = (60, 60, 180, 600, 2_700, *([86_400] * 6))  # until the reconciler has asked for the last time
TOLD_IN_FULL, TOLD_AGAIN = 10, 3  # every so many seeds
STILL_ROUNDS = 2
RETRIES = 4
IMAGES = "/api/mobile/images/"
TICKET_US = 300 * 1_000_000
SWEEPS_MAX = 4  # a photo that is given up or deleted is looked at twice more
FAULTS_OF = {
    where: [name for name, fault in FAULTS.items() if fault.where == where]
    for where in {one.where for one in FAULTS.values()}
}

Act = Callable[[], Reply | None]


@dataclass
class History:
    """One seed's story so far."""

    world: World
    customers: list[Customer]
    in_full: bool  # to the last check of the reconciler
    again: bool  # every event once more in the end
    started: list[dict[str, Any]] = field(default_factory=list)  # payments as they were first answered
    paid: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)  # and what checkout gave the app
    sent: list[Sent] = field(default_factory=list)
    open: list[Sent] = field(default_factory=list)  # without a definite answer yet
    lost: set[str] = field(default_factory=set)  # events that never arrive
    photos: list[dict[str, Any]] = field(default_factory=list)  # tickets as they were answered
    lost_uploads: set[str] = field(default_factory=set)  # keys of which S3 tells nobody
    deleted_uploads: set[str] = field(default_factory=set)  # keys that lay there when their photo was deleted
    latest_us: int = 0  # by S3's clock, which does not go back with the machine's
    told: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.told.append(f"{self.world.clock_us // 1_000} {text}")

    def request(self, sent: Sent) -> Reply:
        reply = self.world.send(sent)
        self.say(f"{sent.customer.name[-1]} {sent.method} {sent.path} {sent.body} {sent.key}: {reply.status}")
        if sent.key and not reply.is_definite and sent not in self.open:
            self.open.append(sent)
        if reply.is_definite and sent in self.open:
            self.open.remove(sent)
        if reply.status == 201 and "purpose" in reply.body:
            self.started.append(reply.body | {"customer": sent.customer})
        return reply


# --- what may happen; each answers what to do, or None when there is nothing of the kind to do


def top_up(story: History) -> Act | None:
    chance = story.world.random
    sent = Sent(
        chance.choice(story.customers),
        "POST",
        f"{API}/wallets/add-money/",
        {"amount": chance.choice(AMOUNTS)},
        f"key-{len(story.sent)}",
    )
    story.sent.append(sent)
    return lambda: story.request(sent)


def gateway_payment(story: History) -> Act | None:
    chance = story.world.random
    customer = chance.choice(story.customers)
    body: dict[str, Any] = {"amount": chance.choice(AMOUNTS), "source": "gateway", "contact": customer.phone}
    if chance.random() < 0.6:
        body["save_method"] = True
    elif mine := _methods(story, customer):
        body["payment_method"] = chance.choice(mine)
    sent = Sent(customer, "POST", f"{API}/payments/", body, f"key-{len(story.sent)}")
    story.sent.append(sent)
    return lambda: story.request(sent)


def wallet_payment(story: History) -> Act | None:
    chance = story.world.random
    body = {"amount": chance.choice(AMOUNTS), "source": "wallet", "reference": "garment-order-7"}
    sent = Sent(chance.choice(story.customers), "POST", f"{API}/payments/", body, f"key-{len(story.sent)}")
    story.sent.append(sent)
    return lambda: story.request(sent)


def again(story: History) -> Act | None:
    """The same request once more, as an app does that never saw the answer."""
    if not story.sent:
        return None
    sent = story.world.random.choice(story.sent)
    return lambda: story.request(sent)


def again_otherwise(story: History) -> Act | None:
    """The same key with another amount."""
    if not story.sent:
        return None
    first = story.world.random.choice(story.sent)
    if first not in story.open:  # while nobody knows what the first one did, either may be the first
        other = Sent(first.customer, first.method, first.path, first.body | {"amount": "7.77"}, first.key)
        return lambda: _not_a_second_payment(story, other)
    return None


def _not_a_second_payment(story: History, other: Sent) -> Reply:
    reply = story.world.send(other)
    story.say(f"{other.key} with another amount: {reply.status}")
    return reply


def pay(story: History) -> Act | None:
    """At the gateway: the customer pays what they were told of."""
    if not story.started:
        return None
    chance = story.world.random
    payment = chance.choice(story.started)
    order = story.world.gateway.orders.get(payment["gateway_order_id"] or "")
    if not order or order["status"] == "paid":
        return None
    outcome = chance.choice(OUTCOMES)
    customer_id = (payment["checkout"] or {}).get("customer_id")
    shown = story.world.pay(order["id"], outcome, **(_with_card(chance, customer_id) if customer_id else {}))
    story.say(f"the gateway: {order['id']} {outcome} by {shown['razorpay_payment_id']}")
    if "razorpay_signature" in shown:
        story.paid.append((payment, shown))
    return lambda: None


def _with_card(chance: Random, customer_id: str) -> dict[str, Any]:
    """What a customer chooses whose checkout offers to remember the card."""
    return {
        "customer_id": customer_id,
        "save": chance.random() < 0.8,
        "card": {"last4": chance.choice(("1007", "1111"))},
        "anew": chance.random() < 0.2,
        "activation": chance.choice(("at once", "at once", "later")),
    }


def late(story: History) -> Act | None:
    payments = [one for one in story.world.gateway.payments.values() if one["status"] in ("failed", "created")]
    payments = [one for one in payments if story.world.gateway.orders[one["order_id"]]["status"] != "paid"]
    if not payments:
        return None
    told = story.world.random.choice(payments)
    story.world.gateway.control("late", {"payment_id": told["id"]})
    story.say(f"the gateway: {told['id']} after all")
    return lambda: None


def pay_twice(story: History) -> Act | None:
    orders = [one for one in story.world.gateway.orders.values() if one["status"] == "paid"]
    if not orders:
        return None
    order = story.world.random.choice(orders)
    story.world.gateway.control("double_pay", {"order_id": order["id"]})
    story.say(f"the gateway: {order['id']} is paid a second time")
    return lambda: None


def pay_oddly(story: History) -> Act | None:
    """The gateway captures another amount, or another currency, than its order says."""
    chance, gateway = story.world.random, story.world.gateway
    if not story.started:
        return None
    order = gateway.orders.get(chance.choice(story.started)["gateway_order_id"] or "")
    if not order or order["status"] == "paid":
        return None
    payment = gateway._new_payment(order, "upi")
    payment |= chance.choice([{"amount": order["amount"] + 100}, {"amount": 100}, {"currency": "USD"}])
    order["attempts"] += 1
    gateway._captured(payment)
    order["status"] = "attempted"  # the customer may still pay it as it should be
    story.say(f"the gateway: {payment['id']} captured {payment['amount']} {payment['currency']} for {order['id']}")
    return lambda: None


def verify(story: History) -> Act | None:
    if not story.paid:
        return None
    payment, shown = story.world.random.choice(story.paid)
    sent = Sent(payment["customer"], "POST", f"{API}/payments/{payment['id']}/verify/", shown)
    return lambda: story.request(sent)


def verify_another(story: History) -> Act | None:
    """The genuine triple of one payment, shown for another one of the same customer."""
    if not story.paid:
        return None
    payment, shown = story.world.random.choice(story.paid)
    others = [one for one in story.started if one["customer"] is payment["customer"] and one["id"] != payment["id"]]
    if not others:
        return None
    other = story.world.random.choice(others)
    sent = Sent(payment["customer"], "POST", f"{API}/payments/{other['id']}/verify/", shown)
    return lambda: story.request(sent)


def sync(story: History) -> Act | None:
    if not story.started:
        return None
    payment = story.world.random.choice(story.started)
    sent = Sent(payment["customer"], "POST", f"{API}/payments/{payment['id']}/sync/")
    return lambda: story.request(sent)


def webhook(story: History) -> Act | None:
    """An event arrives, in any order, signed with the new secret or the old one."""
    waiting = [event for event in story.world.waiting if event not in story.lost]
    if not waiting:
        return None
    return _delivery(story, story.world.random.choice(waiting))


def webhook_again(story: History) -> Act | None:
    known = [event for event in story.world.events if event not in story.lost]
    if not known:
        return None
    return _delivery(story, story.world.random.choice(known))


def _delivery(story: History, event: str) -> Act:
    secret = story.world.random.choice((WEBHOOK_SECRET, WEBHOOK_SECRET, OLD_WEBHOOK_SECRET))

    def act() -> Reply:
        reply = story.world.deliver(event, secret)
        story.say(f"webhook {story.world.gateway.events[event]['event']} {event}: {reply.status} {reply.text}")
        return reply

    return act


def lose_webhook(story: History) -> Act | None:
    """An event that never arrives. Not of a refund, which nothing else would tell; and while the reconciler asks."""
    asked_for = {row.get("gateway_order") for row in story.world.rows(PAYMENTS) if row.get("open")}
    for event in story.world.waiting:
        body = story.world.gateway.events[event]["body"]
        if any(f'"order_id":"{order}"' in body for order in asked_for if order) and "refund" not in body[:200]:
            story.lost.add(event)
            story.say(f"webhook {event} is lost")
            return lambda: None
    return None


def give_back(story: History) -> Act | None:
    gateway, chance = story.world.gateway, story.world.random
    left = [one for one in gateway.payments.values() if one["captured"] and one["amount_refunded"] < one["amount"]]
    if not left:
        return None
    told = chance.choice(left)
    most = told["amount"] - told["amount_refunded"]
    amount = chance.choice([most, max(most // 3, 1)])
    status = chance.choice(["processed", "processed", "processed", "failed"])
    gateway.control("refund", {"payment_id": told["id"], "amount": amount, "status": status})
    story.say(f"the gateway: {amount} of {told['id']} given back, {status}")
    return lambda: None


def dispute(story: History) -> Act | None:
    captured = [one for one in story.world.gateway.payments.values() if one["captured"]]
    if not captured:
        return None
    told = story.world.random.choice(captured)
    story.world.gateway.control("dispute", {"payment_id": told["id"], "status": "lost"})
    return lambda: None


def method(story: History) -> Act | None:
    """Save, change, forget or prefer a saved method."""
    chance = story.world.random
    customer = chance.choice(story.customers)
    mine = _methods(story, customer)
    if not mine or chance.random() < 0.4:
        body: dict[str, Any] = {"type": "upi", "upi_id": customer.vpa, "nickname": customer.name}
        body["is_default"] = chance.random() < 0.5
        return lambda: story.request(Sent(customer, "POST", f"{API}/payment-methods/", body))
    path = f"{API}/payment-methods/{chance.choice(mine)}/"
    sent = chance.choice(
        [
            Sent(customer, "POST", f"{path}set_default/"),
            Sent(customer, "PATCH", path, {"is_default": chance.random() < 0.5}),
            Sent(customer, "DELETE", path),
        ]
    )
    return lambda: story.request(sent)


def _methods(story: History, customer: Customer) -> list[str]:
    """The customer's saved methods, deleted ones too."""
    rows = story.world.rows(METHODS)
    return [row["id"] for row in rows if row["customer"] == customer.id and row.get("type")]


def card(story: History) -> Act | None:
    """The bank or the network decides about a saved card; what is deactivated stays so."""
    chance, tokens = story.world.random, story.world.gateway.tokens.values()
    living = [one["id"] for one in tokens if one["status"] != "deactivated"]
    if not living:
        return None
    told = {"token_id": chance.choice(living), "status": chance.choice(CARD_STATUSES)}
    story.world.gateway.control("token", told)
    story.say(f"the gateway: {told['token_id']} {told['status']}")
    return lambda: None


def look(story: History) -> Act | None:
    """A customer looks at what is theirs, or tries what is another's."""
    chance = story.world.random
    paths = ["/wallets/", "/wallets/transactions/", "/payments/", "/payment-methods/"]
    paths += [f"/payments/{one['id']}/" for one in story.started[-3:]]
    sent = Sent(chance.choice(story.customers), "GET", API + chance.choice(paths))
    return lambda: story.request(sent)


def reconcile(story: History) -> Act | None:
    def act() -> None:
        story.say(f"reconciler: {story.world.reconcile()}")

    return act


def clock(story: History) -> Act | None:
    """The clock of the machine is another one's, or time passes."""
    jump_s = story.world.random.choice(JUMPS_S)
    story.world.forward(jump_s)
    story.say(f"the clock goes {jump_s} s")
    return lambda: None


# --- photos


def ticket(story: History) -> Act | None:
    customer = story.world.random.choice(story.customers)

    def act() -> Reply:
        reply = story.request(Sent(customer, "POST", UPLOAD, {"content_type": "image/jpeg"}))
        if reply.status == 201:
            story.photos.append(reply.body | {"customer": customer, "ends_at_us": story.world.clock_us + TICKET_US})
        return reply

    return act


@cache
def _another_photo() -> bytes:
    data = BytesIO()
    Image.new("RGB", (16, 12), (40, 40, 180)).save(data, "JPEG")
    return data.getvalue()


def upload(story: History) -> Act | None:
    """A photo, or what is none, while its ticket is good: perhaps the second under one key."""
    story.latest_us = max(story.latest_us, story.world.clock_us)
    good = [one for one in story.photos if story.latest_us < one["ends_at_us"]]
    if not good:
        return None
    chance = story.world.random
    data = chance.choice([photo(), photo(), _another_photo(), b"no picture, however long one looks at it"])
    key = story.world.put_upload(chance.choice(good), data)
    story.deleted_uploads.discard(key)
    story.say(f"S3: {len(data)} bytes for {key.rpartition('/')[2]}")
    return lambda: None


def upload_event(story: History) -> Act | None:
    """S3 tells of an upload, in any order."""
    return _upload_told(story, story.world.untold)


def upload_event_again(story: History) -> Act | None:
    return _upload_told(story, sorted(story.world.wire.objects.buckets.get(STAGE.uploads, {})))


def _upload_told(story: History, keys: list[str]) -> Act | None:
    if not keys:
        return None
    key = story.world.random.choice(keys)

    def act() -> Reply:
        reply = story.world.tell_of_upload(key)
        story.say(f"S3 tells of {key.rpartition('/')[2]}: {reply.status}")
        return reply

    return act


def lose_upload_event(story: History) -> Act | None:
    """S3 never tells of an upload: the sweeper ends its photo, the bucket's own expiry the upload."""
    if not story.world.untold:
        return None
    key = story.world.random.choice(story.world.untold)
    story.world.untold.remove(key)
    story.lost_uploads.add(key)
    story.say(f"S3 never tells of {key.rpartition('/')[2]}")
    return lambda: None


def look_at_photo(story: History) -> Act | None:
    """A customer looks at a photo, of theirs or not, or at all of theirs."""
    chance = story.world.random
    paths = [f"{IMAGES}{one['id']}/" for one in story.photos[-3:]]
    sent = Sent(chance.choice(story.customers), "GET", chance.choice([IMAGES, *paths]))
    return lambda: story.request(sent)


def delete_photo(story: History) -> Act | None:
    """A photo of theirs or not, deleted before or not."""
    if not story.photos:
        return None
    chance, objects = story.world.random, story.world.wire.objects
    one = chance.choice(story.photos)
    key = one["upload"]["fields"]["key"]
    customer = chance.choice([one["customer"], one["customer"], *story.customers])
    lies_there = key in objects.keys(STAGE.uploads)

    def act() -> Reply:
        reply = story.request(Sent(customer, "DELETE", f"{IMAGES}{one['id']}/"))
        if reply.status == 204 and lies_there:
            story.deleted_uploads.add(key)
        return reply

    return act


def sweep(story: History) -> Act | None:
    def act() -> None:
        story.world.sweep()
        story.say("sweeper")

    return act


ACTIONS: dict[Callable[[History], Act | None], int] = {
    top_up: 8,
    gateway_payment: 2,
    wallet_payment: 5,
    again: 3,
    again_otherwise: 1,
    pay: 8,
    late: 2,
    pay_twice: 1,
    pay_oddly: 1,
    verify: 6,
    verify_another: 1,
    sync: 2,
    webhook: 8,
    webhook_again: 2,
    lose_webhook: 1,
    give_back: 2,
    dispute: 1,
    method: 2,
    card: 2,
    look: 2,
    reconcile: 2,
    clock: 3,
    ticket: 2,
    upload: 3,
    upload_event: 3,
    upload_event_again: 1,
    lose_upload_event: 1,
    look_at_photo: 1,
    delete_photo: 2,
    sweep: 1,
}
ALWAYS = (top_up, pay)
CARDS = (gateway_payment, method, card)
PHOTOS = (ticket, upload, upload_event, upload_event_again, lose_upload_event, look_at_photo, delete_photo, sweep)
SUBJECTS = ((), (), (), CARDS, PHOTOS)  # what a history is about, beside money
SUBJECT_FACTOR = 6


@dataclass(frozen=True)
class Outcome:
    """What became of one history."""

    violations: list[str]
    calls: int
    faults: int
    told: list[str]


def simulate(seed: int) -> Outcome:
    """One history from its seed."""
    world = World(seed)
    STAGE.warm()
    chance = world.random
    story = History(
        world,
        [world.customer() for _ in range(chance.randint(1, 3))],
        seed % TOLD_IN_FULL == 0,
        seed % TOLD_AGAIN == 0,
    )
    rate, together = chance.choice(FAULT_RATES), chance.choice((1, 1, 2, 3))
    weights = _weights(chance, chance.choice(SUBJECTS))
    found: list[str] = []
    for _ in range(chance.randint(8, 30)):
        world.wire.pick = _faults_at(world, rate)
        chosen = chance.choices(list(ACTIONS), weights, k=together)
        acts = [act for act in (choose(story) for choose in chosen) if act is not None]
        if len(acts) == 1:
            acts[0]()
        elif acts:
            _at_once(world, acts)
        if found := [*violations(world), *photo_invariants.violations(world)]:
            break
    calls = len(world.wire.calls)
    found = found or quiet(story)
    return Outcome(found, calls, sum(world.wire.met.values()), story.told)


def _weights(chance: Random, subject: Collection[Callable[[History], Act | None]]) -> list[int]:
    """How likely each action is: a fifth of them never happens, so that no two seeds do the same things."""
    weights = {action: weight if chance.random() < 0.8 else 0 for action, weight in ACTIONS.items()}
    weights |= {action: ACTIONS[action] for action in ALWAYS}
    weights |= {action: ACTIONS[action] * SUBJECT_FACTOR for action in subject}
    return list(weights.values())


def _faults_at(world: World, rate: float) -> Callable[[Call], str | None]:
    def pick(call: Call) -> str | None:
        if world.random.random() >= rate:
            return None
        return world.random.choice(FAULTS_OF[call.where])

    return pick


def _at_once(world: World, acts: list[Act]) -> None:
    scheduler = Scheduler(lambda options, running, place: world.random.choice(options))
    world.wire.turn = scheduler.turn
    scheduler.run(acts)
    world.wire.turn = lambda call: None


def quiet(story: History) -> list[str]:
    """No more faults: everything is retried, delivered and asked for; then told once more, which changes nothing."""
    world = story.world
    world.wire.arm({})
    world.wire.pick = lambda call: None
    for _ in range(RETRIES):
        for sent in list(story.open):
            story.request(sent)
    found = [f"{sent.key} never got a definite answer" for sent in story.open]
    _deliver_waiting(story)
    _reconcile_until_still(story)
    _deliver_waiting(story)  # what the reconciler captured is told too
    found += [f"webhook {event} is never accepted" for event in world.waiting if event not in story.lost]
    found += _photos_ended(story)
    found += violations(world, settled=True)
    if story.again:
        if any("refund_exceeds_balance" in name for row in world.rows(PAYMENTS) for name in row["review"]):
            _tell_again(world)  # a refund that the balance did not cover is taken when it does and is told again
        before = _money(world)
        _tell_again(world)
        if _money(world) != before:
            found.append("I15 event algebra: the same events in another order changed the money")
        found += violations(world, settled=True)
    return found


def _reconcile_until_still(story: History) -> None:
    world = story.world
    checks = {row["id"]: row["checks"] for row in world.rows(PAYMENTS) if row.get("open")}
    still = 0
    for seconds in CHECKS_S:
        before = _money(world)
        world.forward(seconds + 1)
        story.say(f"reconciler: {world.reconcile()}")
        still = still + 1 if _money(world) == before else 0
        waiting = [row for row in world.rows(PAYMENTS) if row.get("open") and row["checks"] == checks.get(row["id"])]
        waiting += [row for row in world.rows(METHODS) if row.get("open")]
        if not waiting and still >= STILL_ROUNDS and not story.in_full:
            break


def _photos_ended(story: History) -> list[str]:
    """S3 tells until the compressor answers, then the sweeper looks until it has nothing left: what is wrong then."""
    world = story.world
    for key in list(world.untold):
        story.say(f"S3 tells of {key.rpartition('/')[2]}: {world.tell_of_upload(key).status}")
    found = [f"the upload {key} is never taken" for key in world.untold]
    for _ in range(SWEEPS_MAX):
        due_us = [row["next_check_at_us"] for row in photo_invariants.rows(world) if row.get("open")]
        if not due_us:
            break
        world.clock_us = max(world.clock_us, *due_us) + 1
        world.sweep()
    story.say(f"photos: {', '.join(row['status'] for row in photo_invariants.rows(world))}")
    found += photo_invariants.violations(world, settled=True)
    found += photo_invariants.uploads_left(world, story.lost_uploads, story.deleted_uploads)
    return found + [text for one in story.photos for text in _shown_wrongly(story, one)]


def _shown_wrongly(story: History, ticket: dict[str, Any]) -> Iterator[str]:
    """A photo is shown to its customer as it is, to nobody when it is deleted, and never to anyone else."""
    kept = {row["id"] for row in photo_invariants.rows(story.world)}
    for customer in story.customers:
        reply = story.world.send(Sent(customer, "GET", f"{IMAGES}{ticket['id']}/"))
        is_shown = customer is ticket["customer"] and ticket["id"] in kept
        if reply.status != (200 if is_shown else 404):
            yield f"the photo {ticket['id']} answered {reply.status} to {customer.name}"


def _deliver_waiting(story: History) -> None:
    for event in story.world.waiting:
        if event not in story.lost:
            reply = story.world.deliver(event)
            story.say(f"webhook {event}: {reply.status} {reply.text}")


def _tell_again(world: World) -> None:
    events = world.events
    world.random.shuffle(events)
    for event in events:
        world.deliver(event)


def _money(world: World) -> list[Any]:
    """What moved: the ledgers byte by byte, and the payments without their evidence."""
    entries: list[Item] = world.engine.tables[ENTRIES].items
    names = ("id", "status", "amount_paise", "refunded_paise", "gateway_payment")
    payments = [[row.get(name) for name in names] for row in world.rows(PAYMENTS) if row["purpose"] != "unknown"]
    return [entries, payments, world.rows(REFUNDS)]
