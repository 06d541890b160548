"""Every minute: ask Razorpay about unfinished payments, refunds and cards, and read what is new in its lists."""

from shared.payments.reconcile import reconcile
from shared.telemetry import log
from shared.triggers import scheduled

WORKERS = 4  # payments asked about at a time: Razorpay allows bursts, and publishes no limit


@scheduled
def handler() -> dict[str, int]:
    counts = reconcile(WORKERS)
    log.count_each(counts)
    return counts
