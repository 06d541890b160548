"""The flows that change payment methods: those that a customer enters, and cards saved at Razorpay."""

from collections.abc import Mapping
from typing import Any

from tests.simulation.flows.flow import (
    API,
    APP,
    DAY_S,
    RECONCILER,
    WEBHOOK,
    Flow,
    Run,
    is_applied,
    run_checking_reply,
    scheduled_run,
)
from tests.simulation.world import Customer, Reply, World

METHODS = "PaymentMethodsTable"
LAST4 = "1007"  # of the card that the stand-in's checkout pays with


def save_method(world: World) -> Run:
    """Save a default method. Without a key a retry may save it twice, but only one is the default."""
    customer = world.customer()
    body = {"type": "upi", "upi_id": customer.vpa, "nickname": customer.name, "is_default": True}
    return run_checking_reply(
        lambda: world.call(customer, "POST", f"{API}/payment-methods/", body), lambda reply: reply.status == 201
    )


def delete_method(world: World) -> Run:
    """Delete the default method. A retry gets 404."""
    customer = world.customer()
    body = {"type": "upi", "upi_id": customer.vpa, "is_default": True}
    method = world.call(customer, "POST", f"{API}/payment-methods/", body).body
    return _deletion(world, customer, method["id"])


def _deletion(world: World, customer: Customer, method_id: str) -> Run:
    return run_checking_reply(
        lambda: world.call(customer, "DELETE", f"{API}/payment-methods/{method_id}/"),
        lambda reply: reply.status in (204, 404) and not _active(world),
    )


def set_default(world: World) -> Run:
    customer = world.customer()
    body = {"type": "upi", "upi_id": customer.vpa}
    first, _ = [world.call(customer, "POST", f"{API}/payment-methods/", body).body for _ in range(2)]
    path = f"{API}/payment-methods/{first['id']}/set_default/"
    return run_checking_reply(
        lambda: world.call(customer, "POST", path),
        lambda reply: reply.status == 200 and reply.body["is_default"] is True,
    )


def _active(world: World) -> list[dict[str, Any]]:
    return [row for row in world.rows(METHODS) if row.get("type") and row["is_active"]]


# --- cards


def payment_that_saves(world: World) -> Run:
    """Start a payment whose card is to be saved: Razorpay's customer is created and claimed first."""
    customer = world.customer()
    return run_checking_reply(
        lambda: _start_saving(world, customer, "key"),
        lambda reply: reply.status == 201 and len(world.rows("PaymentsTable")) == 1,
    )


def _start_saving(world: World, customer: Customer, key: str) -> Reply:
    body = {"amount": "250.00", "source": "gateway", "save_method": True, "contact": customer.phone}
    return world.call(customer, "POST", f"{API}/payments/", body, key)


def start_saving_payment(world: World, customer: Customer) -> dict[str, Any]:
    """Start a payment whose card is to be saved; returns it, ready to be paid."""
    return dict(_start_saving(world, customer, f"key-{len(world.replies)}").body)


def pay_by_card(world: World, payment: Mapping[str, Any], duplicate_token: bool = False) -> dict[str, Any]:
    """Pay by card and agree to save it; `duplicate_token` makes a second token of the same card."""
    customer_id = payment["checkout"]["customer_id"]
    choice = {"customer_id": customer_id, "save": True, "duplicate_token": duplicate_token}
    return dict(world.razorpay.pay(payment["gateway_order_id"], "card", "success", **choice))


def _verify(world: World, customer: Customer, payment: Mapping[str, Any], paid: dict[str, Any]) -> Reply:
    return world.call(customer, "POST", f"{API}/payments/{payment['id']}/verify/", paid)


def save_card_earlier(world: World, customer: Customer) -> str:
    """Save a card and deliver all its events; returns the id of its method."""
    payment = start_saving_payment(world, customer)
    reply = _verify(world, customer, payment, pay_by_card(world, payment))
    for event_id in world.event_ids:
        assert world.deliver(event_id).status == 200
    return str(reply.body["save_method"]["payment_method"])


def cards(world: World) -> list[dict[str, Any]]:
    return [row for row in world.rows(METHODS) if row.get("token")]


def _is_saved(world: World, payment: Mapping[str, Any]) -> bool:
    row = world.payment_row(payment["id"])
    saved = [method["id"] for method in _active(world) if method["card_last4"] == LAST4]
    return is_applied(world, dict(payment)) and row["save_method"] == "saved" and saved == [row["saved_method"]]


def save_card(world: World) -> Run:
    """Verify a payment whose card is to be saved: the money first, then the card, whoever reports the capture."""
    customer = world.customer()
    payment = start_saving_payment(world, customer)
    paid = pay_by_card(world, payment)
    return Run(lambda: _verify(world, customer, payment, paid), lambda: _is_saved(world, payment))


def save_card_of_webhook(world: World) -> Run:
    customer = world.customer()
    payment = start_saving_payment(world, customer)
    pay_by_card(world, payment)
    captured = world.events_of("payment.captured")[0]
    return Run(lambda: world.deliver(captured), lambda: _is_saved(world, payment))


def second_token(world: World) -> Run:
    """A second token of the same card: it keeps its one method."""
    customer = world.customer()
    method_id = save_card_earlier(world, customer)
    payment = start_saving_payment(world, customer)
    paid = pay_by_card(world, payment, duplicate_token=True)
    return Run(
        lambda: _verify(world, customer, payment, paid),
        lambda: _is_saved(world, payment) and [row["id"] for row in _active(world)] == [method_id],
    )


def token_event(world: World) -> Run:
    """The bank suspends a card. Its method is updated with the event, or left open for the reconciler."""
    save_card_earlier(world, world.customer())
    (token,) = world.razorpay.tokens
    world.razorpay.control("token", {"token_id": token, "status": "suspended"})
    event_id = world.event_ids[-1]

    def done() -> bool:
        (row,) = cards(world)
        return row["status"] == "suspended" or row.get("open") == "1"

    return Run(lambda: world.deliver(event_id), done)


def pay_with_card_of_lost_event(world: World) -> Run:
    """A day ago the bank deactivated a card, and the event was lost. A payment that names the card is refused."""
    customer = world.customer()
    method_id = save_card_earlier(world, customer)
    (token,) = world.razorpay.tokens.values()
    token["status"] = "deactivated"  # without an event
    world.advance(DAY_S)
    body = {"amount": "250.00", "source": "gateway", "payment_method": method_id}

    had_fault: list[bool] = []

    def pay() -> Reply:
        had_fault.append(bool(world.wire.plan))
        return world.call(customer, "POST", f"{API}/payments/", body, "key")

    # The card is no reason to fail: without an answer about it, the payment starts.
    return run_checking_reply(pay, lambda reply: reply.status == 400 or (reply.status == 201 and any(had_fault)))


def delete_card(world: World) -> Run:
    """Delete a saved card: at once for its customer, and at Razorpay by the reconciler at the latest."""
    customer = world.customer()
    return _deletion(world, customer, save_card_earlier(world, customer))


def reconcile_saving(world: World) -> Run:
    """A captured payment whose card could not be saved at once."""
    payment = start_saving_payment(world, world.customer())
    pay_by_card(world, payment)
    world.razorpay.saved_cards = False
    for event_id in world.event_ids:
        world.deliver(event_id)
    world.razorpay.saved_cards = True
    return scheduled_run(world, lambda: _is_saved(world, payment))


def reconcile_deletion(world: World) -> Run:
    """A deleted card whose token could not be deleted at Razorpay at once."""
    customer = world.customer()
    method_id = save_card_earlier(world, customer)
    world.razorpay.saved_cards = False
    world.call(customer, "DELETE", f"{API}/payment-methods/{method_id}/")
    world.razorpay.saved_cards = True
    return scheduled_run(world, lambda: not world.razorpay.tokens and cards(world)[0]["status"] == "deleted")


METHOD_FLOWS: Mapping[str, Flow] = {
    "save a method": Flow(save_method, (APP,)),
    "delete a method": Flow(delete_method, (APP,)),
    "set the default": Flow(set_default, (APP,)),
    "payment that saves its card": Flow(payment_that_saves, (APP,)),
    "verify, and save the card": Flow(save_card, (APP, WEBHOOK, RECONCILER)),
    "webhook, and save the card": Flow(save_card_of_webhook, (WEBHOOK, RECONCILER)),
    "second token of a saved card": Flow(second_token, (APP,)),
    "webhook, card suspended": Flow(token_event, (WEBHOOK,)),
    "payment with a card of a lost event": Flow(pay_with_card_of_lost_event, (APP,)),
    "delete a saved card": Flow(delete_card, (APP,)),
    "reconcile, save a card": Flow(reconcile_saving, (RECONCILER,)),
    "reconcile, delete a card": Flow(reconcile_deletion, (RECONCILER,)),
}
