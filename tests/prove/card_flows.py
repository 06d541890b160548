"""More flows of saved cards, driven as the others are, and what must hold of cards besides."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.gateway import TOKEN_STATUSES
from tests.prove.flows import API, APP, MINUTE_S, RECONCILER, WEBHOOK, Flow, Run, settled
from tests.prove.world import Customer, Reply, World

METHODS = "PaymentMethodsTable"


def started(world: World, customer: Customer) -> dict[str, Any]:
    body = {"amount": "250.00", "source": "gateway", "save_method": True, "contact": customer.phone}
    return dict(world.call(customer, "POST", f"{API}/payments/", body, f"key-{len(world.replies)}").body)


def paid(world: World, payment: Mapping[str, Any], **choice: Any) -> dict[str, Any]:
    """Paid by a card, with the box ticked that asks to remember it."""
    customer_id = payment["checkout"]["customer_id"]
    return world.gateway.pay(payment["gateway_order_id"], "card", "success", customer_id=customer_id, **choice)


def saved(world: World, customer: Customer) -> str:
    """A card of an earlier day: the id of its method."""
    payment = started(world, customer)
    done = world.call(customer, "POST", f"{API}/payments/{payment['id']}/verify/", paid(world, payment, save=True))
    for event in world.events:
        assert world.deliver(event).status == 200
    return str(done.body["save_method"]["payment_method"])


def methods(world: World) -> list[dict[str, Any]]:
    return [row for row in world.rows(METHODS) if row.get("token")]


def is_saved(world: World, payment: Mapping[str, Any]) -> bool:
    row = next(one for one in world.rows("PaymentsTable") if one["id"] == payment["id"])
    shown = [one["id"] for one in methods(world) if one["is_active"] and one["card_last4"] == "1007"]
    return settled(world, dict(payment)) and row["save_method"] == "saved" and shown == [row["saved_method"]]


def webhook(world: World) -> Run:
    customer = world.customer()
    payment = started(world, customer)
    paid(world, payment, save=True)
    captured = next(one for one, told in world.gateway.events.items() if told["event"] == "payment.captured")
    return Run(lambda: world.deliver(captured), lambda: is_saved(world, payment))


def second_token(world: World) -> Run:
    """The same card under a second token: its method stays the one."""
    customer = world.customer()
    method = saved(world, customer)
    payment = started(world, customer)
    answer = paid(world, payment, save=True, anew=True)
    act = lambda: world.call(customer, "POST", f"{API}/payments/{payment['id']}/verify/", answer)  # noqa: E731
    return Run(
        act,
        lambda: is_saved(world, payment) and [one["id"] for one in methods(world) if one["is_active"]] == [method],
    )


def token_event(world: World) -> Run:
    """The bank suspends a card: known when the event is answered, or left to the reconciler."""
    customer = world.customer()
    saved(world, customer)
    (token,) = world.gateway.tokens
    world.gateway.control("token", {"token_id": token, "status": "suspended"})
    suspended = world.events[-1]

    def done() -> bool:
        (row,) = methods(world)
        return row["status"] == "suspended" or row.get("open") == "1"

    return Run(lambda: world.deliver(suspended), done)


def _reconciled(world: World, done: Callable[[], bool]) -> Run:
    world.forward(MINUTE_S)

    def act() -> Reply:
        answer = world.reconcile()
        return Reply(0) if answer is None else Reply(200, answer)

    return Run(act, done)


def reconcile_saving(world: World) -> Run:
    """A captured payment whose card could not be saved at once."""
    customer = world.customer()
    payment = started(world, customer)
    paid(world, payment, save=True)
    world.gateway.saved_cards = False
    for event in world.events:
        world.deliver(event)
    world.gateway.saved_cards = True
    return _reconciled(world, lambda: is_saved(world, payment))


def reconcile_deletion(world: World) -> Run:
    """A deleted card that the gateway could not be told of at once."""
    customer = world.customer()
    method = saved(world, customer)
    world.gateway.saved_cards = False
    world.call(customer, "DELETE", f"{API}/payment-methods/{method}/")
    world.gateway.saved_cards = True
    return _reconciled(world, lambda: not world.gateway.tokens and methods(world)[0]["status"] == "deleted")


CARD_FLOWS: Mapping[str, Flow] = {
    "webhook, and save the card": Flow(webhook, (WEBHOOK, RECONCILER)),
    "the same card under a second token": Flow(second_token, (APP,)),
    "token event": Flow(token_event, (WEBHOOK,)),
    "reconcile, a card to save": Flow(reconcile_saving, (RECONCILER,)),
    "reconcile, a card to forget": Flow(reconcile_deletion, (RECONCILER,)),
}


def card_violations(world: World) -> Iterator[str]:
    """Of cards: an owner is for ever, one token is one method, and each is in the end what the gateway says."""
    for table, key, before, after in world.engine.journal:
        if table == METHODS and key[1] == "owner" and before is not None and before != after:
            yield f"{key[0]} changed hands"
    rows = methods(world)
    if len({row["token"] for row in rows}) != len(rows):
        yield "a token has two methods"
    for row in rows:
        if row["status"] in ("deleting", "saving"):
            yield f"a card is still {row['status']}"
        token = world.gateway.tokens.get(row["token"])
        if token and TOKEN_STATUSES[token["status"]] != row["status"]:
            yield f"a card is {row['status']} here and {token['status']} at the gateway"
    log = world.log.getvalue()
    for token in [row["token"] for row in rows]:
        if token in log:
            yield "the log tells of a token"
