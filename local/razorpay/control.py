"""`POST /_control/<action>`: what customers, banks and the dashboard do, and what becomes of webhooks and calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.razorpay import cards, disputes, faults, refunds, shopper, webhooks
from local.razorpay.fields import check_fields
from local.razorpay.responses import Rejected
from local.razorpay.state import State


@dataclass(frozen=True)
class Control:
    """One action with the fields of its body. A field that is null counts as absent, unless it is required."""

    act: Callable[[State, dict[str, Any]], Any]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


def control(state: State, action: str, sent: Any) -> Any:
    """Do one action; Rejected says in words what is unknown or missing."""
    if action == "faults":
        with state.lock:
            return faults.set_faults(state, sent)
    if action not in CONTROLS:
        raise Rejected(f"unknown control {action!r}, known controls: faults, {', '.join(CONTROLS)}")
    known = CONTROLS[action]
    if not isinstance(sent, dict):
        raise Rejected("the body must be an object")
    check_fields(sent, known.required, known.optional)
    fields = {name: value for name, value in sent.items() if value is not None or name in known.required}
    if action == "deliver":  # without the lock: the receiver of a webhook may call the API
        return webhooks.deliver(state, fields)
    with state.lock:
        return known.act(state, fields)


def _pay(state: State, sent: dict[str, Any]) -> Any:
    choice = {name: sent[name] for name in shopper.CHOICES if name in sent}
    return shopper.pay(state, sent["order_id"], sent.get("method", "upi"), sent.get("outcome", "success"), choice)


def _checkout(state: State, sent: dict[str, Any]) -> Any:
    return shopper.offer(state, sent["order_id"], sent.get("customer_id"))


def _late(state: State, sent: dict[str, Any]) -> Any:
    return shopper.authorize_late(state, sent.get("payment_id"), sent.get("order_id"))


def _double_pay(state: State, sent: dict[str, Any]) -> Any:
    return shopper.pay_again(state, sent["order_id"])


def _refund(state: State, sent: dict[str, Any]) -> Any:
    payment = state.find(state.payments, sent["payment_id"])
    amount = sent.get("amount", refunds.left_of(payment))
    return refunds.create(state, payment, amount, sent.get("status", "processed"))


def _refund_status(state: State, sent: dict[str, Any]) -> Any:
    return refunds.set_status(state, sent.get("refund_id"), sent["status"])


def _balance(state: State, sent: dict[str, Any]) -> Any:
    paise = sent["paise"]
    if paise is not None and (type(paise) is not int or paise < 0):
        raise Rejected("paise must be a whole number that is not negative, or null", field="paise")
    state.balance_paise = paise
    return {"paise": paise}


def _dispute(state: State, sent: dict[str, Any]) -> Any:
    status = sent.get("status", "created")
    return disputes.change(state, sent["payment_id"], status, sent.get("dispute_id"), sent.get("amount"))


def _token(state: State, sent: dict[str, Any]) -> Any:
    return cards.change_status(state, sent["token_id"], sent["status"], sent.get("family", "service_provider"))


def _features(state: State, sent: dict[str, Any]) -> Any:
    state.saved_cards = bool(sent["saved_cards"])
    return {"saved_cards": state.saved_cards}


def _event(state: State, sent: dict[str, Any]) -> Any:
    return webhooks.emit_body(state, sent["body"])


def _hold(state: State, sent: dict[str, Any]) -> Any:
    state.holding = bool(sent["hold"])
    return {"hold": state.holding}


def _state(state: State, sent: dict[str, Any]) -> Any:
    held = [state.events[event_id] for event_id in state.held]
    return {**state.dump(), "events": list(state.events.values()), "held": held, "holding": state.holding}


CONTROLS: Mapping[str, Control] = {
    "pay": Control(_pay, ("order_id",), ("method", "outcome", *shopper.CHOICES)),
    "checkout": Control(_checkout, ("order_id",), ("customer_id",)),
    "late": Control(_late, (), ("payment_id", "order_id")),
    "double_pay": Control(_double_pay, ("order_id",)),
    "refund": Control(_refund, ("payment_id",), ("amount", "status")),
    "refund_status": Control(_refund_status, ("status",), ("refund_id",)),
    "balance": Control(_balance, ("paise",)),
    "dispute": Control(_dispute, ("payment_id",), ("status", "dispute_id", "amount")),
    "hold": Control(_hold, ("hold",)),
    "deliver": Control(webhooks.deliver, (), ("times", "order", "tamper", "secret", "drop", "event_id")),
    "token": Control(_token, ("token_id", "status"), ("family",)),
    "features": Control(_features, ("saved_cards",)),
    "event": Control(_event, ("body",)),
    "state": Control(_state),
}
