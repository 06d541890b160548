"""Two and three requests at once, in every order of their calls.

The requests run in threads, but only one at a time: at each call that leaves the code a scheduler says who goes on.
A run follows a list of choices and then lets whoever runs run on; from its trace the next lists are made, each with
one choice changed, until all orders with at most so many switches have been seen.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from tests.prove.drivers import API, DAY_S, MINUTE_S, funded, settled, started_top_up
from tests.prove.faults import GATEWAY, READS, Call
from tests.prove.invariants import violations
from tests.prove.photo_flows import DUE_S, compress, photo, status, swept, ticket
from tests.prove.world import STAGE, Customer, Reply, World

ALL = 1_000  # more switches than any run has
STUCK_S = 30
CLAIMED = 3  # the number of a compressor's first call after it has claimed an upload


@dataclass(frozen=True)
class Choice:
    """Who could go on, who had been running, and who did go on."""

    options: tuple[int, ...]
    running: int | None
    chosen: int
    next: tuple[Call | None, ...] = ()  # what each of them, going on, does first; None before its first call

    @property
    def is_switch(self) -> bool:
        """Whether someone was stopped who could have gone on."""
        return self.running in self.options and self.chosen != self.running


class Scheduler:
    """Runs acts one call at a time; `choose` picks who goes on."""

    def __init__(self, choose: Callable[[tuple[int, ...], int | None, int], int]) -> None:
        self.choose = choose
        self.trace: list[Choice] = []
        self._left: list[int] = []
        self._go: list[threading.Lock] = []
        self._next: list[Call | None] = []
        self._number = threading.local()

    def turn(self, call: Call) -> None:
        """The wire's hook: wait here until it is this thread's turn again."""
        number = getattr(self._number, "value", None)
        if number is not None:
            self._next[number] = call
            chosen = self._chosen(number)
            if chosen != number:
                self._go[chosen].release()
                self._go[number].acquire()

    def run(self, acts: Sequence[Callable[[], Any]]) -> list[Any]:
        results: list[Any] = [None] * len(acts)
        self._left = list(range(len(acts)))
        self._go = [threading.Lock() for _ in acts]
        self._next = [None] * len(acts)
        done = threading.Lock()

        def runner(number: int) -> None:
            self._number.value = number
            self._go[number].acquire()
            try:
                results[number] = acts[number]()
            except BaseException as error:
                results[number] = error
            self._left.remove(number)
            (self._go[self._chosen(number)] if self._left else done).release()

        for lock in (done, *self._go):
            lock.acquire()
        threads = [threading.Thread(target=runner, args=(number,), daemon=True) for number in range(len(acts))]
        output, sys.stdout = sys.stdout, StringIO()  # each wrapped gateway call redirects it, and here they overlap
        try:
            for thread in threads:
                thread.start()
            self._go[self._chosen(None)].release()
            if not done.acquire(timeout=STUCK_S):
                raise RuntimeError("a request neither calls nor ends")
            for thread in threads:
                thread.join()
        finally:
            sys.stdout = output
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results

    def _chosen(self, running: int | None) -> int:
        options = tuple(self._left)
        chosen = self.choose(options, running, len(self.trace))
        self.trace.append(Choice(options, running, chosen, tuple(self._next)))
        return chosen


def follow(prefix: Sequence[int]) -> Callable[[tuple[int, ...], int | None, int], int]:
    def choose(options: tuple[int, ...], running: int | None, place: int) -> int:
        if place < len(prefix):
            return prefix[place]
        return running if running in options and running is not None else options[0]

    return choose


def orders(run: Callable[[Sequence[int]], list[Choice]], switches_max: int) -> Iterator[list[int]]:
    """Every order with at most so many switches, each by the choices that make it; `run` runs one."""
    waiting: list[list[int]] = [[]]
    while waiting:
        prefix = waiting.pop()
        trace = run(prefix)
        chosen = [choice.chosen for choice in trace]
        yield chosen
        switches = [sum(choice.is_switch for choice in trace[:place]) for place in range(len(trace))]
        for place in range(len(prefix), len(trace)):
            choice = trace[place]
            for other in choice.options:
                another = Choice(choice.options, choice.running, other)
                if other != choice.chosen and switches[place] + another.is_switch <= switches_max:
                    waiting.append([*chosen[:place], other])


def distinct_orders(run: Callable[[Sequence[int]], list[Choice]]) -> Iterator[list[int]]:
    """Every order, with those that differ only in calls that cannot matter to each other run once.

    Whoever was already let go on at a place is left asleep in the others until a call comes that could matter to it.
    """
    waiting: list[tuple[list[int], frozenset[int]]] = [([], frozenset())]
    while waiting:
        prefix, asleep = waiting.pop()
        trace = run(prefix)
        chosen = [choice.chosen for choice in trace]
        for place in range(len(prefix), len(trace)):
            choice = trace[place]
            done = {*asleep, choice.chosen}
            for other in choice.options:
                if other not in done:
                    waiting.append(([*chosen[:place], other], _still_asleep(done, choice, other)))
                    done.add(other)
            if choice.chosen in asleep:
                break  # from here on this order was seen before
            asleep = _still_asleep(asleep, choice, choice.chosen)
        else:
            yield chosen


def _still_asleep(asleep: Iterable[int], choice: Choice, goes_on: int) -> frozenset[int]:
    first = choice.next[goes_on]
    return frozenset(one for one in asleep if one != goes_on and not _matters(choice.next[one], first))


def _matters(first: Call | None, second: Call | None) -> bool:
    """Whether the order of two calls can make a difference."""
    if first is None or second is None or first.where != second.where:
        return False
    if all(call.operation in (*READS, "GET") for call in (first, second)):
        return False
    return first.where == GATEWAY or bool(set(first.target.split("+")) & set(second.target.split("+")))


# --- who meets whom


@dataclass(frozen=True)
class Meeting:
    """Requests that are made at once, and what must have come of them, whatever their order."""

    acts: list[Callable[[], Reply]]
    holds: Callable[[list[Reply]], bool]


def _spend(world: World, customer: Customer, key: str, amount: str = "500.00") -> Callable[[], Reply]:
    return lambda: world.call(customer, "POST", f"{API}/payments/", {"amount": amount, "source": "wallet"}, key)


def _add(world: World, customer: Customer, key: str, amount: str = "500.00") -> Callable[[], Reply]:
    return lambda: world.call(customer, "POST", f"{API}/wallets/add-money/", {"amount": amount}, key)


def _reconcile(world: World) -> Callable[[], Reply]:
    return lambda: Reply(200, world.reconcile())


def _deliver(world: World, event: str, place: int = 0) -> Callable[[], Reply]:
    found = [one for one, told in world.gateway.events.items() if told["event"] == event]
    return lambda: world.deliver(found[place])


def _paid(world: World, customer: Customer, outcome: str = "success") -> tuple[dict[str, Any], Callable[[], Reply]]:
    """A started and paid top-up, and the app's verify of it."""
    started = started_top_up(world, customer)
    paid = world.pay(started["gateway_order_id"], outcome)
    return started, lambda: world.call(customer, "POST", f"{API}/payments/{started['id']}/verify/", paid)


def _statuses(*wanted: int) -> Callable[[list[Reply]], bool]:
    return lambda replies: sorted(reply.status for reply in replies) == sorted(wanted)


def verify_and_webhook(world: World) -> Meeting:
    started, verify = _paid(world, world.customer())
    acts = [verify, _deliver(world, "payment.captured")]
    return Meeting(acts, lambda replies: _statuses(200, 200)(replies) and settled(world, started))


def two_webhooks(world: World) -> Meeting:
    started, _ = _paid(world, world.customer())
    acts = [_deliver(world, "payment.captured"), _deliver(world, "order.paid")]
    return Meeting(acts, lambda replies: _statuses(200, 200)(replies) and settled(world, started))


def verify_and_reconcile(world: World) -> Meeting:
    started, verify = _paid(world, world.customer(), "authorize")
    world.forward(MINUTE_S)
    return Meeting([verify, _reconcile(world)], lambda replies: settled(world, started))


def two_reconcilers(world: World) -> Meeting:
    started, _ = _paid(world, world.customer())
    world.forward(MINUTE_S)
    return Meeting([_reconcile(world), _reconcile(world)], lambda replies: settled(world, started))


def failed_and_captured(world: World) -> Meeting:
    """The bank said no and then yes; both are told at once."""
    customer = world.customer()
    started = started_top_up(world, customer)
    world.pay(started["gateway_order_id"], "late")
    world.gateway.control("late", {"order_id": started["gateway_order_id"]})
    acts = [_deliver(world, "payment.failed"), _deliver(world, "payment.captured")]
    return Meeting(acts, lambda replies: _statuses(200, 200)(replies) and settled(world, started))


def two_credits(world: World) -> Meeting:
    customer = world.customer()
    (first, verify), (second, _) = _paid(world, customer), _paid(world, customer)
    acts = [verify, _deliver(world, "payment.captured", 1)]
    done = lambda replies: settled(world, first) and settled(world, second)  # noqa: E731
    return Meeting(acts, lambda replies: done(replies) and world.balance_paise(customer) == 100_000)


def credit_and_spend(world: World) -> Meeting:
    """The wallet holds just enough; money comes in while it is spent."""
    customer = world.customer()
    funded(world, customer)
    started, verify = _paid(world, customer)
    acts = [verify, _spend(world, customer, "spend")]
    holds = lambda replies: replies[1].status == 201 and world.balance_paise(customer) == 50_000  # noqa: E731
    return Meeting(acts, lambda replies: holds(replies) and settled(world, started))


def two_spend_all(world: World) -> Meeting:
    customer = world.customer()
    funded(world, customer)
    acts = [_spend(world, customer, "one"), _spend(world, customer, "two")]
    return Meeting(acts, lambda replies: _statuses(201, 400)(replies) and world.balance_paise(customer) == 0)


def one_key_twice(world: World) -> Meeting:
    customer = world.customer()
    funded(world, customer, "1000.00")
    acts = [_spend(world, customer, "same"), _spend(world, customer, "same")]
    return Meeting(acts, lambda replies: _statuses(201, 201)(replies) and world.balance_paise(customer) == 50_000)


def one_top_up_twice(world: World) -> Meeting:
    customer = world.customer()
    acts = [_add(world, customer, "same"), _add(world, customer, "same")]
    same = lambda replies: replies[0].body["id"] == replies[1].body["id"]  # noqa: E731
    return Meeting(
        acts, lambda replies: _statuses(201, 201)(replies) and same(replies) and _orders_told(replies) == 1
    )


def _orders_told(replies: list[Reply]) -> int:
    return len({reply.body["gateway_order_id"] for reply in replies if reply.status == 201})


def one_key_two_bodies(world: World) -> Meeting:
    customer = world.customer()
    acts = [_add(world, customer, "same"), _add(world, customer, "same", "700.00")]
    return Meeting(acts, lambda replies: _statuses(201, 409)(replies))


def two_first_touches(world: World) -> Meeting:
    customer = world.customer()
    look = lambda: world.call(customer, "GET", f"{API}/wallets/")  # noqa: E731
    return Meeting([look, look], lambda replies: _statuses(200, 200)(replies) and len(world.entries(customer)) == 1)


def first_touch_and_credit(world: World) -> Meeting:
    customer = world.customer()
    started = dict(world.call(customer, "POST", f"{API}/payments/", {"amount": "5.00", "source": "gateway"}).body)
    top_up = _add(world, customer, "key")
    look = lambda: world.call(customer, "GET", f"{API}/wallets/")  # noqa: E731
    assert started
    return Meeting([look, top_up], lambda replies: _statuses(200, 201)(replies) and len(world.entries(customer)) == 1)


def _given_back(world: World, customer: Customer, amount_paise: int) -> dict[str, Any]:
    funded(world, customer)
    told = next(reversed(world.gateway.payments.values()))
    return dict(world.gateway.control("refund", {"payment_id": told["id"], "amount": amount_paise}))


def refund_twice(world: World) -> Meeting:
    customer = world.customer()
    _given_back(world, customer, 20_000)
    acts = [_deliver(world, "refund.processed"), _deliver(world, "refund.created")]
    return Meeting(acts, lambda replies: _statuses(200, 200)(replies) and world.balance_paise(customer) == 30_000)


def two_refunds(world: World) -> Meeting:
    customer = world.customer()
    first = _given_back(world, customer, 20_000)
    world.gateway.control("refund", {"payment_id": first["payment_id"], "amount": 30_000})
    acts = [_deliver(world, "refund.processed"), _deliver(world, "refund.processed", 1)]
    return Meeting(acts, lambda replies: _statuses(200, 200)(replies) and world.balance_paise(customer) == 0)


def two_refunds_of_a_payment(world: World) -> Meeting:
    """Of one that touches no wallet, so that no entry's number keeps the two apart."""
    customer = world.customer()
    body = {"amount": "500.00", "source": "gateway"}
    started = dict(world.call(customer, "POST", f"{API}/payments/", body).body)
    world.pay(started["gateway_order_id"])
    (told,) = world.gateway.payments.values()
    assert _deliver(world, "payment.captured")().status == 200
    for amount_paise in (20_000, 30_000):
        world.gateway.control("refund", {"payment_id": told["id"], "amount": amount_paise})
    acts = [_deliver(world, "refund.processed"), _deliver(world, "refund.processed", 1)]
    row = lambda: world.rows("PaymentsTable")[0]  # noqa: E731
    return Meeting(acts, lambda replies: _statuses(200, 200)(replies) and row()["refunded_paise"] == 50_000)


def refund_and_spend(world: World) -> Meeting:
    """Either the money is spent and the refund looked at, or given back and the payment refused."""
    customer = world.customer()
    _given_back(world, customer, 50_000)
    acts = [_deliver(world, "refund.processed"), _spend(world, customer, "spend")]
    return Meeting(acts, lambda replies: replies[0].status == 200 and world.balance_paise(customer) == 0)


def refund_and_capture(world: World) -> Meeting:
    """The refund overtakes the capture, or does not."""
    customer = world.customer()
    started, _ = _paid(world, customer)
    told = next(iter(world.gateway.payments.values()))
    world.gateway.control("refund", {"payment_id": told["id"]})
    acts = [_deliver(world, "refund.processed"), _deliver(world, "payment.captured")]
    wanted = [("credit", 50_000), ("debit", 50_000)]
    moved = lambda: [(one["type"], one["amount_paise"]) for one in world.entries(customer)[1:]]  # noqa: E731
    assert started
    return Meeting(acts, lambda replies: _statuses(200, 200)(replies) and moved() == wanted)


def _methods(world: World, customer: Customer, count: int) -> list[str]:
    body = {"type": "upi", "upi_id": customer.vpa}
    return [
        world.call(customer, "POST", f"{API}/payment-methods/", body | {"is_default": not place}).body["id"]
        for place in range(count)
    ]


def two_defaults(world: World) -> Meeting:
    customer = world.customer()
    acts = [
        lambda path=f"{API}/payment-methods/{one}/set_default/": world.call(customer, "POST", path)
        for one in _methods(world, customer, 3)[1:]
    ]
    return Meeting(acts, _statuses(200, 200))


def default_and_delete(world: World) -> Meeting:
    customer = world.customer()
    wanted = _methods(world, customer, 2)[1]
    acts = [
        lambda: world.call(customer, "POST", f"{API}/payment-methods/{wanted}/set_default/"),
        lambda: world.call(customer, "DELETE", f"{API}/payment-methods/{wanted}/"),
    ]
    return Meeting(acts, lambda replies: replies[1].status == 204 and replies[0].status in (200, 404))


def delete_and_patch(world: World) -> Meeting:
    customer = world.customer()
    (wanted,) = _methods(world, customer, 1)
    acts = [
        lambda: world.call(customer, "DELETE", f"{API}/payment-methods/{wanted}/"),
        lambda: world.call(customer, "PATCH", f"{API}/payment-methods/{wanted}/", {"nickname": "x"}),
    ]
    return Meeting(acts, lambda replies: replies[0].status == 204 and replies[1].status in (200, 404))


def default_and_patch(world: World) -> Meeting:
    customer = world.customer()
    first, second = _methods(world, customer, 2)
    acts = [
        lambda: world.call(customer, "POST", f"{API}/payment-methods/{second}/set_default/"),
        lambda: world.call(customer, "PATCH", f"{API}/payment-methods/{first}/", {"is_default": False}),
    ]
    return Meeting(acts, _statuses(200, 200))


def two_compress(world: World) -> Meeting:
    """S3 tells of one upload twice at once."""
    run = compress(world)
    return Meeting([run.act, run.act], lambda replies: run.done() and 200 in [reply.status for reply in replies])


def compress_and_delete(world: World) -> Meeting:
    customer = world.customer()
    asked = ticket(world, customer)
    key = asked["upload"]["fields"]["key"]
    world.wire.objects.put(STAGE.uploads, key, photo())
    delete = lambda: world.call(customer, "DELETE", f"/api/mobile/images/{asked['id']}/")  # noqa: E731
    return Meeting([lambda: world.tell_of_upload(key), delete], lambda replies: replies[1].status == 204)


def compress_and_sweep(world: World) -> Meeting:
    """S3 tells late of an upload, when the sweeper has it on its list too: one of them ends the photo, for good."""
    run = compress(world)
    world.forward(DUE_S)
    acts = [run.act, lambda: swept(world)]
    return Meeting(acts, lambda replies: replies[0].status == 200 and status(world) in ("ready", "expired"))


def compress_again_and_sweep(world: World) -> Meeting:
    """A compressor died over an upload; S3 tells of it again as the sweeper gives it up."""
    run = compress(world)
    world.wire.arm({CLAIMED: "killed before"})
    run.act()
    world.wire.arm({})
    assert status(world) == "processing"
    world.forward(DUE_S)
    acts = [run.act, lambda: swept(world)]
    return Meeting(acts, lambda replies: replies[0].status == 200 and status(world) in ("ready", "rejected"))


def delete_and_sweep(world: World) -> Meeting:
    """A photo that never came is deleted as the sweeper lets it expire."""
    customer = world.customer()
    path = f"/api/mobile/images/{ticket(world, customer)['id']}/"
    world.forward(DUE_S)
    acts = [lambda: world.call(customer, "DELETE", path), lambda: swept(world)]
    return Meeting(acts, lambda replies: replies[0].status == 204 and status(world) == "deleted")


def three_settle(world: World) -> Meeting:
    started, verify = _paid(world, world.customer())
    world.forward(MINUTE_S)
    acts = [verify, _deliver(world, "payment.captured"), _reconcile(world)]
    return Meeting(acts, lambda replies: settled(world, started))


def three_on_one_wallet(world: World) -> Meeting:
    """Money comes in and two payments want it: of what the wallet then held, no more was spent."""
    customer = world.customer()
    funded(world, customer)
    started, verify = _paid(world, customer)
    acts = [verify, _spend(world, customer, "one"), _spend(world, customer, "two", "300.00")]
    return Meeting(acts, lambda replies: replies[0].status == 200 and settled(world, started))


def refund_spend_and_credit(world: World) -> Meeting:
    customer = world.customer()
    _given_back(world, customer, 50_000)
    started, verify = _paid(world, customer)
    acts = [_deliver(world, "refund.processed"), _spend(world, customer, "spend"), verify]
    return Meeting(acts, lambda replies: settled(world, started))


MEETINGS: Mapping[str, Callable[[World], Meeting]] = {
    "verify, webhook": verify_and_webhook,
    "webhook, another webhook of the payment": two_webhooks,
    "verify of an authorised payment, reconciler": verify_and_reconcile,
    "reconciler, reconciler": two_reconcilers,
    "failed, captured after all": failed_and_captured,
    "two credits of one wallet": two_credits,
    "credit, spend": credit_and_spend,
    "two spend the whole balance": two_spend_all,
    "one key spent twice": one_key_twice,
    "one top-up started twice": one_top_up_twice,
    "one key, two bodies": one_key_two_bodies,
    "two first touches of a wallet": two_first_touches,
    "first touch, top-up": first_touch_and_credit,
    "refund told twice": refund_twice,
    "two refunds of one payment": two_refunds,
    "two refunds of a payment for an order": two_refunds_of_a_payment,
    "refund, spend": refund_and_spend,
    "refund, its capture": refund_and_capture,
    "two defaults": two_defaults,
    "default, delete": default_and_delete,
    "delete, change": delete_and_patch,
    "default, no default": default_and_patch,
    "one upload told twice": two_compress,
    "compress, delete": compress_and_delete,
    "compress, sweep": compress_and_sweep,
    "compress again, sweep": compress_again_and_sweep,
    "delete, sweep": delete_and_sweep,
    "verify, webhook, reconciler": three_settle,
    "credit, spend, spend": three_on_one_wallet,
    "refund, spend, credit": refund_spend_and_credit,
}
# Of these not every order: a compressor makes fourteen calls, nearly all of them on one row.
COMPRESS = ("one upload told twice", "compress, delete", "compress, sweep", "compress again, sweep")
SWITCHES_MAX: Mapping[str, int] = dict.fromkeys(COMPRESS, 2)


class Prepared:
    """A meeting whose world is set up once and brought back for each order."""

    def __init__(self, name: str) -> None:
        self.name, self.world = name, World(name)
        STAGE.warm()
        self.meeting = MEETINGS[name](self.world)
        self.restore = self.world.snapshot()

    def check(self, prefix: Sequence[int]) -> tuple[list[Choice], list[str]]:
        """One order: its trace, and what it violates at once and after the gateway told everything again."""
        world = STAGE.world = self.world
        STAGE.warm()
        self.restore()
        scheduler = Scheduler(follow(prefix))
        world.wire.turn = scheduler.turn
        replies = scheduler.run(self.meeting.acts)
        found = [] if self.meeting.holds(replies) else [f"answered {[reply.status for reply in replies]}"]
        found += violations(world)
        for event in world.events:
            world.deliver(event)
        world.forward(MINUTE_S)
        world.reconcile()
        world.forward(DAY_S)
        world.sweep()
        found += violations(world, settled=True)
        order = "".join(str(choice.chosen) for choice in scheduler.trace)
        return scheduler.trace, [f"{self.name} in the order {order}: {text}" for text in found]


def every_order(name: str) -> Iterator[list[str]]:
    """What each order violates: of all that could differ, or of those with as many switches as the table says."""
    prepared, found, switches_max = Prepared(name), [[""]], SWITCHES_MAX.get(name, ALL)

    def run(prefix: Sequence[int]) -> list[Choice]:
        trace, found[0] = prepared.check(prefix)
        return trace

    for _ in distinct_orders(run) if switches_max == ALL else orders(run, switches_max):
        yield found[0]
