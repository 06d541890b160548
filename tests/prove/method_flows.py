"""The flows that change what is saved: methods that a customer types in, and cards that the gateway keeps."""

from collections.abc import Mapping
from typing import Any

from tests.prove.drivers import API, APP, RECONCILER, WEBHOOK, Flow, Run, answered, scheduled, settled
from tests.prove.world import Customer, Reply, World

METHODS = "PaymentMethodsTable"
LAST4 = "1007"  # of the card that the gateway's checkout pays with


def save_method(world: World) -> Run:
    """Save a method as the default one. Without a key a retry may save it twice; the default is one."""
    customer = world.customer()
    body = {"type": "upi", "upi_id": customer.vpa, "nickname": customer.name, "is_default": True}
    return answered(
        lambda: world.call(customer, "POST", f"{API}/payment-methods/", body), lambda answer: answer.status == 201
    )


def delete_method(world: World) -> Run:
    """Forget the default method; sent again it is not there."""
    customer = world.customer()
    body = {"type": "upi", "upi_id": customer.vpa, "is_default": True}
    method = world.call(customer, "POST", f"{API}/payment-methods/", body).body
    return _deletion(world, customer, method["id"])


def _deletion(world: World, customer: Customer, method: str) -> Run:
    return answered(
        lambda: world.call(customer, "DELETE", f"{API}/payment-methods/{method}/"),
        lambda answer: answer.status in (204, 404) and not _active(world),
    )


def set_default(world: World) -> Run:
    customer = world.customer()
    body = {"type": "upi", "upi_id": customer.vpa}
    first, _ = [world.call(customer, "POST", f"{API}/payment-methods/", body).body for _ in range(2)]
    path = f"{API}/payment-methods/{first['id']}/set_default/"
    return answered(
        lambda: world.call(customer, "POST", path),
        lambda answer: answer.status == 200 and answer.body["is_default"] is True,
    )


def _active(world: World) -> list[dict[str, Any]]:
    return [row for row in world.rows(METHODS) if row.get("type") and row["is_active"]]


# --- cards


def payment_that_saves(world: World) -> Run:
    """Start a payment whose card is to be saved: the customer is made and claimed at the gateway first."""
    customer = world.customer()
    return answered(
        lambda: _start(world, customer, "key"),
        lambda answer: answer.status == 201 and len(world.rows("PaymentsTable")) == 1,
    )


def _start(world: World, customer: Customer, key: str) -> Reply:
    body = {"amount": "250.00", "source": "gateway", "save_method": True, "contact": customer.phone}
    return world.call(customer, "POST", f"{API}/payments/", body, key)


def started(world: World, customer: Customer) -> dict[str, Any]:
    """A payment whose card is to be saved, ready to be paid."""
    return dict(_start(world, customer, f"key-{len(world.replies)}").body)


def paid(world: World, payment: Mapping[str, Any], anew: bool = False) -> dict[str, Any]:
    """Paid by a card, with the box ticked that asks to remember it; `anew` makes a second token of the same card."""
    customer_id = payment["checkout"]["customer_id"]
    choice = {"customer_id": customer_id, "save": True, "anew": anew}
    return dict(world.gateway.pay(payment["gateway_order_id"], "card", "success", **choice))


def _verification(world: World, customer: Customer, payment: Mapping[str, Any], shown: dict[str, Any]) -> Reply:
    return world.call(customer, "POST", f"{API}/payments/{payment['id']}/verify/", shown)


def saved(world: World, customer: Customer) -> str:
    """A card of an earlier day: the id of its method."""
    payment = started(world, customer)
    done = _verification(world, customer, payment, paid(world, payment))
    for event in world.events:
        assert world.deliver(event).status == 200
    return str(done.body["save_method"]["payment_method"])


def cards(world: World) -> list[dict[str, Any]]:
    return [row for row in world.rows(METHODS) if row.get("token")]


def _is_saved(world: World, payment: Mapping[str, Any]) -> bool:
    row = next(one for one in world.rows("PaymentsTable") if one["id"] == payment["id"])
    shown = [one["id"] for one in _active(world) if one["card_last4"] == LAST4]
    return settled(world, dict(payment)) and row["save_method"] == "saved" and shown == [row["saved_method"]]


def save_card(world: World) -> Run:
    """Verify a payment whose card is to be saved: the money first, then the card, whoever brings the news."""
    customer = world.customer()
    payment = started(world, customer)
    shown = paid(world, payment)
    return Run(lambda: _verification(world, customer, payment, shown), lambda: _is_saved(world, payment))


def save_card_of_webhook(world: World) -> Run:
    customer = world.customer()
    payment = started(world, customer)
    paid(world, payment)
    captured = next(one for one, told in world.gateway.events.items() if told["event"] == "payment.captured")
    return Run(lambda: world.deliver(captured), lambda: _is_saved(world, payment))


def second_token(world: World) -> Run:
    """The same card under a second token: its method stays the one."""
    customer = world.customer()
    method = saved(world, customer)
    payment = started(world, customer)
    shown = paid(world, payment, anew=True)
    return Run(
        lambda: _verification(world, customer, payment, shown),
        lambda: _is_saved(world, payment) and [one["id"] for one in _active(world)] == [method],
    )


def token_event(world: World) -> Run:
    """The bank suspends a card: known when the event is answered, or left to the reconciler."""
    saved(world, world.customer())
    (token,) = world.gateway.tokens
    world.gateway.control("token", {"token_id": token, "status": "suspended"})
    suspended = world.events[-1]

    def done() -> bool:
        (row,) = cards(world)
        return row["status"] == "suspended" or row.get("open") == "1"

    return Run(lambda: world.deliver(suspended), done)


def delete_card(world: World) -> Run:
    """Forget a saved card: at once for its customer, and at the gateway by the reconciler at the latest."""
    customer = world.customer()
    return _deletion(world, customer, saved(world, customer))


def reconcile_saving(world: World) -> Run:
    """A captured payment whose card could not be saved at once."""
    payment = started(world, world.customer())
    paid(world, payment)
    world.gateway.saved_cards = False
    for event in world.events:
        world.deliver(event)
    world.gateway.saved_cards = True
    return scheduled(world, lambda: _is_saved(world, payment))


def reconcile_deletion(world: World) -> Run:
    """A deleted card that the gateway could not be told of at once."""
    customer = world.customer()
    method = saved(world, customer)
    world.gateway.saved_cards = False
    world.call(customer, "DELETE", f"{API}/payment-methods/{method}/")
    world.gateway.saved_cards = True
    return scheduled(world, lambda: not world.gateway.tokens and cards(world)[0]["status"] == "deleted")


METHOD_FLOWS: Mapping[str, Flow] = {
    "save a method": Flow(save_method, (APP,)),
    "delete a method": Flow(delete_method, (APP,)),
    "set the default": Flow(set_default, (APP,)),
    "payment that saves its card": Flow(payment_that_saves, (APP,)),
    "save the card of a payment": Flow(save_card, (APP, WEBHOOK, RECONCILER)),
    "webhook, and save the card": Flow(save_card_of_webhook, (WEBHOOK, RECONCILER)),
    "the same card under a second token": Flow(second_token, (APP,)),
    "webhook, a card is suspended": Flow(token_event, (WEBHOOK,)),
    "delete a saved card": Flow(delete_card, (APP,)),
    "reconcile, a card to save": Flow(reconcile_saving, (RECONCILER,)),
    "reconcile, a card to forget": Flow(reconcile_deletion, (RECONCILER,)),
}
