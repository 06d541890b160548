"""Faults: how the next matching requests to the Razorpay stand-in fail."""

from typing import Any

from local.razorpay.fields import check_fields
from local.razorpay.responses import IN_PROGRESS, Rejected, Response, json_response
from local.razorpay.state import State

# `refuse` and `timeout_before` lose the request, `drop` and `timeout_after` its response; the others answer at once.
FAULTS = ("refuse", "timeout_before", "timeout_after", "drop", "500", "502_html", "429", "409")
SERVER_ERROR = "We are facing some trouble completing your request at the moment. Please try again shortly."


class ConnectionDropped(Exception):
    """The server closes the connection without a response; with `hang` it waits first.

    `key` is the idempotency key of a request that took effect: while the connection hangs, it is in progress.
    """

    def __init__(self, hang: bool = False, key: str = "") -> None:
        super().__init__()
        self.hang, self.key = hang, key


def set_faults(state: State, faults: Any) -> list[dict[str, Any]]:
    """Replace the faults; each has `method`, `path` (a prefix), `fault` and `times`, by default 1."""
    if not isinstance(faults, list) or not all(isinstance(fault, dict) for fault in faults):
        raise Rejected("the body must be a list of faults")
    for fault in faults:
        check_fields(fault, ("method", "path", "fault"), ("times",))
        if fault["fault"] not in FAULTS:
            raise Rejected(f"unknown fault {fault['fault']!r}, known faults: {', '.join(FAULTS)}")
    state.faults = [{"times": 1, **fault} for fault in faults]
    return state.faults


def next_fault(state: State, method: str, path: str) -> str:
    """The name of the fault that this request meets, or an empty string; it counts as used."""
    for fault in state.faults:
        if fault["method"] == method and path.startswith(fault["path"]) and fault["times"] > 0:
            fault["times"] -= 1
            return str(fault["fault"])
    return ""


def fail_before(fault: str) -> Response | None:
    """The response that replaces the real one before the request changes anything; None lets it through."""
    match fault:
        case "refuse":
            raise ConnectionDropped
        case "timeout_before":
            raise ConnectionDropped(hang=True)
        case "500":
            error = {"code": "SERVER_ERROR", "description": SERVER_ERROR, "metadata": {}}
            return json_response(500, {"error": error})
        case "502_html":
            return 502, {"Content-Type": "text/html"}, b"<html><body>502 Bad Gateway</body></html>"
        case "429":
            return Rejected("Too many requests", 429).response
        case "409":
            return Rejected(IN_PROGRESS, 409).response
    return None


def fail_after(fault: str, key: str) -> None:
    """Drop the connection after the request, with this idempotency key or none, took effect."""
    if fault in ("drop", "timeout_after"):
        raise ConnectionDropped(hang=fault == "timeout_after", key=key)
