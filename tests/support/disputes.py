"""Disputes at the stand-in for Razorpay."""

from typing import Any

from tests.support.api_client import App


def dispute(
    app: App, payment: dict[str, Any], status: str = "created", delivered: bool = True, **sent: Any
) -> dict[str, Any]:
    """What Razorpay makes of a dispute, with its webhook delivered unless it waits."""
    attempt_id = app.get(f"/payments/{payment['id']}/")["gateway_payment_id"]
    made = dict(app.stack.control("dispute", {"payment_id": attempt_id, "status": status, **sent}))
    if delivered:
        app.stack.control("deliver", {})
    return made
