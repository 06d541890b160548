"""Every top-up that turns captured: check that it credited its wallet, exactly once."""

from collections.abc import Sequence

from shared.audit import audit_top_ups
from shared.telemetry import log
from shared.triggers import Change, streamed


@streamed
def handler(changes: Sequence[Change]) -> dict[str, int]:
    counts = audit_top_ups(changes)
    log.count_each(counts)
    return counts
