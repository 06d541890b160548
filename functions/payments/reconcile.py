"""Every minute: ask Razorpay about payments that no webhook ended, then finish what is open of saved cards."""

from shared.payments.reconcile import reconcile
from shared.telemetry import log
from shared.triggers import scheduled


@scheduled
def handler() -> dict[str, int]:
    counts = reconcile()
    log.count_each(counts)
    return counts
