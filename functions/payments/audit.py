"""Each top-up that turned captured: check that it credited its wallet, once."""

from collections.abc import Sequence

from shared import audit, telemetry
from shared.events import Changed, streamed


@streamed
def handler(changes: Sequence[Changed]) -> dict[str, int]:
    counts = audit.top_ups(changes)
    telemetry.count_each(counts)
    return counts
