"""What invariants share: table names and the shape of a check."""

from collections.abc import Callable, Iterator

from tests.simulation.world import World

ENTRIES, PAYMENTS, REFUNDS, METHODS = "WalletEntriesTable", "PaymentsTable", "RefundsTable", "PaymentMethodsTable"
IMAGES = "ImagesTable"
PAID_STATUSES = ("captured", "partially_refunded", "refunded")

Findings = Iterator[str]  # one text per violation
Check = Callable[[World], Findings]


def paise(amount: str) -> int:
    """`12.34` as 1234, by its digits."""
    rupees, _, rest = amount.partition(".")
    return int(rupees) * 100 + int((rest + "00")[:2])
