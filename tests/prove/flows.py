"""The flows that move money or change what is saved: one line each in `FLOWS`, and a driver.

A driver prepares a fresh world and answers what to do: `act` is the flow under test, called once with faults and
then again by whoever retries it. Recovery is by the `app` sending it again, by the gateway's `webhook` delivered
again, and by the `reconciler`; a flow says which of them, alone, must bring its money home.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image

from tests.prove.world import STAGE, Customer, Reply, World

API = "/api/payments"
APP, WEBHOOK, RECONCILER = "app", "webhook", "reconciler"
MINUTE_S, DAY_S = 61, 86_400


@dataclass(frozen=True)
class Run:
    """A prepared flow: what to do, and whether what it is for has come about."""

    act: Callable[[], Reply]
    done: Callable[[], bool]


@dataclass(frozen=True)
class Flow:
    """A driver, and the recoveries that alone suffice to finish what it started."""

    prepare: Callable[[World], Run]
    recovered_by: tuple[str, ...]


def started_top_up(world: World, customer: Customer, amount: str = "500.00") -> dict[str, Any]:
    reply = world.call(customer, "POST", f"{API}/wallets/add-money/", {"amount": amount}, f"top-{len(world.replies)}")
    assert reply.status == 201, reply
    return dict(reply.body)


def funded(world: World, customer: Customer, amount: str = "500.00") -> dict[str, Any]:
    """A captured top-up of an earlier day."""
    payment = started_top_up(world, customer, amount)
    world.pay(payment["gateway_order_id"])
    captured = [one for one, told in world.gateway.events.items() if told["event"] == "payment.captured"]
    assert world.deliver(captured[-1]).status == 200
    world.forward(86_400)
    return payment


def settled(world: World, payment: dict[str, Any]) -> bool:
    """Whether the payment is captured and, for a top-up, in the ledger exactly once."""
    row = next(one for one in world.rows("PaymentsTable") if one["id"] == payment["id"])
    entries = [one for one in world.rows("WalletEntriesTable") if one["payment"] == payment["id"]]
    return row["status"] == "captured" and len(entries) == (1 if row["purpose"] == "top_up" else 0)


def top_up(world: World) -> Run:
    """Start a top-up. Retried, it is one payment with one order that can be paid and credited."""
    customer = world.customer()
    answers: list[Reply] = []

    def act() -> Reply:
        answers.append(world.call(customer, "POST", f"{API}/wallets/add-money/", {"amount": "500.00"}, "key"))
        return answers[-1]

    return Run(act, lambda: answers[-1].status == 201 and len(world.rows("PaymentsTable")) == 1)


def payment(world: World) -> Run:
    """Start a payment through the gateway with a saved method."""
    customer = world.customer()
    method = world.call(customer, "POST", f"{API}/payment-methods/", {"type": "upi", "upi_id": customer.vpa}).body
    body = {"amount": "250.00", "source": "gateway", "payment_method": method["id"], "contact": customer.phone}
    answers: list[Reply] = []

    def act() -> Reply:
        answers.append(world.call(customer, "POST", f"{API}/payments/", body, "key"))
        return answers[-1]

    return Run(act, lambda: answers[-1].status == 201 and len(world.rows("PaymentsTable")) == 1)


def wallet_payment(world: World) -> Run:
    """Pay from the wallet."""
    customer = world.customer()
    funded(world, customer)
    body = {"amount": "200.00", "source": "wallet", "reference": "garment-order-1"}
    answers: list[Reply] = []

    def act() -> Reply:
        answers.append(world.call(customer, "POST", f"{API}/payments/", body, "key"))
        return answers[-1]

    return Run(act, lambda: answers[-1].status == 201 and world.balance_paise(customer) == 30_000)


def wallet_payment_too_large(world: World) -> Run:
    """Pay more from the wallet than it holds; money that arrives later changes nothing for the same key."""
    customer = world.customer()
    funded(world, customer, "100.00")
    body = {"amount": "200.00", "source": "wallet"}
    answers: list[Reply] = []

    def act() -> Reply:
        answers.append(world.call(customer, "POST", f"{API}/payments/", body, "key"))
        return answers[-1]

    return Run(act, lambda: answers[-1].status == 400 and world.balance_paise(customer) == 10_000)


def _verify(outcome: str, held: str = "top_up") -> Callable[[World], Run]:
    def prepare(world: World) -> Run:
        customer = world.customer()
        if held == "top_up":
            started = started_top_up(world, customer)
        else:
            body = {"amount": "500.00", "source": "gateway"}
            started = dict(world.call(customer, "POST", f"{API}/payments/", body, "key").body)
        paid = world.pay(started["gateway_order_id"], outcome)
        act = lambda: world.call(customer, "POST", f"{API}/payments/{started['id']}/verify/", paid)  # noqa: E731
        return Run(act, lambda: settled(world, started))

    return prepare


def sync(world: World) -> Run:
    """The app lost checkout's answer and asks."""
    customer = world.customer()
    started = started_top_up(world, customer)
    world.pay(started["gateway_order_id"])
    act = lambda: world.call(customer, "POST", f"{API}/payments/{started['id']}/sync/")  # noqa: E731
    return Run(act, lambda: settled(world, started))


def _webhook(event: str, outcome: str = "success") -> Callable[[World], Run]:
    def prepare(world: World) -> Run:
        customer = world.customer()
        started = started_top_up(world, customer)
        world.pay(started["gateway_order_id"], outcome)
        wanted = next(one for one, told in world.gateway.events.items() if told["event"] == event)
        known = lambda: world.rows("PaymentsTable")[0]["status"] == "authorized" or settled(world, started)  # noqa: E731
        done = known if event == "payment.authorized" else lambda: settled(world, started)
        _only(world, wanted)
        return Run(lambda: world.deliver(wanted), done)

    return prepare


def _only(world: World, wanted: str) -> None:
    """No other event is on its way: what this one brings, it brings alone."""
    world.acknowledged |= {event for event in world.events if event != wanted}


def refund(world: World) -> Run:
    """The gateway gives a top-up back and tells so."""
    customer = world.customer()
    started = funded(world, customer)
    told = next(iter(world.gateway.payments.values()))
    given_back = world.gateway.control("refund", {"payment_id": told["id"], "amount": 20_000})
    wanted = world.events[-1]

    def done() -> bool:
        known = [one["id"] for one in world.rows("RefundsTable")]
        return known == [given_back["id"]] and world.balance_paise(customer) == 30_000

    assert started
    _only(world, wanted)
    return Run(lambda: world.deliver(wanted), done)


def reconcile(world: World) -> Run:
    """Two payments that no webhook told of, asked for by the schedule."""
    first, second = world.customer(), world.customer()
    started = [started_top_up(world, first), started_top_up(world, second)]
    for one, outcome in zip(started, ("success", "authorize"), strict=True):
        world.pay(one["gateway_order_id"], outcome)
    world.forward(MINUTE_S)

    def act() -> Reply:
        answer = world.reconcile()
        return Reply(0) if answer is None else Reply(200, answer)

    return Run(act, lambda: all(settled(world, one) for one in started))


def reconcile_after_failure(world: World) -> Run:
    """The bank said no, the reconciler heard of it, and then the bank said yes and no webhook told."""
    customer = world.customer()
    started = started_top_up(world, customer)
    world.pay(started["gateway_order_id"], "late")
    assert world.deliver(world.events[-1]).status == 200
    world.forward(MINUTE_S)
    world.reconcile()
    world.gateway.control("late", {"order_id": started["gateway_order_id"]})
    world.acknowledged |= set(world.events)
    world.forward(2 * MINUTE_S)

    def act() -> Reply:
        answer = world.reconcile()
        return Reply(0) if answer is None else Reply(200, answer)

    return Run(act, lambda: settled(world, started))


def save_method(world: World) -> Run:
    """Save a method as the default one. Without a key a retry may save it twice; the default is one."""
    customer = world.customer()
    body = {"type": "upi", "upi_id": customer.vpa, "nickname": customer.name, "is_default": True}
    answers: list[Reply] = []

    def act() -> Reply:
        answers.append(world.call(customer, "POST", f"{API}/payment-methods/", body))
        return answers[-1]

    return Run(act, lambda: answers[-1].status == 201)


def delete_method(world: World) -> Run:
    """Forget the default method; sent again it is not there."""
    customer = world.customer()
    body = {"type": "upi", "upi_id": customer.vpa, "is_default": True}
    method = world.call(customer, "POST", f"{API}/payment-methods/", body).body
    answers: list[Reply] = []

    def act() -> Reply:
        answers.append(world.call(customer, "DELETE", f"{API}/payment-methods/{method['id']}/"))
        return answers[-1]

    return Run(act, lambda: answers[-1].status in (204, 404) and _active_methods(world) == 0)


def payment_that_saves(world: World) -> Run:
    """Start a payment whose card is to be saved: the customer is made and claimed at the gateway first."""
    customer = world.customer()
    answers: list[Reply] = []

    def act() -> Reply:
        answers.append(world.call(customer, "POST", f"{API}/payments/", _saving(customer), "key"))
        return answers[-1]

    return Run(act, lambda: answers[-1].status == 201 and len(world.rows("PaymentsTable")) == 1)


def _saving(customer: Customer) -> dict[str, Any]:
    return {"amount": "250.00", "source": "gateway", "contact": customer.phone, "save_method": True}


def _paid_with_a_card_to_save(world: World, customer: Customer) -> tuple[dict[str, Any], dict[str, Any]]:
    started = dict(world.call(customer, "POST", f"{API}/payments/", _saving(customer)).body)
    opened_for = started["checkout"]["customer_id"]
    return started, dict(
        world.gateway.pay(started["gateway_order_id"], "card", "success", customer_id=opened_for, save=True)
    )


def save_card(world: World) -> Run:
    """Verify a payment whose card is to be saved: the money first, then the card, whoever brings the news."""
    customer = world.customer()
    started, paid = _paid_with_a_card_to_save(world, customer)
    act = lambda: world.call(customer, "POST", f"{API}/payments/{started['id']}/verify/", paid)  # noqa: E731

    def done() -> bool:
        row = next(one for one in world.rows("PaymentsTable") if one["id"] == started["id"])
        return settled(world, started) and row["save_method"] == "saved" and _active_methods(world) == 1

    return Run(act, done)


def delete_card(world: World) -> Run:
    """Forget a saved card: at once for its customer, and at the gateway by the reconciler at the latest."""
    customer = world.customer()
    started, paid = _paid_with_a_card_to_save(world, customer)
    shown = world.call(customer, "POST", f"{API}/payments/{started['id']}/verify/", paid).body
    path = f"{API}/payment-methods/{shown['save_method']['payment_method']}/"
    answers: list[Reply] = []

    def act() -> Reply:
        answers.append(world.call(customer, "DELETE", path))
        return answers[-1]

    return Run(act, lambda: answers[-1].status in (204, 404) and _active_methods(world) == 0)


def set_default(world: World) -> Run:
    customer = world.customer()
    made = [
        world.call(customer, "POST", f"{API}/payment-methods/", {"type": "upi", "upi_id": customer.vpa}).body
        for _ in range(2)
    ]
    path = f"{API}/payment-methods/{made[0]['id']}/set_default/"
    answers: list[Reply] = []

    def act() -> Reply:
        answers.append(world.call(customer, "POST", path))
        return answers[-1]

    return Run(act, lambda: answers[-1].status == 200 and answers[-1].body["is_default"] is True)


def _active_methods(world: World) -> int:
    return sum(bool(row.get("type")) and row["is_active"] for row in world.rows("PaymentMethodsTable"))


def _ticket(world: World, customer: Customer) -> dict[str, Any]:
    reply = world.call(customer, "POST", "/api/mobile/upload-image/", {"content_type": "image/jpeg"})
    assert reply.status == 201, reply
    return dict(reply.body)


def _photo_status(world: World) -> str:
    return str(next(row["status"] for row in world.rows("ImagesTable") if row["id"] != "tickets"))


@cache
def photo() -> bytes:
    """A small photo, with what a camera writes into one."""
    data, exif = BytesIO(), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "canary-camera"
    Image.new("RGB", (48, 32), (180, 40, 40)).save(data, "JPEG", exif=exif)
    return data.getvalue()


def compress_photo(world: World) -> Run:
    """S3 tells of an upload, and tells it again until the compressor has answered."""
    customer = world.customer()
    key = _ticket(world, customer)["upload"]["fields"]["key"]
    world.wire.objects.put(STAGE.uploads, key, photo())
    return Run(lambda: world.tell_of_upload(key), lambda: _photo_status(world) == "ready")


def delete_photo(world: World) -> Run:
    """Forget a photo that is ready; its objects go at once or with the sweeper."""
    customer = world.customer()
    ticket = _ticket(world, customer)
    assert world.upload(ticket, photo()).status == 200
    answers: list[Reply] = []

    def act() -> Reply:
        answers.append(world.call(customer, "DELETE", f"/api/mobile/images/{ticket['id']}/"))
        return answers[-1]

    def gone() -> bool:
        return world.call(customer, "GET", f"/api/mobile/images/{ticket['id']}/").status == 404

    return Run(act, lambda: answers[-1].status in (204, 404) and gone())


FLOWS: Mapping[str, Flow] = {
    "top-up": Flow(top_up, (APP,)),
    "payment": Flow(payment, (APP,)),
    "wallet payment": Flow(wallet_payment, (APP,)),
    "wallet payment, too large": Flow(wallet_payment_too_large, (APP,)),
    "verify": Flow(_verify("success"), (APP, WEBHOOK, RECONCILER)),
    "verify, only authorised": Flow(_verify("authorize"), (APP, RECONCILER)),
    "verify, of a payment": Flow(_verify("success", "payment"), (APP, WEBHOOK, RECONCILER)),
    "sync": Flow(sync, (APP, WEBHOOK, RECONCILER)),
    "webhook, captured": Flow(_webhook("payment.captured"), (WEBHOOK, RECONCILER)),
    "webhook, order paid": Flow(_webhook("order.paid"), (WEBHOOK, RECONCILER)),
    "webhook, authorised": Flow(_webhook("payment.authorized"), (WEBHOOK, RECONCILER)),
    "webhook, refund": Flow(refund, (WEBHOOK,)),
    "reconcile": Flow(reconcile, (RECONCILER,)),
    "reconcile, after a failure": Flow(reconcile_after_failure, (RECONCILER,)),
    "save a method": Flow(save_method, (APP,)),
    "delete a method": Flow(delete_method, (APP,)),
    "payment that saves its card": Flow(payment_that_saves, (APP,)),
    "save the card of a payment": Flow(save_card, (APP, WEBHOOK, RECONCILER)),
    "delete a saved card": Flow(delete_card, (APP,)),
    "set the default": Flow(set_default, (APP,)),
    "compress a photo": Flow(compress_photo, (APP,)),
    "delete a photo": Flow(delete_photo, (APP,)),
}
