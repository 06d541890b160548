"""Webhook events: build them as Razorpay does, hold them, deliver them."""

import hashlib
import json
import time
import urllib.error
import urllib.request
from typing import Any

from local.razorpay.responses import Rejected
from local.razorpay.state import Entity, State

ACCOUNT_ID = "acc_GC00000000001A"
TIMEOUT_S = 5
REDELIVER_AFTER_S = (1, 2, 4)
ORDERS = ("reverse", "shuffle")  # in which `deliver` can send, instead of the order of the events


def emit(state: State, name: str, **entities: Entity) -> None:
    """Emit an event that has a payment; for a card, with the irregularities of Razorpay's samples.

    The error fields of a card payment are empty texts, and its token is in the payload but not in `contains`.
    """
    payload = {kind: dict(entity) for kind, entity in entities.items()}
    payment = payload.get("payment", {})
    if payment.get("method") == "card":
        payment |= {key: payment[key] or "" for key in ("error_code", "error_description")}
        if name == "payment.authorized":
            payment["captured"] = True  # although it is not captured: only `status` can be trusted
        if payment["token_id"] in state.tokens:
            payload["token"] = state.tokens[payment["token_id"]]
    _enqueue(state, name, _envelope(state, name, payload, list(entities)))


def emit_token(state: State, status: str, token: Entity, family: str = "service_provider") -> None:
    """Emit an event of one of the two families of token events, each with its documented irregularities."""
    if status == "initiated":
        name = "token.initiated"
        body = _envelope(state, name, {"token": token}, with_created_at=False)
    elif family == "token" or status == "cancelled":  # the family of mandates: no customer, the expiry as texts
        name = f"token.{status}"
        expiry = {field: str(token["card"][field]) for field in ("expiry_month", "expiry_year")}
        mandate = {field: value for field, value in token.items() if field != "customer_id"}
        body = _envelope(state, name, {"token": mandate | {"card": token["card"] | expiry}})
    else:
        name = f"token.service_provider.{'cancelled' if status == 'suspended' else status}"
        payload = {"service_provider_token": token["service_provider_tokens"][0], "token": token}
        body = _envelope(state, name, payload, with_created_at=False)
        if status == "failed":
            body = _nested_name(state, name, body)
    _enqueue(state, name, body)


def emit_body(state: State, body: Any) -> dict[str, Any]:
    """Emit any body at all, signed as Razorpay signs."""
    name = str(body.get("event")) if isinstance(body, dict) else ""
    return {"event_id": _enqueue(state, name, body)}


def _envelope(
    state: State,
    name: str,
    entities: dict[str, Entity],
    contains: list[str] | None = None,
    with_created_at: bool = True,
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "entity": "event",
        "account_id": ACCOUNT_ID,
        "event": name,
        "contains": list(entities) if contains is None else contains,
        "payload": {kind: {"entity": entity} for kind, entity in entities.items()},
    }
    if with_created_at:
        body["created_at"] = state.now_s()
    if entities.get("payment", {}).get("method") == "card":
        body = dict(sorted(body.items()))
    return body


def _nested_name(state: State, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """The documented shape whose `event` is an object and whose entity is a list."""
    provider_token = body["payload"]["service_provider_token"]
    provider_token["entity"] = [provider_token["entity"]]
    return {"event": {"name": name, "id": state.new_id("evt"), "service": "tokens", "payload": body}}


def _enqueue(state: State, name: str, body: Any) -> str:
    """Store an event and send or hold it; returns its id."""
    # Razorpay escapes slashes and non-ASCII text, so a receiver that serialises the body again fails the signature.
    text = json.dumps(body, separators=(",", ":")).replace("/", "\\/")
    event_id = state.new_id("evt").removeprefix("evt_")
    state.events[event_id] = {"event_id": event_id, "event": name, "body": text, "attempts": 0, "status": None}
    if state.holding:
        state.held.append(event_id)
    else:
        state.outbox.put(event_id)
    return event_id


def deliver(state: State, sent: dict[str, Any]) -> list[dict[str, Any]]:
    """Send the held events, or the one of `event_id`, as `times`, `order`, `tamper`, `secret` and `drop` say.

    What is sent or dropped is held no longer.

    The caller must not hold the lock: the receiver may call the API before it answers.
    """
    if sent.get("order") not in (None, *ORDERS):
        raise Rejected(f"unknown order {sent['order']!r}, known orders: {', '.join(ORDERS)}", field="order")
    with state.lock:
        if sent.get("event_id"):
            event_ids = [state.find(state.events, sent["event_id"])["event_id"]]
            state.held = [event_id for event_id in state.held if event_id not in event_ids]
        else:
            event_ids, state.held = state.held, []
    if sent.get("order") == "reverse":
        event_ids = event_ids[::-1]
    if sent.get("order") == "shuffle":
        event_ids = sorted(event_ids, key=lambda event_id: hashlib.sha256(event_id.encode()).digest())
    if sent.get("drop"):
        return []
    times, tamper, secret = int(sent.get("times", 1)), bool(sent.get("tamper")), sent.get("secret")
    return [_send(state, event_id, tamper, secret) for event_id in event_ids for _ in range(times)]


def _send(state: State, event_id: str, tamper: bool = False, secret: str | None = None) -> dict[str, Any]:
    """POST one event; returns the receiver's status, 0 if there was no response, and the time in `ms`."""
    event = state.events[event_id]
    body = event["body"].encode()
    signature = state.sign(secret or state.webhook_secret, body)
    if tamper:
        body = body.replace(b'"amount":', b'"amount":9', 1)
    started = time.monotonic()
    event["attempts"] += 1
    event["status"] = post_event(state.webhook_url, body, signature, event_id)
    ms = round((time.monotonic() - started) * 1000)
    return {"event": event["event"], "event_id": event_id, "status": event["status"], "ms": ms}


def post_event(url: str, body: bytes, signature: str, event_id: str) -> int:
    """POST a webhook as Razorpay does; the receiver's status, or 0 without a response."""
    headers = {
        "Content-Type": "application/json",
        "X-Razorpay-Signature": signature,
        "x-razorpay-event-id": event_id,
    }
    try:
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def run_delivery(state: State) -> None:
    """Deliver events as they come, until the state closes; hold an event whose every delivery fails."""
    while (event_id := state.outbox.get()) is not None:
        for pause_s in (0, *REDELIVER_AFTER_S):
            if pause_s and state.closing.wait(pause_s):
                return
            if 200 <= _send(state, event_id)["status"] < 300:
                break
        else:
            state.held.append(event_id)
