"""Reports that repeat, contradict or imitate Razorpay's."""

import json
from typing import Any

import pytest

from tests.simulation.cases import PAYMENTS
from tests.simulation.flows.flow import API, start_top_up
from tests.simulation.world import Customer, Reply, World

pytestmark = pytest.mark.usefixtures("harness")


def _deliver(world: World, body: dict[str, Any], event_id: str) -> Reply:
    text = json.dumps(body)
    signature = world.razorpay.sign(world.razorpay.webhook_secret, text.encode())
    headers = {"X-Razorpay-Signature": signature, "x-razorpay-event-id": event_id}
    return world.request("POST", f"{API}/webhooks/razorpay/", text, headers, None)


def _captured_event(world: World, customer: Customer) -> dict[str, Any]:
    """The body of the event of a paid top-up's capture."""
    world.pay(start_top_up(world, customer)["gateway_order_id"])
    event_id = world.events_of("payment.captured")[-1]
    return dict(json.loads(world.razorpay.events[event_id]["body"]))


def test_payment_with_another_id_is_not_applied(world: World) -> None:
    """Razorpay's response to verify's fetch has another id than was asked for."""
    customer = world.customers[0]
    payment = start_top_up(world, customer)
    paid = world.pay(payment["gateway_order_id"])
    attempt = world.razorpay.payments[paid["razorpay_payment_id"]]
    world.razorpay.payments[attempt["id"]] = attempt | {"id": "pay_00000000009999"}
    assert world.call(customer, "POST", f"{PAYMENTS}{payment['id']}/verify/", paid).status == 503
    assert world.balance_paise(customer) == 0


def test_one_body_under_ten_event_ids_credits_once(world: World) -> None:
    body = _captured_event(world, world.customers[0])
    assert {_deliver(world, body, f"evt{number}").status for number in range(10)} == {200}
    assert world.balance_paise(world.customers[0]) == 50_000


def test_two_bodies_under_one_event_id_credit_both(world: World) -> None:
    first, second = _captured_event(world, world.customers[0]), _captured_event(world, world.customers[0])
    assert {_deliver(world, body, "evt").status for body in (first, second)} == {200}
    assert world.balance_paise(world.customers[0]) == 100_000


@pytest.mark.parametrize("created_at", [0, 10**11, -1, "now", None])
def test_event_time_has_no_effect(created_at: Any, world: World) -> None:
    body = _captured_event(world, world.customers[0]) | {"created_at": created_at}
    assert _deliver(world, body, "evt").status == 200
    assert world.balance_paise(world.customers[0]) == 50_000


def test_forged_webhook_makes_no_call(world: World) -> None:
    text = json.dumps(_captured_event(world, world.customers[0]))
    world.wire.arm({})
    for signature in ("", "0" * 64, "x" * 10_000):
        headers = {"X-Razorpay-Signature": signature}
        assert world.request("POST", f"{API}/webhooks/razorpay/", text, headers, None).status == 401
    assert world.wire.calls == []
