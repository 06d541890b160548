"""Every change of the ledger: check that new entries follow from the ones before, and that none ever changes."""

from collections.abc import Sequence

from shared.audit import audit_entries
from shared.telemetry import log
from shared.triggers import Change, streamed


@streamed
def handler(changes: Sequence[Change]) -> dict[str, int]:
    counts = audit_entries(changes)
    log.count_each(counts)
    return counts
