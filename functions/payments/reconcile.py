"""Every minute: ask Razorpay about unfinished payments, then about the saved cards whose check is due."""

from shared.payments.reconcile import reconcile
from shared.telemetry import log
from shared.triggers import scheduled


@scheduled
def handler() -> dict[str, int]:
    counts = reconcile()
    log.count_each(counts)
    return counts
