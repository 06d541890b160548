"""Make something happen at the Razorpay stand-in, and deliver the one webhook that reports it."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local.addresses import CannotStart
from local.rzp.service import Service

AMOUNT = "500.00"
Act = Callable[[Service, str], Any]  # takes the order's id


def _pay(service: Service, order_id: str, **choice: Any) -> str:
    """Pay the order; the payment's id."""
    return str(service.control("pay", {"order_id": order_id, **choice})["razorpay_payment_id"])


def _refund(status: str) -> Act:
    def act(service: Service, order_id: str) -> None:
        refund = service.control("refund", {"payment_id": _pay(service, order_id), "status": "pending"})
        if status != "created":
            service.control("refund_status", {"refund_id": refund["id"], "status": status})

    return act


def _dispute(status: str) -> Act:
    def act(service: Service, order_id: str) -> None:
        dispute = {"payment_id": _pay(service, order_id)}
        opened = service.control("dispute", {**dispute, "status": "created"})
        if status != "created":
            service.control("dispute", {**dispute, "dispute_id": opened["id"], "status": status})

    return act


SCENARIOS: Mapping[str, Act] = {
    "payment.authorized": lambda service, order_id: _pay(service, order_id, outcome="authorize"),
    "payment.captured": _pay,
    "payment.failed": lambda service, order_id: _pay(service, order_id, outcome="fail"),
    "order.paid": _pay,
    **{f"refund.{status}": _refund(status) for status in ("created", "processed", "failed")},
    **{
        f"payment.dispute.{status}": _dispute(status)
        for status in ("created", "action_required", "under_review", "won", "lost", "closed")
    },
}


def trigger(
    service: Service, event: str, amount: str = AMOUNT, times: int = 1, late_s: float = 0, tamper: bool = False
) -> Iterator[str]:
    """Top up a new customer's wallet so that the event happens; the lines to print.

    Its webhook is delivered so many times, so late or tampered with. The webhooks before it are delivered once, and
    those after it never.
    """
    if event not in SCENARIOS:
        raise CannotStart(f"unknown event {event!r}, known events: {', '.join(SCENARIOS)}")
    token = service.new_customer()
    was_holding = service.control("state", {})["holding"]
    service.control("hold", {"hold": True})
    try:
        payment = service.post("/api/payments/wallets/add-money/", {"amount": amount}, token)
        yield f"top-up {payment['id']} of {amount}, {payment['gateway_order_id']}"
        earlier = {held["event_id"] for held in service.control("state", {})["held"]}
        SCENARIOS[event](service, payment["gateway_order_id"])
        emitted = [held for held in service.control("state", {})["held"] if held["event_id"] not in earlier]
        place = next(place for place, held in enumerate(emitted) if held["event"] == event)
        for held in emitted[:place]:
            yield from deliver(service, held["event_id"], note="before it")
        if late_s:
            yield f"waiting {late_s:g} s"
            time.sleep(late_s)
        before = service.balance(token)
        yield from deliver(service, emitted[place]["event_id"], times, tamper)
        yield f"balance {before} -> {service.balance(token)}"
        for held in emitted[place + 1 :]:
            service.control("deliver", {"event_id": held["event_id"], "drop": True})
            yield f"---  {held['event']} {held['event_id']} is dropped"
    finally:
        service.control("hold", {"hold": was_holding})


def deliver(service: Service, event_id: str, times: int = 1, tamper: bool = False, note: str = "") -> Iterator[str]:
    """Deliver an event, again if it was delivered; a line for each delivery."""
    for delivery in service.control("deliver", {"event_id": event_id, "times": times, "tamper": tamper}):
        yield line(delivery["status"], delivery["event"], delivery["event_id"], f"{delivery['ms']} ms", note)


def line(status: Any, event: str, event_id: str, *details: str) -> str:
    """`200  payment.captured LHzS2oPBCx0Ex6  42 ms`; `---` without a response."""
    return "  ".join(part for part in (str(status or "---"), f"{event} {event_id}", *details) if part)
