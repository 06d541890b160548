"""Every five minutes: expire photos that were never uploaded, reject stuck ones, purge deleted ones."""

from shared.images.removal import sweep
from shared.telemetry import log
from shared.triggers import scheduled


@scheduled
def handler() -> dict[str, int]:
    counts = sweep()
    log.count_each(counts)
    return counts
