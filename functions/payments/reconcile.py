"""Every minute: ask Razorpay about unfinished payments, then about the saved cards whose check is due."""

from shared.payments.reconcile import reconcile
from shared.telemetry import log
from shared.triggers import scheduled

WORKERS = 4  # payments asked about at a time: Razorpay allows bursts, and publishes no limit


@scheduled
def handler() -> dict[str, int]:
    counts = reconcile(WORKERS)
    log.count_each(counts)
    return counts
