"""Every five minutes: expire photos that were never uploaded, give up on stuck ones, purge what is deleted."""

from shared import images, telemetry
from shared.events import scheduled


@scheduled
def handler(deadline_us: int) -> dict[str, int]:
    counts = images.sweep(deadline_us)
    telemetry.count_each(counts)
    return counts
