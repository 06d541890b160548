"""Refunds at Razorpay: asked for through the API, made in the dashboard, and what the bank does with them."""

import re
from collections.abc import Mapping
from typing import Any

from local.razorpay import webhooks
from local.razorpay.entities import arn_of, new_refund
from local.razorpay.fields import amount_of, notes_of, receipt_of
from local.razorpay.responses import IN_PROGRESS, NO_SUCH_ID, Rejected
from local.razorpay.state import Entity, State

FAILS_PAISE = 2468  # the amount with which Razorpay's test mode shows a refund that fails
KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
KEY_LENGTH_MIN = 10
STATUSES = ("pending", "processed", "failed")
SPEEDS = {"normal": "normal", "optimum": "instant"}  # requested to processed
SPEED_CHANGED = "speed_changed"  # no status: an instant refund becomes a normal one and stays pending
COUNTED = ("pending", "processed")  # the refunds that `amount_refunded` of their payment contains
CHANGES: Mapping[str, tuple[str, ...]] = {
    "pending": ("processed", "failed", SPEED_CHANGED),
    "processed": ("failed",),  # the bank returns the money
    "failed": (),
}

ANOTHER_BODY = "Different request with the same idempotency key has already been processed."
TOO_POOR = (
    "Your account does not have enough balance to carry out the refund operation. "
    "You can add funds to your account from your Razorpay dashboard or capture new payments."
)


def request(state: State, payment_id: str, sent: dict[str, Any], key: str | None) -> Entity:
    """`POST /v1/payments/<id>/refund`; the refund as it was when Razorpay answered."""
    payment = state.find(state.payments, payment_id)
    if key is None:
        return _request(state, payment, sent)
    _check_key(state, key)
    if key in state.refund_keys:
        first_payment_id, first_sent, refund_id = state.refund_keys[key]
        if (first_payment_id, first_sent) != (payment_id, sent):
            raise Rejected(ANOTHER_BODY, 409)
        return state.refunds[refund_id]
    refund = _request(state, payment, sent)
    state.refund_keys[key] = (payment_id, sent, refund["id"])
    return refund


def _check_key(state: State, key: str) -> None:
    if len(key) < KEY_LENGTH_MIN:
        raise Rejected(f"The idempotency key must be at least {KEY_LENGTH_MIN} characters long.")
    if not KEY.fullmatch(key):
        raise Rejected("The idempotency key may only contain letters, digits, hyphens and underscores.")
    if key in state.keys_in_progress:
        raise Rejected(IN_PROGRESS, 409)


def _request(state: State, payment: Entity, sent: dict[str, Any]) -> Entity:
    if not payment["captured"]:
        raise Rejected("The payment status should be captured for action to be taken")
    left = left_of(payment)
    if left <= 0:
        raise Rejected("The payment has been fully refunded already")
    amount = amount_of(sent) if "amount" in sent else left
    details = {"notes": notes_of(sent), "receipt": receipt_of(sent), **_speeds(sent)}
    if amount > left:
        raise Rejected("The refund amount provided is greater than amount captured", field="amount")
    if state.balance_paise is not None and amount > state.balance_paise:
        raise Rejected(TOO_POOR, source="NA", step="NA", reason="NA")
    if amount != FAILS_PAISE:
        return create(state, payment, amount, state.refund_status, details)
    refund = create(state, payment, amount, "pending", details)
    answer = dict(refund)
    change(state, refund, "failed")
    return answer


def _speeds(sent: dict[str, Any]) -> dict[str, str]:
    speed = sent.get("speed", "normal")
    if speed not in SPEEDS:
        raise Rejected("The selected speed is invalid.", field="speed")
    return {"speed_requested": speed, "speed_processed": SPEEDS[speed]}


def left_of(payment: Entity) -> int:
    """What can still be refunded of the payment, in paise."""
    return int(payment["amount"] - payment["amount_refunded"])


def create(
    state: State, payment: Entity, amount: int, status: str = "processed", details: Mapping[str, Any] | None = None
) -> Entity:
    """Refund paise of a payment, whatever is left of it; `details` replaces fields of the entity."""
    _check_status(status)
    if type(amount) is not int or amount <= 0:
        raise Rejected("amount must be a positive number of paise", field="amount")
    refund = new_refund(state, payment, amount, status)
    refund.update(details or {})
    state.refunds[refund["id"]] = refund
    if status in COUNTED:
        _count(state, payment, amount)
    if status == "processed":
        refund["acquirer_data"] = {"arn": arn_of(refund)}
    webhooks.emit(state, "refund.created", refund=refund, payment=payment)
    if status != "pending":
        webhooks.emit(state, f"refund.{status}", refund=refund, payment=payment)
    return refund


def change(state: State, refund: Entity, status: str) -> Entity:
    """Change a refund as CHANGES allows. A refund that fails can be asked for again."""
    if status not in CHANGES[refund["status"]]:
        raise Rejected(f"A refund that is {refund['status']} cannot become {status}", field="status")
    payment = state.payments[refund["payment_id"]]
    if status == SPEED_CHANGED:
        refund["speed_processed"] = "normal"
    else:
        refund["status"] = status
    if status == "processed":
        refund["acquirer_data"] = {"arn": arn_of(refund)}
    if status == "failed":
        _count(state, payment, -refund["amount"])
    webhooks.emit(state, f"refund.{status}", refund=refund, payment=payment)
    return refund


def set_status(state: State, refund_id: str | None, status: str) -> Any:
    """Change the refund with this id; without an id, set what a refund is when the API creates it."""
    if refund_id is not None:
        return change(state, state.find(state.refunds, refund_id), status)
    _check_status(status)
    state.refund_status = status
    return {"status": status}


def _check_status(status: str) -> None:
    if status not in STATUSES:
        raise Rejected(f"unknown status {status!r}, known statuses: {', '.join(STATUSES)}")


def find(state: State, payment_id: str, refund_id: str) -> Entity:
    state.find(state.payments, payment_id)
    refund = state.find(state.refunds, refund_id)
    if refund["payment_id"] != payment_id:
        raise Rejected(NO_SUCH_ID)
    return refund


def _count(state: State, payment: Entity, amount: int) -> None:
    """Add paise, or take them away again, in the payment's `amount_refunded` and from the account's balance."""
    total = payment["amount_refunded"] + amount
    is_full = total >= payment["amount"]
    payment |= {"amount_refunded": total, "refund_status": "full" if is_full else "partial" if total else None}
    if is_full:
        payment["status"] = "refunded"
    elif payment["status"] == "refunded":
        payment["status"] = "captured" if payment["captured"] else "authorized"
    if state.balance_paise is not None:
        state.balance_paise -= amount
