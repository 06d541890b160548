"""Who sent the request, as the route's authorizer vouched for them in its context.

Only the authorizer of staff sends `groups`. So a context with them is never a customer's, and one without them is
never staff's, even if a route had the wrong authorizer.
"""

from collections.abc import Mapping
from typing import Any

from shared import clock
from shared.http.messages import NOBODY, Staff


def customer_of(event: Mapping[str, Any]) -> str:
    """The customer's `sub`, or an empty string."""
    context = _authorizer_context(event)
    return "" if "groups" in context else _sub(context)


def phone_of(event: Mapping[str, Any]) -> str:
    """The customer's verified phone number, +91 and ten digits, or an empty string."""
    phone = _authorizer_context(event).get("phone")
    return phone if customer_of(event) and isinstance(phone, str) else ""


def staff_of(event: Mapping[str, Any]) -> Staff:
    """The member of staff; with an empty id if there is none."""
    context = _authorizer_context(event)
    groups = context.get("groups")
    return Staff(_sub(context), tuple(groups.split())) if isinstance(groups, str) else NOBODY


def has_expired(event: Mapping[str, Any]) -> bool:
    """Whether the token has expired since the authorizer saw it: API Gateway reuses its result for minutes."""
    expires_at_s = str(_authorizer_context(event).get("expires_at", ""))
    return expires_at_s.isdecimal() and clock.now_s() >= int(expires_at_s)


def _sub(context: Mapping[str, Any]) -> str:
    sub = context.get("sub")
    return sub if isinstance(sub, str) else ""


def _authorizer_context(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return (event.get("requestContext") or {}).get("authorizer") or {}
