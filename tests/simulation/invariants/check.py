"""What invariants share: table names and the shape of a check."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.simulation.world import World

ENTRIES, PAYMENTS, REFUNDS, METHODS = "WalletEntriesTable", "PaymentsTable", "RefundsTable", "PaymentMethodsTable"
IMAGES, DESK = "ImagesTable", "DeskTable"
PAID_STATUSES = ("captured", "partially_refunded", "refunded")

Findings = Iterator[str]  # one text per violation
Check = Callable[[World], Findings]


def refund_rows(world: World) -> list[dict[str, Any]]:
    """The records of refunds, without the pointers to them and the disputes."""
    return [row for row in world.rows(REFUNDS) if "status" in row and "gateway_dispute" not in row]


def dispute_rows(world: World) -> list[dict[str, Any]]:
    """The records of disputes, which lie in the table of refunds."""
    return [row for row in world.rows(REFUNDS) if "gateway_dispute" in row]


def desk_rows(world: World, kind: str) -> list[dict[str, Any]]:
    """The desk's records of this kind: reviews, proposals or actions."""
    return [row for row in world.rows(DESK) if row["kind"] == kind]


def pointer_rows(world: World) -> list[dict[str, Any]]:
    """The pointers from Razorpay's ids to our refunds."""
    return [row for row in world.rows(REFUNDS) if "refund" in row]


def paise(amount: str) -> int:
    """`12.34` as 1234, by its digits."""
    rupees, _, rest = amount.partition(".")
    return int(rupees) * 100 + int((rest + "00")[:2])
