"""The reconciler of the local stack, and the times after which it looks at something again."""

from typing import Any

from tests.support.local_stack import LocalStack

PAST_A_MINUTE_S, PAST_TEN_MINUTES_S, PAST_AN_HOUR_S, DAY_S = 61, 601, 3_601, 86_400


def drop_webhooks(local_stack: LocalStack) -> None:
    """What has happened so far is reported by no webhook, as after a day of failures."""
    local_stack.control("deliver", {"drop": True})


def reconcile(local_stack: LocalStack, after_s: int = PAST_A_MINUTE_S) -> dict[str, Any]:
    local_stack.clock(after_s)
    return dict(local_stack.invoke("ReconcilePayments"))
