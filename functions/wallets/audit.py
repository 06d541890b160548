"""Each change of the ledger: check that new entries follow from those before them, and that none ever changes."""

from collections.abc import Sequence

from shared import audit, telemetry
from shared.events import Changed, streamed


@streamed
def handler(changes: Sequence[Changed]) -> dict[str, int]:
    counts = audit.entries(changes)
    telemetry.count_each(counts)
    return counts
