"""Every minute: settle what no webhook told by asking the gateway, then finish what is open of saved cards."""

from shared import payments, telemetry
from shared.events import scheduled


@scheduled
def handler(deadline_us: int) -> dict[str, int]:
    counts = payments.reconcile(deadline_us)
    telemetry.count_each(counts)
    return counts
